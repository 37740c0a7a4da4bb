"""The panel with the integer codes that the plan counts and joins with."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date

import polars as pl

from .names import HASH_ORDER, PERIOD, REQUIRED, ROW, SALES, SALES_OBSERVED, SEASON, SKU, SKU_CODE, WEEK, group_of
from .packing import high_of, packed

EPOCH = date(1970, 1, 5)
SEASONS = 52
HASH = "hash"
STEPS = 2.0**30


def coded_panel(observed: pl.LazyFrame, /, *, groupings: Collection[Sequence[str]] = ()) -> pl.LazyFrame:
    """Panel rows with their codes, sorted by ``row``; only attributes of the groupings are kept, where they are there.

    Returns Store, Product, week, sales, in_stock and the attributes as observed, and
    ``sku`` (UInt32, dense, in the order of Store and Product), ``period`` (Int32, whole weeks since
    1970-01-05), ``season`` (Int32, ISO week 1..52, week 53 counts as 52), ``row`` (UInt32, one per SKU-week, in
    the order of the natural key: to compare rows is to compare keys), ``lot`` (UInt64, one per SKU-week, in an
    order as good as random that other rows do not change) and, of each grouping by attributes that are all there, a
    code (Int32): two SKUs with the same one belong together in the weeks in which both have it. Who lacks an attribute
    (null) belongs to nobody.
    """
    first = pl.col(PERIOD).min()
    row = pl.col(SKU_CODE).cast(pl.Int64) * (pl.col(PERIOD).max() - first + 1) + pl.col(PERIOD) - first
    columns = columns_read(observed.collect_schema().names(), groupings=groupings)
    described = list(dict.fromkeys([*SKU, *columns[len(REQUIRED) :]]))
    whole = [by for by in dict.fromkeys(map(tuple, groupings)) if by and set(by) <= set(described)]
    return (
        observed.select(columns)
        .join(_skus(observed.select(described), whole), on=described, how="left", nulls_equal=True)
        .with_columns(period().alias(PERIOD), season().alias(SEASON))
        .with_columns(row.cast(pl.UInt32).alias(ROW))
        .with_columns(_lot().alias(HASH_ORDER))
        .drop(HASH)
        .sort(ROW)
    )


def in_demand_units(panel: pl.LazyFrame, /, *, demand_unit: float) -> pl.LazyFrame:
    """The panel with ``sales`` in demand units, the step of the SIPs, and ``sales_observed`` as they were.

    The plan counts in demand units from here on, so that its constants mean the same in dollars as in pieces.
    They are rounded to 2^-30, which takes back what division does to the last digits.
    """
    multiples = (pl.col(SALES) / demand_unit * STEPS).round() / STEPS
    return panel.with_columns(multiples.alias(SALES), pl.col(SALES).alias(SALES_OBSERVED))


def columns_read(present: Collection[str], /, *, groupings: Iterable[Sequence[str]]) -> list[str]:
    """The columns of a panel that a plan with these groupings reads."""
    return list(dict.fromkeys([*REQUIRED, *(name for by in groupings for name in by if name in present)]))


def _skus(described: pl.LazyFrame, groupings: Iterable[Sequence[str]]) -> pl.LazyFrame:
    """One row per SKU, or several of one whose attributes change, with all that does not depend on the week."""
    code = (pl.struct(SKU).rank("dense") - 1).cast(pl.UInt32)
    hashed = pl.concat_str(pl.col(SKU).cast(pl.String), separator="\0").hash(seed=0)
    return (
        described.unique()
        .with_columns(code.alias(SKU_CODE), hashed.alias(HASH))
        .with_columns(_group(by).alias(group_of(by)) for by in groupings)
    )


def _group(by: Sequence[str]) -> pl.Expr:
    is_known = pl.all_horizontal(pl.col(name).is_not_null() for name in by)
    alone = -1 - pl.col(SKU_CODE).cast(pl.Int32)
    return pl.when(is_known).then(pl.struct(by).rank("dense").cast(pl.Int32)).otherwise(alone)


def _lot() -> pl.Expr:
    """High half: a hash of SKU and week, blind to all other rows; low half: the row, so that no two are equal."""
    drawn = (pl.col(HASH) + pl.col(PERIOD).cast(pl.Int64).reinterpret(dtype=pl.UInt64)).hash(seed=0)
    return packed(high_of(drawn), pl.col(ROW))


def period() -> pl.Expr:
    """Whole weeks since 1970-01-05 (Int32): two weeks are as far apart as their periods."""
    return ((pl.col(WEEK) - EPOCH).dt.total_days() // 7).cast(pl.Int32)


def season() -> pl.Expr:
    """Season of a week (Int32): its ISO week number, where the rare week 53 counts as 52."""
    return pl.col(WEEK).dt.week().cast(pl.Int32).clip(upper_bound=SEASONS)
