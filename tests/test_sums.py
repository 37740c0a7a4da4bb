"""The sums that features are made of."""

import math
from datetime import date

import polars as pl
import pytest

from vn2pl.queries.panel import coded_panel
from vn2pl.queries.sums import MOST_WEEKS, age, decayed_sum, in_steps, number_of_others, sum_of_others


def test_others_are_those_of_the_cell_and_nobody_where_it_is_unknown() -> None:
    observed = pl.LazyFrame(
        {
            "Store": 1,
            "Product": range(5),
            "week": date(2024, 1, 1),
            "sales": [1.0, 2.0, 4.0, 8.0, 16.0],
            "in_stock": [True, True, False, True, True],
            "Group": [7, 7, 8, None, None],
        }
    )
    known = coded_panel(observed, groupings=[["Group"], ["Store"], ["Store", "Group"]]).with_columns(
        in_steps(pl.when("in_stock").then("sales")).alias("y")
    )
    sums, numbers = (
        known.select(group=of("y", by=["Group"]), both=of("y", by=["Store", "Group"]), store=of("y", by=["Store"]))
        for of in (sum_of_others, number_of_others)
    )
    assert sums.collect().to_dict(as_series=False) == {
        "group": [2.0, 1.0, 0.0, 0.0, 0.0],
        "both": [2.0, 1.0, 0.0, 0.0, 0.0],
        "store": [26.0, 25.0, 27.0, 19.0, 11.0],
    }
    assert numbers.collect().to_dict(as_series=False) == {
        "group": [1, 1, 0, 0, 0],
        "both": [1, 1, 0, 0, 0],
        "store": [3, 3, 4, 3, 3],
    }


@pytest.mark.parametrize("both_sides", [False, True])
def test_the_fastest_decay_of_the_largest_sales_is_finite_over_the_longest_panel(both_sides: bool) -> None:
    sold = 1e5 * 2.0**53
    weeks = pl.LazyFrame({"sku": 0, "row": range(MOST_WEEKS), "period": range(MOST_WEEKS), "y": sold})
    aged = weeks.with_columns(age())
    found = aged.select(decayed_sum(pl.col("y"), half_life=1.0, both_sides=both_sides)).collect().to_series() / sold
    assert found[-1] == pytest.approx(2)
    assert found[MOST_WEEKS // 2] == pytest.approx(4 if both_sides else 2)
    assert found[0] == pytest.approx(2 if both_sides else 0)


def test_steps_have_an_end_that_leaves_room_for_the_sum_of_many() -> None:
    largest = 2.0**27
    values = pl.DataFrame({"y": [2.0**-21, 2.0**-20, -1.5, None, 1e300, -math.inf]})
    found = values.select(in_steps(pl.col("y")) / 2**20).to_series().to_list()
    assert found == [0.0, 2.0**-20, -1.5, None, largest, -largest]
    many = pl.LazyFrame({"y": [math.inf]}).select(in_steps(pl.col("y")).repeat_by(65_000).explode().sum())
    assert many.collect().item() == 65_000 * largest * 2**20
