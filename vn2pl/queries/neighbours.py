"""The nearest candidates of every stockout: an exact top-k that does not rank the bulk of the pairs.

A sample of the candidates gives every target a bound that very likely holds its k nearest; only pairs within the bound
are kept and ranked, and where the profile sorts its candidates, blocks of them that lie beyond it are not even paired.
Where k pairs lie within the bound they are the k nearest, whatever the sample; the few targets with fewer are searched
again without a bound. No target with candidates is missed: what set its bound lies within it.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add

import polars as pl

from .names import (
    BLOCK,
    CANDIDATE,
    DEMAND,
    DISTANCE,
    KEY,
    MEETING,
    POOL,
    PRODUCT,
    RANK,
    SLOT,
    SOUGHT,
    STORE,
    TARGET,
    WEEK,
    WEIGHT,
    of_candidate,
    of_target,
)
from .packing import bits_of, high_of, low_of, packed, value_of
from .pools import is_every, with_halves
from .profiles.base import Gap, Profile

SAMPLE = 16
SAMPLED_SLOTS = 4
SAMPLING = 2654435761
CAUTION = 2.5
BOUND = "bound"
NEAREST = "nearest"
SHORT = "short"
FARTHEST = "farthest"
NEIGHBOUR = {STORE: "neighbour_store", PRODUCT: "neighbour_product", WEEK: "neighbour_week"}


def pairs(targets: pl.LazyFrame, candidates: pl.LazyFrame, slots: pl.LazyFrame, profile: Profile, /) -> pl.LazyFrame:
    """Every target beside every candidate of its pool: target, candidate, distance (Float32, in the profile's unit) and
    all other columns of both sides but their keys.
    """
    return _paired(_reached(targets, slots), candidates, [SLOT], profile)


def pairs_within(
    bounded: pl.LazyFrame, candidates: pl.LazyFrame, slots: pl.LazyFrame, profile: Profile, /
) -> pl.LazyFrame:
    """The pairs of targets with a ``bound`` that are no farther apart.

    Where candidates come in blocks, a target meets only the blocks whose box, between the least and the largest of
    each coordinate, lies within its bound. The distance to a box is that of its nearest point, worked out by the same
    formula in the same precision, and rounding keeps order: it never exceeds that of a candidate inside.
    """
    near = pl.col(DISTANCE) <= pl.col(BOUND)
    if not profile.sorting():
        return pairs(bounded, candidates, slots, profile).filter(near)
    boxes = candidates.group_by(SLOT, BLOCK).agg(*_box(profile))
    met = _reached(bounded, slots).join(boxes, on=SLOT).filter(_distance(profile, _gap_to_box) <= pl.col(BOUND))
    return _paired(met, candidates, [SLOT, BLOCK], profile).filter(near)


def nearest(
    targets: pl.LazyFrame,
    candidates: pl.LazyFrame,
    slots: pl.LazyFrame,
    profile: Profile,
    /,
) -> pl.LazyFrame:
    """The nearest candidates of each target, as many as it seeks, or all where there are fewer.

    Returns the targets that have any, without their key, and nearest (List of UInt64), distance and candidate packed
    into one integer each; their order is that of the distance and then of the candidates' Store, Product and week.
    """
    slots = slots.join(targets, on=MEETING, how="semi").cache()
    candidates = with_halves(candidates).join(slots, on=SLOT, how="semi").cache()  # fewer to join with
    # A quarter of the candidates in a quarter of the slots, which are fewer to look into, unless they are few anyway.
    every = 1 if profile.sorting() else SAMPLED_SLOTS
    sample = candidates.filter(is_every(every) & _is_drawn(SAMPLE // every))
    bounds = (
        pairs(targets, sample, slots.filter(is_every(every)), profile)
        .group_by(TARGET)
        .agg(bits_of(pl.col(DISTANCE)))
        .join(targets.select(TARGET, SOUGHT, POOL), on=TARGET)
        .select(TARGET, _bound().alias(BOUND))
    )
    bounded = targets.join(bounds, on=TARGET, how="left").with_columns(pl.col(BOUND).fill_null(float("inf")))
    found = _taken(pairs_within(bounded, candidates, slots, profile), targets).cache()
    missed = targets.join(found.filter(SHORT), on=TARGET, how="semi")
    again = _taken(pairs(missed, candidates, slots, profile), missed)
    return pl.concat([found.filter(~pl.col(SHORT)), again]).drop(SHORT)


def donations(nearest: pl.LazyFrame, candidates: pl.LazyFrame, profile: Profile, /) -> pl.LazyFrame:
    """What each neighbour lends, one row each: target, candidate (UInt32), distance (Float64), weight
    (Float64, > 0) and demand (Float64, multiples of the demand unit)."""
    return (
        nearest.with_columns(_distance_of(pl.col(NEAREST).list.last(), profile).alias(FARTHEST))
        .explode(NEAREST, empty_as_null=False)
        .with_columns(low_of(pl.col(NEAREST)).alias(CANDIDATE), _distance_of(pl.col(NEAREST), profile).alias(DISTANCE))
        .join(candidates.drop(KEY), on=CANDIDATE)
        .select(TARGET, CANDIDATE, DISTANCE, profile.weight().alias(WEIGHT), profile.demand().alias(DEMAND))
    )


def named_neighbours(
    donations: pl.LazyFrame, targets: pl.LazyFrame, candidates: pl.LazyFrame, /, *, demand_unit: float
) -> pl.LazyFrame:
    """The neighbours as published, sorted by their key (Store, Product, week, rank).

    Adds neighbour_store, neighbour_product, neighbour_week, distance, weight and demand (units); ranks (UInt32, from 1)
    are by distance, and among equals by the neighbour's own key.
    """
    rank = pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).over(TARGET, order_by=[DISTANCE, CANDIDATE])
    named = candidates.select(CANDIDATE, *(pl.col(name).alias(alias) for name, alias in NEIGHBOUR.items()))
    return (
        donations.join(targets.select(TARGET, *KEY), on=TARGET)
        .join(named, on=CANDIDATE)
        .with_columns(rank.alias(RANK))
        .sort(TARGET, RANK)
        .select(*KEY, RANK, *NEIGHBOUR.values(), DISTANCE, WEIGHT, pl.col(DEMAND) * demand_unit)
    )


def _reached(targets: pl.LazyFrame, slots: pl.LazyFrame) -> pl.LazyFrame:
    # Cached, so that the engine does not put joins into another order: candidates first takes half as long again.
    return targets.drop(KEY).join(slots, on=MEETING).cache()


def _paired(reached: pl.LazyFrame, candidates: pl.LazyFrame, on: Sequence[str], profile: Profile) -> pl.LazyFrame:
    compared = candidates.drop(KEY)
    return reached.join(compared, on=on).with_columns(_distance(profile, gap).alias(DISTANCE))


def _distance(profile: Profile, gap: Gap) -> pl.Expr:
    """In the profile's unit."""
    return reduce(add, profile.parts(gap)).cast(pl.Float32)


def gap(name: str, /) -> pl.Expr:
    """Absolute difference of a coordinate (over pairs)."""
    return (pl.col(of_target(name)) - pl.col(of_candidate(name))).abs()


def _box(profile: Profile) -> Iterator[pl.Expr]:
    for expression in profile.coordinates():
        name = expression.meta.output_name()
        coordinate = pl.col(of_candidate(name))
        yield coordinate.min().alias(_lowest(name))
        yield coordinate.max().alias(_highest(name))


def _gap_to_box(name: str) -> pl.Expr:
    """From the target to the nearest point of the box, none where it lies within."""
    own = pl.col(of_target(name))
    return pl.max_horizontal(pl.col(_lowest(name)) - own, own - pl.col(_highest(name)), 0)


def _lowest(name: str) -> str:
    return f"lowest_{name}"


def _highest(name: str) -> str:
    return f"highest_{name}"


def _is_drawn(number: int) -> pl.Expr:
    """One in ``number`` candidates, as good as at random."""
    return pl.col(CANDIDATE).cast(pl.UInt64) * SAMPLING % 2**32 < 2**32 // number


def _bound() -> pl.Expr:
    """The sampled distance that very likely leaves as many candidates as are sought within it.

    Of those sought, a sample holds their share, give or take the deviation of a binomial. ``CAUTION`` times that leaves
    a few in a thousand targets short, which costs less than more pairs for all.
    """
    share = pl.col(SOUGHT) / SAMPLE
    deviation = (share * (1 - pl.col(SOUGHT) / pl.col(POOL)).clip(lower_bound=0.0)).sqrt()
    rank = (share + CAUTION * deviation).ceil().cast(pl.Int64)
    return value_of(pl.col(DISTANCE).list.sort().list.get(rank - 1, null_on_oob=True))


def _taken(pairs: pl.LazyFrame, targets: pl.LazyFrame) -> pl.LazyFrame:
    """The nearest of these pairs: targets, nearest, and short (Boolean: fewer than are sought, and than there are)."""
    both = packed(bits_of(pl.col(DISTANCE)), pl.col(CANDIDATE))
    is_short = pl.col(NEAREST).list.len() < pl.min_horizontal(POOL, SOUGHT)
    return (
        pairs.select(TARGET, both.alias(NEAREST))
        .group_by(TARGET)
        .agg(pl.col(NEAREST))
        .join(targets.drop(KEY), on=TARGET)
        .with_columns(pl.col(NEAREST).list.sort().list.head(pl.col(SOUGHT)), is_short.alias(SHORT))
    )


def _distance_of(nearest: pl.Expr, profile: Profile) -> pl.Expr:
    return value_of(high_of(nearest)).cast(pl.Float64) * profile.distance_unit
