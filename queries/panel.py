"""The panel with the integer codes that the plan counts and joins with."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from .names import LOT, PERIOD, REQUIRED, ROW, SEASON, SKU, SKU_CODE, WEEK

EPOCH = date(1970, 1, 5)
SEASONS = 52
HASH = "hash"


def panel(observed: pl.LazyFrame, /, *, attributes: Sequence[str] = ()) -> pl.LazyFrame:
    """Panel rows with their codes; only the named attributes are kept, and only where the panel has them.

    Returns Store, Product, week, sales, in_stock and the attributes as observed, and
    ``sku`` (UInt32, dense, in the order of Store and Product), ``period`` (Int32, whole weeks since
    1970-01-05), ``season`` (Int32, ISO week 1..52, week 53 counts as 52), ``row`` (UInt32, one per SKU-week, in
    the order of the natural key: to compare rows is to compare keys) and ``lot`` (UInt64, one per SKU-week, in an
    order as good as random that other rows do not change).
    """
    first = pl.col(PERIOD).min()
    row = pl.col(SKU_CODE).cast(pl.Int64) * (pl.col(PERIOD).max() - first + 1) + pl.col(PERIOD) - first
    return (
        observed.select(columns_read(observed.collect_schema().names(), attributes=attributes))
        .join(_skus(observed), on=SKU, how="left")
        .with_columns(period().alias(PERIOD), season().alias(SEASON))
        .with_columns(row.cast(pl.UInt32).alias(ROW))
        .with_columns(_lot().alias(LOT))
        .drop(HASH)
    )


def columns_read(present: Sequence[str], /, *, attributes: Sequence[str]) -> list[str]:
    """The columns of a panel that a plan with these attributes reads."""
    return list(dict.fromkeys([*REQUIRED, *(name for name in attributes if name in present)]))


def _skus(observed: pl.LazyFrame) -> pl.LazyFrame:
    code = (pl.struct(SKU).rank("dense") - 1).cast(pl.UInt32)
    hashed = pl.concat_str(pl.col(SKU).cast(pl.String), separator="\0").hash(seed=0)
    return observed.select(SKU).unique().with_columns(code.alias(SKU_CODE), hashed.alias(HASH))


def _lot() -> pl.Expr:
    """High half: a hash of SKU and week, blind to all other rows; low half: the row, so that no two are equal."""
    drawn = (pl.col(HASH) + pl.col(PERIOD).cast(pl.Int64).reinterpret(dtype=pl.UInt64)).hash(seed=0)
    return drawn // 2**32 * 2**32 + pl.col(ROW).cast(pl.UInt64)


def period() -> pl.Expr:
    """Whole weeks since 1970-01-05 (Int32): two weeks are as far apart as their periods."""
    return ((pl.col(WEEK) - EPOCH).dt.total_days() // 7).cast(pl.Int32)


def season() -> pl.Expr:
    """Season of a week (Int32): its ISO week number, where the rare week 53 counts as 52."""
    return pl.col(WEEK).dt.week().cast(pl.Int32).clip(upper_bound=SEASONS)
