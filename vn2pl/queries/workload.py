"""How much work each recipient season is: what shards are cut by, and what progress counts."""

import polars as pl

from .names import CANDIDATES, RECIPIENT_SEASON

STOCKOUTS = "stockouts"
PAIRS = "pairs"


def work_by_season(recipients: pl.LazyFrame, /) -> pl.LazyFrame:
    """Stockouts and pairs of each season: recipient_season, stockouts (UInt32), pairs (Int64), sorted by season."""
    return (
        recipients.group_by(RECIPIENT_SEASON)
        .agg(pl.len().alias(STOCKOUTS), pl.col(CANDIDATES).cast(pl.Int64).sum().alias(PAIRS))
        .sort(RECIPIENT_SEASON)
    )
