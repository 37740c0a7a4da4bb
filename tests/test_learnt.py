"""Expected demand that a panel teaches: what it is, what it rests on, and that it is the same wherever it is learnt."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from oracle_learnt import expectation
from polars.testing import assert_frame_equal
from test_oracle import COMMON, Shape, filled, panel_of, shapes

import vn2pl
from vn2pl import queries
from vn2pl.queries.names import HASH_ORDER, IN_STOCK, KEY, KIND, PRODUCT, ROW, SALES, SKU_CODE, STORE, WEEK
from vn2pl.queries.panel import coded_panel
from vn2pl.queries.profiles import CandidateWeeks
from vn2pl.queries.profiles.learnt.cells import cells
from vn2pl.queries.profiles.learnt.exact import COEFFICIENT_STEPS, products, solution
from vn2pl.running.shards import Engine

QUICK = settings(COMMON, max_examples=25, phases=[Phase.explicit, Phase.generate])
LEARNT = vn2pl.Config(profile="learnt")
BOTH_SIDES = vn2pl.Config(profile="learnt", candidate_weeks="all")
UNLEARNT = vn2pl.Config(profile="learnt", parameters={"learn": False})
EXPECTED = "expected_demand"
NUMBERED = [SKU_CODE, ROW, HASH_ORDER, KIND]  # by the order of the SKUs there are


def learnt(panel: pl.DataFrame, config: vn2pl.Config = LEARNT, *, engine: Engine = "streaming") -> pl.DataFrame:
    return queries.features(panel.lazy(), config).collect(engine=engine).sort(KEY).drop(NUMBERED)


def taught(panel: pl.DataFrame, config: vn2pl.Config = LEARNT) -> pl.DataFrame:
    coefficients = queries.coefficients(panel.lazy(), config)
    assert coefficients is not None
    return coefficients.collect()


@pytest.mark.parametrize("candidate_weeks", ["past", "all"])
@QUICK
@given(shape=shapes())
def test_expected_demand_is_what_the_method_says(candidate_weeks: CandidateWeeks, shape: Shape) -> None:
    rows = filled(shape)
    assume(rows)
    config, panel = vn2pl.Config(profile="learnt", candidate_weeks=candidate_weeks), panel_of(rows).collect()
    stated = expectation(rows, panel.columns[5:], candidate_weeks)
    for row in learnt(panel, config).iter_rows(named=True):
        key = row[STORE], row[PRODUCT], row[WEEK]
        assert row["cold_level"] == pytest.approx(stated.cold_level[key], rel=1e-9, abs=1e-9)
        assert row[EXPECTED] == pytest.approx(stated.expected[key], rel=1e-9)
    for week, feature, value in taught(panel, config).select(WEEK, "feature", "coefficient").iter_rows():
        assert value == pytest.approx(stated.coefficients[week][feature], abs=0.1 / COEFFICIENT_STEPS)


# --------------------------------------------------------------------------------------------------- what it rests on


def test_weeks_and_skus_to_come_change_nothing(small_panel: pl.DataFrame) -> None:
    last = small_panel[WEEK].unique().sort()[60]
    is_past = pl.col(WEEK) <= last
    later = small_panel.filter(~is_past)
    unseen = later.with_columns(pl.col(STORE) + 1000, ProductGroup=pl.col("Department") + 500)
    cut = small_panel.filter(is_past)
    for grown in (small_panel, pl.concat([small_panel, unseen]), pl.concat([cut, unseen])):
        assert_frame_equal(learnt(grown).filter(is_past), learnt(cut), check_exact=True)
        known = taught(grown).join(taught(cut).select("feature").unique(), on="feature", how="semi").filter(is_past)
        assert_frame_equal(known, taught(cut), check_exact=True)


def test_coefficients_of_a_week_do_not_know_its_sales(small_panel: pl.DataFrame) -> None:
    last = small_panel[WEEK].max()
    other = small_panel.with_columns(pl.when(pl.col(WEEK) == last).then(pl.col(SALES) * 3 + 5).otherwise(SALES))
    assert_frame_equal(taught(other), taught(small_panel), check_exact=True)
    assert not learnt(other)[EXPECTED].equals(learnt(small_panel)[EXPECTED])  # but the week's index does


def test_what_a_stockout_hid_is_unknown(small_panel: pl.DataFrame) -> None:
    lost = small_panel.with_columns(pl.when(IN_STOCK).then(SALES).otherwise(0.0).alias(SALES))
    assert learnt(lost)[EXPECTED].equals(learnt(small_panel)[EXPECTED])


# --------------------------------------------------------------------------------------------- the same wherever it is


@pytest.mark.parametrize("config", [LEARNT, BOTH_SIDES])
def test_order_and_engine_do_not_matter(small_panel: pl.DataFrame, config: vn2pl.Config) -> None:
    here = learnt(small_panel, config)
    shuffled = small_panel.sample(fraction=1.0, shuffle=True, seed=3)
    assert_frame_equal(learnt(shuffled, config), here, check_exact=True)
    with pl.Config() as running:
        running.set_streaming_chunk_size(64)
        assert_frame_equal(learnt(small_panel, config), here, check_exact=True)
    assert_frame_equal(learnt(small_panel, config, engine="in-memory"), here, check_exact=True)


def test_threads_do_not_matter(tmp_path: Path) -> None:
    code = """
