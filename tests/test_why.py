"""Explanations of single stockouts."""

import json
import re
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from commands import run_impute
from polars.testing import assert_frame_equal
from test_command import vn2pl as command

import vn2pl
from vn2pl.cli import why
from vn2pl.cli.main import parser
from vn2pl.running.explanation import Explanation, Stockout, as_json, explain, find_stockout
from vn2pl.writing.artifacts import IMPUTED_FILE, RUN_FILE, SIPS_FILE, SUMMARY_FILE, write_run

KEY = ["Store", "Product", "week"]


CONFIGS = {
    "expected": vn2pl.Config(n_neighbors=20, min_candidates=60),
    "original": vn2pl.Config(profile="original", season_window=2, season_wraps=False, n_neighbors=20),
}


@pytest.fixture(scope="module", params=[*CONFIGS.values()], ids=[*CONFIGS])
def run(request: pytest.FixtureRequest, small_panel: pl.DataFrame) -> vn2pl.Run:
    return vn2pl.impute(small_panel, request.param, save_neighbours=True)


@pytest.fixture(scope="module")
def chosen(small_panel: pl.DataFrame) -> Mapping[str, Stockout]:
    """Stockouts of every sort: with own history, with sales, cold, and without anything to learn from."""
    imputed = vn2pl.imputed(small_panel.lazy(), CONFIGS["expected"]).filter(~pl.col("in_stock")).collect()
    sorts = {
        "usual": (pl.col("own_weeks") > 20) & (pl.col("sales") > 2),
        "partial": pl.col("sales_observed") > 0,
        "cold": pl.col("imputed") & (pl.col("own_weeks") == 0),
        "lost": ~pl.col("imputed"),
    }
    return {name: Stockout(*imputed.filter(sort).select(KEY).row(0)) for name, sort in sorts.items()}


def _explanation(run: vn2pl.Run, stockout: Stockout) -> Explanation:
    store, product, week = map(str, stockout)
    found = find_stockout(run.panel, store=store, product=product, week=week)
    assert found == stockout
    return explain(run, found)


@pytest.mark.parametrize("sort", ["usual", "partial", "cold", "lost"])
def test_an_explanation_is_what_the_whole_run_says(run: vn2pl.Run, chosen: Mapping[str, Stockout], sort: str) -> None:
    stockout = chosen[sort]
    explanation = _explanation(run, stockout)
    imputed, sips = run.imputed.filter(stockout.is_row()), run.sips.filter(stockout.is_row())
    published = imputed.row(0, named=True)
    outcome = {name: explanation.outcome[name] for name in ("status", "own_weeks", "level_source", "flags")}
    assert outcome == {name: published[name] for name in outcome}
    assert explanation.sales == published["sales_observed"]
    assert_frame_equal(explanation.sip, sips.drop(KEY))
    expected = run.neighbours.filter(stockout.is_row()).drop(KEY)
    assert_frame_equal(explanation.neighbours.select(expected.columns), expected)


def test_what_a_distance_and_a_distribution_consist_of(run: vn2pl.Run, chosen: Mapping[str, Stockout]) -> None:
    explanation = _explanation(run, chosen["usual"])
    parts = explanation.neighbours.select(pl.sum_horizontal(explanation.coordinates), "distance")
    assert parts.to_series().to_list() == pytest.approx(parts["distance"].to_list(), rel=1e-6, abs=1e-6)
    names = run.panel.rename({name: f"neighbour_{name.lower()}" for name in KEY})
    sold = explanation.neighbours.join(names, on=names.columns[:3], suffix="_panel")
    assert (sold["sales"] == sold["sales_panel"]).all()
    assert sold["in_stock"].all()
    cumulated = explanation.distribution.with_columns(pl.col("probability").cum_sum())
    assert cumulated["probability"][-1] == pytest.approx(1)
    median = cumulated.filter(pl.col("probability") >= 0.5 - 1e-9)["value"][0]
    assert median == explanation.outcome["point"]


