"""Stockouts inferred from sales alone."""

import argparse
import json
import math
from collections.abc import Callable
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Literal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import vn2pl
from vn2pl.cli import backtest, impute, why
from vn2pl.cli.main import parser
from vn2pl.errors import InputError
from vn2pl.queries import with_inferred_stockouts
from vn2pl.queries.names import KEY

Weeks = Literal["past", "all"]
histories = st.lists(st.lists(st.sampled_from([0, 0, 0, 0, 1, 2, 7]), min_size=1, max_size=60), min_size=1, max_size=4)


def _panel(histories: list[list[int]]) -> pl.LazyFrame:
    rows = [
        (store, "a", date(2024, 1, 1) + timedelta(weeks=week), float(sales))
        for store, history in enumerate(histories)
        for week, sales in enumerate(history)
    ]
    return pl.LazyFrame(rows, schema=[*KEY, "sales"], orient="row")


def _inferred(panel: pl.LazyFrame, weeks: Weeks) -> pl.DataFrame:
    return with_inferred_stockouts(panel, candidate_weeks=weeks).sort(KEY).collect()


def _expected(history: list[int], weeks: Weeks) -> list[bool]:
    """The rule, told a second time: run by run, with probabilities multiplied one after another."""
    first = next((week for week, sales in enumerate(history) if sales), len(history))
    found = [True] * first
    listed = history[first:]
    place = 0
    for is_sold, run in groupby(listed, key=bool):
        length = len(list(run))
        known = listed[:place] if weeks == "past" else listed[:place] + listed[place + length :]
        empty = sum(sales == 0 for sales in known)
        chances = [(empty + j + 0.5) / (len(known) + j + 1) for j in range(length)]
        so_far = [math.prod(chances[: j + 1]) for j in range(length)]
        judged = so_far if weeks == "past" else [so_far[-1]] * length
        found += [not is_sold and chance < 0.001 for chance in judged]
        place += length
    return found


@pytest.mark.parametrize("weeks", ["past", "all"])
@settings(max_examples=40, deadline=None)
@given(histories=histories)
def test_the_rule_is_the_one_that_is_documented(weeks: Weeks, histories: list[list[int]]) -> None:
    found = _inferred(_panel(histories), weeks)
    assert found["stockout_inferred"].to_list() == [flag for history in histories for flag in _expected(history, weeks)]
    assert (found["in_stock"] != found["stockout_inferred"]).all()


def test_a_long_run_of_a_steady_seller_is_found_and_a_short_one_is_not() -> None:
    steady = [3, 2, 4, 1] * 6
    assert sum(_inferred(_panel([[*steady, 0, *steady]]), "all")["stockout_inferred"]) == 0
    gap = _inferred(_panel([[*steady, *[0] * 6, *steady]]), "all")["stockout_inferred"]
    assert gap.to_list() == [False] * 24 + [True] * 6 + [False] * 24
    causal = _inferred(_panel([[*steady, *[0] * 6, *steady]]), "past")["stockout_inferred"].to_list()
    assert causal[24:30] == [False, False, True, True, True, True]
    assert sum(causal) == 4


@settings(max_examples=25, deadline=None)
@given(histories=histories, more=st.lists(st.sampled_from([0, 0, 3]), min_size=1, max_size=20))
def test_new_weeks_never_change_what_past_weeks_were_taken_for(histories: list[list[int]], more: list[int]) -> None:
    before = _inferred(_panel(histories), "past")
    after = _inferred(_panel([history + more for history in histories]), "past")
    assert_frame_equal(after.join(before, on=KEY, how="semi"), before)


@pytest.mark.parametrize("weeks", ["past", "all"])
def test_row_order_and_engine_do_not_matter(small_panel: pl.DataFrame, weeks: Weeks) -> None:
    panel = small_panel.drop("in_stock")
    plan = with_inferred_stockouts(panel.lazy(), candidate_weeks=weeks)
    shuffled = with_inferred_stockouts(panel.sample(fraction=1, shuffle=True, seed=3).lazy(), candidate_weeks=weeks)
    assert_frame_equal(plan.collect(engine="streaming").sort(KEY), shuffled.collect(engine="in-memory").sort(KEY))


def test_attributes_with_the_names_of_intermediate_columns_survive() -> None:
    panel = _panel([[0, 3, 0, 1]]).with_columns(run=pl.lit("x"), age=pl.lit(7), chance=pl.lit(0.5))
    found = _inferred(panel, "all")
    assert found.select("run", "age", "chance").unique().rows() == [("x", 7, 0.5)]


@pytest.fixture
def unflagged(tmp_path: Path, small_panel: pl.DataFrame) -> Path:
    path = tmp_path / "panel.parquet"
    small_panel.drop("in_stock").write_parquet(path)
    return path


