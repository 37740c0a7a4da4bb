"""How much work each target season is: what shards are cut by, and what progress counts."""

import polars as pl

from .names import POOL, TARGET_CELL, TARGET_PERIOD, TARGET_SEASON

STOCKOUTS = "stockouts"
PAIRS = "pairs"


def workload(targets: pl.LazyFrame, pools: pl.LazyFrame, /) -> pl.LazyFrame:
    """Stockouts and pairs of each target season: target_season, stockouts (UInt32), pairs (Int64), sorted by season."""
    return (
        targets.select(TARGET_SEASON, TARGET_PERIOD, TARGET_CELL)
        .join(pools, on=[TARGET_PERIOD, TARGET_CELL], how="left")
        .group_by(TARGET_SEASON)
        .agg(pl.len().alias(STOCKOUTS), pl.col(POOL).cast(pl.Int64).sum().alias(PAIRS))
        .sort(TARGET_SEASON)
    )
