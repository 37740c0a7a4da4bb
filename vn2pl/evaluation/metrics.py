"""How good SIPs are against the true demand; names and definitions are the field's usual ones.

Frames of SIPs have Store, Product, week, quantile and value; distributions have Store, Product, week, value and mass;
true demand has Store, Product, week and demand. With ``by`` they may have more keys, such as the method that answered.
Means add fixed-point integers, so that a figure is the same however many threads add it up.
"""

from collections.abc import Sequence
from itertools import pairwise

import polars as pl

from ..queries.distributions import MASS
from ..queries.names import DEMAND, IN_STOCK, KEY, QUANTILE, SALES, SKU, VALUE
from ..queries.sums import exact_sum

PINBALL, CRPS, SCALED = "pinball", "crps", "scaled_pinball"
ERROR, WIDTH, COVERED = "error", "width", "covered"
SCALE, SCALE_OFFSET = "scale", 0.5
UNIFORM, PIT, DECILE, SHARE = "uniform", "pit", "decile", "share"
DECILES = 10
TOLERANCE = 1e-9
LARGEST_INTERVAL, LARGEST_VARIATION = 1.32, 0.49


def mean(values: pl.Expr, /) -> pl.Expr:
    """Mean of the values that are not null, the same in whatever order threads add; null where there are none."""
    return pl.when(values.count() > 0).then(exact_sum(values.cast(pl.Float64)) / values.count())


def pinball(sips: pl.LazyFrame, demand: pl.LazyFrame, /, *, by: Sequence[str] = KEY) -> pl.LazyFrame:
    """Mean over the levels of twice the pinball loss, close to the CRPS: ``by`` and pinball (units).

    2 * max(q * e, (q - 1) * e) with e = demand - value (Gneiting and Raftery 2007).
    """
    return sips.join(demand, on=KEY).group_by(by).agg(mean(_loss()).alias(PINBALL))


def pinball_by_level(sips: pl.LazyFrame, demand: pl.LazyFrame, /, *, by: Sequence[str] = KEY) -> pl.LazyFrame:
    """Twice the pinball loss of every level: ``by``, quantile and pinball (units). At 0.5 it is the absolute error."""
    return sips.join(demand, on=KEY).select(*by, QUANTILE, _loss().alias(PINBALL))


def crps(
    sips: pl.LazyFrame, demand: pl.LazyFrame, /, *, levels: Sequence[float], by: Sequence[str] = KEY
) -> pl.LazyFrame:
    """Continuous ranked probability score from the quantiles: ``by`` and crps (units).

    The integral over all levels of twice the pinball loss (Laio and Tamea 2007), here a sum in which each of the
    rising ``levels`` stands for the levels nearest to it.
    """
    edges = [0.0, *((low + high) / 2 for low, high in pairwise(levels)), 1.0]
    widths = [high - low for low, high in pairwise(edges)]
    weight = pl.col(QUANTILE).replace_strict(list(levels), widths, return_dtype=pl.Float64)
    return sips.join(demand, on=KEY).group_by(by).agg(exact_sum(weight * _loss()).alias(CRPS))


def scale(observed: pl.LazyFrame, /) -> pl.LazyFrame:
    """What a SKU's losses are divided by: Store, Product, scale (units; mean sales of its in-stock weeks + 0.5)."""
    return observed.filter(IN_STOCK).group_by(SKU).agg((mean(pl.col(SALES)) + SCALE_OFFSET).alias(SCALE))


def scaled_pinball(losses: pl.LazyFrame, scales: pl.LazyFrame, /, *, by: Sequence[str] = KEY) -> pl.LazyFrame:
    """Pinball losses as shares of the SKU's scale, so that every SKU counts alike: ``by`` and scaled_pinball."""
    return losses.join(scales, on=SKU).select(*by, (pl.col(PINBALL) / pl.col(SCALE)).alias(SCALED))


def error(sips: pl.LazyFrame, demand: pl.LazyFrame, /, *, by: Sequence[str] = KEY) -> pl.LazyFrame:
    """Median less demand, whose mean is the bias: ``by`` and error (units).

    Demand is skewed to the right and its median lies below its mean: a good median has a negative bias.
    """
    medians = sips.filter(pl.col(QUANTILE) == 0.5).join(demand, on=KEY)
    return medians.select(*by, (pl.col(VALUE) - pl.col(DEMAND)).alias(ERROR))


def coverage(
    sips: pl.LazyFrame, demand: pl.LazyFrame, /, *, lower: float, upper: float, by: Sequence[str] = KEY
) -> pl.LazyFrame:
    """Whether true demand lies between two levels, bounds included: ``by`` and covered (Boolean).

    Where demand is counted in pieces the bounds alone hold much of it: such an interval covers more than it says.
    """
    inside = _interval(sips, lower=lower, upper=upper, by=by).join(demand, on=KEY)
    return inside.select(*by, pl.col(DEMAND).is_between("low", "high").alias(COVERED))


def interval_width(sips: pl.LazyFrame, /, *, lower: float, upper: float, by: Sequence[str] = KEY) -> pl.LazyFrame:
    """Distance between the values at two levels, the sharpness of the SIPs: ``by`` and width (units)."""
    interval = _interval(sips, lower=lower, upper=upper, by=by)
    return interval.select(*by, (pl.col("high") - pl.col("low")).alias(WIDTH))


