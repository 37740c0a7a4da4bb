"""What the plan can be told: one immutable value, the same for the command, notebooks and the backtest."""

from functools import cached_property
from typing import Annotated, Any

import msgspec

from .bounds import Count, Level, Neighbours, Unit, Window
from .profiles import known_profiles
from .profiles.base import CandidateWeeks, Profile

Levels = Annotated[tuple[Level, ...], msgspec.Meta(min_length=1)]

QUANTILE_LEVELS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Settings of the plan; their defaults are the product's.

    ``profile`` names how SKU-weeks are compared and ``parameters`` replaces constants of it; ``candidate_weeks`` is
    "past" or "all"; ``season_window`` counts ISO weeks to either side, 26 being the whole year, on a circle if
    ``season_wraps``. A stockout gets ``n_neighbors`` neighbours out of at least ``min_candidates`` candidates, where
    there are as many, and at most ``cell_candidates`` of one week and cell. ``quantile_levels`` rise within (0, 1);
    ``demand_unit`` is the step of the SIPs in units.
    """

    profile: str = "expected"
    parameters: dict[str, Any] = {}
    candidate_weeks: CandidateWeeks = "past"
    season_window: Window = 8
    season_wraps: bool = True
    n_neighbors: Neighbours = 300
    min_candidates: Count = 2000
    cell_candidates: Count = 64
    quantile_levels: Levels = QUANTILE_LEVELS
    demand_unit: Unit = 1.0

    @cached_property
    def definition(self) -> Profile:
        """The profile with its parameters. Raises KeyError or msgspec.ValidationError where there is no such thing."""
        return msgspec.convert(self.parameters, known_profiles()[self.profile])
