"""What the replaced system does: for each stockout a loop over its candidates, each with its own look-ups in a frame.

Written anew from the description of its metric. It computes features on the way, as the old system does, because that
is its cost; the others get them. Only some of the stockouts are run.
"""

from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..problem import NEIGHBORS, SEASON_WINDOW, Answers, first_weeks, load_arrays, padded, weights
from . import Peer

RECENT_ROWS = 4
SAMPLE = 40
SEED = 1


class Sample(NamedTuple):
    """The panel, the stockouts to impute, and how many there are in all."""

    panel: Any
    stockouts: Any
    of: int


def _load(folder: Path, warm: bool) -> Any:
    pandas = import_module("pandas")
    table = load_arrays(folder)
    table = first_weeks(table) if warm else table
    names = ("row", "sku", "period", "season", "in_stock", "sales")
    return pandas.DataFrame({name: getattr(table, name) for name in names}).sort_values(["sku", "period"])


def _set_up(panel: Any) -> Sample:
    stockouts = panel[~panel["in_stock"]]
    answered = stockouts[[_has_candidates(panel, stockout) for stockout in stockouts.itertuples()]]
    return Sample(panel, answered.sample(min(SAMPLE, len(answered)), random_state=SEED), len(answered))


def _has_candidates(panel: Any, stockout: Any) -> bool:
    """Whether any week lends to this one."""
    weeks = panel.attrs.get("lending")
    if weeks is None:
        weeks = panel[panel["in_stock"]][["period", "season"]].drop_duplicates()
        panel.attrs["lending"] = weeks
    near = (weeks["season"] - stockout.season).abs() <= SEASON_WINDOW
    return bool(((weeks["period"] < stockout.period) & near).any())


def _search(sample: Sample) -> list[tuple[int, Any]]:
    """Rows and distances of the neighbours, stockout by stockout."""
    return [(stockout.row, _neighbours(sample.panel, stockout)) for stockout in sample.stockouts.itertuples()]


def _neighbours(panel: Any, stockout: Any) -> Any:
    own = _profile(panel, stockout.sku, stockout.period, stockout.season)
    near = (panel["season"] - stockout.season).abs() <= SEASON_WINDOW
    pool = panel[panel["in_stock"] & (panel["period"] < stockout.period) & near]
    factors = weights(own[:, None])[:, 0]
    distances = [
        (np.abs(own - _profile(panel, donor.sku, donor.period, donor.season)) * factors).sum()
        for donor in pool.itertuples()
    ]
    return np.sort(distances)[:NEIGHBORS]


def _profile(panel: Any, sku: int, period: int, season: int) -> Any:
    history = panel[panel["sku"] == sku]
    recent = history[history["period"] < period].tail(RECENT_ROWS)["sales"]
    seasonal = history[history["season"] == season]["sales"].mean()
    mean = recent.mean() if len(recent) else 0.0
    deviation = recent.std(ddof=0) if len(recent) > 1 else 0.0
    slope = np.polyfit(np.arange(len(recent)), recent.to_numpy(), 1)[0] if len(recent) > 1 else 0.0
    return np.array([mean, deviation / (mean + 1e-9), seasonal, slope])


def _answers(found: list[tuple[int, Any]]) -> Answers:
    distances = [padded(distance[None, :]) for _, distance in found]
    return Answers(np.array([row for row, _ in found], np.int64), np.concatenate(distances), sampled=True)


PEERS = (
    Peer(
        "the old loop, rewritten from its metric",
        "1",
        ("pandas",),
        _load,
        _set_up,
        _search,
        _answers,
        note=f"extrapolated from {SAMPLE} stockouts; computes features as it goes",
    ),
)