def test_json_holds_all_of_it(run: vn2pl.Run, chosen: Mapping[str, Stockout]) -> None:
    for stockout in (chosen["cold"], chosen["lost"]):
        explanation = _explanation(run, stockout)
        told = json.loads(json.dumps(as_json(explanation), allow_nan=False))
        assert (told["store"], told["product"], told["week"]) == (*stockout[:2], str(stockout.week))
        assert len(told["nearest"]) == explanation.neighbours.height
        assert [row["value"] for row in told["sip"]] == explanation.sip["value"].to_list()
        assert told["profile"]


def test_wrong_keys_suggest_near_ones(small_panel: pl.DataFrame, chosen: Mapping[str, Stockout]) -> None:
    store, product, week = map(str, chosen["usual"])
    right = {"store": store, "product": product, "week": week}
    weeks = small_panel.filter(pl.col("Store") == int(store), pl.col("Product") == int(product)).sort("week")
    in_stock = str(weeks.filter("in_stock")["week"][0])
    first, last = weeks["week"][0], weeks["week"][-1]
    late = str(last + timedelta(weeks=9))
    largest = small_panel["Store"].sort()[-1]
    for wrong, told in [
        ({"store": "999", "product": "-7"}, (f"--store 999: the panel has no such Store; nearest: .*{largest}", "-7")),
        ({"store": "north"}, ("--store: expected a whole number", "'north'")),
        ({"week": "soon"}, ("--week: expected a date such as 2024-04-08, got 'soon'",)),
        ({"week": late}, (f"weeks from {first} to {last}", "nearest stockout weeks: 2")),
        ({"week": in_stock}, (f"--week {in_stock}: Store {store}, Product {product} was in stock and sold", "nearest")),
    ]:
        with pytest.raises(vn2pl.InputError, match="(?s)" + ".*".join(told)):
            find_stockout(small_panel, **{**right, **wrong})


def test_a_store_and_a_product_that_never_met(small_panel: pl.DataFrame) -> None:
    skus = set(small_panel.select("Store", "Product").unique().iter_rows())
    stores, products = (small_panel[name].unique().sort() for name in ("Store", "Product"))
    store, product = next((s, p) for s in stores for p in products if (s, p) not in skus)
    with pytest.raises(vn2pl.InputError, match=f"Store {store}, Product {product}: .* not together; nearest"):
        find_stockout(small_panel, store=str(store), product=str(product), week="2021-04-12")


def test_keys_that_are_text(small_panel: pl.DataFrame, chosen: Mapping[str, Stockout]) -> None:
    panel = small_panel.with_columns(
        pl.format("[b]shop{}", "Store").alias("Store"),
        pl.format("00{}", "Product").cast(pl.Categorical).alias("Product"),
    )
    store, product, week = chosen["usual"]
    texts = {"store": f"[b]shop{store}", "product": f"00{product}", "week": str(week)}
    assert explain(vn2pl.impute(panel, CONFIGS["expected"]), find_stockout(panel, **texts)).sip.height
    with pytest.raises(vn2pl.InputError, match=rf"no such Product; nearest: 00{product}"):
        find_stockout(panel, **{**texts, "product": f"00{product}-"})


