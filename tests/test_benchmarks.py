"""The benchmarks run, on panels too small to measure anything, and their peers find the same neighbours."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vn2pl
from benchmarks import accuracy, markdown, measure, problem, searches, whole

QUICK = [pytest.param(*found, id=found[1].name) for found in searches.peers() if found[0] != "loop"]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    problem.write_table(folder, vn2pl.demo_panel(skus=25, weeks=80, seed=3).panel)
    return folder


@pytest.mark.parametrize(("module", "peer"), QUICK)
def test_peers_find_the_nearest(module: str, peer: searches.Peer, tables: Path) -> None:
    for package in peer.packages:
        if find_spec(package) is None:
            pytest.skip(f"needs {package}")
    assert searches.peer(module, peer.name) == peer
    found = peer.answers(peer.search(peer.set_up(peer.load(tables, False))))
    truth, pairs = problem.oracle(problem.load_arrays(tables))
    assert pairs > truth.row.size > 0
    if peer.same_metric:
        assert problem.agreement(found, truth) <= 1
    else:
        assert np.array_equal(np.sort(found.row), np.sort(truth.row))


def test_agreement_tells_other_neighbours(tables: Path) -> None:
    truth, _ = problem.oracle(problem.load_arrays(tables))
    worse = truth.distance.copy()
    worse[0, 0] += 0.1
    assert problem.agreement(truth, truth) == 0
    assert problem.agreement(truth._replace(distance=worse), truth) > 1
    assert problem.agreement(problem.Answers(truth.row[1:], truth.distance[1:]), truth) == float("inf")
    assert problem.agreement(problem.Answers(truth.row[1:], truth.distance[1:], sampled=True), truth) == 0


def test_costs_are_of_the_block_and_of_the_command() -> None:
    with measure.Clock() as clock:
        np.ones(2**22).sum()
    assert clock.cost.wall > 0
    assert clock.cost.peak >= clock.cost.extra >= 0
    command = measure.command_cost([sys.executable, "-c", "b'x' * 2**26"])
    assert command.wall > 0
    assert command.peak > 0


def test_slope() -> None:
    assert whole.slope([(1.0, 2.0), (10.0, 200.0), (100.0, 20_000.0)]) == pytest.approx(2.0)
    assert whole.slope([(1.0, 2.0)]) is None


def test_text_between_markers() -> None:
    document = "a\n<!-- speed:begin -->\nold\n<!-- speed:end -->\nb\n"
    updated = markdown.between(document, "speed", "new\n")
    assert updated == "a\n<!-- speed:begin -->\nnew\n<!-- speed:end -->\nb\n"
    with pytest.raises(SystemExit, match="accuracy:begin"):
        markdown.between(document, "accuracy", "new")


def test_accuracy_table_of_a_small_panel(monkeypatch: pytest.MonkeyPatch) -> None:
    small: Any = vn2pl.demo_panel(skus=25, weeks=100, seed=3).panel
    monkeypatch.setattr(accuracy, "observed", lambda _: small)
    text = accuracy.make(25, [201], [accuracy.Case("blocks", "past")])
    assert "**vn2pl**" in text
    assert "own history | 1.000 / 1.000" in text
