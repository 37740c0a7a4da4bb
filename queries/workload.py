"""How much work each target season is: what shards are cut by, and what progress counts."""

import polars as pl

from .names import POOL, ROW, SEASON, TARGET, TARGET_CELL, TARGET_PERIOD

STOCKOUTS = "stockouts"
PAIRS = "pairs"


def workload(targets: pl.LazyFrame, pools: pl.LazyFrame, features: pl.LazyFrame, /) -> pl.LazyFrame:
    """Stockouts and pairs of each target season: season, stockouts (UInt32), pairs (Int64), sorted by season."""
    return (
        targets.select(TARGET, TARGET_PERIOD, TARGET_CELL)
        .join(features.select(pl.col(ROW).alias(TARGET), SEASON), on=TARGET)
        .join(pools, on=[TARGET_PERIOD, TARGET_CELL], how="left")
        .group_by(SEASON)
        .agg(pl.len().alias(STOCKOUTS), pl.col(POOL).cast(pl.Int64).sum().alias(PAIRS))
        .sort(SEASON)
    )
