"""From neighbours to distributions: what they lend as probability mass, cumulated, and cut at quantile levels."""

from collections.abc import Sequence

import polars as pl

from .names import DEMAND, KEY, LOG_SPREAD, NB_MEAN, QUANTILE, RECIPIENT, SALES, SALES_OBSERVED, VALUE, WEIGHT
from .packing import bits_of, high_of, low_of, packed, value_of
from .profiles.base import Profile

MASS = "mass"
CUMULATED = "cumulated"
TOTAL = "total"
TAIL_EXTENDED = "beyond"
MEDIAN = 0.5
ONE = 2**22
SHARES = 4
SIDES = {"side": [-1, 0, 1], "share": [1, 2, 1]}
FINE = "fine"
AT = "at"
PLACE = "place"
PARTS = 4
ENOUGH = 1.5
LARGEST = 2.0**53
TAIL_LENGTH = 3
TAIL = "tail"
FINEST = 2**15
OVERDISPERSION = "overdispersion"
OVERDISPERSION_BOUNDS = (0.001, 10.0)
TAIL_DEVIATIONS = 10


def demand_distributions(donor_values: pl.LazyFrame, recipients: pl.LazyFrame, profile: Profile, /) -> pl.LazyFrame:
    """Demand of each recipient as a discrete distribution over multiples of the demand unit.

    A neighbour's demand, to a quarter of a multiple, is split between the two next multiples in proportion; that of a
    recipient with a ``log_spread`` s counts a quarter as e^-s of it, half as it is, a quarter as e^s of it. Beside the
    neighbours stands a negative binomial with their overdispersion and the profile's mean and share. Sales already seen
    in the week are a lower bound: the mass below them is dropped and the rest counts as the whole. Masses are
    fixed-point integers, so that their sums are exact in any order.

    Returns recipient, value (Int64, multiples), mass (Int64), cumulated (Int64), total (Int64) and tail_extended
    (Boolean: so little mass was left above the bound that a short tail was put there).
    """
    lent = _lent(donor_values, recipients).cache()
    smooth = _smooth(lent, recipients, profile)
    at_least = pl.when(pl.col(VALUE) >= pl.col("least")).then(MASS).otherwise(0)
    masses = (
        pl.concat([_split(lent), smooth])
        .join(recipients.select(RECIPIENT, _least().alias("least")), on=RECIPIENT)
        .select(RECIPIENT, VALUE, at_least, pl.lit(0, dtype=pl.Int64).alias(TAIL))
    )
    left, tail, has_neighbours = pl.col(MASS).sum(), pl.col(TAIL).sum(), pl.col("lent").any()
    beyond = has_neighbours & (left < int(ENOUGH * ONE)) & (tail > 0)
    total = left + pl.when(beyond).then(tail).otherwise(0)
    return (
        pl.concat([masses, _tails(recipients)])
        .select(_at(pl.col(VALUE)), MASS, TAIL)
        .group_by(AT)
        .agg(pl.col(MASS, TAIL).sum(), pl.col(MASS).is_not_null().any().alias("lent"))
        .select(*_of_target(VALUE), MASS, TAIL, "lent")
        .with_columns(beyond.over(RECIPIENT).alias(TAIL_EXTENDED), total.over(RECIPIENT).alias(TOTAL))
        .select(RECIPIENT, VALUE, pl.col(MASS) + pl.when(TAIL_EXTENDED).then(TAIL).otherwise(0), TOTAL, TAIL_EXTENDED)
        .filter(pl.col(MASS) > 0)
        .with_columns(pl.col(MASS).cum_sum().over(RECIPIENT, order_by=VALUE).alias(CUMULATED))
    )


