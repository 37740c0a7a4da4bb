"""Weeks, sales and flags as they are read, whatever their types in a file."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from ..config import Config
from ..queries.names import IN_STOCK, SALES, SKU, WEEK
from .dates import ANYTHING, CERTAIN, DateForm, dates_of, day, instant, unreadable
from .layout import UNIQUE_ID, Layout
from .schema import COLUMNS, is_text

AS_READ = {WEEK: "week as read", SALES: "sales as read", IN_STOCK: "in_stock as read"}
FLAGS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "t", "yes", "y", "1", "1.0", "1,0"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0", "0.0", "0,0"), False),
}
# Thousands may be set apart, by a dot, a blank of any width or an apostrophe.
DECIMAL_COMMA = r"^[+-]?(?:\d+|\d{1,3}(?:[. \x{a0}\x{202f}'\x{2019}]\d{3})+)(?:,\d+)?$"
SET_APART = r"[. \x{a0}\x{202f}'\x{2019}]"
COMMA_ONLY = r"^[+-]?\d+,\d+$"
COULD_BE_THOUSANDS = r"^[+-]?[1-9]\d{0,2},\d{3}$"
DOTS_AS_THOUSANDS = r"^[+-]?[1-9]\d{0,2}(?:\.\d{3})+$"
COMMA = ","


class Reading(NamedTuple):
    """What the types of a panel do not say of its values.

    ``dates``: the forms of weeks that are text or numbers; ``time_zone``: where timestamps are midnight;
    ``decimal_comma``: in sales; ``inverse``: what the file calls a flag that is the inverse of in_stock;
    ``sku_format``: how unique_id was split. ``clip_returns``: negative sales are taken for 0; ``fill_stockouts``: so
    are missing ones out of stock.
    """

    dates: Sequence[DateForm] = CERTAIN
    time_zone: str | None = None
    decimal_comma: bool = False
    inverse: str | None = None
    sku_format: str | None = None
    clip_returns: bool = False
    fill_stockouts: bool = False

    @property
    def as_found(self) -> "Reading":
        """The same, with no value taken for another."""
        return self._replace(clip_returns=False, fill_stockouts=False)

    @property
    def of_typed(self) -> "Reading":
        """For a panel whose values have the published types already."""
        return Reading(clip_returns=self.clip_returns, fill_stockouts=self.fill_stockouts)


class Understood(NamedTuple):
    """How a panel is read, and what of it was assumed."""

    reading: Reading
    notes: tuple[str, ...] = ()


def understood(layout: Layout, config: Config, /, *, separator: str = COMMA) -> Understood:
    """How to read the values of a panel: as the configuration says, else as they show, where that is certain."""
    schema = layout.frame.collect_schema()
    reading = Reading(
        time_zone=config.time_zone,
        decimal_comma=config.decimal_comma,
        inverse=layout.inverse,
        clip_returns=config.returns == "clip",
        fill_stockouts=True,
        sku_format=layout.sku_format,
    )
    notes = layout.notes
    if config.date_format:
        reading = reading._replace(dates=[DateForm(ANYTHING, config.date_format)])
    elif is_written(schema[WEEK]):
        weeks = layout.frame.select(text(WEEK).unique()).collect(engine="streaming")[WEEK]
        dates = dates_of(weeks)
        reading, notes = reading._replace(dates=dates.forms), (*notes, *dates.notes)
    if separator != COMMA and not config.decimal_comma and is_text(schema[SALES]):
        decimal_comma, told = _decimal_comma(layout.frame.select(text(SALES)))
        reading, notes = reading._replace(decimal_comma=decimal_comma), (*notes, *told)
    return Understood(reading, notes)


def is_written(dtype: pl.DataType, /) -> bool:
    """Whether weeks of the type are to be read from what is written."""
    return is_text(dtype) or dtype.is_integer()


def _decimal_comma(sales: pl.LazyFrame) -> tuple[bool, list[str]]:
    """Whether every comma in a column of text can only be a decimal one, and what is assumed."""
    number = pl.col(SALES)
    commas, dots = (number.filter(number.str.contains(mark, literal=True)) for mark in ",.")
    found = sales.select(
        commas.filter(~commas.str.contains(COULD_BE_THOUSANDS)).min().alias("decimal"),
        commas.str.contains(COMMA_ONLY).all().alias("is_plain"),
        commas.len().alias("commas"),
        dots.len().alias("dots"),
        dots.str.contains(DOTS_AS_THOUSANDS).all().alias("is_thousands"),
        dots.min().alias("dotted"),
    )
    row = found.collect(engine="streaming").row(0, named=True)
    if row["decimal"] and row["is_plain"] and not row["dots"]:
        return True, [f"sales have decimal commas, such as {row['decimal']!r}"]
    if row["dots"] and row["is_thousands"] and not row["commas"]:
        dotted = row["dotted"]
        return False, [
            f"sales such as {dotted!r} are read with a decimal dot; --decimal-comma takes dots for thousands"
        ]
    return False, []


def text(column: str, /) -> pl.Expr:
    """A column as text without blanks around it; null where nothing else is there."""
    stripped = pl.col(column).cast(pl.String).str.strip_chars()
    return pl.when(stripped != "").then(stripped).alias(column)


def with_read(frame: pl.LazyFrame, reading: Reading, /) -> pl.LazyFrame:
    """With what is read of the columns of a panel that are there beside them, null where it cannot be read.

    Several rules look at it, and reading text takes longer than judging what it says.
    """
    schema = frame.collect_schema()
    return frame.with_columns(
        READ[column](schema[column], reading, strict=False).alias(name)
        for column, name in AS_READ.items()
        if column in schema
    )


def typed(frame: pl.LazyFrame, reading: Reading, /) -> pl.LazyFrame:
    """The panel with its published types and column order: the required columns, then the attributes.

    A text that cannot be read raises when the frame is collected; it never becomes a null.
    """
    schema = frame.collect_schema()
    week, sold, flag = (READ[column](schema[column], reading, strict=True) for column in AS_READ)
    return frame.select(
        *_sku(reading),
        week.alias(WEEK),
        _amended(sold, flag, reading).alias(SALES),
        flag.alias(IN_STOCK),
        *(name for name in schema if name not in COLUMNS),
    )


def _amended(sold: pl.Expr, flag: pl.Expr, reading: Reading) -> pl.Expr:
    if reading.clip_returns:
        sold = sold.clip(lower_bound=0)
    return pl.when(sold.is_null() & ~flag).then(0.0).otherwise(sold) if reading.fill_stockouts else sold


def _sku(reading: Reading) -> list[pl.Expr]:
    if not reading.sku_format:
        return [pl.col(name) for name in SKU]
    whole = pl.col(UNIQUE_ID).cast(pl.String)
    return [pl.coalesce(name, unreadable(whole, pl.col(name))) for name in SKU]


def _week(dtype: pl.DataType, reading: Reading, *, strict: bool) -> pl.Expr:
    if is_written(dtype):
        return day(text(WEEK), reading.dates, zone=reading.time_zone, strict=strict)
    return local(dtype, reading).dt.date() if isinstance(dtype, pl.Datetime) else pl.col(WEEK)


def local(dtype: pl.Datetime, reading: Reading, /) -> pl.Expr:
    """Timestamps of weeks on the clock by which they are midnight."""
    week = pl.col(WEEK)
    if not reading.time_zone:
        return week
    return (week if dtype.time_zone else week.dt.replace_time_zone("UTC")).dt.convert_time_zone(reading.time_zone)


def instants(dtype: pl.DataType, /) -> pl.Expr:
    """Timestamps of weeks in UTC, which they are unless they say otherwise."""
    if isinstance(dtype, pl.Datetime):
        return pl.col(WEEK).dt.convert_time_zone("UTC") if dtype.time_zone else pl.col(WEEK).dt.replace_time_zone("UTC")
    return instant(text(WEEK))


def _sales(dtype: pl.DataType, reading: Reading, *, strict: bool) -> pl.Expr:
    if not is_text(dtype):
        return pl.col(SALES).cast(pl.Float64, strict=strict)
    number = text(SALES)
    if not reading.decimal_comma:
        return number.cast(pl.Float64, strict=strict)
    read = decimal_of(number)
    return pl.coalesce(read, unreadable(number, read).cast(pl.Float64)) if strict else read


def decimal_of(number: pl.Expr, /) -> pl.Expr:
    """The number that a text with a decimal comma says, null where it is none."""
    plain = number.str.replace_all(SET_APART, "").str.replace(COMMA, ".", literal=True)
    return pl.when(number.str.contains(DECIMAL_COMMA)).then(plain).cast(pl.Float64)


def _in_stock(dtype: pl.DataType, reading: Reading, *, strict: bool) -> pl.Expr:
    """True or false. Whatever may say so is known here and nowhere else."""
    flag = _flag(dtype, strict=strict)
    return ~flag if reading.inverse else flag


def _flag(dtype: pl.DataType, *, strict: bool) -> pl.Expr:
    found = pl.col(IN_STOCK)
    if isinstance(dtype, pl.Boolean):
        return found
    known, read = (FLAGS, text(IN_STOCK).str.to_lowercase()) if is_text(dtype) else ({1: True, 0: False}, found)
    if strict:
        return read.replace_strict(known, return_dtype=pl.Boolean)
    return read.replace_strict(known, default=None, return_dtype=pl.Boolean)


READ = {WEEK: _week, SALES: _sales, IN_STOCK: _in_stock}
