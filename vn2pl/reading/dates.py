"""Weeks that are written as text or numbers: which forms are certain, and which option settles the others."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

MIDNIGHT = r"[T ](?:00:00(?::00(?:\.0+)?)?|12:00(?::00)? ?AM)(?:Z|[+-]\d{2}:?\d{2})?$"
ANYTHING = r"^(.*)$"
UTC_TIME = r"^(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2})(?::00(?:\.0+)?)?(?:Z|\+00:?00)?$"
OPTION = "--date-format says how dates are written, such as %d.%m.%Y"
# Offered where timestamps are midnight there.
ZONES = (
    "Europe/London",
    "Europe/Berlin",
    "Europe/Athens",
    "Europe/Istanbul",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Sydney",
)


class DateForm(NamedTuple):
    """A way of writing dates: what matches ``pattern``, with ``suffix`` appended, is a date by ``format``."""

    pattern: str
    format: str
    suffix: str = ""


class Dates(NamedTuple):
    """The forms in which the dates of a column are written, and what was assumed of them."""

    forms: Sequence[DateForm]
    notes: tuple[str, ...] = ()


ISO = DateForm(r"^(\d{4}-\d{2}-\d{2})$", "%Y-%m-%d")
CERTAIN = (
    ISO,
    DateForm(r"^(\d{4}/\d{1,2}/\d{1,2})$", "%Y/%m/%d"),
    DateForm(r"^(\d{8})$", "%Y%m%d"),
    DateForm(r"^(\d{1,2}\.\d{1,2}\.\d{4})$", "%d.%m.%Y"),
    DateForm(r"^(\d{4}-W\d{2})$", "%G-W%V-%u", "-1"),
)
# Of dates with these separators the order of day and month is not certain.
UNSURE = "/-"
MONTHS = 12
NO_YEAR = "0000"


def day(text: pl.Expr, forms: Sequence[DateForm], /, *, zone: str | None, strict: bool) -> pl.Expr:
    """The date that a text says. Of any other text: null, or if ``strict`` a failure when it is collected."""
    bare = text if zone else text.str.replace(MIDNIGHT, "")
    read = pl.coalesce([*(_by_form(bare, form) for form in forms), *([_local_midnight(text, zone)] if zone else [])])
    return pl.coalesce(read, unreadable(text, read).cast(pl.Date)) if strict else read


def _by_form(bare: pl.Expr, form: DateForm) -> pl.Expr:
    found = bare.str.extract(form.pattern, 1)
    return (found + form.suffix if form.suffix else found).str.to_date(form.format, strict=False)


def unreadable(text: pl.Expr, read: pl.Expr, /) -> pl.Expr:
    """Nulls (as text), and a failure when they are collected if a text could not be read."""
    return pl.when(read.is_null()).then(text).cast(pl.Enum([])).cast(pl.String)


def instant(text: pl.Expr, /) -> pl.Expr:
    """A timestamp as a point in time, in UTC unless it says otherwise; null where a text is none."""
    stamp = text.str.extract(UTC_TIME, 1).str.replace(" ", "T")
    return stamp.str.to_datetime("%Y-%m-%dT%H:%M", strict=False, time_unit="us").dt.replace_time_zone("UTC")


def _local_midnight(text: pl.Expr, zone: str) -> pl.Expr:
    local = instant(text).dt.convert_time_zone(zone)
    return pl.when(local.dt.time() == pl.time(0, 0)).then(local.dt.date())


def dates_of(texts: pl.Series, /) -> Dates:
    """How distinct texts are written, as far as that is certain."""
    bare = texts.str.replace(MIDNIGHT, "").drop_nulls()
    forms = [form for form in CERTAIN if bare.str.contains(form.pattern).any()]
    notes: list[str] = []
    for separator in UNSURE:
        parts = _parts(bare, separator)
        if form := _ordered(parts, separator):
            forms.append(form)
            order = "day" if form.format.startswith("%d") else "month"
            notes.append(f"week is written {order} first, as {_telling(parts)!r} shows")
    return Dates(tuple(forms) or (ISO,), tuple(notes))


def _parts(bare: pl.Series, separator: str) -> pl.DataFrame:
    """The first two numbers of dates with this separator."""
    pattern = rf"^(\d{{1,2}}){separator}(\d{{1,2}}){separator}\d{{4}}$"
    numbers = pl.col("text").str.extract_groups(pattern).struct.unnest().cast(pl.Int32)
    return bare.to_frame("text").with_columns(numbers).drop_nulls().sort("text")


def _ordered(parts: pl.DataFrame, separator: str) -> DateForm | None:
    """The one order of day and month in which all numbers can be read, if there is just one."""
    orders = [order for order, month in (("%d %m %Y", "2"), ("%m %d %Y", "1")) if (parts[month] <= MONTHS).all()]
    if len(orders) != 1 or parts.is_empty():
        return None
    pattern = rf"^(\d{{1,2}}{separator}\d{{1,2}}{separator}\d{{4}})$"
    return DateForm(pattern, orders[0].replace(" ", separator))


def _telling(parts: pl.DataFrame) -> str:
    """The first text with a number that no month has."""
    text: str = parts.filter(pl.max_horizontal("1", "2") > MONTHS)["text"][0]
    return text


def advice(texts: pl.Series, /) -> str:
    """What settles how texts are to be read that could not be, given the distinct ones."""
    for separator in UNSURE:
        parts = _parts(texts.str.replace(MIDNIGHT, ""), separator)
        if not parts.is_empty():
            return _either_order(parts, separator)
    if instants := texts.to_frame("text").select(instant(pl.col("text")))["text"].drop_nulls().to_list():
        return zone_advice(pl.Series(instants))
    return OPTION


def _either_order(parts: pl.DataFrame, separator: str) -> str:
    is_either = pl.col("1").is_between(1, MONTHS) & pl.col("2").is_between(1, MONTHS) & (pl.col("1") != pl.col("2"))
    both = parts.filter(is_either, ~pl.col("text").str.ends_with(NO_YEAR))
    formats = [order.replace(" ", separator) for order in ("%d %m %Y", "%m %d %Y")]
    if both.is_empty():
        return f"--date-format {formats[0]} or {formats[1]} says whether day or month comes first"
    text, first, second, *_ = both.row(0)
    year = int(text[-4:])
    readings = [
        f"{date(year, month, day):%Y-%m-%d} with --date-format {form}"
        for form, (day, month) in zip(formats, ((first, second), (second, first)), strict=True)
    ]
    return f"{text!r} is {' and '.join(readings)}"


def zone_advice(instants: pl.Series, /) -> str:
    """Where all of the points in time (UTC) are midnight."""
    midnight = pl.time(0, 0)
    times = instants.to_frame("at").select(
        (pl.col("at").dt.convert_time_zone(zone).dt.time() == midnight).all().alias(zone) for zone in ZONES
    )
    zones = [zone for zone in ZONES if times[zone].item()]
    if zones:
        return f"all are midnight in {zones[0]}, for example: --time-zone {zones[0]} reads them as such"
    return "if they are midnight somewhere, --time-zone says where"
