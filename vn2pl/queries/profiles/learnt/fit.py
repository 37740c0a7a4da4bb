"""The coefficients: a quasi-likelihood fit of the log-linear model, from earlier weeks only, or once from all.

Sales of mean mu have variance mu + a mu^2. A week's normal equations are linearised at the coefficients that the week
was given, and added to those of the weeks before; the sums and a prior give the next week's. This is one Gauss-Newton
step a week: no week is visited twice, and nothing can diverge.
"""

from collections.abc import Iterable, Iterator, Sequence
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
ESTIMATES = "estimates"
LOWEST, HIGHEST = -6.0, 20.0
LARGEST_ERROR = 4.0
# Overdispersion starts from a half with the weight of 50 rows, squares count up to 16 times the variance.
PRIOR_OVERDISPERSION, PRIOR_SQUARES, LARGEST_SQUARE = 0.5, 50.0, 16.0
OVERDISPERSION_BOUNDS = (0.01, 5.0)
PASSES, LARGEST_STEP, ENOUGH = 8, 0.5, 1e-3
ROWS_AT_ONCE = 2**10


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

    def __len__(self) -> int:
        return len(self._weeks)

    def __iter__(self) -> Iterator[Iterator[Rows]]:
        return (self._rows(places[self._teaches[places]]) for _, places in self._weeks)

    def _rows(self, places: Integers) -> Iterator[Rows]:
        for some in _some_at_once(places):
            yield Rows(self._features[some].astype(np.float64), self._offset[some], self._sales[some])

    def told(self, coefficients: Floats) -> Floats:
        """What the features of every row add up to by the coefficients of its week (weeks x features x parts): parts x
        rows."""
        found = np.empty((coefficients.shape[-1], len(self._features)))
        for (_, places), of_week in zip(self._weeks, in_coefficient_steps(coefficients), strict=True):
            for some in _some_at_once(places):
                found[:, some] = (self._features[some].astype(np.float64) @ of_week).T
        return found / (FEATURE_STEPS * COEFFICIENT_STEPS)

    def week(self) -> Integers:
        """The number of its week for every row."""
        numbers = np.empty(len(self._features), np.int64)
        for number, (_, places) in enumerate(self._weeks):
            numbers[places] = number
        return numbers

    def firsts(self) -> pl.Series:
        """The same for one row of each week, null for the others."""
        numbers = np.full(len(self._features), -1)
        numbers[[places[0] for _, places in self._weeks]] = np.arange(len(self))
        return pl.Series(numbers).cast(pl.UInt32, strict=False)


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


class Task(NamedTuple):
    """The features by name, the part that each tells of, what its coefficient is beforehand, and how many times the
    usual weight that has; the ridge (none: nothing is learnt); whether weeks look both ways; and the features whose
    coefficients later steps read."""

    names: Sequence[str]
    parts: Sequence[str]
    prior: Floats
    weight: Floats
    ridge: Ridge | None
    both_sides: bool
    read: Sequence[str]


def fitted(rows: pl.DataFrame, task: Task, /) -> pl.DataFrame:
    """Rows with period, features in steps (Int16), offset, observed sales and teaches (Boolean), and beside them what
    the features of each part add up to, the coefficients that later steps read, and estimates, on one row of each week.

    All else stays as it is: to join what was learnt would take longer than to learn it.
    """
    design, names = Design(rows, task.names), list(task.names)
    estimates = np.array([np.concatenate(one) for one in _walk(design, task)]).reshape(len(design), 3 * len(names))
    coefficients = estimates[:, : len(names)]
    parts = list(dict.fromkeys(task.parts))
    is_of = np.array([[part == other for other in parts] for part in task.parts], np.float64)
    told = design.told(coefficients[:, :, None] * is_of)
    week = design.week()
    carried = pl.Series(ESTIMATES, estimates.tolist(), dtype=pl.List(pl.Float64)).gather(design.firsts())
    return rows.with_columns(
        *(pl.Series(part, values) for part, values in zip(parts, told, strict=True)),
        *(pl.Series(coefficient_of(name), coefficients[:, names.index(name)][week]) for name in task.read),
        carried,
    )


def columns_of(task: Task, /) -> dict[str, type[pl.DataType] | pl.DataType]:
    """The columns that ``fitted`` adds."""
    numbers = [*task.parts, *map(coefficient_of, task.read)]
    return {**dict.fromkeys(numbers, pl.Float64), ESTIMATES: pl.List(pl.Float64)}


def coefficient_of(name: str, /) -> str:
    """The column with a feature's coefficient."""
    return f"coefficient of {name}"


def _walk(design: Design, task: Task) -> Iterator[Estimate]:
    if task.ridge is None:
        infinite, all_of_it = np.full(len(task.prior), np.inf), np.ones(len(task.prior))
        return (Estimate(task.prior, infinite, all_of_it) for _ in design)
    walk = _at_once if task.both_sides else _week_by_week
    return walk(design, task.prior, task.weight, task.ridge)


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
    yield from (estimate._replace(value=value) for _ in design)


def _some_at_once(places: Integers) -> Iterator[Integers]:
    return (places[start : start + ROWS_AT_ONCE] for start in range(0, len(places), ROWS_AT_ONCE))


def _total(values: Floats) -> int:
    return int(in_weight_steps(values).astype(np.int64).sum())
