"""The one search that every peer does: the nearest candidates of every stockout by the metric of profile ``original``.

Candidates of a stockout are in-stock weeks of any SKU, earlier than its week, with an ISO week at most two from its own
(the year does not wrap). Every peer gets the same table of features, one row per SKU-week.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

NEIGHBORS = 20
SEASON_WINDOW = 2
DIVISION_OFFSET = 1e-6
FEATURES = ("rolling_mean_4", "rolling_cv_4", "seasonal_mean", "trend_slope")
WEIGHTS = (0.3, 0.3, 0.2, 0.1)
RELATIVE = (True, False, True, True)
TABLE_PARQUET, TABLE_ARRAYS = "table.parquet", "table.npz"
TOLERANCE = 1e-6
WARM_WEEKS = 20


class Table(NamedTuple):
    """The features as arrays, sorted by week: one entry per SKU-week, ``x`` has a row per feature."""

    row: Integers
    sku: Integers
    period: Integers
    season: Integers
    in_stock: Flags
    sales: Floats
    x: Floats


class Answers(NamedTuple):
    """Stockouts that have candidates, by row, and the distances of their neighbours, rising, inf where there are fewer.

    ``sampled``: only some of the stockouts are answered.
    """

    row: Integers
    distance: Floats
    sampled: bool = False


def load_arrays(folder: Path) -> Table:
    """The table as every array library starts with it."""
    with np.load(folder / TABLE_ARRAYS) as stored:
        return Table(**{name: stored[name] for name in Table._fields})


def weights(x: Floats) -> Floats:
    """Factors of the differences from stockouts with features ``x``, one row per feature."""
    return np.stack([
        weight / (np.abs(row) + DIVISION_OFFSET) if relative else np.full(row.shape, weight)
        for row, weight, relative in zip(x, WEIGHTS, RELATIVE, strict=True)
    ])  # fmt: skip


def seasons(table: Table) -> dict[int, int]:
    """Season of every week."""
    return dict(zip(table.period.tolist(), table.season.tolist(), strict=True))


def lending_weeks(week: int, season_of: dict[int, int]) -> list[int]:
    """Weeks whose in-stock rows are candidates of the stockouts of a week."""
    near = season_of[week]
    return [other for other, season in season_of.items() if other < week and abs(season - near) <= SEASON_WINDOW]


def first_weeks(table: Table) -> Table:
    """The first weeks of a table: enough to start thread pools and compilers before the clock runs."""
    kept = table.period < table.period.min() + WARM_WEEKS
    return Table(**{name: values[..., kept] for name, values in table._asdict().items()})


def padded(distances: Floats, count: int = NEIGHBORS) -> Floats:
    """Rows of sorted distances with inf up to ``count``."""
    return np.pad(distances, ((0, 0), (0, count - distances.shape[1])), constant_values=np.inf)


def joined(rows: list[Integers], distances: list[Floats]) -> Answers:
    """Answers of single weeks as one."""
    if not rows:
        return Answers(np.empty(0, np.int64), np.empty((0, NEIGHBORS)))
    return Answers(np.concatenate(rows).astype(np.int64), np.concatenate(distances).astype(np.float64))


def grouped(rows: Integers, distances: Floats) -> Answers:
    """Answers from a long list of neighbours, in any order."""
    order = np.lexsort((distances, rows))
    rows, distances = rows[order], distances[order]
    found, start, count = np.unique(rows, return_index=True, return_counts=True)
    filled = np.full((found.size, NEIGHBORS), np.inf)
    place = np.arange(rows.size) - np.repeat(start, count)
    filled[np.repeat(np.arange(found.size), count), place] = distances
    return Answers(found, filled)


def oracle(table: Table) -> tuple[Answers, int]:
    """Every distance in double precision, all of them sorted; and the number of pairs. Slow and simple on purpose."""
    season_of, rows, nearest, pairs = seasons(table), [], [], 0
    factors = weights(table.x)
    for week in season_of:
        stockouts = np.flatnonzero((table.period == week) & ~table.in_stock)
        donors = np.flatnonzero(np.isin(table.period, lending_weeks(week, season_of)) & table.in_stock)
        if not stockouts.size or not donors.size:
            continue
        gap = np.abs(table.x[:, stockouts, None] - table.x[:, None, donors])
        distance = np.sort((gap * factors[:, stockouts, None]).sum(axis=0), axis=1)[:, :NEIGHBORS]
        rows.append(table.row[stockouts])
        nearest.append(padded(distance))
        pairs += stockouts.size * donors.size
    return joined(rows, nearest), pairs


def agreement(answers: Answers, truth: Answers) -> float:
    """Largest difference of sorted distances, as a multiple of the tolerance (1e-6, absolute and relative).

    Infinite where stockouts or neighbours are missing.
    """
    order, expected = np.argsort(answers.row), np.argsort(truth.row)
    if answers.sampled:
        expected = expected[np.isin(truth.row[expected], answers.row)]
    rows, distance, target = answers.row[order], answers.distance[order], truth.distance[expected]
    if not np.array_equal(rows, truth.row[expected]) or not np.array_equal(np.isinf(distance), np.isinf(target)):
        return float("inf")
    known = np.isfinite(target)
    apart = np.abs(distance[known] - target[known])
    return float((apart / (TOLERANCE + TOLERANCE * target[known])).max(initial=0.0))


def write_table(folder: Path, observed: Any) -> None:
    """The features of a panel (a Polars frame), as Parquet and as arrays."""
    from vn2pl import queries
    from vn2pl.queries.names import IN_STOCK, PERIOD, ROW, SALES, SEASON, SKU_CODE

    from .data import original_config

    features = queries.features(observed.lazy(), original_config()).sort(PERIOD, ROW).collect(engine="streaming")
    features.write_parquet(folder / TABLE_PARQUET)
    np.savez(
        folder / TABLE_ARRAYS,
        row=features[ROW].to_numpy().astype(np.int64),
        sku=features[SKU_CODE].to_numpy().astype(np.int64),
        period=features[PERIOD].to_numpy().astype(np.int64),
        season=features[SEASON].to_numpy().astype(np.int64),
        in_stock=features[IN_STOCK].to_numpy(),
        sales=features[SALES].to_numpy(),
        x=np.stack([features[name].to_numpy() for name in FEATURES]),
    )