import sys, vn2pl
from vn2pl import queries
panel, config = vn2pl.demo_panel(skus=300, weeks=40, seed=2).panel.lazy(), vn2pl.Config(profile="learnt")
queries.features(panel, config).sort("row").collect(engine="streaming").write_ipc(sys.argv[1])
"""
    found = []
    for threads in ("1", "4"):
        file = tmp_path / f"{threads}.arrow"
        environment = {"POLARS_MAX_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        subprocess.run([sys.executable, "-c", code, str(file)], check=True, env=environment)
        found.append(pl.read_ipc(file))
    assert_frame_equal(*found, check_exact=True)


def test_names_and_units_do_not_matter(small_panel: pl.DataFrame) -> None:
    here, told = learnt(small_panel), taught(small_panel)
    renamed = small_panel.with_columns(
        (9000 - pl.col(STORE)).alias(STORE), pl.format("p{}", 5000 - pl.col(PRODUCT)).alias(PRODUCT)
    )
    assert_frame_equal(taught(renamed), told, check_exact=True)
    place = [WEEK, SALES, IN_STOCK, EXPECTED]
    assert_frame_equal(learnt(renamed).select(place).sort(place), here.select(place).sort(place), check_exact=True)
    dollars = small_panel.with_columns(pl.col(SALES) * 2.99)
    in_dollars = vn2pl.Config(profile="learnt", demand_unit=2.99)
    assert_frame_equal(taught(dollars, in_dollars), told, check_exact=True)
    assert learnt(dollars, in_dollars)[EXPECTED].equals(here[EXPECTED])


@QUICK
@given(size=st.integers(1, 12), seed=st.integers(0, 2**32 - 1))
def test_a_solution_is_the_exact_one_rounded(size: int, seed: int) -> None:
    """So that no library, processor or number of threads has a say in it."""
    random = np.random.default_rng(seed)
    rows = random.integers(-8192, 8192, (40, size)).astype(np.float64)
    sums = products(rows, rows)
    assert sums.tolist() == [[sum(int(a) * int(b) for a, b in zip(x, y, strict=True)) for y in rows.T] for x in rows.T]
    matrix, right = sums / 2**20 + 30 * np.eye(size), random.integers(-(2**20), 2**20, size) / 2**10
    exact = _exact_solution(matrix, right)
    assert (solution(matrix, right).values * COEFFICIENT_STEPS).tolist() == [
        round(value * COEFFICIENT_STEPS) for value in exact
    ]


def test_a_solution_between_two_steps_is_the_same_for_all() -> None:
    found = solution(np.diag([1.0, 3.0]), np.array([2.5 / COEFFICIENT_STEPS, 1.0]))
    assert found.values.tolist() == [2 / COEFFICIENT_STEPS, round(COEFFICIENT_STEPS / 3) / COEFFICIENT_STEPS]


def _exact_solution(matrix: np.ndarray, right: np.ndarray) -> list[Fraction]:
    work = [[Fraction(value) for value in (*row, b)] for row, b in zip(matrix.tolist(), right.tolist(), strict=True)]
    for pivot in range(len(work)):
        work[pivot] = [value / work[pivot][pivot] for value in work[pivot]]
        for other in range(len(work)):
            if other != pivot:
                factor = work[other][pivot]
                work[other] = [a - factor * b for a, b in zip(work[other], work[pivot], strict=True)]
    return [row[-1] for row in work]


# ------------------------------------------------------------------------------------------------ what a panel teaches


def test_a_panel_teaches_what_its_skus_follow() -> None:
    """Every store sells what the product's week says, strongly in one panel, not at all in the other."""
    for strength, least, most in ((1.0, 0.7, 1.3), (0.0, -0.2, 0.2)):
        last = taught(_panel_with(strength)).filter(pl.col(WEEK) == pl.col(WEEK).max(), feature="week of Product")
        (coefficient, error, prior_weight) = last.select("coefficient", "standard_error", "prior_weight").row(0)
        assert least < coefficient < most
        assert 0 < error < 0.1
        assert 0 < prior_weight < 0.5


def _panel_with(strength: float) -> pl.DataFrame:
    random = np.random.default_rng(5)
    weeks = [date(2023, 1, 2) + timedelta(weeks=n) for n in range(60)]
    moves = np.exp(strength * random.normal(0, 0.7, (6, len(weeks))))
    rows = [
        (store, product, week, float(random.poisson(20 * moves[product, number])), True)
        for store in range(8)
        for product in range(6)
        for number, week in enumerate(weeks)
    ]
    return pl.DataFrame(rows, schema=[STORE, PRODUCT, WEEK, SALES, IN_STOCK], orient="row")


