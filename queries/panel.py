"""The panel with the integer codes that the plan counts and joins with."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from .names import PERIOD, REQUIRED, ROW, SEASON, SKU, SKU_CODE, WEEK

EPOCH = date(1970, 1, 5)
SEASONS = 52


def panel(observed: pl.LazyFrame, /, *, attributes: Sequence[str] = ()) -> pl.LazyFrame:
    """Panel rows with their codes; only the named attributes are kept, and only where the panel has them.

    Returns Store, Product, week, sales, in_stock and the attributes as observed, and
    ``sku`` (UInt32, dense, in the order of Store and Product), ``period`` (Int32, whole weeks since
    1970-01-05), ``season`` (Int32, ISO week 1..52, week 53 counts as 52) and ``row`` (UInt32, one per
    SKU-week, in the order of the natural key: to compare rows is to compare keys).
    """
    present = observed.collect_schema().names()
    kept = dict.fromkeys([*REQUIRED, *(name for name in attributes if name in present)])
    codes = (
        observed.select(SKU).unique().with_columns((pl.struct(SKU).rank("dense") - 1).cast(pl.UInt32).alias(SKU_CODE))
    )
    offset = pl.col(PERIOD) - pl.col(PERIOD).min()
    row = pl.col(SKU_CODE).cast(pl.Int64) * (offset.max() + 1) + offset
    return (
        observed.select(*kept)
        .join(codes, on=SKU, how="left")
        .with_columns(period().alias(PERIOD), season().alias(SEASON))
        .with_columns(row.cast(pl.UInt32).alias(ROW))
    )


def period() -> pl.Expr:
    """Whole weeks since 1970-01-05 (Int32): two weeks are as far apart as their periods."""
    return ((pl.col(WEEK) - EPOCH).dt.total_days() // 7).cast(pl.Int32)


def season() -> pl.Expr:
    """Season of a week (Int32): its ISO week number, where the rare week 53 counts as 52."""
    return pl.col(WEEK).dt.week().cast(pl.Int32).clip(upper_bound=SEASONS)
