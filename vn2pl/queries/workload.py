"""How much work each target season is: what shards are cut by, and what progress counts."""

import polars as pl

from .names import POOL, TARGET_SEASON

STOCKOUTS = "stockouts"
PAIRS = "pairs"


def workload(targets: pl.LazyFrame, /) -> pl.LazyFrame:
    """Stockouts and pairs of each target season: target_season, stockouts (UInt32), pairs (Int64), sorted by season."""
    return (
        targets.group_by(TARGET_SEASON)
        .agg(pl.len().alias(STOCKOUTS), pl.col(POOL).cast(pl.Int64).sum().alias(PAIRS))
        .sort(TARGET_SEASON)
    )
