"""The features of the model: numbers of every SKU-week, log scale, and what their coefficients are beforehand."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from ...names import OWN_WEEKS, PRODUCT, STORE
from .cells import EVERYBODY, By, Cell
from .levels import log_of, recent_levels
from .week_index import drift, index_of

USUAL, INDEX = "usual", "index"
# What the factors of expected demand tell of: the SKU itself, its week elsewhere, the weeks before, the year before.
LEVEL, WEEK, DRIFT, YEAR = PARTS = ("level", "week_index", "drift", "year_away")
# How far the SKU's levels of late tell, the shorter half-life first; the rest is its long-run level.
OWN_PRIORS = (0.3, 0.6)
# How strongly a SKU follows its product, its store and everybody; of other cells nothing is known beforehand.
CELL_PRIORS: Mapping[By, float] = {(PRODUCT,): 0.5, (STORE,): 0.4, EVERYBODY: 0.5}
DRIFT_PRIOR, SLOPE_PRIOR, YEAR_PRIOR = 0.4, 0.5, 0.1
# The level, in demand units, at which damped features count half: what a SKU sells much of, its own sales tell.
DAMPING = 2.0
LARGEST_GAP = 3.0
RESIDUALS = (OWN_SLOPE, OWN_YEAR) = ("week, own slope", "year away")


class Feature(NamedTuple):
    """A number, what it tells of (one of ``PARTS``), and what its coefficient is beforehand."""

    name: str
    part: str
    value: pl.Expr
    prior: float = 0.0


def own_features(half_lives: Sequence[float], /) -> Iterator[Feature]:
    """What the SKU sold of late against its long-run level, and the same damped."""
    damped = _damped(pl.col("long_run_level"))
    for (half_life, ratio), prior in zip(recent_levels(half_lives).items(), OWN_PRIORS, strict=True):
        yield Feature(f"level of {half_life:g} weeks", LEVEL, ratio, prior)
        yield Feature(f"level of {half_life:g} weeks, damped", LEVEL, ratio * damped)


def cell_features(cells: Sequence[Cell], /) -> Iterator[Feature]:
    """The week index of every cell."""
    for cell in cells:
        yield Feature(f"week of {cell.name}", WEEK, index_of(cell), CELL_PRIORS.get(cell.by, 0.0))


def cold_features(settled_weeks: int, /) -> Iterator[Feature]:
    """What the others' levels still tell once there are own weeks."""
    weeks, base = pl.col(OWN_WEEKS), pl.col("long_run_level")
    gap = (log_of(pl.col("cold_level").exp()) - log_of(base)).clip(-LARGEST_GAP, LARGEST_GAP)
    yield Feature("unsettled", LEVEL, (1 - weeks / settled_weeks).clip(lower_bound=0.0))
    yield Feature("cold level, few weeks", LEVEL, gap * settled_weeks / (settled_weeks + weeks))
    yield Feature("cold level, damped", LEVEL, gap * _damped(base))


def drift_features(half_lives: Sequence[float], /, *, both_sides: bool) -> Iterator[Feature]:
    """Where the weeks around have been going."""
    for half_life in half_lives:
        value = drift(INDEX, half_life, both_sides=both_sides) * _damped(pl.col(USUAL))
        yield Feature(f"drift of {half_life:g} weeks, damped", DRIFT, value, DRIFT_PRIOR)


def residual_features() -> Iterator[Feature]:
    """What earlier errors tell: over own_slope and own_year."""
    yield Feature(OWN_SLOPE, WEEK, pl.col("own_slope") * pl.col(INDEX), SLOPE_PRIOR)
    yield Feature(OWN_YEAR, YEAR, pl.col("own_year"), YEAR_PRIOR)


def _damped(level: pl.Expr) -> pl.Expr:
    return DAMPING / (level + DAMPING)
