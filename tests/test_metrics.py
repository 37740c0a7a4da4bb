"""Metrics and baselines against the same figures worked out by hand or by plain loops."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from vn2pl.evaluation import baselines, metrics

KEY = ["Store", "Product", "week"]
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9)
MONDAY = date(2024, 1, 1)


def keys(rows: int) -> pl.DataFrame:
    return pl.DataFrame(
        {"Store": 1, "Product": np.arange(rows) % 7, "week": [MONDAY + timedelta(7 * i) for i in range(rows)]}
    )


@pytest.fixture(scope="module")
def values() -> NDArray[np.float64]:
    return np.sort(np.random.default_rng(1).poisson(4.0, (50, len(LEVELS))).astype(float), axis=1)


@pytest.fixture(scope="module")
def demand() -> NDArray[np.float64]:
    return np.random.default_rng(2).poisson(4.0, 50).astype(float)


@pytest.fixture(scope="module")
def truth(demand: NDArray[np.float64]) -> pl.LazyFrame:
    return keys(50).with_columns(pl.Series("demand", demand)).sample(fraction=1.0, shuffle=True, seed=3).lazy()


@pytest.fixture(scope="module")
def sips(values: NDArray[np.float64]) -> pl.LazyFrame:
    wide = keys(50).with_columns(pl.Series(str(level), values[:, i]) for i, level in enumerate(LEVELS))
    long = wide.unpivot(index=KEY, variable_name="quantile", value_name="value").cast({"quantile": pl.Float64})
    return long.sample(fraction=1.0, shuffle=True, seed=4).lazy()


def column(frame: pl.LazyFrame, name: str) -> NDArray[np.float64]:
    return frame.sort("week").collect()[name].to_numpy()


def test_losses(
    sips: pl.LazyFrame, truth: pl.LazyFrame, values: NDArray[np.float64], demand: NDArray[np.float64]
) -> None:
    apart = demand[:, None] - values
    losses = 2 * np.maximum(np.array(LEVELS) * apart, (np.array(LEVELS) - 1) * apart)
    np.testing.assert_allclose(column(metrics.pinball(sips, truth), "pinball"), losses.mean(axis=1), rtol=0, atol=1e-9)
    by_level = metrics.pinball_by_level(sips, truth).filter(pl.col("quantile") == 0.5)
    np.testing.assert_allclose(column(by_level, "pinball"), np.abs(demand - values[:, 3]))
    widths = np.diff([0.0, 0.075, 0.175, 0.375, 0.625, 0.825, 1.0])
    crps = metrics.crps(sips, truth, levels=LEVELS)
    np.testing.assert_allclose(column(crps, "crps"), (losses * widths).sum(axis=1), rtol=0, atol=1e-9)
    np.testing.assert_allclose(column(metrics.error(sips, truth), "error"), values[:, 3] - demand)


def test_intervals(
    sips: pl.LazyFrame, truth: pl.LazyFrame, values: NDArray[np.float64], demand: NDArray[np.float64]
) -> None:
    inside = (values[:, 1] <= demand) & (demand <= values[:, 5])
    assert 0 < inside.sum() < 50
    assert (column(metrics.coverage(sips, truth, lower=0.1, upper=0.9), "covered") == inside).all()
    width = metrics.interval_width(sips, lower=0.1, upper=0.9)
    np.testing.assert_allclose(column(width, "width"), values[:, 5] - values[:, 1])


def test_crps_is_that_of_the_distribution_when_levels_are_dense() -> None:
    levels = [(i + 0.5) / 2000 for i in range(2000)]
    draws = np.array([0.0, 1.0, 1.0, 5.0])
    quantiles = np.quantile(draws, levels, method="inverted_cdf")
    sips = keys(1).join(pl.DataFrame({"quantile": levels, "value": quantiles}), how="cross").lazy()
    found = metrics.crps(sips, keys(1).with_columns(demand=2.0).lazy(), levels=levels).collect()["crps"].item()
    exact = np.abs(draws - 2).mean() - np.abs(draws[:, None] - draws).mean() / 2
    assert found == pytest.approx(exact, abs=2e-3)


def test_scaled_pinball_divides_by_mean_in_stock_sales_and_a_half() -> None:
    observed = keys(3).with_columns(
        Product=0, sales=pl.Series([1.0, 4.0, 0.0]), in_stock=pl.Series([True, True, False])
    )
    losses = keys(1).with_columns(pinball=6.0).lazy()
    assert metrics.scaled_pinball(losses, metrics.scale(observed.lazy())).collect()["scaled_pinball"].item() == 2.0


def poisson(means: NDArray[np.float64], most: int = 60) -> pl.LazyFrame:
    """A distribution per row, as masses that do not sum to one."""
    value = np.arange(most)
    log_factorial = np.cumsum(np.log(np.maximum(value, 1)))
    mass = 1000 * np.exp(value * np.log(means)[:, None] - log_factorial - means[:, None])
    rows = keys(means.size).with_columns(mass=pl.Series(mass.tolist()), value=pl.lit(value.astype(float).tolist()))
    return rows.explode("mass", "value").lazy()


def test_pit_by_hand() -> None:
    masses = pl.DataFrame({"value": [0.0, 1.0, 3.0], "mass": [1, 2, 1]})
    distributions = keys(4).join(masses, how="cross").lazy()
    demand = keys(4).with_columns(demand=pl.Series([0.0, 1.0, 2.0, 9.0]), uniform=0.5).lazy()
    np.testing.assert_allclose(column(metrics.pit(distributions, demand), "pit"), [0.125, 0.5, 0.75, 1.0])


@pytest.mark.parametrize(("factor", "calibrated"), [(1.0, True), (1.3, False)])
def test_pit_is_uniform_if_and_only_if_demand_comes_from_the_distributions(factor: float, calibrated: bool) -> None:
    random = np.random.default_rng(6)
    means = random.gamma(1.5, 2.0, 4000) + 0.05
    drawn = {"demand": random.poisson(means * factor).astype(float), "uniform": random.random(4000)}
    truth = keys(4000).with_columns(pl.Series(name, values) for name, values in drawn.items())
    deciles = metrics.pit_deciles(metrics.pit(poisson(means), truth.lazy()))
    shares = deciles.sort("decile").collect()
    assert shares["decile"].to_list() == list(range(1, 11))
    assert shares["share"].sum() == pytest.approx(1.0)
    deviation, chi_square = metrics.uniformity(deciles).collect().row(0)
    five_sigma = 5 * np.sqrt(0.1 * 0.9 / 4000)
    assert (deviation < five_sigma) == calibrated
    assert (4000 * chi_square < 27.9) == calibrated  # the 0.1 % point of chi-square with 9 degrees of freedom


def test_classes_of_skus() -> None:
    patterns = {
        1: ("smooth", [5, 6, 5, 6, 5, 6]),
        2: ("erratic", [1, 40, 1, 1, 1, 1]),
        3: ("intermittent", [0, 2, 0, 2, 0, 2]),
        4: ("lumpy", [0, 1, 0, 30, 0, 1]),
        5: ("no_sales", [0] * 6),
    }
    rows = [
        (1, product, MONDAY + timedelta(7 * i), float(sold), True)
        for product, (_, sales) in patterns.items()
        for i, sold in enumerate(sales)
    ]
    observed = pl.DataFrame(rows, schema=[*KEY, "sales", "in_stock"], orient="row").lazy()
    found = metrics.intermittency_class(observed).collect()
    assert dict(found.select("Product", "intermittency_class").iter_rows()) == {
        k: name for k, (name, _) in patterns.items()
    }
    volume = dict(metrics.volume_class(observed).collect().select("Product", "volume_class").iter_rows())
    assert volume == {5: "low", 3: "middle", 4: "middle", 1: "high", 2: "high"}


def test_baselines_are_what_a_loop_gives(small_panel: pl.DataFrame) -> None:
    panel = small_panel.lazy()
    own = baselines.own_history(panel, levels=LEVELS).collect()
    others = baselines.quantiles(baselines.other_stores_sales(panel, candidate_weeks="past"), levels=LEVELS).collect()
    recent = baselines.quantiles(baselines.own_recent_sales(panel, candidate_weeks="all"), levels=LEVELS).collect()
    in_stock = small_panel.filter("in_stock")
    checked = 0
    for store, product, week, group in (
        small_panel.filter(~pl.col("in_stock")).select(*KEY, "ProductGroup").sample(60, seed=1).iter_rows()
    ):
        mine = in_stock.filter(pl.col("Store") == store, pl.col("Product") == product).sort("week")
        before, after = mine.filter(pl.col("week") < week)["sales"], mine.filter(pl.col("week") > week)["sales"]
        apart = (pl.col("week").dt.week().clip(1, 52).cast(pl.Int32) - min(week.isocalendar().week, 52)).abs()
        near = in_stock.filter(
            (pl.col("Store") != store) | (pl.col("Product") != product),
            pl.col("week") < week,
            pl.min_horizontal(apart, 52 - apart) <= 4,
        )
        circles = (near.filter(pl.col("Product") == product), near.filter(pl.col("ProductGroup") == group), near)
        expected = (
            (own, before),
            (recent, pl.concat([before.tail(13), after.head(13)])),
            (others, next((circle["sales"] for circle in circles if circle.height), in_stock["sales"].clear())),
        )
        for answers, sales in expected:
            found = answers.filter(Store=store, Product=product, week=week).sort("quantile")["value"]
            assert found.len() == (len(LEVELS) if sales.len() else 0)
            if sales.len():
                np.testing.assert_allclose(found, np.quantile(sales, LEVELS), rtol=0, atol=1e-9)
                checked += 1
    assert checked > 100


def test_seasonal_index_median_is_what_a_loop_gives() -> None:
    weeks = [MONDAY + timedelta(7 * i) for i in range(105)]
    sales = np.random.default_rng(7).poisson(4.0, (2, 105)).astype(float)
    sales[:, 50:55] *= 2
    frame = pl.concat(
        pl.DataFrame({"Store": 1, "Product": product, "week": weeks, "sales": sales[product], "in_stock": True})
        for product in range(2)
    )
    target = (pl.col("Product") == 1) & (pl.col("week") == weeks[104])
    shown = frame.with_columns(in_stock=~target).lazy()
    found = baselines.seasonal_index_median(shown, candidate_weeks="past").collect()["value"].item()
    season = [1, 2, *range(50, 55), 102, 103]  # ISO weeks 51 to 3; the very first week has no mean before it
    usual = sum(sales[product, :week].mean() for product in range(2) for week in season)
    assert found == pytest.approx(np.median(sales[1, :104]) * sales[:, season].sum() / usual)
