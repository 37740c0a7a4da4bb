"""The nearest candidates of every stockout: an exact top-k that does not rank the bulk of the pairs.

A sample of the candidates gives every target a bound that very likely holds its k nearest; only pairs within the bound
are kept and ranked. Where k pairs lie within the bound they are the k nearest, whatever the sample; the few targets
with fewer are searched again without a bound.
"""

from collections.abc import Callable

import polars as pl

from .names import (
    CANDIDATE,
    CELL,
    DEMAND,
    DISTANCE,
    IN_STOCK,
    MATURE,
    PERIOD,
    POOL,
    PRODUCT,
    RANK,
    ROW,
    STORE,
    TARGET,
    TARGET_CELL,
    TARGET_PERIOD,
    WEEK,
    WEIGHT,
    of_candidate,
    of_target,
)
from .profiles.base import Profile

SAMPLE = 16
SPREAD = 7919
BOUND = "bound"
NEAREST = "nearest"
FARTHEST = "farthest"


def targets(features: pl.LazyFrame, profile: Profile, /) -> pl.LazyFrame:
    """Stockout weeks: target (the row), target_period, target_cell and the profile's coordinates as target_*."""
    return features.filter(~pl.col(IN_STOCK)).select(
        pl.col(ROW).alias(TARGET),
        pl.col(PERIOD).alias(TARGET_PERIOD),
        profile.cell().alias(TARGET_CELL),
        *(coordinate.name.map(of_target) for coordinate in profile.coordinates()),
    )


def candidates(features: pl.LazyFrame, profile: Profile, /) -> pl.LazyFrame:
    """In-stock weeks: candidate (the row), period, cell, mature and the profile's coordinates as candidate_*."""
    return features.filter(pl.col(IN_STOCK)).select(
        pl.col(ROW).alias(CANDIDATE),
        PERIOD,
        profile.cell().alias(CELL),
        profile.is_mature().alias(MATURE),
        *(coordinate.name.map(of_candidate) for coordinate in profile.coordinates()),
    )


def pairs(targets: pl.LazyFrame, candidates: pl.LazyFrame, slots: pl.LazyFrame, profile: Profile, /) -> pl.LazyFrame:
    """Every target beside every candidate of its pool: both frames' columns and distance (Float32)."""
    return (
        targets.join(slots, on=[TARGET_PERIOD, TARGET_CELL])
        .join(candidates, on=[PERIOD, CELL, MATURE])
        .with_columns(profile.distance().cast(pl.Float32).alias(DISTANCE))
    )


def neighbours(
    targets: pl.LazyFrame,
    candidates: pl.LazyFrame,
    pools: pl.LazyFrame,
    slots: pl.LazyFrame,
    profile: Profile,
    /,
    *,
    n_neighbors: int,
) -> pl.LazyFrame:
    """The ``n_neighbors`` nearest candidates of each target, all of them where its pool is smaller.

    Returns target, candidate (UInt32), rank (UInt32, from 1) and distance (Float32). Equal distances rank in the order
    of the candidates' Store, Product and week.
    """
    bounds = _bounds(pairs(targets, _sample(candidates), slots, profile), n_neighbors=n_neighbors)
    bounded = targets.join(bounds, on=TARGET, how="left").with_columns(pl.col(BOUND).fill_null(float("inf")))
    within = pairs(bounded, candidates, slots, profile).filter(pl.col(DISTANCE) <= pl.col(BOUND))
    found = _nearest(within, n_neighbors=n_neighbors).cache()
    short = (
        targets.join(pools, on=[TARGET_PERIOD, TARGET_CELL])
        .join(found, on=TARGET, how="left")
        .filter(pl.col(NEAREST).list.len().fill_null(0) < pl.min_horizontal(POOL, n_neighbors))
        .drop(NEAREST, POOL)
    )
    again = _nearest(pairs(short, candidates, slots, profile), n_neighbors=n_neighbors)
    complete = pl.concat([found.join(short, on=TARGET, how="anti"), again])
    return _ranked(complete)


