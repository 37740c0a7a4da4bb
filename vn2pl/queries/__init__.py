"""The plan: from a panel to the demand that stockouts hid, as Polars lazy frames.

Read :func:`features`, :func:`prepare`, :func:`search` and :func:`published` top to bottom; they tell the problem as it
is solved. Every builder is pure, LazyFrame in and LazyFrame out, so that the command, notebooks, the backtest and a
cluster all run the same plan. Frames that several others build on are cached: Polars finds common subplans, but not
those within one another.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

from ..writing.spreadsheet import for_spreadsheets, wide
from .distributions import demand_distributions, quantiles, sips
from .donors import deduplicated, select_donors, select_recipients, with_pools
from .draws import draw_samples
from .imputed import imputed_panel, largest_sales, marked, outcomes
from .names import DONOR_BLOCK, RECIPIENT, RECIPIENT_SEASON, REPRESENTATIVE, WEEK
from .neighbours import donor_values, named_neighbours, nearest
from .panel import coded_panel, in_demand_units
from .pools import donor_counts, pool_blocks, pool_radii, week_pairs
from .profiles import known_profiles
from .settings import Settings
from .stockouts import with_inferred_stockouts
from .summary import summary_figures
from .workload import work_by_season

__all__ = [
    "Found",
    "Prepared",
    "Searched",
    "Settings",
    "coefficients",
    "draw_samples",
    "features",
    "for_spreadsheets",
    "imputed_panel",
    "known_profiles",
    "marked",
    "plan",
    "prepare",
    "published",
    "search",
    "solve",
    "summary_figures",
    "wide",
    "with_inferred_stockouts",
    "work_by_season",
]


class Prepared(NamedTuple):
    """Both sides of the join and which of them meet; small, however many SKUs there are, but for the recipients."""

    recipients: pl.LazyFrame
    donors: pl.LazyFrame
    blocks: pl.LazyFrame
    largest_sales: pl.LazyFrame


class Searched(NamedTuple):
    """What a search finds: frames of the recipients that have neighbours."""

    neighbours: pl.LazyFrame
    distributions: pl.LazyFrame
    quantiles: pl.LazyFrame


class Found(NamedTuple):
    """What a search finds; ``sips`` and ``outcomes`` are made of ``quantiles`` (see :func:`published`)."""

    neighbours: pl.LazyFrame
    distributions: pl.LazyFrame
    quantiles: pl.LazyFrame
    sips: pl.LazyFrame
    outcomes: pl.LazyFrame


def features(observed: pl.LazyFrame, settings: Settings, /) -> pl.LazyFrame:
    """What the profile knows of every SKU-week of an observed panel; sales and levels count in demand units."""
    return settings.definition.features(_coded(observed, settings), candidate_weeks=settings.candidate_weeks)


def coefficients(observed: pl.LazyFrame, settings: Settings, /) -> pl.LazyFrame | None:
    """What the profile's features of an observed panel rest on, week by week, where it learns: week, feature, prior,
    coefficient, standard_error, prior_weight."""
    return settings.definition.coefficients(_coded(observed, settings), candidate_weeks=settings.candidate_weeks)


def _coded(observed: pl.LazyFrame, settings: Settings) -> pl.LazyFrame:
    groupings = settings.definition.groupings(observed.collect_schema())
    return coded_panel(observed, groupings=groupings).pipe(in_demand_units, demand_unit=settings.demand_unit)


def prepare(features: pl.LazyFrame, settings: Settings, /, *, since: date | None = None) -> Prepared:
    """Stockouts, those from a week on or all, donors, and the pool of donors that each is compared with."""
    profile = settings.definition
    stockouts = select_recipients(features, profile)
    stockouts = stockouts if since is None else stockouts.filter(pl.col(WEEK) >= since)
    donors = select_donors(features, profile, cell_candidates=settings.cell_candidates).cache()
    weeks = week_pairs(
        features,
        season_window=settings.season_window,
        season_wraps=settings.season_wraps,
        candidate_weeks=settings.candidate_weeks,
    )
    offered = donor_counts(donors, weeks).cache()
    pooled = with_pools(
        stockouts,
        pool_radii(stockouts, offered, min_candidates=settings.min_candidates),
        profile,
        n_neighbors=settings.n_neighbors,
        min_candidates=settings.min_candidates,
    )
    return Prepared(
        recipients=pooled,
        donors=donors.sort(DONOR_BLOCK),  # side by side where joins find them together
        blocks=pool_blocks(pooled, offered),
        largest_sales=largest_sales(features, weeks, profile),
    )


def search(prepared: Prepared, settings: Settings, /, *, seasons: Sequence[int] | None = None) -> Searched:
    """Quantiles of the stockouts of the given recipient seasons, or of all; disjoint seasons concatenate exactly."""
    profile, levels, unit = settings.definition, settings.quantile_levels, settings.demand_unit
    stockouts, donors, reachable, _ = prepared
    if seasons is not None:
        stockouts = stockouts.filter(pl.col(RECIPIENT_SEASON).is_in(list(seasons)))

    same = deduplicated(stockouts).cache()
    firsts = stockouts.join(same.filter(pl.col(RECIPIENT) == pl.col(REPRESENTATIVE)), on=RECIPIENT, how="semi").cache()
    neighbours = nearest(firsts, donors, reachable, profile)
    lent = donor_values(neighbours, donors, profile).cache()
    distributed = demand_distributions(lent, firsts, profile).cache()
    return Searched(
        neighbours=named_neighbours(_for_all(same, lent), stockouts, donors, demand_unit=unit),
        distributions=_for_all(same, distributed),
        quantiles=_for_all(same, quantiles(distributed, firsts, levels=levels, demand_unit=unit)),
    )


def published(quantiles: pl.LazyFrame, prepared: Prepared, settings: Settings, /) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """SIPs and outcomes of all recipients, from the quantiles of those that have any; both sorted by key."""
    levels = settings.quantile_levels
    return (
        sips(quantiles, prepared.recipients, levels=levels),
        outcomes(prepared.recipients, quantiles, prepared.largest_sales, highest_level=max(levels)),
    )


def solve(prepared: Prepared, settings: Settings, /) -> Found:
    """Search all stockouts and make their SIPs and outcomes, in one lazy plan."""
    found = search(prepared, settings)
    return Found(*found, *published(found.quantiles.cache(), prepared, settings))


def plan(observed: pl.LazyFrame, settings: Settings, /) -> Found:
    """The whole way from an observed panel to SIPs, lazily."""
    return solve(prepare(features(observed, settings), settings), settings)


def _for_all(same: pl.LazyFrame, found: pl.LazyFrame) -> pl.LazyFrame:
    """What was found for the first of those alike, for each of them."""
    return same.join(found.rename({RECIPIENT: REPRESENTATIVE}), on=REPRESENTATIVE).drop(REPRESENTATIVE)
