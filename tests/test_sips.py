"""Distributions, cut at quantile levels."""

import polars as pl

from vn2pl.queries.distributions import quantiles


def test_a_level_that_is_exactly_reached_counts_as_reached() -> None:
    assert 0.55 * 100 > 55
    values = {"recipient": [0, 0], "value": [2, 3], "beyond": [False, False]}
    masses = {"mass": [55, 45], "cumulated": [55, 100], "total": [100, 100]}
    targets = pl.LazyFrame({"recipient": [0], "sales_observed": [0.0]})
    found = quantiles(pl.LazyFrame(values | masses), targets, levels=[0.55, 0.56], demand_unit=0.5).collect()
    assert sorted(found.select("quantile", "value").rows()) == [(0.5, 1.0), (0.55, 1.0), (0.56, 1.5)]
