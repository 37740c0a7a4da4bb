"""The plan gives what the second statement of the method in ``oracle.py`` gives, on random small panels."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import Key, Method, Neighbour, Oracle, Row, Sip, cell

import vn2pl
from vn2pl import queries
from vn2pl.queries.names import KEY, THINNED
from vn2pl.running.shards import Engine

COMMON = settings(derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
LEVELS = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
MONDAYS = (date(2023, 1, 2), date(2023, 11, 6), date(2020, 10, 5), date(2019, 12, 30))


# ------------------------------------------------------------------------------------------------------ random panels


@dataclass(frozen=True)
class Shape:
    """What a random panel looks like; ``seed`` fills it in."""

    seed: int
    start: date
    weeks: int
    stores: int
    products: int
    skus: int
    late_start: float
    missing: float
    stockouts: float
    partial: float
    dead_weeks: int


EVERYTHING = Shape(
    seed=1,
    start=MONDAYS[1],
    weeks=20,
    stores=3,
    products=3,
    skus=8,
    late_start=0.7,
    missing=0.1,
    stockouts=0.15,
    partial=0.4,
    dead_weeks=1,
)


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    long = draw(st.integers(0, 5)) == 5
    stores, products = draw(st.integers(2, 4)), draw(st.integers(2, 4))
    return Shape(
        seed=draw(st.integers(0, 2**32 - 1)),
        start=draw(st.sampled_from(MONDAYS)),
        weeks=draw(st.integers(108, 120) if long else st.integers(6, 40)),
        stores=stores,
        products=products,
        skus=min(draw(st.integers(3, 4) if long else st.integers(3, 12)), stores * products),
        late_start=draw(st.sampled_from((0.0, 0.3, 0.7))),
        missing=draw(st.sampled_from((0.0, 0.1, 0.3))),
        stockouts=draw(st.sampled_from((0.05, 0.15, 0.4))),
        partial=draw(st.sampled_from((0.0, 0.4))),
        dead_weeks=draw(st.sampled_from((0, 0, 1, 3))),
    )


def filled(shape: Shape) -> list[Row]:
    """The rows of a panel, shuffled."""
    random = np.random.default_rng(shape.seed)
    attributes = random.integers(0, 2, (3, shape.products)).tolist()
    formats = random.integers(0, 2, shape.stores).tolist()
    grid = [(store, product) for store in range(shape.stores) for product in range(shape.products)]
    rows = []
    for sku in random.permutation(len(grid))[: shape.skus].tolist():
        store, product = grid[sku]
        launch = int(random.integers(shape.weeks)) if random.random() < shape.late_start else 0
        rate = random.choice((0.3, 1.0, 4.0))
        in_stock = True
        for step in range(launch, shape.weeks):
            in_stock = random.random() >= (shape.stockouts if in_stock else 0.6) and step >= shape.dead_weeks
            sold = int(random.poisson(rate)) * int(random.choice((1, 1, 1, 1, 1, 1, 1, 25)))
            if not in_stock and random.random() >= shape.partial:
                sold = 0
            if random.random() >= shape.missing:
                week = shape.start + timedelta(weeks=step)
                place = (attributes[0][product], attributes[1][product], attributes[2][product], formats[store])
                rows.append(Row(store + 7, product + 100, week, float(sold), in_stock, *place))
    return [rows[position] for position in random.permutation(len(rows))]


PANELS = shapes().map(filled).filter(len)

ENGINES: st.SearchStrategy[Engine] = st.sampled_from(("streaming", "in-memory"))
EXPECTED = st.builds(
    Method,
    candidate_weeks=st.sampled_from(("past", "all")),
    season_window=st.sampled_from((8, 3, 26)),
    season_wraps=st.sampled_from((True, False)),
    n_neighbors=st.sampled_from((300, 20, 5, 1)),
    min_candidates=st.sampled_from((2000, 40, 12, 1)),
    quantile_levels=st.sampled_from((LEVELS, (0.05, 0.95))),
    demand_unit=st.sampled_from((1.0, 0.5)),
)
ORIGINAL = st.builds(
    Method,
    profile=st.just("original"),
    candidate_weeks=st.sampled_from(("past", "all")),
    season_window=st.just(2),
    season_wraps=st.just(value=False),
    n_neighbors=st.sampled_from((20, 5, 1)),
    quantile_levels=st.sampled_from((LEVELS, (0.05, 0.95))),
    demand_unit=st.sampled_from((1.0, 0.5)),
)


# -------------------------------------------------------------------------------------------------------- both answers


class Published(NamedTuple):
    """What the plan gave for one panel."""

    features: pl.DataFrame
    neighbours: pl.DataFrame
    sips: pl.DataFrame
    imputed: pl.DataFrame


Run = Callable[[pl.LazyFrame, vn2pl.Config], Published]


def run_frames(panel: pl.LazyFrame, config: vn2pl.Config) -> Published:
    """As a notebook does it: each frame one lazy plan."""
    frames = [vn2pl.features, vn2pl.neighbours, vn2pl.sips, vn2pl.imputed]
    return Published(*pl.collect_all([frame(panel, config) for frame in frames]))


def run_shards(panel: pl.LazyFrame, config: vn2pl.Config, *, engine: Engine) -> Published:
    """As the command does it: features once, then the search. Ten times as fast on panels this small."""
    found = vn2pl.impute(panel, config, engine=engine, save_neighbours=True)
    return Published(found.features, found.neighbours, found.sips, found.imputed)


class Answers:
    """What the oracle and the plan say of one panel."""

    def __init__(self, run: Run, rows: Iterable[Row], method: Method) -> None:
        found = run(panel_of(rows), vn2pl.Config(**asdict(method)))
        self.oracle = Oracle(rows, method, drawn_half(rows, method))
        self.features, self.imputed = found.features.to_dicts(), found.imputed.to_dicts()
        self.neighbours, self.sips = by_target(found.neighbours), by_target(found.sips)


def drawn_half(rows: Iterable[Row], method: Method) -> set[Key]:
    """The lot, which the oracle does not know."""
    config = vn2pl.Config(**asdict(method))
    candidates = queries.prepare(vn2pl.features(panel_of(rows), config), config).donors
    return set(candidates.filter(THINNED).select(KEY).collect().iter_rows())


SCHEMA: dict[str, Any] = dict.fromkeys(Row._fields, pl.Int64) | {
    "week": pl.Date,
    "sales": pl.Float64,
    "in_stock": pl.Boolean,
}


def panel_of(rows: Iterable[Row]) -> pl.LazyFrame:
    return pl.DataFrame(list(rows), schema=SCHEMA, orient="row").lazy()


def key_of(row: dict[str, Any]) -> Key:
    return row["Store"], row["Product"], row["week"]


def by_target(frame: pl.DataFrame) -> dict[Key, list[dict[str, Any]]]:
    found: dict[Key, list[dict[str, Any]]] = {}
    for row in frame.iter_rows(named=True):
        found.setdefault(key_of(row), []).append(row)
    return found


def candidate_of(row: dict[str, Any]) -> Key:
    return row["neighbour_store"], row["neighbour_product"], row["neighbour_week"]


# --------------------------------------------------------------------------------------------------------------- tests


@settings(COMMON, max_examples=30)
@given(ENGINES, PANELS, EXPECTED)
def test_the_command_agrees_in_profile_expected(engine: Engine, rows: list[Row], method: Method) -> None:
    assert_same(Answers(partial(run_shards, engine=engine), rows, method))


@settings(COMMON, max_examples=24)
@given(ENGINES, PANELS, ORIGINAL)
def test_the_command_agrees_in_profile_original(engine: Engine, rows: list[Row], method: Method) -> None:
    assert_same(Answers(partial(run_shards, engine=engine), rows, method))


@pytest.mark.parametrize(
    "method",
    [
        Method(n_neighbors=20, min_candidates=40),
        Method(profile="original", n_neighbors=5, season_window=2, season_wraps=False),
    ],
    ids=lambda method: method.profile,
)
def test_the_lazy_frames_agree(method: Method) -> None:
    assert_same(Answers(run_frames, filled(EVERYTHING), method))


@settings(COMMON, max_examples=5)
@given(ENGINES, st.integers(0, 2**32 - 1), st.sampled_from((300, 20)), st.sampled_from((2000, 12)))
def test_a_cell_lends_no_more_than_are_drawn(engine: Engine, seed: int, n_neighbors: int, min_candidates: int) -> None:
    """Without the oracle, which does not know the lot: few of each cell and week, and no others when weeks follow."""
    rows = filled(replace(EVERYTHING, seed=seed, stores=5, products=6, skus=30, late_start=0.3))
    config = vn2pl.Config(n_neighbors=n_neighbors, min_candidates=min_candidates, cell_candidates=3)
    found, known = lenders(rows, config, engine)
    of_cell: dict[tuple[date, int], set[Key]] = defaultdict(set)
    for candidate in set(itertools.chain.from_iterable(found.values())):
        of_cell[candidate[2], cell(known[candidate])].add(candidate)
    assert max(len(drawn) for drawn in of_cell.values()) == config.cell_candidates

    last = EVERYTHING.start + timedelta(weeks=15)
    earlier, _ = lenders([row for row in rows if row.week <= last], config, engine)
    assert earlier == {target: lent for target, lent in found.items() if target[2] <= last}


def lenders(rows: Iterable[Row], config: vn2pl.Config, engine: Engine) -> tuple[dict[Key, list[Key]], dict[Key, Any]]:
    """The candidates of each target by rank, and everyone's features."""
    published = run_shards(panel_of(rows), config, engine=engine)
    found = by_target(published.neighbours)
    features = {key_of(row): row for row in published.features.iter_rows(named=True)}
    return {target: [candidate_of(row) for row in lent] for target, lent in found.items()}, features


