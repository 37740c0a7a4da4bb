"""The search leaves out pairs, and never a neighbour."""

from importlib import import_module

import polars as pl
import pytest

import vn2pl
from vn2pl import queries
from vn2pl.queries.names import BLOCK, SLOT

ORIGINAL = vn2pl.Config(profile="original", season_window=2, season_wraps=False, n_neighbors=20)


def test_no_neighbour_hangs_on_the_blocks(small_panel: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """From single candidates, whose boxes are points, to whole slots, which are never left out."""
    features = queries.features(small_panel.lazy(), ORIGINAL).collect()
    sides, found = [], []
    for rows in (1, 4, 10**9):
        monkeypatch.setattr(import_module("vn2pl.queries.candidates"), "BLOCK_ROWS", rows)
        prepared = queries.prepare(features.lazy(), ORIGINAL)
        sides.append(prepared.candidates.select(SLOT, BLOCK).unique().collect().height)
        found.append(queries.search(prepared, ORIGINAL).neighbours.collect())
    assert sides[0] > sides[1] > sides[2]
    assert found[0].height > 1000
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])
