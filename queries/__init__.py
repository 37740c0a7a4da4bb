"""The plan: from a panel to the demand that stockouts hid, as Polars lazy frames.

Read :func:`search` top to bottom; it tells the problem as it is solved. Every builder is pure, LazyFrame in and
LazyFrame out, so that the command, notebooks, the backtest and a cluster all run the same plan. Frames that several
others build on are cached: Polars finds common subplans, but not those within one another.
"""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from .imputed import imputed, largest_sales, outcomes
from .names import SEASON
from .neighbours import candidates, donations, named_neighbours, neighbours, targets
from .panel import panel
from .pools import pools, slots, supply, week_pairs
from .profiles import profiles
from .settings import Settings
from .sips import distributions, estimates, sips
from .summary import summary
from .workload import workload

__all__ = ["Frames", "Settings", "features", "imputed", "plan", "profiles", "search", "summary"]


class Frames(NamedTuple):
    """The lazy frames of a search, in the order in which they build on each other."""

    targets: pl.LazyFrame
    candidates: pl.LazyFrame
    pools: pl.LazyFrame
    workload: pl.LazyFrame
    neighbours: pl.LazyFrame
    sips: pl.LazyFrame
    outcomes: pl.LazyFrame


def features(observed: pl.LazyFrame, settings: Settings, /) -> pl.LazyFrame:
    """What the profile knows of every SKU-week of an observed panel; computed once, searched in shards."""
    profile = settings.definition
    coded = panel(observed, attributes=profile.attributes)
    return profile.features(coded, candidate_weeks=settings.candidate_weeks)


def search(features: pl.LazyFrame, settings: Settings, /, *, seasons: Sequence[int] | None = None) -> Frames:
    """SIPs for the stockouts of the given target seasons, or of all; disjoint seasons concatenate exactly."""
    profile, levels, unit = settings.definition, settings.quantile_levels, settings.demand_unit
    sought = features if seasons is None else features.filter(pl.col(SEASON).is_in(list(seasons)))

    stockouts = targets(sought, profile)
    donors = candidates(features, profile).cache()
    weeks = week_pairs(
        features,
        season_window=settings.season_window,
        season_wraps=settings.season_wraps,
        candidate_weeks=settings.candidate_weeks,
    )
    offered = supply(donors, weeks).cache()
    pooled = pools(stockouts, offered, min_candidates=settings.min_candidates).cache()
    reachable = slots(pooled, offered).cache()
    nearest = neighbours(stockouts, donors, pooled, reachable, profile, n_neighbors=settings.n_neighbors)
    lent = donations(nearest, features, profile).cache()
    distributed = distributions(lent, sought, demand_unit=unit).cache()
    estimated = estimates(distributed, sought, levels=levels, demand_unit=unit).cache()
    return Frames(
        targets=stockouts,
        candidates=donors,
        pools=pooled,
        workload=workload(stockouts, pooled, sought),
        neighbours=named_neighbours(lent, features),
        sips=sips(estimated, sought, levels=levels),
        outcomes=outcomes(
            stockouts,
            pooled,
            estimated,
            largest_sales(features, weeks),
            sought,
            n_neighbors=settings.n_neighbors,
            highest_level=max(levels),
        ),
    )


def plan(observed: pl.LazyFrame, settings: Settings, /) -> Frames:
    """The whole way from an observed panel to SIPs, lazily."""
    return search(features(observed, settings), settings)