def test_a_panel_without_flags_is_refused_with_the_way_out(unflagged: Path) -> None:
    for read in (vn2pl.read_panel, vn2pl.scan_panel):
        with pytest.raises(InputError, match=r"has no column 'in_stock'.* --infer-stockouts"):
            read(unflagged)
        found = read(unflagged, infer_stockouts="past").collect()
        assert found.columns[:5] == [*KEY, "sales", "in_stock"]
        assert found["in_stock"].to_list() == [not flag for flag in found["stockout_inferred"]]
        assert 0 < found["stockout_inferred"].sum() < found.height


def test_a_panel_with_flags_is_not_overruled(tmp_path: Path, small_panel: pl.DataFrame) -> None:
    path = tmp_path / "panel.parquet"
    small_panel.write_parquet(path)
    with pytest.raises(InputError, match="has a column 'in_stock'; --infer-stockouts is for panels without one"):
        vn2pl.read_panel(path, infer_stockouts="past")


def test_broken_values_are_still_told(tmp_path: Path, small_panel: pl.DataFrame) -> None:
    path = tmp_path / "panel.parquet"
    small_panel.drop("in_stock").with_columns(pl.col("sales") - 5).write_parquet(path)
    with pytest.raises(InputError, match="sales is negative"):
        vn2pl.read_panel(path, infer_stockouts="all")


def test_vn2_folders_may_lack_the_in_stock_file(tmp_path: Path) -> None:
    (tmp_path / "Week 0 - 2024-01-22 - Sales.csv").write_text(
        "Store,Product,2024-01-01,2024-01-08,2024-01-15,2024-01-22\n0,1,0,0,3,0\n0,2,1,1,1,1\n"
    )
    with pytest.raises(InputError, match=r"has no 'Week N - In Stock.csv'; .*--infer-stockouts"):
        vn2pl.read_panel(tmp_path)
    found = vn2pl.read_panel(tmp_path, infer_stockouts="past").sort(KEY).collect()
    assert found["in_stock"].to_list() == [False, False, *[True] * 6]
    (tmp_path / "Week 0 - In Stock.csv").write_text("Store,Product,2024-01-01\n0,1,True\n")
    with pytest.raises(InputError, match="for folders without such a file"):
        vn2pl.read_panel(tmp_path, infer_stockouts="past")


def test_outputs_say_which_stockouts_were_inferred(
    unflagged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, out = tmp_path / "config.yaml", tmp_path / "out"
    config.write_text("n_neighbors: 20\nmin_candidates: 60\n")
    common = ["--data", str(unflagged), "--config", str(config), "--infer-stockouts"]
    assert impute.run(parser().parse_args(["impute", *common, "--out", str(out)])) == 0
    assert "inferred from sales" in capsys.readouterr().out
    imputed = pl.read_parquet(out / "demand_imputed.parquet")
    flagged = imputed["flags"].list.contains("inferred_stockout").fill_null(value=False)
    assert (flagged == imputed["stockout_inferred"]).all()
    assert flagged.any()
    run = json.loads((out / "run.json").read_text())
    assert run["stockouts"] == "inferred"
    assert run["summary"]["n_inferred_stockout"] == flagged.sum() == run["summary"]["n_stockouts"]
    store, product, week = imputed.filter(flagged).select(KEY).row(0)
    keys = ["--store", str(store), "--product", str(product), "--week", str(week)]
    assert why.run(parser().parse_args(["why", *common, *keys])) == 0
    assert "inferred stockout" in capsys.readouterr().out


def test_a_panel_with_flags_has_no_trace_of_inference(small_panel: pl.DataFrame, small_config: vn2pl.Config) -> None:
    assert "stockout_inferred" not in vn2pl.imputed(small_panel.lazy(), small_config).collect_schema()


@pytest.mark.parametrize(("name", "run"), [("impute", impute.run), ("backtest", backtest.run)])
def test_the_demo_panel_needs_no_inference(name: str, run: Callable[[argparse.Namespace], int], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--infer-stockouts: is for a panel without in_stock"):
        run(parser().parse_args([name, "--infer-stockouts", "--out", str(tmp_path / "out")]))


@pytest.mark.parametrize(("weeks", "precision", "recall"), [("past", 0.873, 0.650), ("all", 0.779, 0.759)])
def test_the_documented_error_rate_is_that_on_vn2(
    vn2_panel: pl.DataFrame, weeks: Weeks, precision: float, recall: float
) -> None:
    found = with_inferred_stockouts(vn2_panel.rename({"in_stock": "truth"}).lazy(), candidate_weeks=weeks)
    is_found, is_true = pl.col("stockout_inferred"), ~pl.col("truth")
    right = (is_found & is_true).sum()
    measured = found.select(right / is_found.sum(), recall=right / is_true.sum()).collect().row(0)
    assert measured == pytest.approx((precision, recall), abs=0.001)
