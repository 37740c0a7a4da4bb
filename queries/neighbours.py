"""The nearest candidates of every stockout: an exact top-k that does not rank the bulk of the pairs.

A sample of the candidates gives every target a bound that very likely holds its k nearest; only pairs within the bound
are kept and ranked. Where k pairs lie within the bound they are the k nearest, whatever the sample; the few targets
with fewer are searched again without a bound. No target with candidates is missed: what set its bound lies within it.
"""

import polars as pl

from .names import (
    CANDIDATE,
    CELL,
    DEMAND,
    DISTANCE,
    KEY,
    MATURE,
    PERIOD,
    POOL,
    PRODUCT,
    RANK,
    SALES,
    SOUGHT,
    SPREAD,
    STORE,
    TARGET,
    TARGET_CELL,
    TARGET_PERIOD,
    WEEK,
    WEIGHT,
)
from .profiles.base import Profile

SAMPLE = 16
SAMPLING = 7919
BOUND = "bound"
NEAREST = "nearest"
FARTHEST = "farthest"
NEIGHBOUR = {STORE: "neighbour_store", PRODUCT: "neighbour_product", WEEK: "neighbour_week"}


def pairs(targets: pl.LazyFrame, candidates: pl.LazyFrame, slots: pl.LazyFrame, profile: Profile, /) -> pl.LazyFrame:
    """Every target beside every candidate of its pool: target, candidate, distance (Float32).

    Columns of ``targets`` that are no coordinates stay.
    """
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
) -> pl.LazyFrame:
    """The nearest candidates of each target, as many as it seeks, or all where there are fewer.

    Returns target, candidate (UInt32), rank (UInt32, from 1) and distance (Float32). Equal distances rank in the order
    of the candidates' Store, Product and week.
    """
    seeking = targets.drop(KEY).join(pools, on=[TARGET_PERIOD, TARGET_CELL])
    offered = candidates.drop(KEY)
    bounds = pairs(seeking, _sample(offered), slots, profile).group_by(TARGET).agg(_bound().alias(BOUND))
    bounded = seeking.join(bounds, on=TARGET, how="left").with_columns(pl.col(BOUND).fill_null(float("inf")))
    within = pairs(bounded, offered, slots, profile).filter(pl.col(DISTANCE) <= pl.col(BOUND))
    found = _nearest(within).cache()
    short = pl.col(NEAREST).list.len() < pl.min_horizontal(POOL, SOUGHT)
    again = pairs(seeking.join(found.filter(short), on=TARGET, how="semi"), offered, slots, profile)
    return _ranked(pl.concat([found.filter(~short), _nearest(again)]))


def donations(
    neighbours: pl.LazyFrame, targets: pl.LazyFrame, candidates: pl.LazyFrame, profile: Profile, /
) -> pl.LazyFrame:
    """What each neighbour lends: adds weight (Float64, > 0), demand (Float64, units of the target), spread
    and sales (the target's own)."""
    return (
        neighbours.with_columns(pl.col(DISTANCE).cast(pl.Float64))
        .join(targets.drop(KEY), on=TARGET)
        .join(candidates.drop(KEY), on=CANDIDATE)
        .with_columns(pl.col(DISTANCE).max().over(TARGET).alias(FARTHEST))
        .select(
            TARGET,
            CANDIDATE,
            RANK,
            DISTANCE,
            profile.weight().alias(WEIGHT),
            profile.demand().alias(DEMAND),
            SPREAD,
            SALES,
        )
    )


def named_neighbours(donations: pl.LazyFrame, targets: pl.LazyFrame, candidates: pl.LazyFrame, /) -> pl.LazyFrame:
    """The neighbours as published, sorted by their key (Store, Product, week, rank).

    Adds neighbour_store, neighbour_product, neighbour_week, distance, weight and demand.
    """
    named = candidates.select(CANDIDATE, *(pl.col(name).alias(alias) for name, alias in NEIGHBOUR.items()))
    return (
        donations.join(targets.select(TARGET, *KEY), on=TARGET)
        .join(named, on=CANDIDATE)
        .sort(TARGET, RANK)
        .select(*KEY, RANK, *NEIGHBOUR.values(), DISTANCE, WEIGHT, DEMAND)
    )


def _sample(candidates: pl.LazyFrame) -> pl.LazyFrame:
    return candidates.filter(pl.col(CANDIDATE).cast(pl.UInt64) * SAMPLING % SAMPLE == 0)


def _bound() -> pl.Expr:
    """A distance that should hold as many candidates as are sought: generous, as to be short costs a second search."""
    rank = (pl.col(SOUGHT).first() * (1.6 / SAMPLE) + 4).cast(pl.Int64)
    return pl.col(DISTANCE).sort().get(rank - 1, null_on_oob=True)


def _nearest(pairs: pl.LazyFrame) -> pl.LazyFrame:
    """Distance and candidate packed into one integer: its order is total, that of distance and then of the key."""
    distance = pl.col(DISTANCE).reinterpret(dtype=pl.UInt32).cast(pl.UInt64)
    packed = distance * 2**32 + pl.col(CANDIDATE).cast(pl.UInt64)
    return (
        pairs.select(TARGET, SOUGHT, POOL, packed.alias(NEAREST))
        .group_by(TARGET)
        .agg(pl.col(NEAREST).bottom_k(pl.col(SOUGHT).first()), pl.col(SOUGHT, POOL).first())
    )


def _ranked(nearest: pl.LazyFrame) -> pl.LazyFrame:
    return (
        nearest.select(TARGET, pl.col(NEAREST).list.sort())
        .with_columns(pl.int_ranges(1, pl.col(NEAREST).list.len() + 1, dtype=pl.UInt32).alias(RANK))
        .explode(NEAREST, RANK, empty_as_null=False)
        .select(
            TARGET,
            (pl.col(NEAREST) % 2**32).cast(pl.UInt32).alias(CANDIDATE),
            RANK,
            (pl.col(NEAREST) // 2**32).cast(pl.UInt32).reinterpret(dtype=pl.Float32).alias(DISTANCE),
        )
    )
