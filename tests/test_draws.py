"""Monte-Carlo draws from SIPs."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from polars.testing import assert_frame_equal

import vn2pl
from vn2pl.queries.names import KEY

LEVELS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
Numbers = NDArray[np.float64]


def _sips(values: dict[tuple[int | str, int], list[float]], levels: tuple[float, ...] = LEVELS) -> pl.LazyFrame:
    """SIPs by store and week, all of one product."""
    rows = [
        (store, 7, date(2024, 1, 1) + timedelta(weeks=week), level, float(value))
        for (store, week), steps in values.items()
        for level, value in zip(levels, steps, strict=True)
    ]
    return pl.LazyFrame(rows, schema=[*KEY, "quantile", "value"], orient="row")


def _uniforms(stores: int = 1, weeks: int = 1, *, n: int, seed: int = 0) -> Numbers:
    """What the draws are made from, SIP by draw: the draws of SIPs whose value is their level, hardly rounded."""
    keys = [(store, week) for store in range(stores) for week in range(weeks)]
    levels = (2.0**-40, 1 - 2.0**-40)
    drawn = vn2pl.sample(_sips({key: [*levels] for key in keys}, levels), n, seed, demand_unit=2.0**-50)
    return drawn.sort(*KEY, "draw").collect()["value"].to_numpy().reshape(len(keys), n)


def _values(sips: pl.LazyFrame, n: int, seed: int = 0, *, demand_unit: float = 1.0) -> Numbers:
    drawn = vn2pl.sample(sips, n, seed, demand_unit=demand_unit).sort(*KEY, "draw").collect()
    return drawn["value"].to_numpy().reshape(-1, n)


def test_uniforms_fill_every_part_of_the_interval_alike() -> None:
    drawn = _uniforms(stores=20, weeks=50, n=200)
    cells = np.bincount((drawn.ravel() * 1000).astype(int), minlength=1000)
    expected = drawn.size / 1000
    # Chi-squared with 999 degrees of freedom: mean 999, standard deviation 44.7.
    assert abs(((cells - expected) ** 2 / expected).sum() - 999) < 4 * 44.7
    assert drawn.min() > 0
    assert drawn.max() < 1


@pytest.mark.parametrize(
    "pairs",
    [
        lambda u: (u[:, :-1], u[:, 1:]),
        lambda u: (u[:-1], u[1:]),
        lambda u: (u[:-50], u[50:]),
        lambda u: (u, _uniforms(stores=20, weeks=50, n=200, seed=1)),
        lambda u: (u[:-1, :-1], u[1:, 1:]),
    ],
    ids=["next draw", "next week", "next store", "next seed", "next week and draw"],
)
def test_neighbouring_uniforms_know_nothing_of_each_other(pairs: object) -> None:
    assert callable(pairs)
    left, right = (side.ravel() for side in pairs(_uniforms(stores=20, weeks=50, n=200)))
    deviation = 1 / np.sqrt(left.size)
    for power in (1, 2):
        assert abs(np.corrcoef(left**power, right**power)[0, 1]) < 4 * deviation
    together, _, _ = np.histogram2d(left, right, bins=16, range=[[0, 1], [0, 1]])
    expected = left.size / 256
    # Chi-squared with 255 degrees of freedom: standard deviation 22.6.
    assert abs(((together - expected) ** 2 / expected).sum() - 255) < 5 * 22.6


def test_no_two_streams_share_a_number() -> None:
    drawn = _uniforms(stores=20, weeks=50, n=200)
    assert np.unique(drawn).size == drawn.size


def test_draws_do_not_depend_on_rows_engine_or_company(small_panel: pl.DataFrame, small_config: vn2pl.Config) -> None:
    sips = vn2pl.sips(small_panel.lazy(), small_config).collect()
    order = [*KEY, "draw"]
    drawn = vn2pl.sample(sips.lazy(), 20, 3).sort(order).collect(engine="streaming")
    shuffled = sips.sample(fraction=1, shuffle=True, seed=1)
    assert_frame_equal(drawn, vn2pl.sample(shuffled.lazy(), 20, 3).sort(order).collect(engine="in-memory"))
    alone = sips.head(3 * 13)
    expected = drawn.join(alone, on=KEY, how="semi", maintain_order="left").filter(pl.col("draw") <= 5)
    assert_frame_equal(expected, vn2pl.sample(alone.lazy(), 5, 3).sort(order).collect())
    assert not drawn.equals(vn2pl.sample(sips.lazy(), 20, 4).sort(order).collect())


def test_text_and_number_keys_with_the_same_name_draw_alike() -> None:
    values = [0.0] * 6 + [5.0] * 7
    assert (_values(_sips({(1, 0): values}), 50) == _values(_sips({("1", 0): values}), 50)).all()


rising = st.lists(st.integers(0, 60), min_size=13, max_size=13).map(sorted)


@settings(max_examples=25, deadline=None)
@given(values=rising, seed=st.integers(0, 2**63 - 1))
def test_draws_are_the_quantile_function_of_the_uniforms(values: list[int], seed: int) -> None:
    uniform = _uniforms(n=400, seed=seed)[0]
    slope = (values[-1] - values[-2]) / np.log(0.05 / 0.01)
    tail = values[-1] + slope * np.log(0.01 / (1 - uniform))
    expected = np.where(uniform < 0.99, np.interp(uniform, LEVELS, values), tail)
    drawn = _values(_sips({(0, 0): [float(value) for value in values]}), 400, seed)[0]
    assert np.abs(drawn - expected).max() <= 0.5 + 1e-9
    assert (drawn == np.round(drawn)).all()


@settings(max_examples=10, deadline=None)
@given(values=rising)
def test_quantiles_of_the_draws_are_those_of_the_sip(values: list[int]) -> None:
    n = 20_000
    drawn = _values(_sips({(0, 0): [float(value) for value in values]}), n)[0]
    for level, value in zip(LEVELS, values, strict=True):
        within = 4.5 * np.sqrt(level * (1 - level) / n)
        assert (drawn <= value).mean() >= level - within
        assert (drawn < value).mean() <= level + within


def test_no_draw_is_below_the_first_value_nor_off_the_grid() -> None:
    seen = [2.4] * 5 + [3.0] * 4 + [4.0] * 4
    drawn = np.unique(_values(_sips({(0, 0): seen}), 5000))
    assert drawn.tolist() == [2.4, 3.0, 4.0]
    halves = np.unique(_values(_sips({(0, 0): [0.0] * 6 + [1.5] * 7}), 5000, demand_unit=0.5))
    assert halves.tolist() == [0.0, 0.5, 1.0, 1.5]


def test_the_upper_tail_goes_on_as_the_last_two_levels_fall() -> None:
    steep = [0.0] * 11 + [100.0, 200.0]
    drawn = np.sort(_values(_sips({(0, 0): steep}), 200_000)[0])
    at = [drawn[int(level * drawn.size)] for level in (0.99, 0.998, 0.9996)]
    # Each of these levels leaves a fifth of what the one before leaves, as 0.99 of what 0.95 leaves: one step of 100.
    assert at == pytest.approx([200, 300, 400], abs=30)
    flat = _values(_sips({(0, 0): [0.0] * 11 + [9.0, 9.0]}), 20_000)
    assert flat.max() == 9


def test_sips_may_have_levels_of_their_own() -> None:
    one = _sips({(0, 0): [4.0]}, (0.5,))
    two = _sips({(1, 0): [0.0, 10.0]}, (0.25, 0.75))
    drawn = vn2pl.sample(pl.concat([one, two]), 4000).collect()
    assert set(drawn.filter(pl.col("Store") == 0)["value"]) == {4.0}
    wide = drawn.filter(pl.col("Store") == 1)["value"]
    assert wide.min() == 0
    assert (wide > 10).mean() == pytest.approx(0.25, abs=0.05)
    assert all(low <= high for low, high in pairwise(wide.sort()))


def test_draws_are_lazy_and_numbered_from_one() -> None:
    drawn = vn2pl.sample(_sips({(0, 0): [1.0] * 13}), 3)
    schema = {"Store": pl.Int64, "Product": pl.Int64, "week": pl.Date, "draw": pl.UInt32, "value": pl.Float64}
    assert dict(drawn.collect_schema()) == schema
    assert drawn.sort("draw").collect()["draw"].to_list() == [1, 2, 3]


@pytest.mark.parametrize(
    ("options", "named"),
    [({"n": 0}, "n: "), ({"n": 1, "seed": -1}, "seed: "), ({"n": 1, "demand_unit": 0.0}, "demand_unit: ")],
)
def test_numbers_out_of_range_are_named(options: dict[str, float], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}"):
        vn2pl.sample(_sips({(0, 0): [1.0] * 13}), **options)  # type: ignore[arg-type]
