"""pandas and numpy as they are often written: a frame, a loop over target weeks, one broadcast to three dimensions."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..problem import FEATURES, NEIGHBORS, SEASON_WINDOW, Answers, first_weeks, joined, load_arrays, padded, weights
from . import Peer


def _load(folder: Path, warm: bool) -> Any:
    pandas = import_module("pandas")
    table = load_arrays(folder)
    table = first_weeks(table) if warm else table
    named = dict(zip(FEATURES, table.x, strict=True))
    return pandas.DataFrame(
        {"row": table.row, "period": table.period, "season": table.season, "in_stock": table.in_stock, **named}
    )


def _set_up(frame: Any) -> Any:
    return frame


def _search(frame: Any) -> list[tuple[Any, Any, Any]]:
    """Row, rows of the neighbours and their distances, week by week."""
    donors, found = frame[frame["in_stock"]], []
    for (week, season), stockouts in frame[~frame["in_stock"]].groupby(["period", "season"]):
        near = (donors["season"] - season).abs() <= SEASON_WINDOW
        pool = donors[(donors["period"] < week) & near]
        if len(pool):
            nearest, distance = _nearest(stockouts[list(FEATURES)].to_numpy(), pool[list(FEATURES)].to_numpy())
            found.append((stockouts["row"].to_numpy(), pool["row"].to_numpy()[nearest], distance))
    return found


def _nearest(asked: Any, lent: Any) -> tuple[Any, Any]:
    distance = (np.abs(asked[:, None, :] - lent[None, :, :]) * weights(asked.T).T[:, None, :]).sum(axis=2)
    taken = np.argsort(distance, axis=1)[:, :NEIGHBORS]
    return taken, np.take_along_axis(distance, taken, axis=1)


def _answers(found: list[tuple[Any, Any, Any]]) -> Answers:
    return joined([row for row, _, _ in found], [padded(distance) for _, _, distance in found])


PEERS = (Peer("pandas + numpy, broadcast, argsort", "1", ("pandas",), _load, _set_up, _search, _answers),)
