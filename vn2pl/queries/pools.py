"""Which donors each stockout is compared with: near seasons, allowed weeks, near cells.

Everything here is counted per week and cell, never per pair, so that it costs the same however many SKUs there are.
"""

import polars as pl

from .names import (
    CANDIDATES,
    CELL,
    DONOR_BLOCK,
    HAS_HISTORY,
    NEAR,
    PERIOD,
    POOL_ID,
    RADIUS,
    RECIPIENT_BLOCK,
    RECIPIENT_CELL,
    RECIPIENT_PERIOD,
    RECIPIENT_SEASON,
    SEASON,
    THINNED,
    USE_THINNED,
)
from .packing import LOW, key_of
from .panel import SEASONS
from .profiles.base import CandidateWeeks

OF_THINNED = 2**60
NEAR_CELLS = 30


def week_pairs(
    features: pl.LazyFrame, /, *, season_window: int, season_wraps: bool, candidate_weeks: CandidateWeeks
) -> pl.LazyFrame:
    """Pairs of weeks of which the second may lend to the first: recipient_period, period (Int32).

    Seasons lie at most ``season_window`` apart, on a circle of 52 where ``season_wraps``; with ``past``
    the second week is the earlier one, with ``all`` it is any, the week itself included (a recipient is no donor).
    """
    weeks = features.select(PERIOD, SEASON).unique()
    apart = (pl.col(SEASON) - pl.col(RECIPIENT_SEASON)).abs()
    distance = pl.min_horizontal(apart, SEASONS - apart) if season_wraps else apart
    allowed = pl.col(PERIOD) < pl.col(RECIPIENT_PERIOD) if candidate_weeks == "past" else pl.lit(True)
    return (
        weeks.rename({PERIOD: RECIPIENT_PERIOD, SEASON: RECIPIENT_SEASON})
        .join(weeks, how="cross")
        .filter(allowed & (distance <= season_window))
        .select(RECIPIENT_PERIOD, PERIOD)
    )


def donor_block() -> pl.Expr:
    """Week, cell and history as one number (Int64): pairs meet on it, and one key joins faster than three."""
    return key_of(pl.col(PERIOD) * 2 + pl.col(HAS_HISTORY), pl.col(CELL)).alias(DONOR_BLOCK)


def is_every(number: int, /) -> pl.Expr:
    """Every ``number``-th donor block (Boolean): so many cells of each week, so many weeks of each cell."""
    return (pl.col(DONOR_BLOCK) // (2 * LOW) + pl.col(DONOR_BLOCK) % LOW) % number == 0


def recipient_block() -> pl.Expr:
    """A recipient's week and cell as one number (Int64), for the same reason."""
    return key_of(pl.col(RECIPIENT_PERIOD), pl.col(RECIPIENT_CELL)).alias(RECIPIENT_BLOCK)


def pool_id() -> pl.Expr:
    """Recipient block and pool, all or half, as one number (Int64)."""
    return (pl.col(RECIPIENT_BLOCK) * 2 + pl.col(USE_THINNED)).alias(POOL_ID)


def with_thinned(donors: pl.LazyFrame, /) -> pl.LazyFrame:
    """Donors and, once more in blocks of their own, the half of them that is drawn."""
    half = donors.filter(THINNED).with_columns(pl.col(DONOR_BLOCK) + OF_THINNED)
    return pl.concat([donors, half])


def donor_counts(donors: pl.LazyFrame, week_pairs: pl.LazyFrame, /) -> pl.LazyFrame:
    """How many donors each recipient week finds in which donor block, and how many of them are of the thinned half:
    recipient_period, period, cell, has_history, candidates, thinned (UInt32).

    Donors that know little of their own SKU (``has_history`` false) serve only the recipient weeks that have no others,
    the very first of a panel.
    """
    counts = donors.group_by(PERIOD, CELL, HAS_HISTORY).agg(pl.len().alias(CANDIDATES), pl.col(THINNED).sum())
    scarce = ~pl.col(HAS_HISTORY).any().over(RECIPIENT_PERIOD)
    return week_pairs.join(counts, on=PERIOD).filter(pl.col(HAS_HISTORY) | scarce)


def pool_radii(recipients: pl.LazyFrame, counts: pl.LazyFrame, /, *, min_candidates: int) -> pl.LazyFrame:
    """How far around its cell a recipient looks: recipient_block, radius (Int32, cells); and how many donors are there
    (candidates), how many of them at most ``NEAR_CELLS`` away (near), and how many in the thinned half (UInt32).

    The radius is the smallest that holds ``min_candidates``, or all cells where there are fewer.
    """
    cells = recipients.select(RECIPIENT_BLOCK, RECIPIENT_PERIOD, RECIPIENT_CELL).unique(RECIPIENT_BLOCK)
    by_cell = counts.group_by(RECIPIENT_PERIOD, CELL).agg(pl.col(CANDIDATES, THINNED).sum())
    gap = (pl.col(CELL) - pl.col(RECIPIENT_CELL)).abs()
    told = (RADIUS, CANDIDATES, NEAR, THINNED)
    enough = pl.when(pl.col(CANDIDATES) >= min_candidates)
    return (
        cells.join(by_cell, on=RECIPIENT_PERIOD)
        .group_by(RECIPIENT_BLOCK, gap.alias(RADIUS))
        .agg(pl.col(CANDIDATES, THINNED).sum())
        .with_columns(pl.col(CANDIDATES, THINNED).cum_sum().over(RECIPIENT_BLOCK, order_by=RADIUS))
        .with_columns(pl.when(pl.col(RADIUS) <= NEAR_CELLS).then(CANDIDATES).alias(NEAR))
        .group_by(RECIPIENT_BLOCK)
        .agg(pl.coalesce(enough.then(name).min(), pl.col(name).max()) for name in told)
    )


def pool_blocks(recipients: pl.LazyFrame, counts: pl.LazyFrame, /) -> pl.LazyFrame:
    """Where recipients of a week and cell find donors, all or half: pool_id, donor block (Int64)."""
    near = pl.int_ranges(
        pl.col(RECIPIENT_CELL) - pl.col(RADIUS), pl.col(RECIPIENT_CELL) + pl.col(RADIUS) + 1, dtype=pl.Int32
    )
    return (
        recipients.unique(POOL_ID)
        .select(POOL_ID, RECIPIENT_PERIOD, USE_THINNED, near.alias(CELL))
        .explode(CELL, empty_as_null=False)
        .join(counts, on=[RECIPIENT_PERIOD, CELL])
        .select(POOL_ID, donor_block() + pl.when(USE_THINNED).then(OF_THINNED).otherwise(0))
    )
