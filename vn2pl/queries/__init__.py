"""The plan: from a panel to the demand that stockouts hid, as Polars lazy frames.

Read :func:`features`, :func:`prepare` and :func:`search` top to bottom; they tell the problem as it is solved. Every
builder is pure, LazyFrame in and LazyFrame out, so that the command, notebooks, the backtest and a cluster all run the
same plan. Frames that several others build on are cached: Polars finds common subplans, but not those within one
another.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

from ..writing.spreadsheet import for_spreadsheets, wide
from .candidates import alike, candidates, targets, with_pools
from .draws import draws
from .imputed import imputed, largest_sales, marked, outcomes
from .names import FIRST, SLOT, TARGET, TARGET_SEASON, WEEK
from .neighbours import donations, named_neighbours, nearest
from .panel import in_demand_units, panel
from .pools import pools, slots, supply, week_pairs
from .profiles import profiles
from .settings import Settings
from .sips import distributions, quantiles, sips
from .stockouts import with_inferred_stockouts
from .summary import summary
from .workload import workload

__all__ = [
    "Found",
    "Prepared",
    "Settings",
    "coefficients",
    "draws",
    "features",
    "for_spreadsheets",
    "imputed",
    "marked",
    "plan",
    "prepare",
    "profiles",
    "published",
    "search",
    "summary",
    "wide",
    "with_inferred_stockouts",
    "workload",
]


class Prepared(NamedTuple):
    """Both sides of the join and which of them meet; small, however many SKUs there are, but for the targets."""

    targets: pl.LazyFrame
    candidates: pl.LazyFrame
    slots: pl.LazyFrame
    largest_sales: pl.LazyFrame


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
    return panel(observed, groupings=groupings).pipe(in_demand_units, demand_unit=settings.demand_unit)


def prepare(features: pl.LazyFrame, settings: Settings, /, *, since: date | None = None) -> Prepared:
    """Stockouts, those from a week on or all, candidates, and the pool of candidates that each is compared with."""
    profile = settings.definition
    stockouts = targets(features, profile)
    stockouts = stockouts if since is None else stockouts.filter(pl.col(WEEK) >= since)
    donors = candidates(features, profile, cell_candidates=settings.cell_candidates).cache()
    weeks = week_pairs(
        features,
        season_window=settings.season_window,
        season_wraps=settings.season_wraps,
        candidate_weeks=settings.candidate_weeks,
    )
    offered = supply(donors, weeks).cache()
    pooled = with_pools(
        stockouts,
        pools(stockouts, offered, min_candidates=settings.min_candidates),
        profile,
        n_neighbors=settings.n_neighbors,
        min_candidates=settings.min_candidates,
    )
    return Prepared(
        targets=pooled,
        candidates=donors.sort(SLOT),  # side by side where joins find them together
        slots=slots(pooled, offered),
        largest_sales=largest_sales(features, weeks, profile),
    )


def search(prepared: Prepared, settings: Settings, /, *, seasons: Sequence[int] | None = None) -> Found:
    """SIPs for the stockouts of the given target seasons, or of all; disjoint seasons concatenate exactly."""
    profile, levels, unit = settings.definition, settings.quantile_levels, settings.demand_unit
    stockouts, donors, reachable, _ = prepared
    if seasons is not None:
        stockouts = stockouts.filter(pl.col(TARGET_SEASON).is_in(list(seasons)))

    same = alike(stockouts).cache()
    firsts = stockouts.join(same.filter(pl.col(TARGET) == pl.col(FIRST)), on=TARGET, how="semi").cache()
    neighbours = nearest(firsts, donors, reachable, profile)
    lent = donations(neighbours, donors, profile).cache()
    distributed = distributions(lent, firsts, profile).cache()
    cut = _for_all(same, quantiles(distributed, firsts, levels=levels, demand_unit=unit))
    answers, told = published(cut.cache(), prepared._replace(targets=stockouts), settings)
    return Found(
        neighbours=named_neighbours(_for_all(same, lent), stockouts, donors, demand_unit=unit),
        distributions=_for_all(same, distributed),
        quantiles=cut,
        sips=answers,
        outcomes=told,
    )


def published(quantiles: pl.LazyFrame, prepared: Prepared, settings: Settings, /) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """SIPs and outcomes of all targets, from the quantiles of those that have any; both sorted by key."""
    levels = settings.quantile_levels
    return (
        sips(quantiles, prepared.targets, levels=levels),
        outcomes(prepared.targets, quantiles, prepared.largest_sales, highest_level=max(levels)),
    )


def plan(observed: pl.LazyFrame, settings: Settings, /) -> Found:
    """The whole way from an observed panel to SIPs, lazily."""
    return search(prepare(features(observed, settings), settings), settings)


def _for_all(same: pl.LazyFrame, found: pl.LazyFrame) -> pl.LazyFrame:
    """What was found for the first of those alike, for each of them."""
    return same.join(found.rename({TARGET: FIRST}), on=FIRST).drop(FIRST)
