"""The nearest donors of every stockout: an exact top-k that does not rank the bulk of the pairs.

A sample of the donors gives every recipient a bound that very likely holds its k nearest; only pairs within the bound
are kept and ranked, and where the profile sorts its donors, blocks of them that lie beyond it are not even paired.
Where k pairs lie within the bound they are the k nearest, whatever the sample; the few with fewer are searched
again without a bound. No recipient with donors is missed: what set its bound lies within it.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add

import polars as pl

from .names import (
    BATCH,
    CANDIDATES,
    DEMAND,
    DISTANCE,
    DONOR,
    DONOR_BLOCK,
    KEY,
    POOL_ID,
    PRODUCT,
    RANK,
    RECIPIENT,
    STORE,
    WEEK,
    WEIGHT,
    K,
    of_donor,
    of_recipient,
)
from .packing import bits_of, high_of, low_of, packed, value_of
from .pools import is_every, with_thinned
from .profiles.base import Gap, Profile

SAMPLE = 16
SAMPLED_BLOCKS = 4
SAMPLING = 2654435761
CAUTION = 2.5
BOUND = "bound"
NEAREST = "nearest"
SHORT = "short"
FARTHEST = "farthest"
NEIGHBOUR = {STORE: "neighbour_store", PRODUCT: "neighbour_product", WEEK: "neighbour_week"}


def pairs(recipients: pl.LazyFrame, donors: pl.LazyFrame, blocks: pl.LazyFrame, profile: Profile, /) -> pl.LazyFrame:
    """Every recipient beside every donor of its pool: recipient, donor, distance (Float32, in the profile's unit) and
    all other columns of both sides but their keys.
    """
    return _paired(_reached(recipients, blocks), donors, [DONOR_BLOCK], profile)


def pairs_within(
    bounded: pl.LazyFrame, donors: pl.LazyFrame, blocks: pl.LazyFrame, profile: Profile, /
) -> pl.LazyFrame:
    """The pairs of recipients with a ``bound`` that are no farther apart.

    Where donors come in blocks, a recipient meets only the blocks whose box, between the least and the largest of
    each coordinate, lies within its bound. The distance to a box is that of its nearest point, worked out by the same
    formula in the same precision, and rounding keeps order: it never exceeds that of a donor inside.
    """
    near = pl.col(DISTANCE) <= pl.col(BOUND)
    if not profile.sorting():
        return pairs(bounded, donors, blocks, profile).filter(near)
    boxes = donors.group_by(DONOR_BLOCK, BATCH).agg(*_box(profile))
    met = _reached(bounded, blocks).join(boxes, on=DONOR_BLOCK).filter(_distance(profile, _gap_to_box) <= pl.col(BOUND))
    return _paired(met, donors, [DONOR_BLOCK, BATCH], profile).filter(near)


def nearest(
    recipients: pl.LazyFrame,
    donors: pl.LazyFrame,
    blocks: pl.LazyFrame,
    profile: Profile,
    /,
) -> pl.LazyFrame:
    """The nearest donors of each recipient, as many as it seeks, or all where there are fewer.

    Returns the recipients that have any, without their key, and nearest (List of UInt64), distance and donor packed
    into one integer each; their order is that of the distance and then of the donors' Store, Product and week.
    """
    blocks = blocks.join(recipients, on=POOL_ID, how="semi").cache()
    donors = with_thinned(donors).join(blocks, on=DONOR_BLOCK, how="semi").cache()  # fewer to join with
    # A quarter of the donors in a quarter of the blocks, fewer to look into, unless they are few anyway.
    every = 1 if profile.sorting() else SAMPLED_BLOCKS
    sample = donors.filter(is_every(every) & _is_drawn(SAMPLE // every))
    bounds = (
        pairs(recipients, sample, blocks.filter(is_every(every)), profile)
        .group_by(RECIPIENT)
        .agg(bits_of(pl.col(DISTANCE)))
        .join(recipients.select(RECIPIENT, K, CANDIDATES), on=RECIPIENT)
        .select(RECIPIENT, _bound().alias(BOUND))
    )
    bounded = recipients.join(bounds, on=RECIPIENT, how="left").with_columns(pl.col(BOUND).fill_null(float("inf")))
    found = _taken(pairs_within(bounded, donors, blocks, profile), recipients).cache()
    missed = recipients.join(found.filter(SHORT), on=RECIPIENT, how="semi")
    again = _taken(pairs(missed, donors, blocks, profile), missed)
    return pl.concat([found.filter(~pl.col(SHORT)), again]).drop(SHORT)


def donor_values(nearest: pl.LazyFrame, donors: pl.LazyFrame, profile: Profile, /) -> pl.LazyFrame:
    """What each neighbour lends, one row each: recipient, donor (UInt32), distance (Float64), weight
    (Float64, > 0) and demand (Float64, multiples of the demand unit)."""
    return (
        nearest.with_columns(_distance_of(pl.col(NEAREST).list.last(), profile).alias(FARTHEST))
        .explode(NEAREST, empty_as_null=False)
        .with_columns(low_of(pl.col(NEAREST)).alias(DONOR), _distance_of(pl.col(NEAREST), profile).alias(DISTANCE))
        .join(donors.drop(KEY), on=DONOR)
        .select(RECIPIENT, DONOR, DISTANCE, profile.weight().alias(WEIGHT), profile.demand().alias(DEMAND))
    )


def named_neighbours(
    donations: pl.LazyFrame, recipients: pl.LazyFrame, donors: pl.LazyFrame, /, *, demand_unit: float
) -> pl.LazyFrame:
    """The neighbours as published, sorted by their key (Store, Product, week, rank).

    Adds neighbour_store, neighbour_product, neighbour_week, distance, weight and demand (units); ranks (UInt32, from 1)
    are by distance, and among equals by the neighbour's own key.
    """
    rank = pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).over(RECIPIENT, order_by=[DISTANCE, DONOR])
    named = donors.select(DONOR, *(pl.col(name).alias(alias) for name, alias in NEIGHBOUR.items()))
    return (
        donations.join(recipients.select(RECIPIENT, *KEY), on=RECIPIENT)
        .join(named, on=DONOR)
        .with_columns(rank.alias(RANK))
        .sort(RECIPIENT, RANK)
        .select(*KEY, RANK, *NEIGHBOUR.values(), DISTANCE, WEIGHT, pl.col(DEMAND) * demand_unit)
    )


def _reached(recipients: pl.LazyFrame, blocks: pl.LazyFrame) -> pl.LazyFrame:
    # Cached, so that the engine does not put joins into another order: donors first takes half as long again.
    return recipients.drop(KEY).join(blocks, on=POOL_ID).cache()


def _paired(reached: pl.LazyFrame, donors: pl.LazyFrame, on: Sequence[str], profile: Profile) -> pl.LazyFrame:
    compared = donors.drop(KEY)
    return reached.join(compared, on=on).with_columns(_distance(profile, gap).alias(DISTANCE))


def _distance(profile: Profile, gap: Gap) -> pl.Expr:
    """In the profile's unit."""
    return reduce(add, profile.parts(gap)).cast(pl.Float32)


def gap(name: str, /) -> pl.Expr:
    """Absolute difference of a coordinate (over pairs)."""
    return (pl.col(of_recipient(name)) - pl.col(of_donor(name))).abs()


def _box(profile: Profile) -> Iterator[pl.Expr]:
    for expression in profile.coordinates():
        name = expression.meta.output_name()
        coordinate = pl.col(of_donor(name))
        yield coordinate.min().alias(_lowest(name))
        yield coordinate.max().alias(_highest(name))


def _gap_to_box(name: str) -> pl.Expr:
    """From the recipient to the nearest point of the box, none where it lies within."""
    own = pl.col(of_recipient(name))
    return pl.max_horizontal(pl.col(_lowest(name)) - own, own - pl.col(_highest(name)), 0)


def _lowest(name: str) -> str:
    return f"lowest_{name}"


def _highest(name: str) -> str:
    return f"highest_{name}"


def _is_drawn(number: int) -> pl.Expr:
    """One in ``number`` donors, as good as at random."""
    return pl.col(DONOR).cast(pl.UInt64) * SAMPLING % 2**32 < 2**32 // number


def _bound() -> pl.Expr:
    """The sampled distance that very likely leaves as many donors as are sought within it.

    Of those sought, a sample holds their share, give or take the deviation of a binomial. ``CAUTION`` times that leaves
    a few in a thousand recipients short, which costs less than more pairs for all.
    """
    share = pl.col(K) / SAMPLE
    deviation = (share * (1 - pl.col(K) / pl.col(CANDIDATES)).clip(lower_bound=0.0)).sqrt()
    rank = (share + CAUTION * deviation).ceil().cast(pl.Int64)
    return value_of(pl.col(DISTANCE).list.sort().list.get(rank - 1, null_on_oob=True))


def _taken(pairs: pl.LazyFrame, recipients: pl.LazyFrame) -> pl.LazyFrame:
    """The nearest of these pairs: recipients, nearest, and short (Boolean: fewer than k, and than there are)."""
    both = packed(bits_of(pl.col(DISTANCE)), pl.col(DONOR))
    is_short = pl.col(NEAREST).list.len() < pl.min_horizontal(CANDIDATES, K)
    return (
        pairs.select(RECIPIENT, both.alias(NEAREST))
        .group_by(RECIPIENT)
        .agg(pl.col(NEAREST))
        .join(recipients.drop(KEY), on=RECIPIENT)
        .with_columns(pl.col(NEAREST).list.sort().list.head(pl.col(K)), is_short.alias(SHORT))
    )


def _distance_of(nearest: pl.Expr, profile: Profile) -> pl.Expr:
    return value_of(high_of(nearest)).cast(pl.Float64) * profile.distance_unit
