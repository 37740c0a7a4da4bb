"""The model: features, coefficients, expected demand; twice, since errors and exposures need one to start from."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from ...names import IN_STOCK, OWN_WEEKS, PERIOD, WEEK
from ...panel import EPOCH
from ...sums import added
from .cells import Cell
from .exact import FEATURE_STEPS, in_feature_steps
from .features import (
    INDEX,
    LEVEL,
    PARTS,
    RESIDUALS,
    USUAL,
    Feature,
    cell_features,
    cold_features,
    drift_features,
    own_features,
    residual_features,
)
from .fit import ESTIMATES, HIGHEST, LOWEST, OFFSET, TEACHES, Ridge, Task, coefficient_of, columns_of, fitted
from .levels import EXPOSURE, exposed, log_of, long_run_level
from .residuals import own_slope, with_year_away
from .week_index import WEIGHTED, weighted

EXPECTED = "expected_demand"
# SKUs teach from two own weeks on, and from this week of a panel on without any: before that nobody has any.
HISTORY, NEW_FROM = 2, 8
# Slope and year are sums of errors of other weeks. On both sides these are errors of an expected demand that knows the
# week itself, and a fit sees them too weak: there they are held at their priors.
HELD = 1000.0
BASE = "long_run_level"


class Model(NamedTuple):
    """What the features are made of, and what the prior counts for; without a ridge nothing is learnt."""

    cells: Sequence[Cell]
    half_lives: Sequence[float]
    drift_half_lives: Sequence[float]
    settled_weeks: int
    ridge: Ridge | None
    both_sides: bool


class Expectation(NamedTuple):
    """``panel`` with long_run_level, usual_level and expected_demand (demand units), week_index, drift and year_away
    (log); and what was learnt, one row for each week and feature."""

    panel: pl.LazyFrame
    coefficients: pl.LazyFrame


def expectation(panel: pl.LazyFrame, model: Model, /) -> Expectation:
    """What was to be expected of a panel's SKU-weeks, by their history and cold level.

    A small model comes first, of levels and of the week in the widest cells: exposures, and errors to learn from, need
    an expected demand, and which one matters little.
    """
    own = [feature for feature in own_features(model.half_lives) if feature.prior]
    wide = [cell for cell in model.cells if len(cell.by) < 2]
    weeks, names = list(cell_features(wide)), panel.collect_schema().names()
    exposures = [name for name in names if name.startswith(EXPOSURE)]
    needed = [name for name in names if name not in exposures]
    design = _design(panel, own, weeks, _priors(weeks), wide)
    first = _fitted(design, [*own, *weeks], model, kept=needed, read=weeks)
    shares = {feature.name: pl.col(coefficient_of(feature.name)) for feature in weeks}
    own, weeks = list(own_features(model.half_lives)), list(cell_features(model.cells))
    again = (
        exposed(first, half_lives=model.half_lives, both_sides=model.both_sides)
        .pipe(_design, own, weeks, shares, model.cells)
        .pipe(with_year_away, EXPECTED, both_sides=model.both_sides)
        .with_columns(own_slope(EXPECTED, INDEX, both_sides=model.both_sides).alias("own_slope"))
    )
    late = [
        *cold_features(model.settled_weeks),
        *drift_features(model.drift_half_lives, both_sides=model.both_sides),
        *residual_features(),
    ]
    features = [*own, *weeks, *late]
    found = _fitted(again.with_columns(map(_column, late)), features, model, kept=needed)
    return Expectation(found.drop(ESTIMATES), _published(found, features))


def _design(
    panel: pl.LazyFrame,
    own: Sequence[Feature],
    weeks: Sequence[Feature],
    shares: Mapping[str, pl.Expr],
    cells: Sequence[Cell],
) -> pl.LazyFrame:
    """Adds the long-run level, these features, and one index of the week from those that have a share in it."""
    return (
        panel.with_columns(long_run_level().alias(BASE))
        .with_columns(map(_column, own))
        .with_columns(_mean(_told(own, _priors(own))).alias(USUAL))
        .with_columns(*weighted(USUAL), *(cell.key() for cell in cells))
        .with_columns(map(_column, weeks))
        .with_columns(_told([feature for feature in weeks if feature.name in shares], shares).alias(INDEX))
        .drop(WEIGHTED, [cell.column for cell in cells])
    )


def _fitted(
    panel: pl.LazyFrame,
    features: Sequence[Feature],
    model: Model,
    *,
    kept: Sequence[str],
    read: Sequence[Feature] = (),
) -> pl.LazyFrame:
    """The panel's ``kept`` columns with what these features lead to once their coefficients are fitted."""
    names = [feature.name for feature in features]
    task = Task(
        names,
        [feature.part for feature in features],
        np.array([feature.prior for feature in features]),
        np.array([HELD if model.both_sides and name in RESIDUALS else 1.0 for name in names]),
        model.ridge,
        model.both_sides,
        [feature.name for feature in read],
    )
    has_begun = pl.col(PERIOD) >= pl.col(PERIOD).min() + NEW_FROM
    teaches = pl.col(IN_STOCK) & ((pl.col(OWN_WEEKS) >= HISTORY) | has_begun)
    design = panel.select(*kept, BASE, *names, teaches.alias(TEACHES), log_of(pl.col(BASE)).alias(OFFSET))
    schema, added_columns = design.collect_schema(), columns_of(task)
    parts = [part for part in PARTS if part in task.parts]
    absent = [pl.lit(0.0).alias(part) for part in PARTS if part not in task.parts]
    return (
        design.map_batches(lambda rows: fitted(rows, task), schema={**schema, **added_columns})
        .select(*kept, BASE, *parts, *absent, *(name for name in added_columns if name not in parts))
        .with_columns(_mean(pl.col(LEVEL)).alias("usual_level"), _mean(added(map(pl.col, PARTS))).alias(EXPECTED))
    )


def _column(feature: Feature) -> pl.Expr:
    return in_feature_steps(feature.value).alias(feature.name)


def _priors(features: Sequence[Feature]) -> Mapping[str, pl.Expr]:
    return {feature.name: pl.lit(feature.prior) for feature in features}


def _told(features: Sequence[Feature], coefficients: Mapping[str, pl.Expr]) -> pl.Expr:
    """What features add up to, which is exact, since they and fitted coefficients count in steps."""
    return added(pl.col(feature.name) * coefficients[feature.name] for feature in features) / FEATURE_STEPS


def _mean(told: pl.Expr) -> pl.Expr:
    return (log_of(pl.col(BASE)) + told).clip(LOWEST, HIGHEST).exp()


def _published(panel: pl.LazyFrame, features: Sequence[Feature]) -> pl.LazyFrame:
    """One row for each week and feature."""
    told = panel.filter(pl.col(ESTIMATES).is_not_null())
    monday = (pl.lit(EPOCH) + pl.duration(weeks=PERIOD)).alias(WEEK)
    kinds = ("coefficient", "standard_error", "prior_weight")
    rows = (
        told.select(
            monday,
            pl.lit(feature.name).alias("feature"),
            pl.lit(feature.prior).alias("prior"),
            *(pl.col(ESTIMATES).list.get(kind * len(features) + number).alias(name) for kind, name in enumerate(kinds)),
        )
        for number, feature in enumerate(features)
    )
    return pl.concat(rows).sort(WEEK, "feature")
