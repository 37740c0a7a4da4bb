"""The search leaves out pairs, and never a neighbour."""

from importlib import import_module

import polars as pl
import pytest

import vn2pl
from vn2pl import queries
from vn2pl.queries.donors import deduplicated
from vn2pl.queries.names import BATCH, DONOR_BLOCK

ORIGINAL = vn2pl.Config(profile="original", season_window=2, season_wraps=False, n_neighbors=20)


def test_no_neighbour_hangs_on_the_blocks(small_panel: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """From single candidates, whose boxes are points, to whole slots, which are never left out."""
    features = queries.features(small_panel.lazy(), ORIGINAL).collect()
    sides, found = [], []
    for rows in (1, 4, 10**9):
        monkeypatch.setattr(import_module("vn2pl.queries.donors"), "BATCH_ROWS", rows)
        prepared = queries.prepare(features.lazy(), ORIGINAL)
        sides.append(prepared.donors.select(DONOR_BLOCK, BATCH).unique().collect().height)
        found.append(queries.search(prepared, ORIGINAL).neighbours.collect())
    assert sides[0] > sides[1] > sides[2]
    assert found[0].height > 1000
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])


def test_only_stockouts_that_nothing_tells_apart_share_a_search() -> None:
    seen = {"recipient_period": 5, "recipient_cell": 2, "recipient_level": 0.5, "sales": 0.0}
    known = {**seen, "k": 20, "use_thinned": False, "log_spread": 0.1, "nb_mean": 2.0, "recipient_season": 3}
    others = [{**known, name: not value if name == "use_thinned" else value + 1} for name, value in known.items()]
    targets = pl.LazyFrame([known, *others, known]).with_row_index("recipient")
    firsts = dict(deduplicated(targets).collect().iter_rows())
    # The ninth differs in its season alone, which follows from its week; the tenth in nothing.
    assert firsts == {**{number: number for number in range(9)}, 9: 0, 10: 0}
