"""Odd panels and settings that must work: whatever they are, a run ends well and accounts for every stockout."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from commands import contents, run_impute

from vn2pl.cli import backtest
from vn2pl.cli.main import parser
from vn2pl.writing.artifacts import find_damage

MONDAY = date(2024, 1, 1)
QUICK = "n_neighbors: 5\nmin_candidates: 20\n"


def skus(count: int, weeks: int, **columns: Any) -> pl.DataFrame:
    """A panel of sales 0 to 4 in which every seventh SKU-week is a stockout; ``columns`` replace its own."""
    grid = pl.DataFrame({"Product": range(count)}).join(
        pl.DataFrame({"week": [MONDAY + timedelta(weeks=week) for week in range(weeks)]}), how="cross"
    )
    number = pl.int_range(pl.len())
    return grid.select(
        pl.lit(1).alias("Store"),
        "Product",
        "week",
        pl.when(number % 7 == 0).then(0).otherwise(number % 5).cast(pl.Float64).alias("sales"),
        (number % 7 != 0).alias("in_stock"),
    ).with_columns(**columns)


PANELS = {
    "one SKU": skus(1, 60),
    "one week": skus(20, 1),
    "one row in stock": skus(1, 1, in_stock=True),
    "one row out of stock": skus(1, 1, in_stock=False),
    "no stockout": skus(4, 20, in_stock=True),
    "only stockouts": skus(4, 20, in_stock=False, sales=0.0),
    "only partial stockouts": skus(4, 20, in_stock=False, sales=3.0),
    "nothing sold": skus(4, 20, sales=0.0),
    "one sells 1e9": skus(6, 20, sales=pl.when(pl.col("Product") == 3).then(1e9).otherwise("sales")),
    "all sell as much as counts exactly": skus(4, 20, sales=2.0**53),
    "sales of 1e-300": skus(4, 20, sales=1e-300),
    "fractions of a unit": skus(4, 20, sales=pl.col("sales") / 3),
    "text keys": skus(6, 20, Store=pl.lit("Zürich 🛒"), Product=pl.format("artículo {}", "Product")),
    "long keys": skus(3, 20, Store=pl.lit("x" * 50_000)),
    "categories as keys": skus(6, 20, Product=pl.format("{}", 9 - pl.col("Product")).cast(pl.Categorical)),
    "gaps in the calendar": skus(6, 60).filter((pl.int_range(pl.len()) * 7919) % 10 < 7),
    "years apart": skus(6, 20, week=pl.col("week") + pl.duration(weeks=52 * 20) * (pl.col("week").rank("dense") % 2)),
    "as many weeks as there may be": skus(
        6, 20, week=pl.col("week") + pl.duration(weeks=1780 * (pl.col("week").rank("dense") > 10)), sales=2.0**53
    ),
    "before 1970": skus(6, 20, week=pl.col("week") - pl.duration(weeks=52 * 80)),
    "attributes unknown": skus(
        6, 20, Department=pl.lit(None, dtype=pl.Int64), StoreFormat=pl.lit(None, dtype=pl.String)
    ),
    "attributes that are nested": skus(6, 20, note=pl.concat_list("Product"), both=pl.struct("Store", "Product")),
}


def _impute(folder: Path, panel: pl.DataFrame, config: str, *options: object, out: str = "out") -> int:
    (folder / "config.yaml").write_text(config)
    panel.write_parquet(folder / "panel.parquet")
    return run_impute(folder / "panel.parquet", folder / out, "--config", folder / "config.yaml", *options)


@pytest.mark.parametrize("panel", PANELS.values(), ids=PANELS.keys())
def test_an_odd_panel_is_imputed(tmp_path: Path, panel: pl.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    assert _impute(tmp_path, panel, QUICK, "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    out = tmp_path / "out"
    assert not find_damage(out)
    assert figures["n_rows"] == panel.height
    assert figures["n_imputed"] + figures["n_not_imputed"] == panel.filter(~pl.col("in_stock")).height
    sips = pl.read_parquet(out / "imputed_sips.parquet")
    assert sips["value"].is_finite().all()
    lowest = (
        sips.group_by("Store", "Product", "week")
        .agg(pl.col("value").min())
        .join(panel, on=["Store", "Product", "week"])
    )
    assert (lowest["value"] >= lowest["sales"]).all()
    shuffled = panel.sample(fraction=1, shuffle=True, seed=1)
    assert _impute(tmp_path, shuffled, QUICK, "--quiet", out="shuffled") == 0
    assert contents(tmp_path / "shuffled") == contents(out)


def test_categories_are_imputed_as_the_texts_they_are(tmp_path: Path) -> None:
    categories = PANELS["categories as keys"]
    texts = categories.with_columns(pl.col("Product").cast(pl.String))
    sips = []
    for name, panel in (("categories", categories), ("texts", texts)):
        _impute(tmp_path, panel, QUICK, "--quiet", out=name)
        found = pl.read_parquet(tmp_path / name / "imputed_sips.parquet")
        sips.append(found.with_columns(pl.col("Product").cast(pl.String)).sort("Product", "week", "quantile"))
    assert sips[0].equals(sips[1])


@pytest.mark.parametrize(
    ("panel", "told"),
    [
        (PANELS["no stockout"], "Nothing to impute: every SKU-week was in stock."),
        (PANELS["only stockouts"], "Nothing to learn from: no SKU-week was in stock."),
    ],
)
def test_nothing_to_do_is_told(
    tmp_path: Path, panel: pl.DataFrame, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _impute(tmp_path, panel, QUICK) == 0
    assert told in capsys.readouterr().out
    assert _impute(tmp_path, panel, QUICK, "--strict", "--quiet") == int("learn" in told)


@pytest.mark.parametrize("name", ["no stockout", "only stockouts", "nothing sold", "one row out of stock"])
def test_where_nothing_is_imputed_or_sold_figures_are_null(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _impute(tmp_path, PANELS[name], QUICK, "--json") == 0
    run = (tmp_path / "out" / "run.json").read_text()
    figures, recorded = (json.loads(text, parse_constant=_refused) for text in (capsys.readouterr().out, run))
    assert figures.items() >= recorded["summary"].items()
    read = dict(pl.read_csv(tmp_path / "out" / "imputation_summary.csv").iter_rows())
    assert read == recorded["summary"]
    assert (figures["mean_lift"] is None) == (figures["n_imputed"] == 0)
    assert (figures["volume_lift_pct"] is None) == (figures["total_original_volume"] == 0)
    assert figures["volume_lift"] is not None
    assert _impute(tmp_path, PANELS[name], QUICK) == 0
    assert "nan" not in capsys.readouterr().out.lower()


def test_a_backtest_of_nothing_sold_is_valid_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    PANELS["nothing sold"].write_parquet(tmp_path / "panel.parquet")
    words = ["backtest", "--data", tmp_path / "panel.parquet", "--out", tmp_path / "out", "--seeds", 1, "--json"]
    assert backtest.run(parser().parse_args([*map(str, words)])) == 0
    assert json.loads(capsys.readouterr().out, parse_constant=_refused)["parts"]


def _refused(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


@pytest.mark.parametrize(
    "setting",
    [
        *("season_window: 0", "season_window: 26", "n_neighbors: 1", "n_neighbors: 1000000", "min_candidates: 1"),
        *("quantile_levels: [0.5]", "quantile_levels: [1.0e-9, 0.999999999]", "cell_candidates: 1"),
        *("demand_unit: 0.001", "demand_unit: 1000", "season_wraps: false", "parameters: {half_life: 1.0e+9}"),
        "parameters: {elasticity: {level: -10}, index_cells: [{by: [Product], weight: 10}, {by: [Store], weight: 10}]}",
        "parameters: {bounded_neighbours: 1000, unsettled_neighbours: 1000, unsettled_spread: 10, count_limit: 100}",
    ],
)
def test_settings_at_their_ends(tmp_path: Path, setting: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _impute(tmp_path, PANELS["gaps in the calendar"], f"{setting}\n", "--json") == 0
    assert json.loads(capsys.readouterr().out)["n_imputed"] > 0
