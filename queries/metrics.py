"""How good SIPs are against the true demand; names and definitions are the field's usual ones.

Frames of SIPs have Store, Product, week, quantile and value; true demand has Store, Product, week and demand.
"""

import polars as pl

from .names import DEMAND, KEY, QUANTILE, VALUE


def pinball(sips: pl.LazyFrame, demand: pl.LazyFrame, /) -> pl.LazyFrame:
    """Mean over the levels of twice the pinball loss, close to the CRPS: Store, Product, week, pinball (units).

    2 * max(q * e, (q - 1) * e) with e = demand - value (Gneiting and Raftery 2007).
    """
    error = pl.col(DEMAND) - pl.col(VALUE)
    loss = 2 * pl.max_horizontal(pl.col(QUANTILE) * error, (pl.col(QUANTILE) - 1) * error)
    return sips.join(demand, on=KEY).group_by(KEY).agg(loss.mean().alias("pinball"))


def coverage(sips: pl.LazyFrame, demand: pl.LazyFrame, /, *, lower: float, upper: float) -> pl.LazyFrame:
    """Whether true demand lies between two levels, bounds included: Store, Product, week, covered (Boolean)."""
    at_level = [
        sips.filter(pl.col(QUANTILE) == level).select(*KEY, pl.col(VALUE).alias(name))
        for name, level in (("low", lower), ("high", upper))
    ]
    joined = at_level[0].join(at_level[1], on=KEY).join(demand, on=KEY)
    return joined.select(*KEY, pl.col(DEMAND).is_between("low", "high").alias("covered"))
