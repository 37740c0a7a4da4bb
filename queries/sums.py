"""The two sums that features are made of: decayed over a SKU's own weeks, and over other SKUs in the same week."""

import math
from collections.abc import Sequence

import polars as pl

from .names import PERIOD, ROW, SKU_CODE, group_of

FIXED_POINT = 2.0**40
SMALL = 600.0
# Half-lives are of one week at least: sums over as many SKUs as fit into memory, of the largest sales, stay finite.
MOST_WEEKS = 1800
AGE = "age"


def age() -> pl.Expr:
    """Weeks since the SKU's first row (Int32), the clock of the decayed sums."""
    return (pl.col(PERIOD) - pl.col(PERIOD).min().over(SKU_CODE)).alias(AGE)


def decayed_sum(values: pl.Expr, /, *, half_life: float, both_sides: bool) -> pl.Expr:
    """Sum of a SKU's values in other weeks, each counted 0.5 ** ((weeks apart - 1) / half_life).

    Earlier weeks only, or with ``both_sides`` later weeks as well; never the week itself. Null counts as
    zero, and so do weeks without a row. ``half_life`` is in weeks; infinity gives the plain sum.

    An exponentially weighted sum is a cumulated sum of values that grow with age, scaled back at the end:
    the terms are of one sign, so nothing cancels, and gaps in a calendar need no filling. The scale starts near
    the small end of Float64, so that it lasts for ``MOST_WEEKS`` half-lives, the span that a panel may have.
    """
    rate = math.log(2) / half_life
    growth = (pl.col(AGE) * rate - SMALL).exp() if rate else pl.lit(1.0)
    step = float(0.5 ** (-1 / half_life))
    known = values.fill_null(0.0)
    before = (known * growth).cum_sum().shift(1, fill_value=0.0)
    earlier = before.over(SKU_CODE, order_by=ROW) / growth * step
    if not both_sides:
        return earlier
    after = (known / growth).cum_sum(reverse=True).shift(-1, fill_value=0.0)
    return earlier + after.over(SKU_CODE, order_by=ROW) * growth * step


def fixed_point(values: pl.Expr, /) -> pl.Expr:
    """Values in steps of 2 ** -40 as Int128: their sums are the same in whatever order threads add."""
    return (values * FIXED_POINT).round().cast(pl.Int128)


def from_fixed_point(values: pl.Expr, /) -> pl.Expr:
    """Back to Float64."""
    return values.cast(pl.Float64) / FIXED_POINT


def exact_sum(values: pl.Expr, /) -> pl.Expr:
    """A sum that does not depend on the order of its terms; null counts as zero."""
    return from_fixed_point(fixed_point(values).sum())


def sum_of_others(fixed: str, /, *, by: Sequence[str]) -> pl.Expr:
    """Sum of a fixed-point column over the other SKUs of the cell (the attributes ``by``) in the same week, or over all
    SKUs where ``by`` names nothing (Float64)."""
    values = pl.col(fixed)
    return from_fixed_point(_of_others(values.sum(), values.fill_null(0), by=by))


def number_of_others(column: str, /, *, by: Sequence[str]) -> pl.Expr:
    """How many of them have a value in the column (UInt32)."""
    values = pl.col(column)
    return _of_others(values.count(), values.is_not_null().cast(pl.UInt32), by=by)


def _of_others(of_all: pl.Expr, own: pl.Expr, *, by: Sequence[str]) -> pl.Expr:
    if not by:
        return of_all.over(PERIOD)
    # One key of fixed size: groups are found faster than by a column each.
    cell = pl.col(group_of(by)).cast(pl.Int64) * 2**32 + pl.col(PERIOD)
    return of_all.over(cell) - own
