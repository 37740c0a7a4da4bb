"""The two sides of the join: stockout weeks, and the in-stock weeks that may lend them their sales."""

from collections.abc import Callable, Sequence

import polars as pl

from .names import (
    BLOCK,
    CANDIDATE,
    CELL,
    FIRST,
    IN_STOCK,
    KEY,
    LEVEL_SOURCE,
    LOT,
    MATURE,
    OWN_WEEKS,
    PERIOD,
    ROW,
    SALES,
    SEASON,
    SLOT,
    SMOOTH_MEAN,
    SOUGHT,
    SPREAD,
    TARGET,
    TARGET_CELL,
    TARGET_PERIOD,
    TARGET_SEASON,
    of_candidate,
    of_target,
)
from .pools import slot
from .profiles.base import Profile

BLOCK_ROWS = 16


def targets(features: pl.LazyFrame, profile: Profile, /, *, n_neighbors: int) -> pl.LazyFrame:
    """Stockout weeks, with all that later steps need to know of them.

    Returns Store, Product, week, sales, own_weeks, level_source; target (the row), target_period, target_season,
    target_cell; sought (UInt32, how many neighbours), spread and smooth_mean (Float64, see the profile); and the
    profile's columns as target_*.
    """
    return features.filter(~pl.col(IN_STOCK)).select(
        *KEY,
        SALES,
        OWN_WEEKS,
        LEVEL_SOURCE,
        pl.col(ROW).alias(TARGET),
        pl.col(PERIOD).alias(TARGET_PERIOD),
        pl.col(SEASON).alias(TARGET_SEASON),
        profile.cell().alias(TARGET_CELL),
        (profile.breadth() * n_neighbors).cast(pl.UInt32).alias(SOUGHT),
        profile.spread().cast(pl.Float64).alias(SPREAD),
        profile.smooth_mean().cast(pl.Float64).alias(SMOOTH_MEAN),
        *_compared(profile, of_target),
        *(scale.name.map(of_target) for scale in profile.scales()),
    )


def candidates(features: pl.LazyFrame, profile: Profile, /, *, cell_candidates: int) -> pl.LazyFrame:
    """In-stock weeks, at most ``cell_candidates`` of a week and cell, drawn by lot where there are more.

    The lot is a hash of SKU and week, so that the same ones are drawn every time and new weeks change nothing.

    Returns Store, Product, week; candidate (the row), period, cell, mature and slot (see ``pools``); the profile's
    columns as candidate_*; and block (UInt32, within the slot: a few that are alike) where the profile sorts them.
    """
    drawn = pl.col(LOT).rank("ordinal").over(SLOT) <= cell_candidates
    return (
        features.filter(pl.col(IN_STOCK))
        .select(
            *KEY,
            pl.col(ROW).alias(CANDIDATE),
            PERIOD,
            LOT,
            profile.cell().alias(CELL),
            profile.is_mature().alias(MATURE),
            *_compared(profile, of_candidate),
        )
        .with_columns(slot())
        .filter(drawn)
        .drop(LOT)
        .with_columns(_block(profile.sorting()))
    )


def alike(targets: pl.LazyFrame, /) -> pl.LazyFrame:
    """Stockouts, each with the first of those that a search cannot tell apart: target, first (UInt32).

    Cold starts of the same product and week are often alike to the last digit.
    """
    seen = [name for name in targets.collect_schema().names() if name.startswith(of_target(""))]
    same = [*(name for name in seen if name != TARGET_SEASON), SOUGHT, SPREAD, SMOOTH_MEAN, SALES]
    return targets.select(TARGET, pl.col(TARGET).min().over(same).alias(FIRST))


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
