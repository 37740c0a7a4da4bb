"""The model: features, coefficients, expected demand; twice, since errors and exposures need one to start from."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from ...names import IN_STOCK, OWN_WEEKS, PERIOD, WEEK
from ...panel import EPOCH
from ...sums import added
from ..history import OBSERVED
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
from .fit import COEFFICIENT, ESTIMATED, HIGHEST, LOWEST, OFFSET, TEACHES, Prior, Ridge, columns_of, fitted
from .levels import exposed, log_of, long_run_level
from .residuals import own_slope, with_year_away
from .week_index import weighted

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
    (log); what was learnt, ``estimates`` to join and, one row for each week and feature, ``coefficients`` to read."""

    panel: pl.LazyFrame
    estimates: pl.LazyFrame
    coefficients: pl.LazyFrame


def expectation(panel: pl.LazyFrame, model: Model, /) -> Expectation:
    """What was to be expected of a panel's SKU-weeks, by their history and cold level.

    A small model comes first, of levels and of the week in the widest cells: exposures, and errors to learn from, need
    an expected demand, and which one matters little.
    """
    own = [feature for feature in own_features(model.half_lives) if feature.prior]
    weeks = list(cell_features([cell for cell in model.cells if len(cell.by) < 2]))
    first = _fitted(_design(panel, own, weeks, _priors(weeks)), [*own, *weeks], model, kept=_names(panel))
    shares = {feature.name: pl.col(_coefficient(feature.name)) for feature in weeks}
    joined = first.panel.join(
        first.estimates.select(PERIOD, *shares.values()), on=PERIOD, how="left", maintain_order="left"
    )
    own, weeks = list(own_features(model.half_lives)), list(cell_features(model.cells))
    again = (
        exposed(joined, half_lives=model.half_lives, both_sides=model.both_sides)
        .pipe(_design, own, weeks, shares)
        .pipe(with_year_away, EXPECTED, both_sides=model.both_sides)
        .with_columns(own_slope(EXPECTED, INDEX, both_sides=model.both_sides).alias("own_slope"))
    )
    late = [
        *cold_features(model.settled_weeks),
        *drift_features(model.drift_half_lives, both_sides=model.both_sides),
        *residual_features(),
    ]
    return _fitted(again.with_columns(map(_column, late)), [*own, *weeks, *late], model, kept=_names(panel))


def _design(
    panel: pl.LazyFrame, own: Sequence[Feature], weeks: Sequence[Feature], shares: Mapping[str, pl.Expr]
) -> pl.LazyFrame:
    """Adds the long-run level, these features, and one index of the week from those that have a share in it."""
    return (
        panel.with_columns(long_run_level().alias(BASE))
        .with_columns(map(_column, own))
        .with_columns(_mean(_told(own, _priors(own))).alias(USUAL))
        .with_columns(weighted(USUAL))
        .with_columns(map(_column, weeks))
        .with_columns(_told([feature for feature in weeks if feature.name in shares], shares).alias(INDEX))
    )


def _fitted(panel: pl.LazyFrame, features: Sequence[Feature], model: Model, *, kept: Sequence[str]) -> Expectation:
    design = panel.select(*kept, BASE, *(feature.name for feature in features)).cache()
    estimates = _estimates(design, features, model).cache()
    by_name = {feature.name: pl.col(_coefficient(feature.name)) for feature in features}
    parts = {part: _told([feature for feature in features if feature.part == part], by_name) for part in PARTS}
    found = (
        design.join(estimates.select(PERIOD, *by_name.values()), on=PERIOD, how="left", maintain_order="left")
        .select(*kept, BASE, **parts)
        .with_columns(_mean(pl.col(LEVEL)).alias("usual_level"), _mean(added(map(pl.col, PARTS))).alias(EXPECTED))
    )
    return Expectation(found, estimates, _published(estimates, features))


def _names(panel: pl.LazyFrame) -> list[str]:
    return panel.collect_schema().names()


def _column(feature: Feature) -> pl.Expr:
    return in_feature_steps(feature.value).alias(feature.name)


def _priors(features: Sequence[Feature]) -> Mapping[str, pl.Expr]:
    return {feature.name: pl.lit(feature.prior) for feature in features}


def _told(features: Sequence[Feature], coefficients: Mapping[str, pl.Expr]) -> pl.Expr:
    """What features add up to, which is exact, since they and fitted coefficients count in steps."""
    return added(pl.col(feature.name) * coefficients[feature.name] for feature in features) / FEATURE_STEPS


def _mean(told: pl.Expr) -> pl.Expr:
    return (log_of(pl.col(BASE)) + told).clip(LOWEST, HIGHEST).exp()


def _estimates(design: pl.LazyFrame, features: Sequence[Feature], model: Model) -> pl.LazyFrame:
    """Of every period the estimates of the coefficients, those of the prior where nothing is learnt."""
    priors = {feature.name: Prior(feature.prior, _weight(feature, model)) for feature in features}
    ridge, columns = model.ridge, columns_of(priors)
    if ridge is None:
        unlearnt = [prior.value for prior in priors.values()] + [float("inf")] * len(priors) + [1.0] * len(priors)
        literals = (pl.lit(value, dtype=pl.Float64).alias(name) for name, value in zip(columns, unlearnt, strict=True))
        return design.select(PERIOD).unique().with_columns(literals)
    has_begun = pl.col(PERIOD) >= pl.col(PERIOD).min() + NEW_FROM
    teaches = pl.col(IN_STOCK) & ((pl.col(OWN_WEEKS) >= HISTORY) | has_begun)
    rows = design.select(PERIOD, OBSERVED, teaches.alias(TEACHES), log_of(pl.col(BASE)).alias(OFFSET), *priors)
    return rows.map_batches(
        lambda known: fitted(known, priors, ridge, both_sides=model.both_sides),
        schema={PERIOD: pl.Int32, **dict.fromkeys(columns, pl.Float64)},
    )


def _published(estimates: pl.LazyFrame, features: Sequence[Feature]) -> pl.LazyFrame:
    """One row for each week and feature."""
    monday = pl.lit(EPOCH) + pl.duration(weeks=PERIOD)
    rows = (
        estimates.select(
            monday.alias(WEEK),
            pl.lit(feature.name).alias("feature"),
            pl.lit(feature.prior).alias("prior"),
            *(pl.col(f"{kind} of {feature.name}").alias(kind.replace(" ", "_")) for kind in ESTIMATED),
        )
        for feature in features
    )
    return pl.concat(rows).sort(WEEK, "feature")


def _weight(feature: Feature, model: Model) -> float:
    is_held = model.both_sides and feature.name in RESIDUALS
    return HELD if is_held else 1.0


def _coefficient(name: str) -> str:
    return f"{COEFFICIENT} of {name}"
