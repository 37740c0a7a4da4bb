"""numpy, one thread: per target week a matrix of distances in reused buffers, then argpartition."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..problem import (
    NEIGHBORS,
    Answers,
    Integers,
    Table,
    first_weeks,
    joined,
    lending_weeks,
    load_arrays,
    padded,
    seasons,
    weights,
)
from . import Peer

Found = list[tuple[Integers, Integers, Any]]


def _load(folder: Path, warm: bool) -> Table:
    table = load_arrays(folder)
    return first_weeks(table) if warm else table


def _set_up(table: Table) -> Table:
    return table


def _search(table: Table, *, kind: type[np.floating[Any]]) -> Found:
    """Row, rows of the neighbours and their distances, week by week."""
    donors, stockouts = np.flatnonzero(table.in_stock), np.flatnonzero(~table.in_stock)
    lent, asked = table.x[:, donors].astype(kind), table.x[:, stockouts]
    factors, asked = weights(asked).astype(kind), asked.astype(kind)
    weeks = table.period[stockouts]
    season_of, bounds = seasons(table), _bounds(table.period[donors])
    found: Found = []
    for week in np.unique(weeks).tolist():
        slices = [bounds[other] for other in lending_weeks(week, season_of) if other in bounds]
        if slices:
            pool = np.concatenate([np.arange(*ends) for ends in slices])
            own = slice(*np.searchsorted(weeks, [week, week + 1]))
            nearest, distance = _nearest(asked[:, own], lent[:, pool], factors[:, own])
            found.append((table.row[stockouts[own]], table.row[donors[pool[nearest]]], distance))
    return found


def _bounds(weeks: Integers) -> dict[int, tuple[int, int]]:
    """First and last place of each week in a sorted array."""
    values, start, count = np.unique(weeks, return_index=True, return_counts=True)
    ends = start + count
    return dict(zip(values.tolist(), zip(start.tolist(), ends.tolist(), strict=True), strict=True))


def _nearest(asked: Any, lent: Any, factors: Any) -> tuple[Integers, Any]:
    distance = np.zeros((asked.shape[1], lent.shape[1]), asked.dtype)
    gap = np.empty_like(distance)
    for own, other, factor in zip(asked, lent, factors, strict=True):
        np.subtract(own[:, None], other[None, :], out=gap)
        np.abs(gap, out=gap)
        gap *= factor[:, None]
        distance += gap
    count = min(NEIGHBORS, lent.shape[1])
    taken = np.argpartition(distance, count - 1, axis=1)[:, :count]
    values = np.take_along_axis(distance, taken, axis=1)
    order = np.argsort(values, axis=1)
    return np.take_along_axis(taken, order, axis=1), np.take_along_axis(values, order, axis=1)


def _answers(found: Found) -> Answers:
    return joined([row for row, _, _ in found], [padded(distance.astype(np.float64)) for _, _, distance in found])


PEERS = (
    Peer("numpy, argpartition, float32", "1", ("numpy",), _load, _set_up, partial(_search, kind=np.float32), _answers),
    Peer("numpy, argpartition, float64", "1", ("numpy",), _load, _set_up, partial(_search, kind=np.float64), _answers),
)
