"""SIPs as planners read them: one row a stockout, a column a level."""

import re
from collections.abc import Sequence

import polars as pl

from ..queries.names import ADDED, FLAGS, IN_STOCK, KEY, QUANTILE, SALES, SALES_OBSERVED, VALUE

LARGEST = 2.0**53
# The second half are the full-width forms, which Excel takes for the plain ones in some countries.
FORMULA = "^[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"


def wide(imputed: pl.LazyFrame, sips: pl.LazyFrame, /, *, levels: Sequence[float]) -> pl.LazyFrame:
    """One row per stockout, sorted by key, with or without a SIP: none is lost without a word.

    ``imputed`` and ``sips`` are as published. Returns Store, Product, week, the panel's attributes, sales_observed
    (units), a column per level (P1, P50, P97.5; Float64, units; null where there is no SIP) and flags (String, null
    where there are none).
    """
    columns = [
        pl.col(VALUE).filter(pl.col(QUANTILE) == level).first().alias(percentile_name(level)) for level in levels
    ]
    shown = [name for name in imputed.collect_schema() if name not in {SALES, IN_STOCK, *ADDED}]
    return (
        imputed.filter(~pl.col(IN_STOCK))
        .select(*shown, SALES_OBSERVED, pl.col(FLAGS).list.join(", ").replace("", None))
        .join(sips.group_by(KEY).agg(columns), on=KEY, how="left")
        .sort(KEY)
        .select(*shown, SALES_OBSERVED, *(percentile_name(level) for level in levels), FLAGS)
    )


def percentile_name(level: float, /) -> str:
    """``P50`` for 0.5, ``P97.5`` for 0.975."""
    return f"P{level * 100:.10g}"


def for_spreadsheets(frame: pl.LazyFrame, /) -> pl.LazyFrame:
    """The frame with cells that a spreadsheet takes as they are meant: all but whole numbers and dates as text.

    Text that it would run as a formula (it starts with = + - @, a tab or a line end; see OWASP, "CSV injection") gets
    an apostrophe before it, in names of columns as well. Whole numbers lose their ".0", which the settings of many
    countries do not read as a number. Columns of nested or binary values are left empty.
    """
    schema = frame.collect_schema()
    cells = [_cell(name, dtype) for name, dtype in schema.items()]
    return frame.select(cells).rename({name: f"'{name}" for name in schema if re.match(FORMULA, name)})


def _cell(name: str, dtype: pl.DataType) -> pl.Expr:
    cell = pl.col(name)
    if dtype.is_float():
        whole = (cell == cell.round()) & (cell.abs() < LARGEST)
        return pl.when(whole).then(cell.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(cell.cast(pl.String))
    if dtype.is_nested() or dtype == pl.Binary:
        return pl.lit(None, pl.String).alias(name)
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        text = cell.cast(pl.String)
        return pl.when(text.str.contains(FORMULA)).then(pl.concat_str(pl.lit("'"), text)).otherwise(text).alias(name)
    return cell
