"""Distributions, cut at quantile levels."""

import polars as pl

from vn2pl.queries.sips import estimates


def test_a_level_that_is_exactly_reached_counts_as_reached() -> None:
    assert 0.55 * 100 > 55
    masses = {"target": [0, 0], "value": [2, 3], "cumulated": [55, 100], "total": [100, 100], "beyond": [False, False]}
    targets = pl.LazyFrame({"target": [0], "sales": [0.0]})
    found = estimates(pl.LazyFrame(masses), targets, levels=[0.55, 0.56], demand_unit=0.5).collect()
    assert found.select("0.55", "0.56", "point").rows() == [(1.0, 1.5, 1.0)]