def pit(distributions: pl.LazyFrame, demand: pl.LazyFrame, /, *, by: Sequence[str] = KEY) -> pl.LazyFrame:
    """Randomised probability integral transform: ``by`` and pit (0..1).

    P(X < demand) + u P(X = demand), with u the column ``uniform`` of ``demand``, drawn from [0, 1). It is uniform if
    demand comes from the distributions, and, unlike coverage, exactly so where demand is counted in pieces (Czado,
    Gneiting and Held 2009, "Predictive model assessment for count data", Biometrics 65).
    """
    apart = pl.col(VALUE) - pl.col(DEMAND)
    near = TOLERANCE * pl.max_horizontal(pl.col(DEMAND).abs(), 1.0)
    below = pl.col(MASS).filter(apart < -near).sum()
    equal = pl.col(MASS).filter(apart.abs() <= near).sum()
    reached = (below + pl.col(UNIFORM).first() * equal) / pl.col(MASS).sum()
    return distributions.join(demand, on=KEY).group_by(by).agg(reached.alias(PIT))


def pit_deciles(pits: pl.LazyFrame, /, *, by: Sequence[str] = ()) -> pl.LazyFrame:
    """Histogram of the PIT: ``by``, decile (Int64, 1..10) and share (of the rows; 0.1 each if all is well).

    A valley tells of distributions that are too narrow, a hill of too wide ones, a slope of a bias.
    """
    decile = ((pl.col(PIT) * DECILES).floor().cast(pl.Int64) + 1).clip(1, DECILES)
    known = pits.filter(pl.col(PIT).is_not_null())
    counted = [((decile == number).sum() / pl.len()).alias(str(number)) for number in range(1, DECILES + 1)]
    histogram = known.group_by(by).agg(counted) if by else known.select(counted)
    names = [str(number) for number in range(1, DECILES + 1)]
    return histogram.unpivot(names, index=list(by), variable_name=DECILE, value_name=SHARE).with_columns(
        pl.col(DECILE).cast(pl.Int64)
    )


def uniformity(deciles: pl.LazyFrame, /, *, by: Sequence[str] = ()) -> pl.LazyFrame:
    """How far PIT deciles are from uniform: ``by``, pit_deviation and pit_chi_square, both 0 at best.

    ``pit_deviation`` is the largest distance of a decile's share from 0.1; ``pit_chi_square`` is Pearson's statistic
    per row, sum of (share - 0.1)^2 / 0.1, about 9 / rows where independent rows are uniform.
    """
    apart = pl.col(SHARE) - 1 / DECILES
    figures = [apart.abs().max().alias("pit_deviation"), exact_sum(apart.pow(2) * DECILES).alias("pit_chi_square")]
    return deciles.group_by(by).agg(figures) if by else deciles.select(figures)


def volume_class(observed: pl.LazyFrame, /) -> pl.LazyFrame:
    """Third of the SKUs by mean in-stock sales: Store, Product, volume_class ("low", "middle" or "high")."""
    position = pl.col(SALES).rank("average") / pl.len()
    named = pl.when(position <= 1 / 3).then(pl.lit("low")).when(position <= 2 / 3).then(pl.lit("middle"))
    means = observed.filter(IN_STOCK).group_by(SKU).agg(mean(pl.col(SALES)))
    return means.select(*SKU, named.otherwise(pl.lit("high")).alias("volume_class"))


def intermittency_class(observed: pl.LazyFrame, /) -> pl.LazyFrame:
    """Demand class of the SKUs: Store, Product, intermittency_class (smooth, erratic, intermittent, lumpy, no_sales).

    By the mean interval between weeks with sales, counted in in-stock weeks (1.32), and the squared coefficient of
    variation of what they sold (0.49), both as in Syntetos, Boylan and Croston (2005).
    """
    sold = pl.col(SALES).filter(pl.col(SALES) > 0)
    average = mean(sold)
    variation = (mean(sold.pow(2)) - average.pow(2)) / average.pow(2)
    rare, varied = pl.col("interval") > LARGEST_INTERVAL, pl.col("variation") > LARGEST_VARIATION
    named = (
        pl.when(pl.col("variation").is_null())
        .then(pl.lit("no_sales"))
        .when(rare & varied)
        .then(pl.lit("lumpy"))
        .when(rare)
        .then(pl.lit("intermittent"))
        .when(varied)
        .then(pl.lit("erratic"))
        .otherwise(pl.lit("smooth"))
    )
    in_stock = observed.filter(IN_STOCK).group_by(SKU)
    patterns = in_stock.agg((pl.len() / sold.count()).alias("interval"), variation.alias("variation"))
    return patterns.select(*SKU, named.alias("intermittency_class"))


def _loss() -> pl.Expr:
    apart = pl.col(DEMAND) - pl.col(VALUE)
    return 2 * pl.max_horizontal(pl.col(QUANTILE) * apart, (pl.col(QUANTILE) - 1) * apart)


def _interval(sips: pl.LazyFrame, *, lower: float, upper: float, by: Sequence[str]) -> pl.LazyFrame:
    low, high = (
        sips.filter(pl.col(QUANTILE) == level).select(*by, pl.col(VALUE).alias(name))
        for name, level in (("low", lower), ("high", upper))
    )
    return low.join(high, on=by)
