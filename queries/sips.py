"""From neighbours to distributions: what they lend as probability mass, cumulated, and cut at quantile levels."""

from collections.abc import Sequence

import polars as pl

from .names import DEMAND, IN_STOCK, KEY, QUANTILE, ROW, SALES, TARGET, VALUE, WEIGHT

MASS = "mass"
CUMULATED = "cumulated"
TOTAL = "total"
LEAST = "least"
BEYOND = "beyond"
POINT = "point"
MEDIAN = 0.5
ONE = 2**20
ENOUGH = 1.5
LARGEST = 2.0**53
TAIL = 3


def distributions(donations: pl.LazyFrame, features: pl.LazyFrame, /, *, demand_unit: float) -> pl.LazyFrame:
    """Demand of each target as a discrete distribution over multiples of ``demand_unit``.

    A neighbour's demand is split between the two neighbouring multiples in proportion. Sales already seen in the
    week are a lower bound: the mass below them is dropped and the rest counts as the whole. Masses are fixed-point
    integers, so that their sums are exact in any order.

    Returns target, value (Int64, multiples), mass (Int64), cumulated (Int64), total (Int64) and beyond (Boolean: so
    little mass was left above the bound that a short tail was put there).
    """
    least = _least(features, demand_unit=demand_unit)
    above = _masses(donations, demand_unit=demand_unit).join(least, on=TARGET).filter(pl.col(VALUE) >= pl.col(LEAST))
    reached = donations.select(TARGET).unique().join(least, on=TARGET)
    tails = _tails(reached, above)
    return (
        pl.concat([above.select(TARGET, VALUE, MASS, pl.lit(False).alias(BEYOND)), tails])
        .group_by(TARGET, VALUE)
        .agg(pl.col(MASS).sum(), pl.col(BEYOND).any())
        .with_columns(
            pl.col(MASS).cum_sum().over(TARGET, order_by=VALUE).alias(CUMULATED),
            pl.col(MASS).sum().over(TARGET).alias(TOTAL),
            pl.col(BEYOND).any().over(TARGET),
        )
    )


def estimates(
    distributions: pl.LazyFrame, features: pl.LazyFrame, /, *, levels: Sequence[float], demand_unit: float
) -> pl.LazyFrame:
    """Quantiles of each target: one column per level and ``point``, the median (Float64, units); and beyond.

    A quantile is the smallest value whose cumulated mass reaches the level, and never less than the week's sales.
    """
    columns = {str(level): level for level in levels} | {POINT: MEDIAN}
    cuts = [(pl.col(VALUE).filter(_reaches(level)).min() * demand_unit).alias(name) for name, level in columns.items()]
    sales = features.select(pl.col(ROW).alias(TARGET), SALES)
    return (
        distributions.group_by(TARGET)
        .agg(*cuts, pl.col(BEYOND).any())
        .join(sales, on=TARGET)
        .select(TARGET, BEYOND, *(pl.max_horizontal(name, SALES).alias(name) for name in columns))
    )


def sips(estimates: pl.LazyFrame, features: pl.LazyFrame, /, *, levels: Sequence[float]) -> pl.LazyFrame:
    """SIPs as published: Store, Product, week, quantile (Float64, the level), value (Float64, units), sorted by key."""
    week = features.select(pl.col(ROW).alias(TARGET), *KEY)
    return (
        estimates.unpivot([str(level) for level in levels], index=TARGET, variable_name=QUANTILE, value_name=VALUE)
        .with_columns(pl.col(QUANTILE).cast(pl.Float64))
        .join(week, on=TARGET)
        .sort(TARGET, QUANTILE)
        .select(*KEY, QUANTILE, VALUE)
    )


def _reaches(level: float) -> pl.Expr:
    """A hair of tolerance, since level * total is rounded and an exactly reached level must count as reached."""
    return pl.col(CUMULATED) >= pl.col(TOTAL) * (level * (1 - 1e-12))


def _masses(donations: pl.LazyFrame, *, demand_unit: float) -> pl.LazyFrame:
    multiples = (pl.col(DEMAND) / demand_unit).clip(upper_bound=LARGEST)
    whole = (pl.col(WEIGHT) * ONE).round().cast(pl.Int64)
    above = (whole * (multiples - multiples.floor())).round().cast(pl.Int64)
    split = donations.select(
        TARGET, multiples.floor().cast(pl.Int64).alias(VALUE), whole.alias("whole"), above.alias("above")
    )
    lower = split.select(TARGET, VALUE, (pl.col("whole") - pl.col("above")).alias(MASS))
    upper = split.select(TARGET, pl.col(VALUE) + 1, pl.col("above").alias(MASS))
    return pl.concat([lower, upper]).filter(pl.col(MASS) > 0)


def _least(features: pl.LazyFrame, *, demand_unit: float) -> pl.LazyFrame:
    least = (pl.col(SALES) / demand_unit - 1e-9).ceil().clip(0, LARGEST).cast(pl.Int64)
    return features.filter(~pl.col(IN_STOCK)).select(pl.col(ROW).alias(TARGET), least.alias(LEAST))


def _tails(reached: pl.LazyFrame, above: pl.LazyFrame) -> pl.LazyFrame:
    """A short falling tail from the bound for targets whose neighbours hardly reach it."""
    left = above.group_by(TARGET).agg(pl.col(MASS).sum().alias(TOTAL))
    step = 1 + 0.1 * pl.col(LEAST)
    tail = [
        reached.join(left, on=TARGET, how="left")
        .filter((pl.col(LEAST) > 0) & (pl.col(TOTAL).fill_null(0) < int(ENOUGH * ONE)))
        .select(
            TARGET,
            (pl.col(LEAST) + number * step).floor().cast(pl.Int64).alias(VALUE),
            pl.lit(ONE // (number + 1), dtype=pl.Int64).alias(MASS),
            pl.lit(True).alias(BEYOND),
        )
        for number in range(TAIL)
    ]
    return pl.concat(tail)