def quantiles(
    distributions: pl.LazyFrame, recipients: pl.LazyFrame, /, *, levels: Sequence[float], demand_unit: float
) -> pl.LazyFrame:
    """The levels and the median of each recipient, one row each: recipient, place (UInt32, the level's among them),
    quantile (Float64, the level), value (Float64, units) and tail_extended.

    A quantile is the smallest value whose cumulated mass reaches the level, and never less than the week's sales.
    """
    asked = sorted({*levels, MEDIAN})

    def reached(cumulated: pl.Expr) -> pl.Expr:
        """How many levels; with a hair of tolerance, as divisions are rounded and a level exactly reached counts."""
        return pl.sum_horizontal(cumulated / pl.col(TOTAL) >= level * (1 - 1e-12) for level in asked)

    before, after = reached(pl.col(CUMULATED) - pl.col(MASS)), reached(pl.col(CUMULATED))
    return (
        distributions.with_columns(before.alias("before"), after.alias("after"))
        .filter(pl.col("before") < pl.col("after"))
        .select(RECIPIENT, VALUE, TAIL_EXTENDED, pl.int_ranges("before", "after", dtype=pl.UInt32).alias(PLACE))
        .explode(PLACE, empty_as_null=False)
        .with_columns(pl.lit(pl.Series(asked)).gather(PLACE).alias(QUANTILE))
        .join(recipients.select(RECIPIENT, SALES_OBSERVED), on=RECIPIENT)
        .with_columns(pl.max_horizontal(pl.col(VALUE) * demand_unit, SALES_OBSERVED))
        .select(RECIPIENT, PLACE, QUANTILE, VALUE, TAIL_EXTENDED)
    )


def sips(quantiles: pl.LazyFrame, recipients: pl.LazyFrame, /, *, levels: Sequence[float]) -> pl.LazyFrame:
    """SIPs as published: Store, Product, week, quantile (Float64, the level), value (Float64, units), sorted by key."""
    return (
        quantiles.filter(pl.col(QUANTILE).is_in(list(levels)))
        .join(recipients.select(RECIPIENT, *KEY), on=RECIPIENT)
        .sort(packed(pl.col(RECIPIENT), pl.col(PLACE)))
        .select(*KEY, QUANTILE, VALUE)
    )


def _at(value: pl.Expr) -> pl.Expr:
    """Target and a number of multiples, or of their parts, as one key; numbers above 2^24 keep seven digits."""
    return packed(pl.col(RECIPIENT), bits_of(value)).alias(AT)


def _of_target(name: str) -> Sequence[pl.Expr]:
    """Target and number of a key."""
    return high_of(pl.col(AT)).alias(RECIPIENT), value_of(low_of(pl.col(AT))).cast(pl.Int64).alias(name)


