"""Notebooks run from end to end, and what they show is what they say."""

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import vn2pl

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def run(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a notebook defines, run as a script without arguments."""
    path = NOTEBOOKS / f"{name}.py"
    monkeypatch.setattr(sys, "argv", [str(path)])
    _, defined = runpy.run_path(str(path))["app"].run()
    return dict(defined)


def test_the_stages_end_where_the_command_does(monkeypatch: pytest.MonkeyPatch) -> None:
    found = run("csv_to_sips", monkeypatch)
    assert found["sips"].collect().equals(vn2pl.sips(found["panel"], found["config"]).collect())
    assert found["imputed"].filter("imputed").select(pl.len()).collect().item() > 500
    cells = (NOTEBOOKS / "csv_to_sips.py").read_text().count("@app.cell") + 1
    assert cells == 10


def test_it_helps_and_its_distributions_are_calibrated(monkeypatch: pytest.MonkeyPatch) -> None:
    found = run("does_it_help", monkeypatch)
    ratios = dict(found["everything"].select("method", "scaled_ratio").iter_rows())
    assert min(ratios, key=ratios.__getitem__) == "vn2pl"
    assert found["deciles"]["share"].is_between(0.06, 0.14).all()
    assert (found["truth"]["pinball"] < found["truth"]["pinball_own_history"]).all()


def test_imputed_weeks_improve_a_model_and_an_order(monkeypatch: pytest.MonkeyPatch) -> None:
    found = run("use_it", monkeypatch)
    error = {(data, weight): error for data, weight, _, error in found["treatments"].iter_rows()}
    assert min(error[("means", weight)] for weight in (0.25, 0.5, 0.75)) < error[("means", 0.0)]
    assert error[("means", 0.0)] < error[("zeros left in", None)]
    costs = found["costs"].row(0, named=True)
    assert min(costs, key=costs.__getitem__) == "newsvendor"
    met = dict(found["judged"].select("order", "share of SKUs whose demand it met").iter_rows())
    assert met["order for the sum"] == pytest.approx(found["ratio"], abs=0.1)
    assert met["sum of weekly orders"] > found["ratio"] + 0.05


def test_marimo_finds_nothing_to_complain_of() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "marimo", "check", "--strict", str(NOTEBOOKS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_notebook_goes_to_jupyter(tmp_path: Path) -> None:
    written = tmp_path / "use_it.ipynb"
    command = [
        sys.executable,
        "-m",
        "marimo",
        "export",
        "ipynb",
        str(NOTEBOOKS / "use_it.py"),
        "--output",
        str(written),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(written.read_text(encoding="utf-8"))["cells"]) > 5
