"""A compiled loop over all pairs, two threads: what can be had without a database, and about the floor."""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..problem import NEIGHBORS, Answers, Table, first_weeks, lending_weeks, load_arrays, seasons, weights
from . import Peer

THREADS = 2


class Sides(NamedTuple):
    """Stockouts and candidates by week; the weeks that lend to each stockout as slices of the candidates."""

    row: Any
    asked: Any
    factors: Any
    lent: Any
    first: Any
    last: Any


def _load(folder: Path, warm: bool) -> Table:
    table = load_arrays(folder)
    return first_weeks(table) if warm else table


def _set_up(table: Table) -> Table:
    return table


def _search(table: Table) -> tuple[Any, Any, Any]:
    """Rows of the stockouts, their neighbours' places and distances."""
    sides = _sides(table)
    numba = import_module("numba")
    numba.set_num_threads(min(THREADS, numba.config.NUMBA_NUM_THREADS))
    nearest, distance = _kernel()(sides.asked, sides.factors, sides.lent, sides.first, sides.last, NEIGHBORS)
    return sides.row, nearest, distance


def _sides(table: Table) -> Sides:
    season_of = seasons(table)
    donors, stockouts = np.flatnonzero(table.in_stock), np.flatnonzero(~table.in_stock)
    weeks = table.period[donors]
    lending = {week: lending_weeks(week, season_of) for week in season_of}
    most = max(map(len, lending.values()), default=0)
    ends = np.zeros((2, len(season_of), most), np.int64)
    place = {week: number for number, week in enumerate(season_of)}
    for week, others in lending.items():
        ends[0, place[week], : len(others)] = np.searchsorted(weeks, others)
        ends[1, place[week], : len(others)] = np.searchsorted(weeks, others, side="right")
    first, last = ends[:, [place[week] for week in table.period[stockouts].tolist()]]
    x = table.x.T
    return Sides(
        table.row[stockouts],
        np.ascontiguousarray(x[stockouts]),
        np.ascontiguousarray(weights(table.x[:, stockouts]).T),
        np.ascontiguousarray(x[donors]),
        first,
        last,
    )


@cache
def _kernel() -> Any:
    numba = import_module("numba")
    prange = numba.prange

    def kernel(asked: Any, factors: Any, lent: Any, first: Any, last: Any, count: int) -> Any:
        nearest = np.full((asked.shape[0], count), -1)
        distance = np.full((asked.shape[0], count), np.inf)
        for i in prange(asked.shape[0]):
            worst = np.inf
            for span in range(first.shape[1]):
                for j in range(first[i, span], last[i, span]):
                    d = 0.0
                    for f in range(asked.shape[1]):
                        d += abs(asked[i, f] - lent[j, f]) * factors[i, f]
                    if d < worst:
                        p = count - 1
                        while p > 0 and distance[i, p - 1] > d:
                            distance[i, p], nearest[i, p] = distance[i, p - 1], nearest[i, p - 1]
                            p -= 1
                        distance[i, p], nearest[i, p] = d, j
                        worst = distance[i, count - 1]
        return nearest, distance

    return numba.njit(parallel=True)(kernel)


def _answers(found: tuple[Any, Any, Any]) -> Answers:
    row, _, distance = found
    has_candidates = np.isfinite(distance[:, 0])
    return Answers(row[has_candidates], distance[has_candidates])


PEERS = (Peer("numba, every pair", str(THREADS), ("numba",), _load, _set_up, _search, _answers),)
