"""What a SKU's earlier errors tell: how strongly it follows the week index, and how it does at this time of year."""

import math

import polars as pl

from ...names import IN_STOCK, OWN_WEEKS, PERIOD, ROW, SKU_CODE
from ...packing import key_of
from ...sums import AGE, STEPS, added, decayed_sum, in_steps
from ..history import OBSERVED
from .levels import OVERDISPERSION

MOMENT = "moment"
YEAR = 52
HISTORY = 2
LARGEST_ERROR = 4.0
PRIOR = 3.0


def relative_error(expected: pl.Expr, /) -> pl.Expr:
    """Sales over what was expected, less one; outliers count up to a bound."""
    return ((pl.col(OBSERVED) - expected) / expected.clip(lower_bound=0.05)).clip(-1.0, LARGEST_ERROR)


def own_slope(expected: str, index: str, /, *, both_sides: bool) -> pl.Expr:
    """How much more strongly than others the SKU followed the index: one Newton step from there."""
    weight = _precision(pl.col(expected)) * pl.col(expected)
    score = weight * relative_error(pl.col(expected)) * pl.col(index)
    information = weight * pl.col(index).pow(2)
    sums = (decayed_sum(of, half_life=math.inf, both_sides=both_sides) for of in (score, information))
    total, prior = next(sums), next(sums) + PRIOR
    return (total / prior).clip(-2.0, 2.0)


def with_year_away(panel: pl.LazyFrame, expected: str, /, *, both_sides: bool) -> pl.LazyFrame:
    """Adds own_year: log ratio of what the SKU sold a year away, give or take a week, to what was expected of it."""
    values = {
        f"{name}_until": in_steps(_precision(pl.col(expected)) * pl.col(name)).fill_null(0)
        for name in (OBSERVED, expected)
    }
    panel = panel.with_columns(
        key_of(pl.col(SKU_CODE), pl.col(PERIOD)).alias(MOMENT),
        *(value.cum_sum().over(SKU_CODE, order_by=ROW).alias(name) for name, value in values.items()),
    ).cache()
    known, joined, windows = panel.select(MOMENT, *values), panel, [(-YEAR - 1, -YEAR + 1)]
    if both_sides:
        windows.append((YEAR - 1, YEAR + 1))
    ends = [week for first, last in windows for week in (first - 1, last)]
    for week in ends:
        joined = joined.join_asof(
            known.select(pl.all().name.suffix(_at(week))),
            left_on=pl.col(MOMENT) + week,
            right_on=MOMENT + _at(week),
            strategy="backward",
            coalesce=False,
        )

    def until(name: str, week: int) -> pl.Expr:
        is_own = pl.col(MOMENT + _at(week)) >= pl.col(MOMENT) - pl.col(AGE)
        return pl.when(is_own).then(name + _at(week)).otherwise(0)

    sold, usual = (
        added((until(name, last) - until(name, first - 1)).cast(pl.Float64) / STEPS for first, last in windows)
        for name in values
    )
    matched = [name + _at(week) for name in (MOMENT, *values) for week in ends]
    ratio = ((sold + PRIOR) / (usual + PRIOR)).log().clip(-2.0, 2.0)
    return joined.with_columns(ratio.alias("own_year")).drop(MOMENT, *values, *matched)


def _precision(expected: pl.Expr) -> pl.Expr:
    """Weight of a week against the scatter of its sales, none where the SKU was hardly known."""
    has_history = pl.col(OWN_WEEKS) >= HISTORY
    return pl.when(IN_STOCK, has_history).then(1 / (1 + OVERDISPERSION * expected))


def _at(week: int) -> str:
    return f"_at_{week}"
