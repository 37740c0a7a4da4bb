"""The two sides of the join: stockout weeks, and the in-stock weeks that may lend them their sales."""

from collections.abc import Callable, Sequence

import polars as pl

from .names import (
    ALLOW_THINNING,
    BATCH,
    CANDIDATES,
    CELL,
    DONOR,
    DONOR_BLOCK,
    HAS_HISTORY,
    HASH_ORDER,
    IN_STOCK,
    IS_SCARCE,
    K_FACTOR,
    KEY,
    KIND,
    LEVEL_SOURCE,
    LOG_SPREAD,
    NB_MEAN,
    NEAR,
    OWN_WEEKS,
    PERIOD,
    RECIPIENT,
    RECIPIENT_BLOCK,
    RECIPIENT_CELL,
    RECIPIENT_PERIOD,
    RECIPIENT_SEASON,
    REPRESENTATIVE,
    ROW,
    SALES,
    SALES_OBSERVED,
    SEASON,
    THINNED,
    USE_THINNED,
    K,
    of_donor,
    of_recipient,
)
from .packing import bits_of, high_of, packed
from .pools import donor_block, pool_id, recipient_block
from .profiles.base import Profile

BATCH_ROWS = 16


def select_recipients(features: pl.LazyFrame, profile: Profile, /) -> pl.LazyFrame:
    """Stockout weeks, with all that later steps need to know of them.

    Returns Store, Product, week, sales_observed (units), sales (multiples of the demand unit, as all else), own_weeks,
    level_source; recipient (the row), recipient_period, recipient_season, recipient_cell, kind, recipient_block (see
    ``pools``); allow_thinning (Boolean), k_factor, log_spread and nb_mean (Float64), as the profile has them; and the
    profile's columns as recipient_*.
    """
    return (
        features.filter(~pl.col(IN_STOCK))
        .select(
            *KEY,
            SALES,
            SALES_OBSERVED,
            OWN_WEEKS,
            LEVEL_SOURCE,
            pl.col(ROW).alias(RECIPIENT),
            pl.col(PERIOD).alias(RECIPIENT_PERIOD),
            pl.col(SEASON).alias(RECIPIENT_SEASON),
            profile.cell().alias(RECIPIENT_CELL),
            profile.kind().alias(KIND),
            profile.allow_thinning().alias(ALLOW_THINNING),
            profile.k_factor().alias(K_FACTOR),
            profile.log_spread().cast(pl.Float64).alias(LOG_SPREAD),
            profile.nb_mean().cast(pl.Float64).alias(NB_MEAN),
            *_compared(profile, of_recipient),
            *(scale.name.map(of_recipient) for scale in profile.scales()),
        )
        .with_columns(recipient_block())
    )


def select_donors(features: pl.LazyFrame, profile: Profile, /, *, cell_candidates: int) -> pl.LazyFrame:
    """In-stock weeks, at most ``cell_candidates`` of a week and cell: the first by hash where there are more.

    The hash is of SKU and week, so that the same ones are drawn every time and new weeks change nothing.

    Returns Store, Product, week; donor (the row), period, cell, has_history and donor_block (see ``pools``); thinned
    (Boolean, every other one of a donor block); the profile's columns as donor_*; and batch (UInt32, within the donor
    block: a few that are alike) where the profile sorts them.
    """
    drawn = pl.col(HASH_ORDER).rank("ordinal").over(DONOR_BLOCK) <= cell_candidates
    return (
        features.filter(pl.col(IN_STOCK) & profile.is_donor())
        .select(
            *KEY,
            pl.col(ROW).alias(DONOR),
            PERIOD,
            HASH_ORDER,
            profile.cell().alias(CELL),
            profile.has_history().alias(HAS_HISTORY),
            profile.nb_mean().alias(NB_MEAN),
            *_compared(profile, of_donor),
        )
        .with_columns(donor_block())
        .filter(drawn)
        .with_columns(_thinned())
        .drop(HASH_ORDER, NB_MEAN)
        .with_columns(_batch(profile.sorting()))
    )


def with_pools(
    recipients: pl.LazyFrame, pools: pl.LazyFrame, profile: Profile, /, *, n_neighbors: int, min_candidates: int
) -> pl.LazyFrame:
    """Recipients with what they are compared with, and how many neighbours they take.

    A recipient takes ``n_neighbors``, times its ``k_factor``, but where few are near no more than the profile's share:
    the rest lie far away. Where thinning is allowed, ``min_candidates`` are near and enough of them are in the thinned
    half, it meets these alone.

    Adds radius (Int32, cells, null without donors), candidates (UInt32, those that it meets), use_thinned (Boolean),
    pool_id (see ``pools``), k (UInt32, neighbours) and is_scarce (Boolean: fewer donors than neighbours are usual).
    """
    found, near, halved = (pl.col(name).fill_null(0) for name in (CANDIDATES, NEAR, THINNED))
    share = pl.max_horizontal(profile.fewest_neighbours, (near * profile.pool_share).ceil())
    return (
        recipients.join(pools, on=RECIPIENT_BLOCK, how="left")
        .with_columns(
            (pl.col(K_FACTOR) * share.clip(upper_bound=n_neighbors)).ceil().cast(pl.UInt32).alias(K),
            (found < pl.col(K_FACTOR) * n_neighbors).alias(IS_SCARCE),
        )
        .with_columns((pl.col(ALLOW_THINNING) & (near >= min_candidates) & (halved >= pl.col(K))).alias(USE_THINNED))
        .with_columns(pl.when(USE_THINNED).then(halved).otherwise(found).cast(pl.UInt32).alias(CANDIDATES), pool_id())
        .drop(RECIPIENT_BLOCK, NEAR, THINNED, ALLOW_THINNING, K_FACTOR)
    )


def deduplicated(recipients: pl.LazyFrame, /) -> pl.LazyFrame:
    """Stockouts, each with the first of those that a search cannot tell apart: recipient, representative (UInt32).

    Cold starts of the same product and week are often alike to the last digit.
    """
    seen = [name for name in recipients.collect_schema().names() if name.startswith(of_recipient(""))]
    same = [*(name for name in seen if name != RECIPIENT_SEASON), K, USE_THINNED, LOG_SPREAD, NB_MEAN, SALES]
    return recipients.select(RECIPIENT, pl.col(RECIPIENT).min().over(same).alias(REPRESENTATIVE))


def _thinned() -> pl.Expr:
    """Every other donor of a donor block in the order of what is expected of them, so that either half is like the
    whole; beginning with the first and the second in turn, week by week."""
    place = (
        packed(bits_of(pl.col(NB_MEAN)), high_of(pl.col(HASH_ORDER))).rank("ordinal").over(DONOR_BLOCK).cast(pl.Int32)
        - 1
    )
    return ((place + pl.col(PERIOD)) % 2 == 0).alias(THINNED)


def _batch(sorting: Sequence[str]) -> Sequence[pl.Expr]:
    """Runs of donors in sorted order; no result hangs on which donors share a batch."""
    if not sorting:
        return []
    place = pl.struct(map(of_donor, sorting)).rank("ordinal").over(DONOR_BLOCK) - 1
    return [(place // BATCH_ROWS).alias(BATCH)]


def _compared(profile: Profile, naming: Callable[[str], str]) -> Sequence[pl.Expr]:
    """Coordinates, and what the rescaling of sales reads of this side."""
    prefix = naming("")
    read = [name.removeprefix(prefix) for name in profile.demand().meta.root_names() if name.startswith(prefix)]
    return [expression.name.map(naming) for expression in (*profile.coordinates(), *map(pl.col, read))]
