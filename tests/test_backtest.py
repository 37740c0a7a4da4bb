"""The backtest hides what the research hid, shows nothing of it to any method, and says so as a command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from polars.testing import assert_frame_equal

import vn2pl
from vn2pl.evaluation import metrics
from vn2pl.evaluation.backtest import METHODS, REFERENCES, Backtest, backtest, score
from vn2pl.evaluation.masks import Mask, draw_masks

KEY = ["Store", "Product", "week"]
ROOT = Path(__file__).parents[1]
SEEDS = (201, 202)


def grid(panel: pl.DataFrame, name: str) -> NDArray[np.float64]:
    """SKU x week, of a panel without gaps."""
    return panel.sort(KEY)[name].cast(pl.Float64).to_numpy().reshape(panel.select(KEY[:2]).n_unique(), -1)


def flags(panel: pl.DataFrame, mask: Mask) -> NDArray[np.bool_]:
    marked = panel.join(mask.hidden, on=KEY, how="left").with_columns(pl.col("bound").is_not_null().alias("hidden"))
    return np.asarray(grid(marked, "hidden") == 1)


def protocol_blocks(in_stock: NDArray[np.bool_], seed: int) -> NDArray[np.bool_]:
    """As the accuracy study drew them."""
    random, hidden = np.random.default_rng(seed), np.zeros_like(in_stock)
    for sku in range(in_stock.shape[0]):
        for _ in range(2):
            length = random.integers(1, 9)
            start = random.integers(0, in_stock.shape[1] - length)
            block = slice(start, start + length)
            if in_stock[sku, block].all() and in_stock[sku, :start].sum() >= 8:
                hidden[sku, block] = True
    return hidden


def test_blocks_and_partial_are_those_of_the_protocol(small_panel: pl.DataFrame) -> None:
    in_stock, sales = grid(small_panel, "in_stock") == 1, grid(small_panel, "sales")
    shuffled = small_panel.sample(fraction=1.0, shuffle=True, seed=1)
    blocks, partial = draw_masks("blocks", shuffled, seeds=SEEDS), draw_masks("partial", shuffled, seeds=SEEDS)
    for seed, block, part in zip(SEEDS, blocks, partial, strict=True):
        expected = protocol_blocks(in_stock, seed)
        assert expected.any()
        assert (flags(small_panel, block) == expected).all()
        assert block.hidden["bound"].to_list() == [0.0] * expected.sum()
        random = np.random.default_rng(seed)
        stock = [random.choice(sales[sku][in_stock[sku] & ~expected[sku]]) for sku, _ in np.argwhere(expected)]
        kept = [1 <= bound <= sold for bound, sold in zip(stock, sales[expected], strict=True)]
        assert any(kept)
        assert part.hidden["scored"].to_list() == kept
        assert part.hidden["bound"].to_list() == np.where(kept, stock, 0.0).tolist()


def test_launch_hides_the_first_weeks_of_late_skus(small_panel: pl.DataFrame) -> None:
    in_stock = grid(small_panel, "in_stock") == 1
    late = [i for i in range(len(in_stock)) if in_stock[i].argmax() >= 8 and in_stock[i].sum() >= 60]
    together, *halves = draw_masks("launch", small_panel, seeds=SEEDS)
    assert [mask.part for mask in (together, *halves)] == ["all at once", "random halves", "random halves"]
    assert len(late) > 3
    for mask, skus in [(together, late), *((half, chosen(late, half.seed)) for half in halves)]:
        expected = np.zeros_like(in_stock)
        for sku in skus:
            expected[sku, np.flatnonzero(in_stock[sku])[:8]] = True
        assert (flags(small_panel, mask) == expected).all()


def chosen(late: list[int], seed: int) -> list[int]:
    return list(np.random.default_rng(seed).choice(late, len(late) // 2, replace=False))


@pytest.mark.parametrize("name", list(REFERENCES))
def test_only_rows_in_stock_are_hidden_where_weeks_are_missing(small_panel: pl.DataFrame, name: str) -> None:
    gappy = small_panel.sample(fraction=0.97, seed=2)
    for mask in draw_masks(name, gappy, seeds=SEEDS):
        assert mask.hidden.join(gappy.filter("in_stock"), on=KEY).height == mask.hidden.height > 0


def test_observed_moves_the_panels_own_runs(small_panel: pl.DataFrame) -> None:
    in_stock = grid(small_panel, "in_stock") == 1
    stockouts = ~in_stock & np.maximum.accumulate(in_stock, axis=1)
    hidden = flags(small_panel, draw_masks("observed", small_panel, seeds=[201])[0])
    assert not (hidden & ~in_stock).any()
    patterns = {row.tobytes(): row for row in stockouts}
    for row in hidden[hidden.any(axis=1)]:
        assert any((row <= pattern).all() for pattern in patterns.values())


@pytest.fixture(scope="module")
def result(small_panel: pl.DataFrame, small_config: vn2pl.Config) -> Backtest:
    masks = draw_masks("partial", small_panel, seeds=SEEDS)
    return backtest(small_panel, small_config, masks, reference="own_history")


def test_table_is_what_the_rows_say(result: Backtest, small_config: vn2pl.Config) -> None:
    rows, table = result
    assert rows.select(metric_names(small_config)).null_count().sum_horizontal().item() == 0
    overall = table.filter(segment="all").sort(pl.col("method").cast(pl.Enum(METHODS)))
    assert overall["method"].to_list() == list(METHODS)
    means = rows.group_by("seed", "method").agg(pl.col("pinball", "scaled_pinball").mean())
    for name, ratio in (("pinball", "pinball_ratio"), ("scaled_pinball", "scaled_ratio")):
        own = pl.col(name).filter(pl.col("method") == "own_history").sum().over("seed")
        expected = means.with_columns(pl.col(name) / own).group_by("method").agg(pl.col(name).mean())
        both = overall.select("method", ratio).join(expected, on="method")
        np.testing.assert_allclose(both[ratio], both[name])
    assert overall.filter(method="own_history")["scaled_ratio"].item() == 1.0
    parts = table.filter(method="vn2pl").group_by("segment").agg(pl.col("weeks").sum())
    assert parts["weeks"].n_unique() == 1


def test_ratios_are_finite_or_null_where_few_weeks_are_left(
    small_panel: pl.DataFrame, small_config: vn2pl.Config
) -> None:
    gappy = small_panel.sample(fraction=0.9, seed=1)
    found = backtest(gappy, small_config, draw_masks("partial", gappy, seeds=[201]), reference="own_history")
    ratios = found.table.select("scaled_ratio", "pinball_ratio")
    assert ratios.null_count().row(0) == (7, 7)  # one class of which own history knew everything
    assert ratios.select(pl.all().drop_nulls().is_finite().all()).row(0) == (True, True)


def metric_names(config: vn2pl.Config) -> list[str]:
    levels = [f"pinball_{level:g}" for level in config.quantile_levels]
    intervals = [f"{name}_{percent}" for name in ("covered", "width") for percent in (50, 80, 90)]
    return ["pinball", "scaled_pinball", "crps", "error", *levels, *intervals]


def test_no_answer_is_below_the_sales_shown(result: Backtest) -> None:
    median = pl.col("demand") + pl.col("error")
    assert result.rows.filter(median < pl.col("bound") - 1e-9).is_empty()
    assert result.rows.filter(pl.col("demand") < pl.col("bound")).is_empty()


@pytest.mark.parametrize("candidate_weeks", ["past", "all"])
def test_no_method_sees_what_is_hidden(
    small_panel: pl.DataFrame, small_config: vn2pl.Config, candidate_weeks: str
) -> None:
    config = msgspec.structs.replace(small_config, candidate_weeks=candidate_weeks)
    (mask,) = draw_masks("blocks", small_panel, seeds=[201])
    hidden = pl.struct(KEY).is_in(mask.hidden.select(pl.struct(KEY)).to_series().implode())
    other = small_panel.with_columns(pl.when(hidden).then(pl.col("sales") * 7 + 3).otherwise("sales").alias("sales"))
    assert not other.equals(small_panel)
    answers = [
        score(panel, mask, config).select("method", *KEY, pl.col("demand") + pl.col("error"), "width_80", "answered")
        for panel in (small_panel, other)
    ]
    assert_frame_equal(*answers)


def test_pit_of_the_plan_lies_in_the_step_of_its_distribution(result: Backtest) -> None:
    """Demand below the median has a PIT of at most a half, and demand above it of at least a half."""
    planned = result.rows.filter(method="vn2pl")
    assert planned["pit"].is_between(0, 1).all()
    assert planned.filter(pl.col("error") > 0)["pit"].max() <= 0.5  # type: ignore[operator]
    assert planned.filter(pl.col("error") < 0)["pit"].min() >= 0.5  # type: ignore[operator]
    deciles = metrics.pit_deciles(planned.lazy()).collect()
    table = result.table.filter(segment="all", method="vn2pl")
    assert [table[f"pit_{i}"].item() for i in deciles["decile"]] == deciles["share"].to_list()


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "vn2pl", "backtest", *map(str, arguments)],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_command_writes_the_same_files_whatever_the_threads_and_the_order_of_rows(
    tmp_path: Path, small_panel: pl.DataFrame
) -> None:
    small_panel.write_parquet(tmp_path / "panel.parquet")
    small_panel.sample(fraction=1.0, shuffle=True, seed=1).write_parquet(tmp_path / "shuffled.parquet")
    (tmp_path / "config.yaml").write_text("n_neighbors: 20\nmin_candidates: 60\n")
    common = ["--config", tmp_path / "config.yaml", "--seeds", 1, "--mask", "launch"]
    told = command(*common, "--data", tmp_path / "panel.parquet", "--out", tmp_path / "a", "--json")
    assert told.returncode == 0, told.stderr
    facts = json.loads(told.stdout)
    assert facts["parts"].keys() == {"all at once", "random halves"}
    for part in facts["parts"].values():
        assert part["methods"]["other_stores"]["pinball_ratio"] == 1.0
        assert part["methods"]["zeros"]["scaled_ratio"] > part["methods"]["vn2pl"]["scaled_ratio"]
        assert part["methods"]["own_history"]["answered"] == 0.0
    assert 0 < facts["mean_of_parts"]["scaled_ratio"] < 2
    shown = command(*common, "--data", tmp_path / "shuffled.parquet", "--out", tmp_path / "b", "--n-jobs", 1)
    assert shown.returncode == 0, shown.stderr
    assert "other stores" in shown.stdout
    assert "Mean of all at once and random halves: scaled" in shown.stdout
    assert "2 of 2" in shown.stderr
    for name in ("backtest_rows.parquet", "backtest_table.parquet"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_command_says_why_nothing_can_be_hidden(tmp_path: Path, small_panel: pl.DataFrame) -> None:
    small_panel.filter("in_stock").write_parquet(tmp_path / "panel.parquet")
    common = ["--data", tmp_path / "panel.parquet", "--out", tmp_path / "out"]
    told = command(*common, "--mask", "observed")
    assert (told.returncode, told.stdout) == (2, "")
    assert "--mask observed: no week can be hidden: expected stockouts after" in told.stderr
    assert not (tmp_path / "out").exists()
    assert "--seeds: expected a number from 1 to 1,000, got 0" in command(*common, "--seeds", 0).stderr