def assert_same(answers: Answers) -> None:
    assert_same_features(answers)
    assert_same_neighbours(answers)
    assert_sips_follow_from_neighbours(answers)
    assert_same_sips(answers)
    assert_same_outcomes(answers)


def assert_same_features(answers: Answers) -> None:
    oracle = answers.oracle
    assert sorted(key_of(row) for row in answers.features) == [row.key for row in oracle.panel.rows]
    for row in answers.features:
        for name, value in oracle.features[key_of(row)].items():
            tolerance = 1e-8 if name == "expected_demand" and not row["own_weeks"] else 1e-9
            assert row[name] == pytest.approx(value, rel=tolerance, abs=1e-9), (key_of(row), name)


def assert_same_neighbours(answers: Answers) -> None:
    """The same distances at every rank, and the same candidates but for ties in floating point."""
    oracle = answers.oracle
    assert set(answers.neighbours) <= set(oracle.targets)
    for target in oracle.targets:
        found = answers.neighbours.get(target, [])
        ranked = oracle.ranked(target)
        expected = ranked[: oracle.sought(target)]
        assert [row["rank"] for row in found] == list(range(1, len(expected) + 1)), target
        assert distances(found) == pytest.approx([near.distance for near in expected], rel=1e-6, abs=1e-6), target
        order = [Neighbour(row["distance"], candidate_of(row)) for row in found]
        assert order == sorted(order), target
        if distances(found) == [near.distance for near in expected]:
            assert order == expected, target
        exact = {near.key: near.distance for near in ranked}
        assert len({candidate_of(row) for row in found}) == len(found), target
        for row, near in zip(found, expected, strict=True):
            if candidate_of(row) != near.key:
                assert exact[candidate_of(row)] == pytest.approx(near.distance, rel=1e-6, abs=1e-5), (target, near)
        assert [row["weight"] for row in found] == pytest.approx(oracle.weights(distances(found)), abs=1e-9), target
        demands = [oracle.demand(target, candidate_of(row)) for row in found]
        assert [row["demand"] for row in found] == pytest.approx(demands, rel=1e-7, abs=1e-9), target


