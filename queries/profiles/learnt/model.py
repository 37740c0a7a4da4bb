"""The model: features, coefficients, expected demand; twice, since errors and exposures need one to start from."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from ...names import IN_STOCK, OWN_WEEKS, PERIOD
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
from .fit import HIGHEST, LOWEST, OFFSET, TEACHES, Prior, Ridge, fitted
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
DERIVED = (BASE, "usual_level", EXPECTED, *PARTS)


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
    (log); and the ``coefficients`` of every period."""

    panel: pl.LazyFrame
    coefficients: pl.LazyFrame


def expectation(panel: pl.LazyFrame, model: Model, /) -> Expectation:
    """What was to be expected of a panel's SKU-weeks, by their history and cold level."""
    weeks = list(cell_features(model.cells))
    shares = {feature.name: pl.lit(feature.prior) for feature in weeks}
    first = _round(panel, model, shares, with_errors=False)
    learnt_shares = {feature.name: pl.col(_coefficient(feature.name)) for feature in weeks}
    again = first.panel.join(first.coefficients.select(PERIOD, *learnt_shares.values()), on=PERIOD, how="left")
    exposures = exposed(again, half_lives=model.half_lives, both_sides=model.both_sides)
    return _round(exposures, model, learnt_shares, with_errors=True)


def _round(panel: pl.LazyFrame, model: Model, shares: Mapping[str, pl.Expr], *, with_errors: bool) -> Expectation:
    """``shares`` are the coefficients by which the week's cells add up to an index before they are fitted;
    ``with_errors`` says that there is an expected demand already, for errors to be made against."""
    both_sides, known = model.both_sides, panel.collect_schema().names()
    own, weeks = list(own_features(model.half_lives)), list(cell_features(model.cells))
    late = [*cold_features(model.settled_weeks), *drift_features(model.drift_half_lives, both_sides=both_sides)]
    panel = (
        panel.with_columns(long_run_level().alias(BASE))
        .with_columns(map(_column, own))
        .with_columns(_mean(_told(own, _priors(own))).alias(USUAL))
        .with_columns(weighted(USUAL))
        .with_columns(map(_column, weeks))
        .with_columns(_told(weeks, shares).alias(INDEX))
    )
    if with_errors:
        late += residual_features()
        slope = own_slope(EXPECTED, INDEX, both_sides=both_sides).alias("own_slope")
        panel = with_year_away(panel, EXPECTED, both_sides=both_sides).with_columns(slope)
    features = [*own, *weeks, *late]
    kept = [name for name in known if name not in {_coefficient(feature.name) for feature in weeks}]
    names = [*kept, BASE, *(feature.name for feature in features)]
    design = panel.with_columns(map(_column, late)).select(list(dict.fromkeys(names))).cache()
    coefficients = _coefficients(design, features, model).cache()
    fitted_to = {feature.name: pl.col(_coefficient(feature.name)) for feature in features}
    parts = {part: _told([f for f in features if f.part == part], fitted_to) for part in PARTS}
    found = (
        design.join(coefficients, on=PERIOD, how="left")
        .select(*(name for name in kept if name not in DERIVED), BASE, **parts)
        .with_columns(_mean(pl.col(LEVEL)).alias("usual_level"), _mean(added(map(pl.col, PARTS))).alias(EXPECTED))
    )
    return Expectation(found, coefficients)


def _column(feature: Feature) -> pl.Expr:
    return in_feature_steps(feature.value).alias(feature.name)


def _priors(features: Sequence[Feature]) -> Mapping[str, pl.Expr]:
    return {feature.name: pl.lit(feature.prior) for feature in features}


def _told(features: Sequence[Feature], coefficients: Mapping[str, pl.Expr]) -> pl.Expr:
    """What features add up to, which is exact, since they and fitted coefficients count in steps."""
    return added(pl.col(feature.name) * coefficients[feature.name] for feature in features) / FEATURE_STEPS


def _mean(told: pl.Expr) -> pl.Expr:
    return (log_of(pl.col(BASE)) + told).clip(LOWEST, HIGHEST).exp()


def _coefficients(design: pl.LazyFrame, features: Sequence[Feature], model: Model) -> pl.LazyFrame:
    """Of every period the coefficients, those of the prior where nothing is learnt."""
    priors = {feature.name: Prior(feature.prior, _weight(feature, model)) for feature in features}
    columns = {name: _coefficient(name) for name in priors}
    ridge = model.ridge
    if ridge is None:
        literals = (pl.lit(prior.value).alias(columns[name]) for name, prior in priors.items())
        return design.select(PERIOD).unique().with_columns(literals)
    has_begun = pl.col(PERIOD) >= pl.col(PERIOD).min() + NEW_FROM
    teaches = pl.col(IN_STOCK) & ((pl.col(OWN_WEEKS) >= HISTORY) | has_begun)
    rows = design.select(PERIOD, OBSERVED, teaches.alias(TEACHES), log_of(pl.col(BASE)).alias(OFFSET), *priors)
    return rows.sort(PERIOD).map_batches(
        lambda known: fitted(known, priors, ridge, both_sides=model.both_sides).rename(columns),
        schema={PERIOD: pl.Int32, **dict.fromkeys(columns.values(), pl.Float64)},
    )


def _weight(feature: Feature, model: Model) -> float:
    is_held = model.both_sides and feature.name in RESIDUALS
    return HELD if is_held else 1.0


def _coefficient(name: str) -> str:
    return f"coefficient of {name}"
