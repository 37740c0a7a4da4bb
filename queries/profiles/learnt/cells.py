"""Cells: groups of SKUs that tell of one another, made from whatever attributes a panel has.

Everybody, the products, the stores, every attribute, and these crossed: each product and store with each attribute,
each attribute with each other. Nothing has to be known of what an attribute describes. A cell that groups the SKUs seen
so far as another one does, or leaves each of them alone, is of no use yet: it starts in the week in which that ends, so
that weeks and SKUs to come change nothing of the past.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import polars as pl

from ...names import PERIOD, PRODUCT, REQUIRED, SKU_CODE, STORE, group_of

By = tuple[str, ...]

EVERYBODY: By = ()
SIDES: tuple[By, By] = ((PRODUCT,), (STORE,))
NEVER = 2**31 - 1
CODES, WEEKS = 2**24, 2**15


class Cell(NamedTuple):
    """SKUs that agree in the attributes ``by``, all of them where it is empty, and its first period."""

    by: By
    since: int

    @property
    def name(self) -> str:
        """What features and coefficients call it."""
        return " x ".join(self.by) or "everybody"

    @property
    def column(self) -> str:
        """The column with its key."""
        return f"cell of {self.name}"

    def key(self) -> pl.Expr:
        """The cell of a row in its week as one number (Int64): who lacks an attribute is alone."""
        return (_code(self.by) * WEEKS + pl.col(PERIOD).cast(pl.Int64) % WEEKS).alias(self.column)


def attributes_of(schema: Mapping[str, pl.DataType], /, *, at_most: int) -> By:
    """The columns that describe SKUs: beside the required ones the first of texts, categories or whole numbers."""
    discrete = (pl.String, pl.Categorical, pl.Enum)
    described = [name for name, dtype in schema.items() if dtype.is_integer() or isinstance(dtype, discrete)]
    return tuple(name for name in described if name not in REQUIRED)[:at_most]


def cells(panel: pl.LazyFrame, attributes: Sequence[str], /, *, at_most: int) -> list[Cell]:
    """The cells of a coded panel, in the order of their start; those that start last are left out if there are more.

    This reads the panel: which sums a plan has must be known before it is made.
    """
    singles: list[By] = [EVERYBODY, *SIDES, *((name,) for name in attributes)]
    crossed = [one + other for one, other in combinations(singles[1:], 2) if (one, other) != SIDES]
    company, splits = _first_periods(panel, singles, crossed)
    since: dict[By, int] = {}
    for number, by in enumerate(singles):
        unlike = [min(splits[by, other], splits[other, by]) for other in singles[:number]]
        since[by] = max(company[by], *unlike, 0)
    for by in crossed:
        one, other = by[:1], by[1:]
        since[by] = max(company[by], splits[one, other], splits[other, one], since[one], since[other])
    found = [Cell(by, start) for by, start in since.items() if start < NEVER]
    return sorted(found, key=lambda cell: cell.since)[:at_most]


def _first_periods(
    panel: pl.LazyFrame, singles: Sequence[By], crossed: Sequence[By]
) -> tuple[dict[By, int], dict[tuple[By, By], int]]:
    """Of each cell the first period in which two SKUs share it; of two single ones the first in which SKUs that share
    the first do not share the second."""
    sku = pl.col(SKU_CODE)
    company = {by: _first_split(by, sku) for by in (*singles, *crossed)}
    splits = {(one, other): _first_split(one, _code(other)) for one in singles for other in singles if one != other}
    codes = [group_of(by) for by in singles if by]
    seen = panel.group_by(SKU_CODE, *codes).agg(pl.col(PERIOD).min()).sort(PERIOD)
    first = seen.select(
        expression.fill_null(NEVER).alias(str(number))
        for number, expression in enumerate((*company.values(), *splits.values()))
    )
    periods = first.collect().row(0)
    return (
        dict(zip(company, periods[: len(company)], strict=True)),
        dict(zip(splits, periods[len(company) :], strict=True)),
    )


def _first_split(by: By, value: pl.Expr) -> pl.Expr:
    earliest = value.first().over(*map(group_of, zip(by, strict=True))) if by else value.first()
    return pl.col(PERIOD).filter(value != earliest).min()


def _code(by: By) -> pl.Expr:
    """The code of a cell (Int64), not below zero but for who is alone in it."""
    if not by:
        return pl.lit(0, dtype=pl.Int64)
    codes = [pl.col(group_of((name,))).cast(pl.Int64) for name in by]
    if len(codes) == 1:
        return codes[0]
    one, other = codes
    alone = -1 - pl.col(SKU_CODE).cast(pl.Int64)
    return pl.when((one < 0) | (other < 0)).then(alone).otherwise(one * CODES + other)
