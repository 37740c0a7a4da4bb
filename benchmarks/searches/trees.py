"""Trees, one per target week. They need one metric for all: differences are divided by constants, not by the target."""

from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..problem import NEIGHBORS, Answers, Table, first_weeks, joined, lending_weeks, load_arrays, padded, seasons
from . import Peer

WORKERS = 2


def _load(folder: Path, warm: bool) -> Table:
    table = load_arrays(folder)
    return first_weeks(table) if warm else table


def _set_up(table: Table) -> Table:
    spread = np.maximum(table.x.std(axis=1, keepdims=True), 1e-9)
    return table._replace(x=table.x / spread)


def _search(table: Table, *, library: str) -> list[tuple[Any, Any, Any]]:
    """Row, places of the neighbours and their distances, week by week."""
    season_of, x, found = seasons(table), np.ascontiguousarray(table.x.T), []
    stockouts = np.flatnonzero(~table.in_stock)
    for week in np.unique(table.period[stockouts]).tolist():
        pool = np.flatnonzero(np.isin(table.period, lending_weeks(week, season_of)) & table.in_stock)
        own = stockouts[table.period[stockouts] == week]
        if pool.size:
            distance, nearest = QUERIES[library](x[pool], x[own], min(NEIGHBORS, pool.size))
            found.append((table.row[own], pool[nearest], distance))
    return found


def _scipy(lent: Any, asked: Any, count: int) -> tuple[Any, Any]:
    tree = import_module("scipy.spatial").cKDTree(lent)
    distance, nearest = tree.query(asked, k=np.arange(1, count + 1), p=1, workers=WORKERS)
    return distance, nearest


def _sklearn(lent: Any, asked: Any, count: int) -> tuple[Any, Any]:
    neighbors = import_module("sklearn.neighbors").NearestNeighbors(algorithm="kd_tree", metric="manhattan")
    distance, nearest = neighbors.fit(lent).kneighbors(asked, n_neighbors=count)
    return distance, nearest


QUERIES = {"scipy": _scipy, "sklearn": _sklearn}


def _answers(found: list[tuple[Any, Any, Any]]) -> Answers:
    return joined([row for row, _, _ in found], [padded(distance) for _, _, distance in found])


def _peer(name: str, threads: str, packages: tuple[str, ...], library: str) -> Peer:
    find = partial(_search, library=library)
    note = "different metric"
    return Peer(name, threads, packages, _load, _set_up, find, _answers, note=note, same_metric=False)


PEERS = (
    _peer("scipy cKDTree per week", str(WORKERS), ("scipy",), "scipy"),
    _peer("scikit-learn KDTree per week", "1", ("sklearn",), "sklearn"),
)
