"""Week index: what the other SKUs of each cell sold in the very week, against what was to be expected of them."""

import math
from collections.abc import Sequence

import polars as pl

from ...names import IN_STOCK, PERIOD
from ...sums import decayed_sum, in_steps, sum_of_others_in
from ..history import OBSERVED
from .cells import Cell

WEIGHTED = ("weighted_sales", "weighted_level")
# What both sides of a ratio are raised by, in demand units, and the power of the level by which large SKUs count less.
UNITS = 3.0
POWER = 0.3


def weighted(usual: str, /) -> Sequence[pl.Expr]:
    """Sales of in-stock weeks and what was usual, large SKUs weighing less than they sell. Before anybody has sold
    anything, what is usual is unknown, and sales beside it say nothing of the week."""
    has_begun = pl.col(PERIOD) > pl.col(PERIOD).filter(pl.col(OBSERVED) > 0).min()
    weight = pl.when(IN_STOCK, has_begun).then((pl.col(usual) + 1).pow(-POWER))
    return [in_steps(weight * pl.col(of)).alias(name) for of, name in zip((OBSERVED, usual), WEIGHTED, strict=True)]


def index_of(cell: Cell, /) -> pl.Expr:
    """Log index of a cell, nothing before the cell's first period."""
    sold, usual = (sum_of_others_in(pl.col(cell.column), name) + UNITS for name in WEIGHTED)
    return pl.when(pl.col(PERIOD) >= cell.since).then((sold / usual).log()).otherwise(0.0)


def drift(index: str, half_life: float, /, *, both_sides: bool) -> pl.Expr:
    """Mean log index of the other weeks, the nearest counting most, as if there were one more without any."""
    sides = 2 if both_sides else 1
    weeks = sides / (1 - math.exp(-math.log(2) / half_life))
    return decayed_sum(pl.col(index), half_life=half_life, both_sides=both_sides) / (weeks + 1)
