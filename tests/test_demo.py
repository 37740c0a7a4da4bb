"""What the demo panel promises to the command, the backtest and the benchmarks."""

import hashlib
from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from vn2pl.reading.demo import DemoPanel, demo_panel

SKU = ["Store", "Product"]
KEY = [*SKU, "week"]
ATTRIBUTES = ["ProductGroup", "Division", "Department", "DepartmentGroup", "StoreFormat", "Format"]


@pytest.fixture(scope="module")
def demo() -> DemoPanel:
    return demo_panel()


@pytest.fixture(scope="module")
def weeks(demo: DemoPanel) -> pl.DataFrame:
    """Panel and demand side by side, with the stockouts that precede a SKU's first in-stock week marked."""
    first_in_stock = pl.col("week").filter("in_stock").min().over(SKU)
    launch = ~pl.col("in_stock") & (pl.col("week") < first_in_stock).fill_null(True)
    return demo.panel.join(demo.demand, on=KEY, validate="1:1").with_columns(launch=launch)


def share(frame: pl.DataFrame, condition: pl.Expr) -> float:
    return float(frame.select(condition.mean()).item())


def test_columns_types_and_order_are_those_of_a_panel(demo: DemoPanel) -> None:
    key = {"Store": pl.Int64, "Product": pl.Int64, "week": pl.Date}
    measured = {"sales": pl.Float64, "in_stock": pl.Boolean}
    assert dict(demo.panel.schema) == key | measured | dict.fromkeys(ATTRIBUTES, pl.Int64)
    assert dict(demo.demand.schema) == key | {"demand": pl.Float64}
    assert_frame_equal(demo.panel, demo.panel.sort(KEY))
    assert_frame_equal(demo.panel.select(KEY), demo.demand.select(KEY))


def test_every_sku_has_every_monday_once(demo: DemoPanel) -> None:
    assert demo.panel.height == 599 * 157 == demo.panel.select(KEY).n_unique()
    assert demo.panel["week"].min() == date(2021, 4, 12)
    assert demo.panel["week"].max() == date(2024, 4, 8)
    assert set(demo.panel["week"].dt.weekday()) == {1}
    assert demo.panel.select(pl.col("Store", "Product").n_unique()).row(0) == (67, 297)


def test_same_seed_same_panel_other_seed_other_panel() -> None:
    first, again, other = (demo_panel(skus=60, weeks=30, seed=seed) for seed in (5, 5, 6))
    assert_frame_equal(first.panel, again.panel)
    assert_frame_equal(first.demand, again.demand)
    for before, after in zip(first, other, strict=True):
        assert not before.equals(after)


def test_the_panel_behind_published_figures_is_still_the_same(demo: DemoPanel) -> None:
    """Fails when the generator or numpy's random streams change: measure such figures again then."""
    columns = [demo.panel["sales"], demo.panel["ProductGroup"], demo.demand["demand"]]
    found = hashlib.sha256(b"".join(column.to_numpy().astype("<i4").tobytes() for column in columns))
    assert found.hexdigest()[:16] == "1fded96131d9013b"


def test_sales_are_demand_where_in_stock_and_never_more_than_demand(weeks: pl.DataFrame) -> None:
    assert share(weeks, (pl.col("sales") >= 0) & (pl.col("sales") <= pl.col("demand"))) == 1
    assert share(weeks.filter("in_stock"), pl.col("sales") == pl.col("demand")) == 1
    assert share(weeks, pl.col("demand") == pl.col("demand").floor()) == 1
    assert share(weeks.filter("launch"), pl.col("sales") == 0) == 1