@pytest.mark.parametrize(("columns", "width"), [("40", 40), ("60", 60), (None, 100)])
def test_the_screen_is_no_wider_than_the_terminal(
    tmp_path: Path,
    small_panel: pl.DataFrame,
    chosen: Mapping[str, Stockout],
    columns: str | None,
    width: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    small_panel.write_parquet(tmp_path / "panel.parquet")
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    else:
        monkeypatch.delenv("COLUMNS", raising=False)
    for sort in ("cold", "lost"):
        store, product, week = map(str, chosen[sort])
        options = ["--store", store, "--product", product, "--week", week, "--data", str(tmp_path / "panel.parquet")]
        assert why.run(parser().parse_args(["why", *options])) == 0
        told = capsys.readouterr().out
        assert max(map(len, told.splitlines())) <= width
        assert ("median" in told) == (sort == "cold")
        assert not re.search(r"\d{4}-\s*$", told, flags=re.MULTILINE), "a date is broken"
        if sort == "cold":
            drawn = told.partition("Demand, its probability")[2].partition("Nearest")[0]
            assert {".01", ".05", ".9", ".95", ".99"} <= set(drawn.split()), "levels are cut off"
        assert "…" not in told


def test_the_command(tmp_path: Path, small_panel: pl.DataFrame, chosen: Mapping[str, Stockout]) -> None:
    small_panel.write_parquet(tmp_path / "panel.parquet")
    store, product, week = chosen["partial"]
    options = ["--product", product, "--week", week, "--data", tmp_path / "panel.parquet", "--json"]
    done = command("why", "--store", store, *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["sales"] > 0
    done = command("why", "--store", "12345", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--store 12345: the panel has no such Store; nearest:" in done.stderr


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, small_panel: pl.DataFrame) -> Path:
    """A finished run of a panel whose stockouts are inferred, with a configuration of its own."""
    folder = tmp_path_factory.mktemp("finished")
    small_panel.drop("in_stock").write_parquet(folder / "panel.parquet")
    (folder / "config.yaml").write_text("n_neighbors: 20\nmin_candidates: 60\nparameters: {half_life: 20.0}\n")
    options = ["--config", folder / "config.yaml", "--infer-stockouts", "--candidate-weeks", "all", "--quiet"]
    run_impute(folder / "panel.parquet", folder / "run", *options)
    return folder / "run"


def _why(*words: object) -> int:
    return why.run(parser().parse_args(["why", *map(str, words)]))


def _of(row: Mapping[str, object]) -> list[object]:
    return ["--store", row["Store"], "--product", row["Product"], "--week", row["week"]]


def test_a_finished_run_is_explained_as_it_is(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    imputed, sips = (pl.read_parquet(finished / name) for name in (IMPUTED_FILE, SIPS_FILE))
    for row in imputed.filter("imputed").sample(3, seed=1).iter_rows(named=True):
        assert _why("--run", finished, *_of(row), "--json") == 0
        told = json.loads(capsys.readouterr().out)
        assert told["is_same_as_searched_again"]
        assert told["point"] == row["sales"]
        assert told["flags"] == row["flags"]
        assert "inferred_stockout" in told["flags"]
        of_row = sips.filter(pl.all_horizontal(pl.col(name) == row[name] for name in KEY))
        assert told["sip"] == of_row.select("quantile", "value").to_dicts()


def test_a_run_that_would_be_another_today_is_told_as_it_is(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    imputed, sips = (pl.read_parquet(finished / name) for name in (IMPUTED_FILE, SIPS_FILE))
    row = imputed.filter("imputed").row(0, named=True)
    (sips.with_columns(pl.col("value") + 7)).write_parquet(tmp_path / SIPS_FILE)
    imputed.write_parquet(tmp_path / IMPUTED_FILE)
    (tmp_path / SUMMARY_FILE).write_bytes((finished / SUMMARY_FILE).read_bytes())
    facts = json.loads((finished / RUN_FILE).read_text()) | {"versions": {"vn2pl": "0.0.1", "polars": "2.0.9"}}
    write_run(tmp_path, facts, files=[tmp_path / name for name in (IMPUTED_FILE, SIPS_FILE, SUMMARY_FILE)])
    assert _why("--run", tmp_path, *_of(row)) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "searched again, it is not the same (the run: vn2pl 0.0.1, Polars 2.0.9; here: vn2pl" in told
    assert _why("--run", tmp_path, *_of(row), "--json") == 0
    explained = json.loads(capsys.readouterr().out)
    assert not explained["is_same_as_searched_again"]
    assert min(level["value"] for level in explained["sip"]) >= 7


def test_without_a_run_it_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(vn2pl.InputError, match=r"processed: .*; run vn2pl impute first, or give --data"):
        _why("--store", 1, "--product", 2, "--week", "2024-04-08")
    with pytest.raises(vn2pl.InputError, match="--config: is for --data"):
        _why("--store", 1, "--product", 2, "--week", "2024-04-08", "--config", "c.yaml")


def test_settings_of_a_run_that_mean_nothing_here_are_told(finished: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(finished, tmp_path / "run")
    facts = json.loads((folder / RUN_FILE).read_text())
    facts["profile_parameters"]["of_another_version"] = 1
    (folder / RUN_FILE).write_text(json.dumps(facts))
    row = pl.read_parquet(folder / IMPUTED_FILE).filter("imputed").row(0, named=True)
    with pytest.raises(vn2pl.InputError, match=r"of_another_version: is an unknown key.*give --data, or run"):
        _why("--run", folder, *_of(row))
