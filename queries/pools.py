"""Which candidates each stockout is compared with: near seasons, allowed weeks, near cells.

Everything here is counted per week and cell, never per pair, so that it costs the same however many SKUs there are.
"""

import polars as pl

from .names import CELL, MATURE, PERIOD, POOL, SEASON, SLOT, TARGET_CELL, TARGET_PERIOD
from .panel import SEASONS
from .profiles.base import CandidateWeeks


def week_pairs(
    features: pl.LazyFrame, /, *, season_window: int, season_wraps: bool, candidate_weeks: CandidateWeeks
) -> pl.LazyFrame:
    """Pairs of weeks of which the second may lend to the first: target_period, period (Int32).

    Seasons lie at most ``season_window`` apart, on a circle of 52 where ``season_wraps``; with ``past``
    the second week is the earlier one, with ``all`` it is any, the week itself included (a target is no candidate).
    """
    weeks = features.select(PERIOD, SEASON).unique()
    apart = (pl.col(SEASON) - pl.col("target_season")).abs()
    distance = pl.min_horizontal(apart, SEASONS - apart) if season_wraps else apart
    allowed = pl.col(PERIOD) < pl.col(TARGET_PERIOD) if candidate_weeks == "past" else pl.lit(True)
    return (
        weeks.rename({PERIOD: TARGET_PERIOD, SEASON: "target_season"})
        .join(weeks, how="cross")
        .filter(allowed & (distance <= season_window))
        .select(TARGET_PERIOD, PERIOD)
    )


def slot() -> pl.Expr:
    """Week, cell and maturity as one number (Int64): pairs meet on it, and one key joins faster than three."""
    return ((pl.col(PERIOD).cast(pl.Int64) * 2 + pl.col(MATURE)) * 2**32 + pl.col(CELL)).alias(SLOT)


def supply(candidates: pl.LazyFrame, week_pairs: pl.LazyFrame, /) -> pl.LazyFrame:
    """How many candidates each target week finds in which slot: target_period, period, cell, mature, candidates.

    Candidates that know little of their own SKU (``mature`` false) serve only the target weeks that have no others,
    the very first of a panel.
    """
    counts = candidates.group_by(PERIOD, CELL, MATURE).agg(pl.len().alias(POOL))
    scarce = ~pl.col(MATURE).any().over(TARGET_PERIOD)
    return week_pairs.join(counts, on=PERIOD).filter(pl.col(MATURE) | scarce)


def pools(targets: pl.LazyFrame, supply: pl.LazyFrame, /, *, min_candidates: int) -> pl.LazyFrame:
    """How far around its cell a target looks: target_period, target_cell, reach (Int32, cells), candidates (UInt32).

    The reach is the smallest that holds ``min_candidates``, or all cells where there are fewer.
    """
    cells = targets.select(TARGET_PERIOD, TARGET_CELL).unique()
    by_cell = supply.group_by(TARGET_PERIOD, CELL).agg(pl.col(POOL).sum())
    gap = (pl.col(CELL) - pl.col(TARGET_CELL)).abs()
    slot = [TARGET_PERIOD, TARGET_CELL]
    return (
        cells.join(by_cell, on=TARGET_PERIOD)
        .group_by(*slot, gap.alias("reach"))
        .agg(pl.col(POOL).sum())
        .with_columns(pl.col(POOL).cum_sum().over(slot, order_by="reach"))
        .with_columns((pl.col(POOL) >= min_candidates).alias("enough"))
        .group_by(slot)
        .agg(
            pl.coalesce(pl.col("reach").filter("enough").min(), pl.col("reach").max()),
            pl.coalesce(pl.col(POOL).filter("enough").min(), pl.col(POOL).max()),
        )
    )


def slots(pools: pl.LazyFrame, supply: pl.LazyFrame, /) -> pl.LazyFrame:
    """Where a target of a week and cell finds its candidates: target_period, target_cell, slot."""
    near = pl.int_ranges(
        pl.col(TARGET_CELL) - pl.col("reach"), pl.col(TARGET_CELL) + pl.col("reach") + 1, dtype=pl.Int32
    )
    return (
        pools.select(TARGET_PERIOD, TARGET_CELL, near.alias(CELL))
        .explode(CELL, empty_as_null=False)
        .join(supply, on=[TARGET_PERIOD, CELL])
        .select(TARGET_PERIOD, TARGET_CELL, slot())
    )