def test_some_stockouts_are_partial_and_all_of_those_hide_demand(weeks: pl.DataFrame) -> None:
    later = weeks.filter(~pl.col("in_stock") & ~pl.col("launch"))
    assert 0.03 < share(later, pl.col("sales") > 0) < 0.07
    assert share(later.filter(pl.col("sales") > 0), pl.col("sales") < pl.col("demand")) == 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_in_stock_demand_is_small_and_heavy_tailed_as_in_vn2(seed: int) -> None:
    sales = demo_panel(seed=seed).panel.filter("in_stock")["sales"]
    assert sales.median() == 1
    assert sales.mean() == pytest.approx(3.3, abs=0.5)
    assert (sales == 0).mean() == pytest.approx(0.36, abs=0.03)
    assert sales.quantile(0.99) == pytest.approx(48, rel=0.35)
    assert 150 < sales.to_numpy().max() < 1500


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_stockouts_are_as_frequent_as_in_vn2_and_get_rarer(seed: int) -> None:
    panel = demo_panel(seed=seed).panel
    stockout = ~pl.col("in_stock")
    assert share(panel, stockout) == pytest.approx(0.112, abs=0.015)
    assert share(panel.filter(pl.col("week") < date(2021, 6, 7)), stockout) == pytest.approx(0.31, abs=0.05)
    assert share(panel.filter(pl.col("week") >= date(2024, 1, 1)), stockout) < 0.03


def test_most_stockouts_are_launches(weeks: pl.DataFrame) -> None:
    assert share(weeks.filter(~pl.col("in_stock")), pl.col("launch")) == pytest.approx(0.62, abs=0.05)


def test_most_stockout_runs_are_short_and_a_few_are_long(weeks: pl.DataFrame) -> None:
    out = ~pl.col("in_stock") & ~pl.col("launch")
    length = (
        weeks.with_columns(out=out, run=out.rle_id().over(SKU, order_by="week"))
        .filter("out")
        .group_by(*SKU, "run")
        .len("weeks")["weeks"]
    )
    assert (length == 1).mean() == pytest.approx(0.45, abs=0.08)
    assert length.mean() == pytest.approx(3.0, abs=0.6)
    assert length.quantile(0.99) == pytest.approx(22, abs=10)


@pytest.mark.parametrize(
    ("child", "parent"),
    [
        ("Product", "ProductGroup"),
        ("ProductGroup", "Division"),
        ("Division", "Department"),
        ("Department", "DepartmentGroup"),
        ("Store", "StoreFormat"),
        ("StoreFormat", "Format"),
    ],
)
def test_attributes_are_nested(demo: DemoPanel, child: str, parent: str) -> None:
    parents = demo.panel.group_by(child).agg(pl.col(parent).n_unique())[parent]
    assert set(parents) == {1}
    assert demo.panel[parent].n_unique() > 1


def test_smooth_erratic_intermittent_and_lumpy_skus_all_occur(weeks: pl.DataFrame) -> None:
    """The classes of Syntetos, Boylan and Croston (2005), by mean interval and squared variation of sales."""
    sold = pl.col("sales").filter(pl.col("sales") > 0)
    classes = (
        weeks.filter("in_stock")
        .group_by(SKU)
        .agg(often=pl.len() / sold.len() < 1.32, steady=(sold.std() / sold.mean()) ** 2 < 0.49)
        .drop_nulls()
        .group_by("often", "steady")
        .len()
    )
    assert classes.height == 4
    assert classes.select(pl.col("len").min()).item() > 20


def test_stores_of_a_product_move_together(weeks: pl.DataFrame) -> None:
    """Other stores' sales of the same week tell something about the hidden demand."""
    relative = (pl.col("demand") + 1).log() - (pl.col("demand") + 1).log().mean().over(SKU)
    moves = weeks.with_columns(own=relative)
    total, count = pl.col("own").sum(), pl.len()
    moves = moves.with_columns(
        others=((total.over("Product", "week") - pl.col("own")) / (count.over("Product", "week") - 1))
    ).filter(count.over("Product", "week") > 1)
    assert moves.select(pl.corr("own", "others")).item() > 0.15


@pytest.mark.parametrize(("skus", "weeks"), [(1, 1), (1, 157), (2, 3), (20, 1), (30, 2), (101, 5)])
def test_any_size_gives_that_many_different_skus_and_weeks(skus: int, weeks: int) -> None:
    panel, demand = demo_panel(skus=skus, weeks=weeks)
    assert panel.height == demand.height == skus * weeks == panel.select(KEY).n_unique()
    assert panel.select(SKU).n_unique() == skus


@pytest.mark.parametrize(
    ("option", "value"),
    [("skus", 0), ("skus", -1), ("skus", 60_001), ("weeks", 0), ("weeks", 301), ("seed", -1)],
)
def test_impossible_sizes_are_refused_by_name(option: str, value: int) -> None:
    with pytest.raises(ValueError, match=option):
        demo_panel(**{option: value})