def distances(found: list[dict[str, Any]]) -> list[float]:
    return [row["distance"] for row in found]


def assert_sips_follow_from_neighbours(answers: Answers) -> None:
    """Exactly: the published weights and demands say what the quantiles are."""
    assert set(answers.sips) == set(answers.neighbours)
    for target in answers.neighbours:
        expected = implied_sip(answers, target, answers.oracle.method.quantile_levels)
        assert expected is not None
        assert published(answers, target) == expected.values, target


def implied_sip(answers: Answers, target: Key, levels: Iterable[float]) -> Sip | None:
    """What the published neighbours say of a target."""
    oracle, found = answers.oracle, answers.neighbours.get(target, [])
    weights, demands = [row["weight"] for row in found], [row["demand"] for row in found]
    return oracle.sip_from(target, weights, demands, list(levels))


def published(answers: Answers, target: Key) -> tuple[float, ...]:
    found = answers.sips[target]
    assert [row["quantile"] for row in found] == list(answers.oracle.method.quantile_levels), target
    return tuple(row["value"] for row in found)


def assert_same_sips(answers: Answers) -> None:
    """From panel to quantiles, wherever no tie was broken another way."""
    for target, found in answers.neighbours.items():
        if [candidate_of(row) for row in found] == keys(answers.oracle.neighbours(target)):
            expected = answers.oracle.sip(target, answers.oracle.method.quantile_levels)
            assert expected is not None
            assert published(answers, target) == expected.values, target


def keys(neighbours: Iterable[Neighbour]) -> list[Key]:
    return [near.key for near in neighbours]


def assert_same_outcomes(answers: Answers) -> None:
    oracle = answers.oracle
    assert sorted(key_of(row) for row in answers.imputed) == [row.key for row in oracle.panel.rows]
    for row in answers.imputed:
        given_row = oracle.row[key_of(row)]
        assert row["sales_observed"] == given_row.sales
        if given_row.in_stock:
            assert (row["sales"], row["imputed"]) == (given_row.sales, False)
        else:
            assert_same_outcome(answers, row)


def assert_same_outcome(answers: Answers, row: dict[str, Any]) -> None:
    oracle, target = answers.oracle, key_of(row)
    pool, sought = len(oracle.pool(target)), oracle.sought(target)
    assert row["candidates"] == pool, target
    assert row["neighbours"] == min(pool, sought), target
    assert row["imputed"] == bool(pool), target
    assert (row["status"] == "no_candidates") == (not pool), target
    if oracle.expects:
        assert row["own_weeks"] == oracle.features[target]["own_weeks"], target
    expected = implied_sip(answers, target, [0.5])
    if expected is None:
        assert row["sales"] == row["sales_observed"], target
    else:
        assert (row["sales"],) == expected.values, target
        assert ("too_few_candidates" in row["flags"]) == oracle.is_scarce(target), target
        assert ("median_above_max" in row["flags"]) == (row["sales"] > oracle.largest_of_kind(target)), target
        assert ("bound_beyond_candidates" in row["flags"]) == expected.bound_beyond_candidates, target
