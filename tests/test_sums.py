"""The sums that features are made of."""

import polars as pl
import pytest

from vn2pl.queries.sums import MOST_WEEKS, age, decayed_sum, fixed_point, sum_of_others


def test_others_are_those_of_the_cell_and_nobody_where_it_is_unknown() -> None:
    panel = pl.LazyFrame(
        {"period": 1, "Product": [7, 7, 8, None, None], "Store": [1, 1, 1, 1, 1], "y": [1, 2, 4, 8, 16]}
    )
    known = panel.with_columns(fixed_point(pl.col("y").cast(pl.Float64)).alias("y"))
    sums = known.select(alone=sum_of_others("y", by=["Product"]), store=sum_of_others("y", by=["Store"])).collect()
    assert sums["alone"].to_list() == [2.0, 1.0, 0.0, 0.0, 0.0]
    assert sums["store"].to_list() == [30.0, 29.0, 27.0, 23.0, 15.0]


@pytest.mark.parametrize("both_sides", [False, True])
def test_the_fastest_decay_of_the_largest_sales_is_finite_over_the_longest_panel(both_sides: bool) -> None:
    sold = 1e5 * 2.0**53
    panel = pl.LazyFrame({"sku": 0, "period": range(MOST_WEEKS), "y": sold}).with_columns(age())
    found = panel.select(decayed_sum(pl.col("y"), half_life=1.0, both_sides=both_sides)).collect().to_series() / sold
    assert found[-1] == pytest.approx(2)
    assert found[MOST_WEEKS // 2] == pytest.approx(4 if both_sides else 2)
    assert found[0] == pytest.approx(2 if both_sides else 0)
