"""The two sides of the join: stockout weeks, and the in-stock weeks that may lend them their sales."""

from collections.abc import Callable, Sequence

import polars as pl

from .names import (
    AREA,
    BLOCK,
    BREADTH,
    CANDIDATE,
    CELL,
    FIRST,
    HALF,
    HALF_SUFFICES,
    IN_STOCK,
    IS_SCARCE,
    KEY,
    KIND,
    LEVEL_SOURCE,
    LOT,
    MATURE,
    NEAR,
    OWN_WEEKS,
    PERIOD,
    POOL,
    ROW,
    SALES,
    SALES_OBSERVED,
    SEASON,
    SLOT,
    SMOOTH_MEAN,
    SOUGHT,
    SPARING,
    SPREAD,
    TARGET,
    TARGET_CELL,
    TARGET_PERIOD,
    TARGET_SEASON,
    of_candidate,
    of_target,
)
from .packing import bits_of, high_of, packed
from .pools import area, meeting, slot
from .profiles.base import Profile

BLOCK_ROWS = 16


def targets(features: pl.LazyFrame, profile: Profile, /) -> pl.LazyFrame:
    """Stockout weeks, with all that later steps need to know of them.

    Returns Store, Product, week, sales_observed (units), sales (multiples of the demand unit, as all else),
    own_weeks, level_source; target (the row), target_period, target_season,
    target_cell, kind, area (see ``pools``); half_suffices (Boolean), breadth, spread and smooth_mean (Float64), as the
    profile has them; and the profile's columns as target_*.
    """
    return (
        features.filter(~pl.col(IN_STOCK))
        .select(
            *KEY,
            SALES,
            SALES_OBSERVED,
            OWN_WEEKS,
            LEVEL_SOURCE,
            pl.col(ROW).alias(TARGET),
            pl.col(PERIOD).alias(TARGET_PERIOD),
            pl.col(SEASON).alias(TARGET_SEASON),
            profile.cell().alias(TARGET_CELL),
            profile.kind().alias(KIND),
            profile.half_suffices().alias(HALF_SUFFICES),
            profile.breadth().alias(BREADTH),
            profile.spread().cast(pl.Float64).alias(SPREAD),
            profile.smooth_mean().cast(pl.Float64).alias(SMOOTH_MEAN),
            *_compared(profile, of_target),
            *(scale.name.map(of_target) for scale in profile.scales()),
        )
        .with_columns(area())
    )


def candidates(features: pl.LazyFrame, profile: Profile, /, *, cell_candidates: int) -> pl.LazyFrame:
    """In-stock weeks, at most ``cell_candidates`` of a week and cell, drawn by lot where there are more.

    The lot is a hash of SKU and week, so that the same ones are drawn every time and new weeks change nothing.

    Returns Store, Product, week; candidate (the row), period, cell, mature and slot (see ``pools``); half (Boolean,
    every other one of a slot); the profile's columns as candidate_*; and block (UInt32, within the slot: a few that are
    alike) where the profile sorts them.
    """
    drawn = pl.col(LOT).rank("ordinal").over(SLOT) <= cell_candidates
    return (
        features.filter(pl.col(IN_STOCK) & profile.is_donor())
        .select(
            *KEY,
            pl.col(ROW).alias(CANDIDATE),
            PERIOD,
            LOT,
            profile.cell().alias(CELL),
            profile.is_mature().alias(MATURE),
            profile.smooth_mean().alias(SMOOTH_MEAN),
            *_compared(profile, of_candidate),
        )
        .with_columns(slot())
        .filter(drawn)
        .with_columns(_half())
        .drop(LOT, SMOOTH_MEAN)
        .with_columns(_block(profile.sorting()))
    )


def with_pools(
    targets: pl.LazyFrame, pools: pl.LazyFrame, profile: Profile, /, *, n_neighbors: int, min_candidates: int
) -> pl.LazyFrame:
    """Targets with what they are compared with, and how many neighbours they take.

    A target takes ``n_neighbors``, times its breadth, but where few are near no more than the profile's share of them:
    the rest lie far away. Where half suffices, ``min_candidates`` are near and enough of them are in the half, it meets
    these alone.

    Adds reach (Int32, cells, null without candidates), candidates (UInt32, those that it meets), sparing (Boolean:
    half), meeting (see ``pools``), sought (UInt32, neighbours) and is_scarce (Boolean: fewer candidates than neighbours
    are usual).
    """
    found, near, halved = (pl.col(name).fill_null(0) for name in (POOL, NEAR, HALF))
    share = pl.max_horizontal(profile.fewest_neighbours, (near * profile.pool_share).ceil())
    return (
        targets.join(pools, on=AREA, how="left")
        .with_columns(
            (pl.col(BREADTH) * share.clip(upper_bound=n_neighbors)).ceil().cast(pl.UInt32).alias(SOUGHT),
            (found < pl.col(BREADTH) * n_neighbors).alias(IS_SCARCE),
        )
        .with_columns((pl.col(HALF_SUFFICES) & (near >= min_candidates) & (halved >= pl.col(SOUGHT))).alias(SPARING))
        .with_columns(pl.when(SPARING).then(halved).otherwise(found).cast(pl.UInt32).alias(POOL), meeting())
        .drop(AREA, NEAR, HALF, HALF_SUFFICES, BREADTH)
    )


def alike(targets: pl.LazyFrame, /) -> pl.LazyFrame:
    """Stockouts, each with the first of those that a search cannot tell apart: target, first (UInt32).

    Cold starts of the same product and week are often alike to the last digit.
    """
    seen = [name for name in targets.collect_schema().names() if name.startswith(of_target(""))]
    same = [*(name for name in seen if name != TARGET_SEASON), SOUGHT, SPARING, SPREAD, SMOOTH_MEAN, SALES]
    return targets.select(TARGET, pl.col(TARGET).min().over(same).alias(FIRST))


def _half() -> pl.Expr:
    """Every other candidate of a slot in the order of what is expected of them, so that either half is like the whole;
    beginning with the first and the second in turn, week by week."""
    place = packed(bits_of(pl.col(SMOOTH_MEAN)), high_of(pl.col(LOT))).rank("ordinal").over(SLOT).cast(pl.Int32) - 1
    return ((place + pl.col(PERIOD)) % 2 == 0).alias(HALF)


def _block(sorting: Sequence[str]) -> Sequence[pl.Expr]:
    """Runs of candidates in sorted order; no result hangs on which candidates share a block."""
    if not sorting:
        return []
    place = pl.struct(map(of_candidate, sorting)).rank("ordinal").over(SLOT) - 1
    return [(place // BLOCK_ROWS).alias(BLOCK)]


def _compared(profile: Profile, naming: Callable[[str], str]) -> Sequence[pl.Expr]:
    """Coordinates, and what the rescaling of sales reads of this side."""
    prefix = naming("")
    read = [name.removeprefix(prefix) for name in profile.demand().meta.root_names() if name.startswith(prefix)]
    return [expression.name.map(naming) for expression in (*profile.coordinates(), *map(pl.col, read))]
