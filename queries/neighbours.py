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
    SOUGHT,
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
        targets.drop(KEY)
        .join(slots, on=[TARGET_PERIOD, TARGET_CELL])
        .join(candidates.drop(KEY), on=[PERIOD, CELL, MATURE])
        .with_columns(profile.distance().cast(pl.Float32).alias(DISTANCE))
    )


def nearest(
    targets: pl.LazyFrame,
    candidates: pl.LazyFrame,
    pools: pl.LazyFrame,
    slots: pl.LazyFrame,
    profile: Profile,
    /,
) -> pl.LazyFrame:
    """The nearest candidates of each target, as many as it seeks, or all where there are fewer.

    Returns target and nearest (List of UInt64), distance and candidate packed into one integer each; their order is
    that of the distance and then of the candidates' Store, Product and week.
    """
    asking = targets.join(pools, on=[TARGET_PERIOD, TARGET_CELL]).select(TARGET, SOUGHT, POOL)
    bounds = (
        pairs(targets, _sample(candidates), slots, profile)
        .group_by(TARGET)
        .agg(pl.col(DISTANCE))
        .join(asking, on=TARGET)
        .select(TARGET, _bound().alias(BOUND))
    )
    bounded = targets.join(bounds, on=TARGET, how="left").with_columns(pl.col(BOUND).fill_null(float("inf")))
    within = pairs(bounded, candidates, slots, profile).filter(pl.col(DISTANCE) <= pl.col(BOUND))
    found = _collected(within).join(asking, on=TARGET).cache()
    short = pl.col(NEAREST).list.len() < pl.min_horizontal(POOL, SOUGHT)
    missed = targets.join(found.filter(short), on=TARGET, how="semi")
    again = _collected(pairs(missed, candidates, slots, profile)).join(asking, on=TARGET)
    taken = pl.col(NEAREST).list.sort().list.head(pl.col(SOUGHT))
    return pl.concat([found.filter(~short), again]).select(TARGET, taken)


def donations(
    nearest: pl.LazyFrame, targets: pl.LazyFrame, candidates: pl.LazyFrame, profile: Profile, /
) -> pl.LazyFrame:
    """What each neighbour lends, one row each: target, candidate (UInt32), rank (UInt32, from 1), distance (Float64),
    weight (Float64, > 0) and demand (Float64, units of the target)."""
    return (
        nearest.join(targets.drop(KEY), on=TARGET)
        .with_columns(
            pl.int_ranges(1, pl.col(NEAREST).list.len() + 1, dtype=pl.UInt32).alias(RANK),
            _distance(pl.col(NEAREST).list.last()).alias(FARTHEST),
        )
        .explode(NEAREST, RANK, empty_as_null=False)
        .with_columns(
            (pl.col(NEAREST) % 2**32).cast(pl.UInt32).alias(CANDIDATE), _distance(pl.col(NEAREST)).alias(DISTANCE)
        )
        .join(candidates.drop(KEY), on=CANDIDATE)
        .select(TARGET, CANDIDATE, RANK, DISTANCE, profile.weight().alias(WEIGHT), profile.demand().alias(DEMAND))
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
    """The sampled distance that very likely leaves as many candidates as are sought within it.

    Of those sought, a sample holds their share give or take its square root: three times that is on the safe side.
    """
    share = pl.col(SOUGHT) / SAMPLE
    rank = (share + 3 * share.sqrt()).ceil().cast(pl.Int64)
    return pl.col(DISTANCE).list.sort().list.get(rank - 1, null_on_oob=True)


def _collected(pairs: pl.LazyFrame) -> pl.LazyFrame:
    packed = pl.col(DISTANCE).reinterpret(dtype=pl.UInt32).cast(pl.UInt64) * 2**32 + pl.col(CANDIDATE).cast(pl.UInt64)
    return pairs.select(TARGET, packed.alias(NEAREST)).group_by(TARGET).agg(pl.col(NEAREST))


def _distance(packed: pl.Expr) -> pl.Expr:
    return (packed // 2**32).cast(pl.UInt32).reinterpret(dtype=pl.Float32).cast(pl.Float64)
