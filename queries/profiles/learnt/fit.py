"""The coefficients: a quasi-likelihood fit of the log-linear model, from earlier weeks only, or once from all.

Sales of mean mu have variance mu + a mu^2. A week's normal equations are linearised at the coefficients that the week
was given, and added to those of the weeks before; the sums and a prior give the next week's. This is one Gauss-Newton
step a week: no week is visited twice, and nothing can diverge.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from ...names import PERIOD
from ..history import OBSERVED
from .exact import (
    COEFFICIENT_STEPS,
    FEATURE_STEPS,
    LARGEST_WEIGHT,
    WEIGHT_STEPS,
    Floats,
    Integers,
    in_coefficient_steps,
    in_weight_steps,
    products,
    solution,
    weeks_of,
)

OFFSET, TEACHES = "offset", "teaches"
ESTIMATED = COEFFICIENT, ERROR, PRIOR_WEIGHT = ("coefficient", "standard error", "prior weight")
LOWEST, HIGHEST = -6.0, 20.0
LARGEST_ERROR = 4.0
# Overdispersion starts from a half with the weight of 50 rows, squares count up to 16 times the variance.
PRIOR_OVERDISPERSION, PRIOR_SQUARES, LARGEST_SQUARE = 0.5, 50.0, 16.0
OVERDISPERSION_BOUNDS = (0.01, 5.0)
PASSES, LARGEST_STEP, ENOUGH = 8, 0.5, 1e-3
ROWS_AT_ONCE = 2**10


class Prior(NamedTuple):
    """What is known of a coefficient beforehand, and how many times its usual weight that has."""

    value: float
    weight: float = 1.0


class Ridge(NamedTuple):
    """What the prior counts for: so many rows, and as much as so many average weeks bring."""

    rows: float
    weeks: float


class Estimate(NamedTuple):
    """Coefficients, their standard errors, and what share of what is known of each is the prior's."""

    value: Floats
    error: Floats
    prior_weight: Floats


class Rows(NamedTuple):
    """Some rows of a week that teach: features (whole steps), offset (log) and sales."""

    features: Floats
    offset: Floats
    sales: Floats


class Design:
    """The weeks, each as some rows after the other: so many as floating point fit into a cache."""

    def __init__(self, rows: pl.DataFrame, names: Sequence[str]) -> None:
        self._features = rows.select(names).to_numpy(order="c")
        self._weeks = list(weeks_of(rows[PERIOD].to_numpy()))
        self._teaches, self._offset, self._sales = (rows[name].to_numpy() for name in (TEACHES, OFFSET, OBSERVED))
        self.periods = [period for period, _ in self._weeks]

    def __iter__(self) -> Iterator[Iterator[Rows]]:
        return (self._rows(places[self._teaches[places]]) for _, places in self._weeks)

    def _rows(self, places: Integers) -> Iterator[Rows]:
        for start in range(0, len(places), ROWS_AT_ONCE):
            some = places[start : start + ROWS_AT_ONCE]
            yield Rows(self._features[some].astype(np.float64), self._offset[some], self._sales[some])


