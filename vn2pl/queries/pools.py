"""Which candidates each stockout is compared with: near seasons, allowed weeks, near cells.

Everything here is counted per week and cell, never per pair, so that it costs the same however many SKUs there are.
"""

import polars as pl

from .names import (
    AREA,
    CELL,
    HALF,
    MATURE,
    MEETING,
    NEAR,
    PERIOD,
    POOL,
    REACH,
    SEASON,
    SLOT,
    SPARING,
    TARGET_CELL,
    TARGET_PERIOD,
)
from .packing import LOW, key_of
from .panel import SEASONS
from .profiles.base import CandidateWeeks

OF_HALF = 2**60
NEAR_CELLS = 30


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
    return key_of(pl.col(PERIOD) * 2 + pl.col(MATURE), pl.col(CELL)).alias(SLOT)


def is_every(number: int, /) -> pl.Expr:
    """Every ``number``-th slot (Boolean over slot): so many cells of each week, so many weeks of each cell."""
    return (pl.col(SLOT) // (2 * LOW) + pl.col(SLOT) % LOW) % number == 0


def area() -> pl.Expr:
    """A target's week and cell as one number (Int64), for the same reason."""
    return key_of(pl.col(TARGET_PERIOD), pl.col(TARGET_CELL)).alias(AREA)


def meeting() -> pl.Expr:
    """Area and pool, all or half, as one number (Int64)."""
    return (pl.col(AREA) * 2 + pl.col(SPARING)).alias(MEETING)


def with_halves(candidates: pl.LazyFrame, /) -> pl.LazyFrame:
    """Candidates and, once more in slots of their own, the half of them that is drawn."""
    half = candidates.filter(HALF).with_columns(pl.col(SLOT) + OF_HALF)
    return pl.concat([candidates, half])


def supply(candidates: pl.LazyFrame, week_pairs: pl.LazyFrame, /) -> pl.LazyFrame:
    """How many candidates each target week finds in which slot, and how many of them are of the half that is drawn:
    target_period, period, cell, mature, candidates, half (UInt32).

    Candidates that know little of their own SKU (``mature`` false) serve only the target weeks that have no others,
    the very first of a panel.
    """
    counts = candidates.group_by(PERIOD, CELL, MATURE).agg(pl.len().alias(POOL), pl.col(HALF).sum())
    scarce = ~pl.col(MATURE).any().over(TARGET_PERIOD)
    return week_pairs.join(counts, on=PERIOD).filter(pl.col(MATURE) | scarce)


def pools(targets: pl.LazyFrame, supply: pl.LazyFrame, /, *, min_candidates: int) -> pl.LazyFrame:
    """How far around its cell a target looks: area, reach (Int32, cells); and how many candidates are there, how many
    of them at most ``NEAR_CELLS`` away (near), and how many in the half that is drawn (UInt32).

    The reach is the smallest that holds ``min_candidates``, or all cells where there are fewer.
    """
    cells = targets.select(AREA, TARGET_PERIOD, TARGET_CELL).unique(AREA)
    by_cell = supply.group_by(TARGET_PERIOD, CELL).agg(pl.col(POOL, HALF).sum())
    gap = (pl.col(CELL) - pl.col(TARGET_CELL)).abs()
    counts = (REACH, POOL, NEAR, HALF)
    enough = pl.when(pl.col(POOL) >= min_candidates)
    return (
        cells.join(by_cell, on=TARGET_PERIOD)
        .group_by(AREA, gap.alias(REACH))
        .agg(pl.col(POOL, HALF).sum())
        .with_columns(pl.col(POOL, HALF).cum_sum().over(AREA, order_by=REACH))
        .with_columns(pl.when(pl.col(REACH) <= NEAR_CELLS).then(POOL).alias(NEAR))
        .group_by(AREA)
        .agg(pl.coalesce(enough.then(name).min(), pl.col(name).max()) for name in counts)
    )


def slots(targets: pl.LazyFrame, supply: pl.LazyFrame, /) -> pl.LazyFrame:
    """Where targets of a week and cell find candidates, all or half: meeting, slot (Int64)."""
    near = pl.int_ranges(pl.col(TARGET_CELL) - pl.col(REACH), pl.col(TARGET_CELL) + pl.col(REACH) + 1, dtype=pl.Int32)
    return (
        targets.unique(MEETING)
        .select(MEETING, TARGET_PERIOD, SPARING, near.alias(CELL))
        .explode(CELL, empty_as_null=False)
        .join(supply, on=[TARGET_PERIOD, CELL])
        .select(MEETING, slot() + pl.when(SPARING).then(OF_HALF).otherwise(0))
    )