def donations(neighbours: pl.LazyFrame, features: pl.LazyFrame, profile: Profile, /) -> pl.LazyFrame:
    """What each neighbour lends: adds weight (Float64, > 0) and demand (Float64, units of the target)."""
    lent = profile.demand()
    return (
        neighbours.with_columns(pl.col(DISTANCE).cast(pl.Float64))
        .join(_columns_of(features, lent, of_target), on=TARGET)
        .join(_columns_of(features, lent, of_candidate), on=CANDIDATE)
        .with_columns(pl.col(DISTANCE).max().over(TARGET).alias(FARTHEST))
        .select(TARGET, CANDIDATE, RANK, DISTANCE, profile.weight().alias(WEIGHT), lent.alias(DEMAND))
    )


def named_neighbours(donations: pl.LazyFrame, features: pl.LazyFrame, /) -> pl.LazyFrame:
    """The neighbours as published, sorted by their key (Store, Product, week, rank).

    Adds neighbour_store, neighbour_product, neighbour_week, distance, weight and demand.
    """
    candidate = features.select(
        pl.col(ROW).alias(CANDIDATE),
        pl.col(STORE).alias("neighbour_store"),
        pl.col(PRODUCT).alias("neighbour_product"),
        pl.col(WEEK).alias("neighbour_week"),
    )
    target = features.select(pl.col(ROW).alias(TARGET), STORE, PRODUCT, WEEK)
    named = donations.join(target, on=TARGET).join(candidate, on=CANDIDATE).sort(TARGET, RANK)
    return named.select(
        STORE, PRODUCT, WEEK, RANK, "neighbour_store", "neighbour_product", "neighbour_week", DISTANCE, WEIGHT, DEMAND
    )


def _sample(candidates: pl.LazyFrame) -> pl.LazyFrame:
    return candidates.filter(pl.col(CANDIDATE).cast(pl.UInt64) * SPREAD % SAMPLE == 0)


def _bounds(sampled: pl.LazyFrame, *, n_neighbors: int) -> pl.LazyFrame:
    """A distance that should hold ``n_neighbors`` candidates: generous, since to be short costs a second search."""
    rank = int(1.6 * n_neighbors / SAMPLE + 4)
    bound = pl.when(pl.len() >= rank).then(pl.col(DISTANCE).bottom_k(rank).max())
    return sampled.group_by(TARGET).agg(bound.alias(BOUND))


def _nearest(pairs: pl.LazyFrame, *, n_neighbors: int) -> pl.LazyFrame:
    """Distance and candidate packed into one integer: its order is total, that of distance and then of the key."""
    distance = pl.col(DISTANCE).reinterpret(dtype=pl.UInt32).cast(pl.UInt64)
    packed = distance * 2**32 + pl.col(CANDIDATE).cast(pl.UInt64)
    return pairs.select(TARGET, packed.alias(NEAREST)).group_by(TARGET).agg(pl.col(NEAREST).bottom_k(n_neighbors))


def _ranked(nearest: pl.LazyFrame) -> pl.LazyFrame:
    ranks = pl.int_ranges(1, pl.col(NEAREST).list.len() + 1, dtype=pl.UInt32)
    return (
        nearest.select(TARGET, pl.col(NEAREST).list.sort(), ranks.alias(RANK))
        .explode(NEAREST, RANK, empty_as_null=False)
        .select(
            TARGET,
            (pl.col(NEAREST) % 2**32).cast(pl.UInt32).alias(CANDIDATE),
            RANK,
            (pl.col(NEAREST) // 2**32).cast(pl.UInt32).reinterpret(dtype=pl.Float32).alias(DISTANCE),
        )
    )


def _columns_of(features: pl.LazyFrame, expression: pl.Expr, naming: Callable[[str], str]) -> pl.LazyFrame:
    prefix = naming("")
    needed = [name.removeprefix(prefix) for name in expression.meta.root_names() if name.startswith(prefix)]
    return features.select(pl.col(ROW).alias(prefix.removesuffix("_")), pl.col(needed).name.map(naming))