class Sums:
    """Normal equations and moments of the weeks so far, in whole steps."""

    def __init__(self, size: int) -> None:
        self._information = np.zeros((size, size), np.int64)
        self._score = np.zeros((size, 1), np.int64)
        self._squares, self._scale, self._weeks = 0, 0, 0

    def add(self, week: Iterable[Rows], coefficients: Floats, overdispersion: float) -> None:
        """Add a week, linearised at these coefficients."""
        taught = False
        for rows in week:
            self._add(rows, coefficients, overdispersion)
            taught = True
        self._weeks += taught

    def _add(self, rows: Rows, coefficients: Floats, overdispersion: float) -> None:
        told = np.einsum("ij,j->i", rows.features, in_coefficient_steps(coefficients))
        told /= FEATURE_STEPS * COEFFICIENT_STEPS
        mean = np.exp(np.clip(rows.offset + told, LOWEST, HIGHEST))
        relative = 1 + overdispersion * mean
        weight = np.minimum(mean / relative, LARGEST_WEIGHT)
        error = np.clip((rows.sales - mean) / mean, -1, LARGEST_ERROR)
        response = in_weight_steps(weight * (told + error))[:, None]
        self._information += products(rows.features, rows.features * in_weight_steps(weight)[:, None])
        self._score += products(rows.features, response)
        square = np.minimum((rows.sales - mean) ** 2, LARGEST_SQUARE * mean * relative) - mean
        self._squares += _total(square / relative**2)
        self._scale += _total((mean / relative) ** 2)

    def estimate(self, prior: Floats, weight: Floats, ridge: Ridge) -> Estimate:
        """The solution of the sums and the prior."""
        information = self._information / (FEATURE_STEPS**2 * WEIGHT_STEPS)
        held = weight * (ridge.rows + ridge.weeks * np.diag(information) / max(self._weeks, 1))
        score = self._score[:, 0] / (FEATURE_STEPS * WEIGHT_STEPS) + held * prior
        values, inverse = solution(information + np.diag(held), score)
        return Estimate(values, np.sqrt(inverse), held * inverse)

    def overdispersion(self) -> float:
        """By moments, to whole steps."""
        squares = PRIOR_SQUARES * PRIOR_OVERDISPERSION + self._squares / WEIGHT_STEPS
        ratio = squares / (PRIOR_SQUARES + self._scale / WEIGHT_STEPS)
        return float(np.rint(np.clip(ratio, *OVERDISPERSION_BOUNDS) * COEFFICIENT_STEPS) / COEFFICIENT_STEPS)


def fitted(rows: pl.DataFrame, priors: Mapping[str, Prior], ridge: Ridge, *, both_sides: bool) -> pl.DataFrame:
    """Of every period the estimate of each feature's coefficient (see ``columns_of``), from rows with period, features
    in steps (Int16), offset, observed sales and teaches (Boolean)."""
    design = Design(rows, list(priors))
    prior, weight = (np.array(values) for values in zip(*priors.values(), strict=True))
    walk = _at_once if both_sides else _week_by_week
    found = np.array([np.concatenate(estimate) for estimate in walk(design, prior, weight, ridge)])
    names = columns_of(priors)
    periods = pl.Series(design.periods, dtype=pl.Int32)
    return pl.DataFrame({PERIOD: periods, **dict(zip(names, found.reshape(-1, len(names)).T, strict=True))})


def columns_of(names: Iterable[str], /) -> list[str]:
    """The columns of estimates: all values, then all standard errors, then all weights of the prior."""
    names = list(names)
    return [f"{kind} of {name}" for kind in ESTIMATED for name in names]


def _week_by_week(design: Design, prior: Floats, weight: Floats, ridge: Ridge) -> Iterator[Estimate]:
    sums = Sums(len(prior))
    for week in design:
        yield (estimate := sums.estimate(prior, weight, ridge))
        sums.add(week, estimate.value, sums.overdispersion())


def _at_once(design: Design, prior: Floats, weight: Floats, ridge: Ridge) -> Iterator[Estimate]:
    """The same for all periods, by Gauss-Newton steps of a bounded length over all weeks."""
    value, overdispersion = in_coefficient_steps(prior) / COEFFICIENT_STEPS, PRIOR_OVERDISPERSION
    for _ in range(PASSES):
        sums = Sums(len(prior))
        for week in design:
            sums.add(week, value, overdispersion)
        estimate = sums.estimate(prior, weight, ridge)
        step = estimate.value - value
        value, overdispersion = value + step.clip(-LARGEST_STEP, LARGEST_STEP), sums.overdispersion()
        if np.abs(step).max() < ENOUGH:
            break
    yield from (estimate._replace(value=value) for _ in design.periods)


def _total(values: Floats) -> int:
    return int(in_weight_steps(values).astype(np.int64).sum())
