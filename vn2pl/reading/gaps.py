"""Weeks without a row between the first and the last of their SKU: how many, which, and rows for them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

import polars as pl

from ..queries.names import IN_STOCK, SALES, SKU, STORE, WEEK
from .rules import PLACES_SHOWN, comparable, first_keys, place_names
from .values import AS_READ

READ = pl.col(AS_READ[WEEK])
A_WEEK = timedelta(days=7)
ROWS, FIRST, LAST, MISSING, STEP = "rows", "first", "last", "missing", "step"
NEXT = "next week with a row"


class Gaps(NamedTuple):
    """What is to be said of missing weeks.

    ``first``: the first of them; ``closed``: how many are weeks in which no SKU of the store has a row; ``step``: how
    many weeks apart rows mostly are.
    """

    missing: int
    skus: int
    first: str
    closed: int
    step: int


def spans(judged: pl.LazyFrame, /) -> pl.LazyFrame:
    """Of each SKU that lacks weeks between its first and its last: these, its rows, and how many weeks it lacks."""
    weeks = (READ.max() - READ.min()).dt.total_days() // 7 + 1
    found = judged.group_by(SKU).agg(
        READ.min().alias(FIRST), READ.max().alias(LAST), pl.len().alias(ROWS), weeks.alias(MISSING)
    )
    return found.with_columns(pl.col(MISSING) - pl.col(ROWS)).filter(pl.col(MISSING) > 0)


def gaps(judged: pl.LazyFrame, found: pl.DataFrame, /) -> Gaps | None:
    """What is to be said of the SKUs that lack weeks, None where there are none."""
    if found.is_empty():
        return None
    keys = judged.select(*SKU, READ.alias(WEEK))
    first, closed, step = pl.collect_all(
        [_first(keys, found), _in_closed_stores(keys, found), _usual_step(keys, found)], engine="streaming"
    )
    return Gaps(
        missing=int(found[MISSING].sum()),
        skus=found.height,
        first="; ".join(place_names(first)),
        closed=closed.item(),
        step=step.item(),
    )


def absent_rows(panel: pl.LazyFrame, /, *, by: Sequence[str] = SKU) -> pl.LazyFrame:
    """A row for every missing week, with the attributes of the row before it, whatever the order of the rows."""
    following = pl.col(WEEK).shift(-1).over(by, order_by=WEEK)
    weeks = pl.date_ranges(pl.col(WEEK) + A_WEEK, NEXT, "1w", closed="left")
    before = panel.with_columns(following.alias(NEXT)).filter(pl.col(NEXT) - pl.col(WEEK) > A_WEEK)
    return before.with_columns(weeks.alias(WEEK)).drop(NEXT).explode(WEEK)


def with_absent_rows(panel: pl.LazyFrame, /, *, in_stock: bool) -> pl.LazyFrame:
    """The panel with a row for every missing week, in stock or not, and without sales."""
    values = [pl.lit(0.0).alias(SALES), pl.lit(in_stock).alias(IN_STOCK)]
    return pl.concat([panel, absent_rows(panel).with_columns(values)])


def _first(keys: pl.LazyFrame, found: pl.DataFrame) -> pl.LazyFrame:
    skus = found.sort(comparable(name, found.schema[name]) for name in SKU).head(PLACES_SHOWN)
    return first_keys(absent_rows(keys.join(skus.lazy(), on=SKU, how="semi")))


def _in_closed_stores(keys: pl.LazyFrame, found: pl.DataFrame) -> pl.LazyFrame:
    closed = absent_rows(keys.select(STORE, WEEK).unique(), by=[STORE])
    within = closed.join(found.lazy(), on=STORE).filter(pl.col(WEEK).is_between(FIRST, LAST))
    return within.select(pl.len())


def _usual_step(keys: pl.LazyFrame, found: pl.DataFrame) -> pl.LazyFrame:
    missing, present, skus = found[MISSING].sum(), found[ROWS].sum(), found.height
    if missing < present - skus:
        return pl.LazyFrame({STEP: [1]})  # at least half of the weeks are there, and the count can be saved
    step = (pl.col(WEEK).shift(-1).over(SKU, order_by=WEEK) - pl.col(WEEK)).dt.total_days() // 7
    counted = keys.select(step.alias(STEP)).drop_nulls().group_by(STEP).agg(pl.len().alias(ROWS))
    return counted.sort(ROWS, STEP, descending=[True, False]).head(1).select(STEP)
