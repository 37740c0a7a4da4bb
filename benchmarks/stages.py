"""Each stage of the plan on the demo panel, with pytest-benchmark: ``python -m pytest benchmarks/stages.py``."""

from collections.abc import Iterable

import polars as pl
import pytest

import vn2pl
from vn2pl import queries
from vn2pl.queries.panel import coded_panel

pytest.importorskip("pytest_benchmark", reason="needs pytest-benchmark")
from pytest_benchmark.fixture import BenchmarkFixture

CONFIG = vn2pl.Config()


def _collect(frame: pl.LazyFrame) -> pl.DataFrame:
    return frame.collect(engine="streaming")


def _collect_all(frames: Iterable[pl.LazyFrame]) -> list[pl.DataFrame]:
    return pl.collect_all(frames, engine="streaming")


@pytest.fixture(scope="session")
def observed() -> pl.DataFrame:
    """The demo panel, as large as VN2."""
    return vn2pl.demo_panel().panel


@pytest.fixture(scope="session")
def known(observed: pl.DataFrame) -> pl.DataFrame:
    """Its features."""
    return _collect(queries.features(observed.lazy(), CONFIG))


@pytest.fixture(scope="session")
def prepared(known: pl.DataFrame) -> queries.Prepared:
    """Both sides of the join."""
    return queries.Prepared(*(frame.lazy() for frame in _collect_all(queries.prepare(known.lazy(), CONFIG))))


def test_panel(benchmark: BenchmarkFixture, observed: pl.DataFrame) -> None:
    """Integer codes of the panel."""
    coded = benchmark(
        lambda: _collect(coded_panel(observed.lazy(), groupings=CONFIG.definition.groupings(observed.schema)))
    )
    assert coded.height == observed.height


def test_features(benchmark: BenchmarkFixture, observed: pl.DataFrame) -> None:
    """What the profile knows, codes included."""
    found = benchmark(lambda: _collect(queries.features(observed.lazy(), CONFIG)))
    assert found.height == observed.height


def test_prepare(benchmark: BenchmarkFixture, known: pl.DataFrame) -> None:
    """Targets, candidates and pools from features."""
    found = benchmark(lambda: _collect_all(queries.prepare(known.lazy(), CONFIG)))
    assert found[0].height


def test_neighbours(benchmark: BenchmarkFixture, prepared: queries.Prepared) -> None:
    """Named neighbours from both sides of the join."""
    found = benchmark(lambda: _collect(queries.search(prepared, CONFIG).neighbours))
    assert found.height


def test_sips(benchmark: BenchmarkFixture, prepared: queries.Prepared) -> None:
    """SIPs from both sides of the join, the search for neighbours included."""
    found = benchmark(lambda: _collect(queries.solve(prepared, CONFIG).sips))
    assert found.height
