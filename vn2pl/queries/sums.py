"""The two sums that features are made of: decayed over a SKU's own weeks, and over other SKUs in the same week."""

import math
from collections.abc import Iterable, Sequence
from functools import reduce
from operator import add

import polars as pl

from .names import PERIOD, ROW, SKU_CODE, group_of
from .packing import key_of

FIXED_POINT = 2.0**40
STEPS, LARGEST = 2.0**20, 2.0**27
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


def in_steps(values: pl.Expr, /) -> pl.Expr:
    """Values in steps of 2^-20, up to 2^27 (Int64), for sums over others that any order leaves the same.

    65,000 of the largest fit into one sum. Int128, which has no such end, takes twice the time.
    """
    return (values.clip(-LARGEST, LARGEST) * STEPS).round().cast(pl.Int64)


def exact_sum(values: pl.Expr, /) -> pl.Expr:
    """A sum of any values (Float64) that does not depend on their order, to 2^-40; null counts as zero."""
    return (values * FIXED_POINT).round().cast(pl.Int128).sum().cast(pl.Float64) / FIXED_POINT


def added(terms: Iterable[pl.Expr], /) -> pl.Expr:
    """Sum of the terms of a row in their order, 0 without any: ``sum_horizontal`` adds in an order that depends on the
    engine, and so the last digit does."""
    return reduce(add, terms, pl.lit(0.0))


def sum_of_others(steps: str, /, *, by: Sequence[str]) -> pl.Expr:
    """Sum of a column of steps over the other SKUs of the cell (the attributes ``by``) in the same week, or over all
    SKUs where ``by`` names nothing (Float64)."""
    return sum_of_others_in(_cell(by), steps) if by else pl.col(steps).sum().over(PERIOD).cast(pl.Float64) / STEPS


def sum_of_others_in(cell: pl.Expr, steps: str, /) -> pl.Expr:
    """Sum of a column of steps over the other SKUs with the same ``cell``, a number for a group in a week (Float64)."""
    values = pl.col(steps)
    return (values.sum().over(cell) - values.fill_null(0)).cast(pl.Float64) / STEPS


def number_of_others(column: str, /, *, by: Sequence[str]) -> pl.Expr:
    """How many of them have a value in the column (UInt32)."""
    values = pl.col(column)
    own = values.is_not_null().cast(pl.UInt32)
    return values.count().over(_cell(by)) - own if by else values.count().over(PERIOD)


def _cell(by: Sequence[str]) -> pl.Expr:
    """A cell in its week as one key of fixed size: groups are found faster than by a column each."""
    return key_of(pl.col(group_of(by)), pl.col(PERIOD))
