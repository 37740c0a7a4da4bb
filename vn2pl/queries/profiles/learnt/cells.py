"""Cells: groups of SKUs that tell of one another, made from whatever attributes a panel has.

Everybody, the products, the stores, every attribute, and these crossed: each product and store with each attribute,
each attribute with each other. Nothing has to be known of what an attribute describes. A cell that groups the SKUs seen
so far as another one does, or leaves each of them alone, is of no use yet: it starts in the week in which that ends, so
that weeks and SKUs to come change nothing of the past.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

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
        return _name(self.by)

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
    splits = _first_splits(panel, singles, crossed)
    since: dict[By, int] = {}
    for number, by in enumerate(singles):
        unlike = [min(splits(by, other), splits(other, by)) for other in singles[:number]]
        since[by] = max(splits(by, None), *unlike, 0)
    for by in crossed:
        one, other = by[:1], by[1:]
        since[by] = max(splits(by, None), splits(one, other), splits(other, one), since[one], since[other])
    found = [Cell(by, start) for by, start in since.items() if start < NEVER]
    return sorted(found, key=lambda cell: cell.since)[:at_most]


def _first_splits(panel: pl.LazyFrame, singles: Sequence[By], crossed: Sequence[By]) -> Callable[[By, By | None], int]:
    """The first period in which SKUs that share one cell do not share another; or, of no other, are not the same."""
    codes = [group_of(by) for by in singles if by]
    seen = panel.group_by(SKU_CODE, *codes).agg(pl.col(PERIOD).min()).sort(PERIOD)
    rows = seen.select(PERIOD, SKU_CODE, *(_code(by).alias(_name(by)) for by in (*singles, *crossed))).collect()
    period, sku = rows[PERIOD].to_numpy(), rows[SKU_CODE].to_numpy()
    cell = {by: rows[_name(by)].to_numpy() for by in (*singles, *crossed)}
    earliest = {by: _earliest(code) for by, code in cell.items()}

    def split(by: By, other: By | None) -> int:
        value = sku if other is None else cell[other]
        return int(period[value != value[earliest[by]]].min(initial=NEVER))

    return split


def _earliest(code: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of each row the first one of the same cell."""
    _, first, place = np.unique(code, return_index=True, return_inverse=True)
    return first[place]


def _name(by: By) -> str:
    return " x ".join(by) or "everybody"


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