def test_without_learning_the_prior_stays(small_panel: pl.DataFrame) -> None:
    told = taught(small_panel, UNLEARNT)
    assert told["coefficient"].equals(told["prior"].rename("coefficient"))
    assert (told["prior_weight"] == 1).all()
    assert not learnt(small_panel, UNLEARNT)[EXPECTED].equals(learnt(small_panel)[EXPECTED])


def test_evidence_replaces_the_prior_week_by_week(small_panel: pl.DataFrame) -> None:
    weights = taught(small_panel).filter(feature="level of 12 weeks").sort(WEEK)["prior_weight"]
    assert weights[0] == pytest.approx(1)
    assert (weights.diff().drop_nulls() <= 1e-3).all()
    assert weights[-1] < 0.5


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda panel: panel.select(*KEY, SALES, IN_STOCK), id="no attributes"),
        pytest.param(lambda panel: panel.filter(pl.col(STORE) == panel[STORE][0]), id="one store"),
        pytest.param(lambda panel: panel.filter(pl.col(PRODUCT) == panel[PRODUCT][0]), id="one product"),
        pytest.param(lambda panel: panel.filter(pl.struct(STORE, PRODUCT).rank("dense") == 1), id="one SKU"),
        pytest.param(lambda panel: panel.filter(pl.col(WEEK).rank("dense") <= 20), id="20 weeks"),
        pytest.param(lambda panel: panel.filter(pl.col(WEEK).rank("dense") <= 1), id="one week"),
        pytest.param(lambda panel: panel.with_columns(pl.col(SALES) * 1000), id="thousands"),
        pytest.param(lambda panel: panel.with_columns(pl.col(SALES) / 1000), id="grams in kilograms"),
        pytest.param(lambda panel: panel.with_columns(pl.lit(0.0).alias(SALES)), id="no sales"),
        pytest.param(lambda panel: panel.with_columns(pl.lit(value=False).alias(IN_STOCK)), id="never in stock"),
        pytest.param(lambda panel: panel.with_columns(ProductGroup=pl.lit(None, pl.Int64)), id="an empty attribute"),
        pytest.param(
            lambda panel: panel.with_columns((pl.col(WEEK).rank("dense") % 7).alias("moon")), id="one that moves"
        ),
        pytest.param(lambda panel: panel.clear(), id="empty"),
    ],
)
@pytest.mark.parametrize("config", [LEARNT, BOTH_SIDES])
def test_any_panel_gets_finite_expectations_near_its_sales(
    small_panel: pl.DataFrame, config: vn2pl.Config, change: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    panel = change(small_panel)
    found = learnt(panel, config)
    assert found.height == panel.height
    assert found.select(pl.all_horizontal(pl.col(pl.Float64).is_finite().all())).item()
    assert (found[EXPECTED] <= max(2 * panel.select(pl.col(SALES).max().fill_null(0)).item(), 2)).all()


# --------------------------------------------------------------------------------------------------------------- cells


def _cells(rows: Sequence[tuple[object, ...]], *attributes: str, at_most: int = 24) -> dict[str, int]:
    """Cells by name with their first period, counted from the first week of 2024."""
    start = date(2024, 1, 1)
    observed = pl.DataFrame(rows, schema=["period", STORE, PRODUCT, *attributes], orient="row").select(
        STORE,
        PRODUCT,
        (pl.lit(start) + pl.duration(weeks="period")).cast(pl.Date).alias(WEEK),
        pl.lit(1.0).alias(SALES),
        pl.lit(value=True).alias(IN_STOCK),
        *attributes,
    )
    panel = coded_panel(observed.lazy(), groupings=[(STORE,), (PRODUCT,), *((name,) for name in attributes)])
    first = (start - date(1970, 1, 5)).days // 7
    return {cell.name: cell.since - first for cell in cells(panel, attributes, at_most=at_most)}


def test_attributes_of_products_and_of_stores_are_told_apart() -> None:
    rows = [(0, s, p, "food" if p < 2 else "other", "big" if s < 2 else "small") for s in range(4) for p in range(4)]
    assert list(_cells(rows, "group", "format")) == [
        "everybody",
        "Product",
        "Store",
        "group",
        "format",
        "Product x format",
        "Store x group",
        "group x format",
    ]
    assert list(_cells(rows, "group", "format", at_most=3)) == ["everybody", "Product", "Store"]


def test_a_cell_starts_when_it_tells_something_of_its_own() -> None:
    rows = [(0, 1, 1, "a"), (0, 1, 2, "a"), (3, 1, 3, "a"), (5, 2, 3, "b"), (8, 2, 4, "b"), (9, 2, 5, "c")]
    starts = _cells(rows, "group")  # which is the store's until the second store has two
    assert starts == {"everybody": 0, "Product": 5, "Store": 5, "group": 9}
