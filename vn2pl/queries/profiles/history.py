"""What every expected demand starts from: sales of in-stock weeks, and the scale of a panel's first ones."""

import polars as pl

from ..names import PERIOD
from ..sums import exact_sum

OBSERVED = "observed"
FIRST_SALES = "first_sales"
LEAST_LEVEL, LEAST_SHARE = 0.1, 0.025


def first_sales() -> pl.Expr:
    """Mean sales of the first week in which anything was sold (1 where nothing ever was): the scale of the panel while
    nothing else is known of it. Later weeks do not change it."""
    week = pl.col(PERIOD).filter(pl.col(OBSERVED) > 0).min()
    sales = pl.col(OBSERVED).filter(pl.col(PERIOD) == week)
    return (exact_sum(sales) / sales.count()).fill_nan(1.0)


def least_level(share: float = LEAST_SHARE) -> pl.Expr:
    """What a level is raised by before its logarithm is taken. Among SKUs that sell thousands, one without sales so far
    should not count as one that sells a tenth of a unit."""
    return (pl.col(FIRST_SALES) * share).clip(lower_bound=LEAST_LEVEL)
