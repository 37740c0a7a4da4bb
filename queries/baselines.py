"""Simple answers to the same question, to measure against; shaped like SIPs."""

from collections.abc import Sequence

import polars as pl

from .names import IN_STOCK, KEY, QUANTILE, SALES, SKU, VALUE, WEEK


def own_history(observed: pl.LazyFrame, /, *, levels: Sequence[float]) -> pl.LazyFrame:
    """Linear quantiles of all earlier in-stock weeks of the SKU, for stockouts that have any.

    Returns Store, Product, week, quantile, value (Float64, units).
    """
    earlier = observed.filter(IN_STOCK).select(*SKU, pl.col(WEEK).alias("earlier"), SALES)
    cuts = [pl.col(SALES).quantile(level, "linear").alias(str(level)) for level in levels]
    return (
        observed.filter(~pl.col(IN_STOCK))
        .select(KEY)
        .join(earlier, on=SKU)
        .filter(pl.col("earlier") < pl.col(WEEK))
        .group_by(KEY)
        .agg(cuts)
        .unpivot([str(level) for level in levels], index=KEY, variable_name=QUANTILE, value_name=VALUE)
        .with_columns(pl.col(QUANTILE).cast(pl.Float64))
    )