def _lent(donor_values: pl.LazyFrame, recipients: pl.LazyFrame) -> pl.LazyFrame:
    """Mass by what is lent, in quarters of a multiple, a few dozen rows a recipient: recipient, fine, mass."""
    fine = (pl.col(DEMAND) * PARTS).round().clip(upper_bound=LARGEST)
    weight = (pl.col(WEIGHT) * (ONE // SHARES)).round().cast(pl.Int64)
    return (
        donor_values.select(_at(fine), weight.alias(MASS))
        .group_by(AT)
        .agg(pl.col(MASS).sum())
        .select(*_of_target(FINE), MASS)
        .join(recipients.select(RECIPIENT, LOG_SPREAD), on=RECIPIENT)
        .pipe(_widened)
        .select(RECIPIENT, FINE, MASS)
    )


def _split(lent: pl.LazyFrame) -> pl.LazyFrame:
    """What is lent, shared by the two next multiples: recipient, value, mass."""
    upper = pl.col(MASS) * (pl.col(FINE) % PARTS) // PARTS
    is_lower = pl.when(pl.col("above") == 0)
    return (
        lent.select(_at(pl.col(FINE) // PARTS), (pl.col(MASS) - upper).alias("lower"), upper.alias("upper"))
        .group_by(AT)
        .agg(pl.col("lower", "upper").sum())
        .select(*_of_target(VALUE), "lower", "upper")
        .join(pl.LazyFrame({"above": [0, 1]}), how="cross")
        .select(RECIPIENT, pl.col(VALUE) + pl.col("above"), is_lower.then("lower").otherwise("upper").alias(MASS))
    )


def _smooth(lent: pl.LazyFrame, recipients: pl.LazyFrame, profile: Profile) -> pl.LazyFrame:
    """A negative binomial of mean m and variance m + o m^2 as mass, where it has a share: recipient, value, mass.

    Its terms follow from one another: p(0) = q^(1/o), p(k) = p(k-1) (1/o + k - 1)/k (1 - q), q = 1/(1 + o m).
    """
    mean, over, count, share = (pl.col(name) for name in (NB_MEAN, OVERDISPERSION, VALUE, "share"))
    last = mean + TAIL_DEVIATIONS * (mean + over * mean.pow(2)).sqrt()
    log_first = -(over * mean).log1p() / over
    log_step = ((1 / over + count - 1) / count * over * mean / (1 + over * mean)).log()
    log_term = pl.when(count == 0).then(log_first).otherwise(log_step).cum_sum().over(RECIPIENT, order_by=VALUE)
    return (
        recipients.select(RECIPIENT, mean)
        .with_columns(profile.nb_weight(mean).alias("share"))
        .filter(share > 0)
        .join(_overdispersion(lent), on=RECIPIENT)
        .with_columns(pl.int_ranges(0, last.ceil().cast(pl.Int64) + 1).alias(VALUE))
        .explode(VALUE, empty_as_null=False)
        .select(
            RECIPIENT, VALUE, (pl.col(TOTAL) * share / (1 - share) * log_term.exp()).round().cast(pl.Int64).alias(MASS)
        )
    )


def _overdispersion(lent: pl.LazyFrame) -> pl.LazyFrame:
    """(variance - mean) / mean^2 of what is lent, within bounds: recipient, total (mass), overdispersion.

    The moments are sums of integers, the same in any order.
    """

    def moment(power: int) -> pl.Expr:
        # Beyond FINEST the overdispersion is at its bound, whatever the demand; up to it Int64 holds the sums.
        total = (pl.col(MASS) * pl.col(FINE).clip(upper_bound=FINEST).pow(power)).sum()
        return total / (pl.col(MASS).sum() * float(PARTS**power))

    mean, square = pl.col("mean"), pl.col("square")
    over = (square - mean.pow(2) - mean) / (mean.pow(2) + 1e-9)
    return (
        lent.group_by(RECIPIENT)
        .agg(pl.col(MASS).sum().alias(TOTAL), moment(1).alias("mean"), moment(2).alias("square"))
        .select(RECIPIENT, TOTAL, over.clip(*OVERDISPERSION_BOUNDS).alias(OVERDISPERSION))
    )


def _widened(lent: pl.LazyFrame) -> pl.LazyFrame:
    is_wide, side = pl.col(LOG_SPREAD) > 0, pl.col("side")
    return (
        lent.join(pl.LazyFrame(SIDES), how="cross")
        .filter(is_wide | (side == 0))
        .with_columns(
            (pl.col(FINE) * (side * pl.col(LOG_SPREAD)).exp()).round().clip(upper_bound=LARGEST).cast(pl.Int64),
            pl.col(MASS) * pl.when(is_wide).then("share").otherwise(SHARES),
        )
    )


def _least() -> pl.Expr:
    return (pl.col(SALES) - 1e-9).ceil().clip(0, LARGEST).cast(pl.Int64)


def _tails(recipients: pl.LazyFrame) -> pl.LazyFrame:
    """A short falling tail from the sales seen, for recipients whose neighbours hardly reach them."""
    least = _least()
    values = [(least + number * (1 + 0.1 * least)).floor().cast(pl.Int64) for number in range(TAIL_LENGTH)]
    masses = [ONE // (number + 1) for number in range(TAIL_LENGTH)]
    return (
        recipients.filter(least > 0)
        .select(RECIPIENT, pl.concat_list(values).alias(VALUE), pl.lit(masses, dtype=pl.List(pl.Int64)).alias(TAIL))
        .explode(VALUE, TAIL, empty_as_null=False)
        .select(RECIPIENT, VALUE, pl.lit(None, dtype=pl.Int64).alias(MASS), TAIL)
    )
