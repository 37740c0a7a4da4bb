"""What a panel must be before anything is computed from it: its columns, types and values.

A panel may be checked with the types of its file (text from a CSV, 0/1 flags) or after `typed`: every rule
reads the values as they were found, so that a message can show them.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import polars as pl
from polars.exceptions import PanicException, PolarsError

from vn2pl.errors import InputError
from vn2pl.messages import shortened
from vn2pl.queries.names import ADDED, IN_STOCK, KEY, QUANTILE, SKU, STOCKOUT_INFERRED, VALUE
from vn2pl.queries.sips import LARGEST
from vn2pl.queries.sums import MOST_WEEKS

OUTPUT_COLUMNS = (*ADDED, QUANTILE, VALUE, STOCKOUT_INFERRED)
INFERENCE_OFFERED = "or give --infer-stockouts, which takes runs of zero sales too long for the SKU for stockouts"
FILE_LINE = "file_line"
SALES_READ = "sales as read"
PLACES_SHOWN = 3

READ_FAILURES = (PolarsError, OSError, UnicodeDecodeError, PanicException)

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ISO_DATE = r"^\d{4}-\d{2}-\d{2}$"
MIDNIGHT = r"[T ]00:00(?::00(?:\.0+)?)?Z?$"
FLAGS = {"true": True, "1": True, "false": False, "0": False}
# What other systems call our columns: offered as a suggestion, never applied.
SYNONYMS = {
    "Store": ("store_id", "store_nbr", "shop", "location", "site", "branch"),
    "Product": ("product_id", "sku", "item", "item_id", "item_nbr", "article", "upc"),
    "week": ("date", "ds", "week_start", "week_date", "time", "period", "day"),
    "sales": ("units", "unit_sales", "sold", "qty", "quantity", "y", "demand", "volume"),
    "in_stock": ("instock", "available", "availability", "is_available", "stock", "stocked", "on_hand"),
}


class Column(NamedTuple):
    """A required column: the types it may have in a file, and how to tell a user."""

    accepts: Callable[[pl.DataType], bool]
    expected: str


class Rule(NamedTuple):
    """One boolean column that is true where a value is wrong."""

    column: str
    found: str
    expected: str
    broken: pl.Expr


class Check(NamedTuple):
    """What to collect, and what it tells of problems."""

    found: pl.LazyFrame
    told: Callable[[pl.DataFrame], list[str]]


def is_text(dtype: pl.DataType) -> bool:
    """Whether values of the type read as text."""
    return isinstance(dtype, pl.String | pl.Categorical | pl.Enum)


def _is_key(dtype: pl.DataType) -> bool:
    return dtype.is_integer() or is_text(dtype)


def _is_week(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.Date | pl.Datetime) or is_text(dtype)


def _is_sales(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or is_text(dtype)


def _is_flag(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.Boolean) or _is_key(dtype)


COLUMNS: Mapping[str, Column] = {
    "Store": Column(_is_key, "whole numbers or text"),
    "Product": Column(_is_key, "whole numbers or text"),
    "week": Column(_is_week, "dates, or ISO text such as 2024-04-08"),
    "sales": Column(_is_sales, "numbers"),
    "in_stock": Column(_is_flag, "True/False or 1/0"),
}


def typed(panel: pl.LazyFrame, /) -> pl.LazyFrame:
    """The panel with its published types and column order: the required columns, then the attributes.

    A text that cannot be read raises when the frame is collected; it never becomes a null.
    """
    schema = panel.collect_schema()
    attributes = [name for name in schema if name not in COLUMNS]
    return panel.select(
        *SKU,
        _week(schema["week"], strict=True),
        _sales(schema["sales"], strict=True),
        _in_stock(schema["in_stock"], strict=True),
        *attributes,
    )


def check_panel(panel: pl.LazyFrame, /, *, source: str) -> None:
    """Raise one InputError that lists every problem of a panel; return if there is none.

    Expected columns: Store, Product (whole numbers or text), week (Date, Datetime at midnight, ISO text),
    sales (numbers >= 0, or such text), in_stock (Boolean, 1/0, or text true/false in any case).
    (Store, Product, week) is unique, and all weeks start on one weekday; gaps in the calendar are fine,
    but from first to last there may be 1,800 weeks at most. Further columns are attributes.

    Columns and types are checked first, because values of a wrong type cannot be judged; then all values, in
    one lazy pass. Every problem states its count and the first places in the order of the keys, whatever the
    order of the rows. ``source`` is what the messages call the panel: a path, usually.
    """
    checked_rows(panel, source=source)


def checked_rows(panel: pl.LazyFrame, /, *, source: str) -> int:
    """`check_panel`, returning the number of rows that it has counted."""
    with readable(source):
        raise_any(schema_problems(panel.collect_schema(), source=source))
        return _judged_rows(panel, source)


def raise_any(problems: Iterable[str], /) -> None:
    """Raise an InputError with all the problems, if there are any."""
    if found := tuple(problems):
        raise InputError(*found)


@contextmanager
def readable(source: str) -> Iterator[None]:
    """Turn whatever a reader throws into one line that names the source."""
    try:
        yield
    except READ_FAILURES as error:
        raise InputError(f"{source}: cannot be read: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    told = "it is damaged, cut short, or not what its name says"
    # Polars puts the cause first, then hints about arguments that no user of this package can set.
    first = str(error).strip().partition("\n")[0].removeprefix("parquet: ")[:200]
    return told if isinstance(error, PanicException) else f"{told} ({first or type(error).__name__})"


def schema_problems(schema: Mapping[str, pl.DataType], /, *, source: str) -> list[str]:
    """Missing columns, wrong types, and names that cannot be used, all in one list."""
    return [
        *_missing(schema, source),
        *_wrong_types(schema, source),
        *_unusable_names(schema, source),
    ]


def _missing(schema: Mapping[str, pl.DataType], source: str) -> list[str]:
    missing = [name for name in COLUMNS if name not in schema]
    spare = [name for name in schema if name not in COLUMNS]
    problems = [
        f"{source}: has no column {name!r}{suggestion(name, spare)}"
        f"{f'; {INFERENCE_OFFERED}' if name == IN_STOCK else ''}"
        for name in missing
    ]
    return [*problems, f"{source}: found the columns {listed(schema)}"] if missing else []


def suggestion(name: str, candidates: Iterable[str], /) -> str:
    """What a missing column may be called in the file, or nothing."""
    by_plain_name = {_plain(candidate): candidate for candidate in candidates}
    known = [by_plain_name[_plain(other)] for other in SYNONYMS.get(name, ()) if _plain(other) in by_plain_name]
    close = difflib.get_close_matches(_plain(name), by_plain_name, n=1)
    best = [*(by_plain_name[match] for match in close), *known]
    if not best:
        return "; if it has another name, rename it with columns: in the config"
    return f"; did you mean {best[0]!r}? Rename it with columns: {{{name}: {best[0]!r}}} in the config"


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def listed(values: Iterable[object], /, *, at_most: int = 12) -> str:
    """Values for a message, shortened when there are many."""
    shown = [repr(value) for value in values]
    more = f" and {len(shown) - at_most} more" if len(shown) > at_most else ""
    return ", ".join(shown[:at_most]) + more


def _wrong_types(schema: Mapping[str, pl.DataType], source: str) -> list[str]:
    return [
        f"{source}: column {name!r} holds {schema[name]}, expected {column.expected}"
        for name, column in COLUMNS.items()
        if name in schema and not column.accepts(schema[name])
    ]


def _unusable_names(schema: Mapping[str, pl.DataType], source: str) -> list[str]:
    reserved = [
        f"{source}: column {name!r} would collide with a column that the output adds; rename or drop it"
        for name in schema
        if name in OUTPUT_COLUMNS
    ]
    blank = [
        f"{source}: column name {name!r} is empty or has blanks around it; rename it"
        for name in schema
        if name != name.strip() or not name
    ]
    return reserved + blank


def _judged_rows(panel: pl.LazyFrame, source: str) -> int:
    schema = panel.collect_schema()
    rules, judged = rules_for(schema, COLUMNS), _with_sales_read(panel)
    attributes = [name for name in schema if name not in COLUMNS]
    # Null counts of the attributes are not used: they make the pass decode every column, so that a damaged
    # file is found now and not in the middle of a run.
    decoded = pl.sum_horizontal(pl.col(attributes).null_count()) if attributes else pl.lit(0)
    counted = judged.select(*_counts(rules), decoded.alias("decoded"), pl.len().alias("rows"))
    counts, repeated, weekdays, span = pl.collect_all(
        [counted, _repeated(panel), _weekdays(panel), _span(panel)], engine="streaming"
    )
    count = int(counts["rows"].item())
    if not count:
        raise InputError(f"{source}: has no rows")
    raise_any(
        [
            *_told(judged, rules, counts, source),
            *_repetitions(repeated, source),
            *_mixed_weekdays(panel, weekdays, source),
            *_too_long(panel, span, source),
        ]
    )
    return count


def problems(checks: Sequence[Check], /) -> list[str]:
    """What all the checks tell, in their order; their frames are collected together."""
    found = pl.collect_all([check.found for check in checks], engine="streaming")
    return [problem for check, frame in zip(checks, found, strict=True) for problem in check.told(frame)]


def value_check(frame: pl.LazyFrame, columns: Iterable[str], /, *, source: str) -> Check:
    """For broken values in some columns of a frame, which need not be a whole panel."""
    rules, judged = rules_for(frame.collect_schema(), columns), _with_sales_read(frame)
    return Check(judged.select(_counts(rules)), lambda counts: _told(judged, rules, counts, source))


def _with_sales_read(frame: pl.LazyFrame) -> pl.LazyFrame:
    """With sales as numbers: several rules look at them, and reading text takes longer than judging what it says."""
    dtype = frame.collect_schema().get("sales")
    return frame if dtype is None else frame.with_columns(_sales(dtype, strict=False).alias(SALES_READ))


def rules_for(schema: Mapping[str, pl.DataType], columns: Iterable[str], /) -> list[Rule]:
    """What must hold for the values of the columns; rules for sales look at them as read as well."""
    return [rule for column in columns for rule in (_absent(column), *_rules_of(column, schema[column]))]


def _rules_of(column: str, dtype: pl.DataType) -> list[Rule]:
    rules = {"week": _week_rules, "sales": _sales_rules, "in_stock": _in_stock_rules}
    return rules[column](dtype) if column in rules else []


def _absent(column: str) -> Rule:
    return Rule(column, "is missing (null or empty)", "a value in every row", pl.col(column).is_null())


def _week_rules(dtype: pl.DataType) -> list[Rule]:
    found = pl.col("week")
    if is_text(dtype):
        unreadable = _week(dtype, strict=False).is_null() & found.is_not_null()
        return [Rule("week", "is not an ISO date", "a date such as 2024-04-08, without a time of day", unreadable)]
    rules = [Rule("week", "is out of range", "a year from 1 to 9999", ~_in_calendar(found))]
    if isinstance(dtype, pl.Datetime):
        rules.append(Rule("week", "has a time of day", "a date, or 00:00", found.dt.time() != pl.time(0, 0)))
    return rules


def _in_calendar(week: pl.Expr) -> pl.Expr:
    # The year of a date beyond Polars' own calendar is null; turning such a date into text panics.
    return week.is_null() | week.dt.year().is_between(1, 9999).fill_null(value=False)


def _sales_rules(dtype: pl.DataType) -> list[Rule]:
    sales = pl.col(SALES_READ)
    broken = [
        Rule("sales", "is negative", "0 or more", (sales < 0) & sales.is_finite()),
        Rule("sales", "is not finite", "a number, 0 or more", ~sales.is_finite()),
        Rule("sales", "is too large", "2^53 at most, where counts are exact", (sales > LARGEST) & sales.is_finite()),
    ]
    if is_text(dtype):
        unreadable = sales.is_null() & pl.col("sales").is_not_null()
        broken.append(Rule("sales", "is not a number", "a number such as 3 or 3.0", unreadable))
    return broken


def _in_stock_rules(dtype: pl.DataType) -> list[Rule]:
    unreadable = _in_stock(dtype, strict=False).is_null() & pl.col("in_stock").is_not_null()
    return [Rule("in_stock", "is neither true nor false", "True/False or 1/0", unreadable)]


def _week(dtype: pl.DataType, *, strict: bool) -> pl.Expr:
    if not is_text(dtype):
        return pl.col("week").dt.date()
    date = _text("week").str.replace(MIDNIGHT, "")
    checked = date if strict else pl.when(date.str.contains(ISO_DATE)).then(date)
    return checked.str.to_date("%Y-%m-%d", strict=strict).alias("week")


def _sales(dtype: pl.DataType, *, strict: bool) -> pl.Expr:
    sales = _text("sales") if is_text(dtype) else pl.col("sales")
    return sales.cast(pl.Float64, strict=strict)


def _in_stock(dtype: pl.DataType, *, strict: bool) -> pl.Expr:
    if isinstance(dtype, pl.Boolean):
        return pl.col("in_stock")
    text = _text("in_stock").str.to_lowercase()
    if strict:
        return text.replace_strict(FLAGS, return_dtype=pl.Boolean)
    return text.replace_strict(FLAGS, default=None, return_dtype=pl.Boolean)


def _text(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).str.strip_chars()


def _counts(rules: list[Rule]) -> list[pl.Expr]:
    return [rule.broken.fill_null(value=False).sum().alias(f"rule {i}") for i, rule in enumerate(rules)]


def _told(frame: pl.LazyFrame, rules: list[Rule], counts: pl.DataFrame, source: str) -> list[str]:
    return [
        f"{source}: {rule.column} {rule.found} in {rows(count)}, expected {rule.expected}; "
        f"first {_first_places(frame.filter(rule.broken), rule.column)}"
        for rule, count in zip(rules, counts.row(0)[: len(rules)], strict=True)
        if count
    ]


def rows(count: int, /, *, of: str = "row") -> str:
    """``1 row``, ``2,000 rows``."""
    return f"{count:,} {of}" if count == 1 else f"{count:,} {of}s"


def _first_places(frame: pl.LazyFrame, column: str) -> str:
    schema = frame.collect_schema()
    keys = [name for name in (*KEY, FILE_LINE) if name in schema and name != column]
    value = _shown(column, schema[column])
    order = [_comparable(name, schema[name]) for name in keys]
    first = (
        frame.sort(*order, value, nulls_last=True)
        .head(PLACES_SHOWN)
        .select(*(_shown(name, schema[name]) for name in keys), value.alias("found"))
        .collect(engine="streaming")
    )
    places = zip(place_names(first.drop("found")), first["found"], strict=True)
    told = _quoted if is_text(schema[column]) else _plainly
    return "; ".join(f"{place}: found {told(found)}" for place, found in places)


def _shown(column: str, dtype: pl.DataType) -> pl.Expr:
    """A column as it may be put in a message: whole numbers as they are, all else as text."""
    value = pl.col(column)
    if dtype.is_integer():
        return value
    if isinstance(dtype, pl.Date | pl.Datetime):
        outside = value.to_physical().cast(pl.String)
        return pl.when(_in_calendar(value)).then(value).cast(pl.String).fill_null(outside)
    return value.cast(pl.String)


def _comparable(column: str, dtype: pl.DataType) -> pl.Expr:
    # Categories have an order of their own, which may depend on how the file was written.
    return pl.col(column).cast(pl.String) if is_text(dtype) else pl.col(column)


def place_names(frame: pl.DataFrame, /) -> list[str]:
    """``Store=0, Product=126, week=2024-04-08`` for every row."""
    return [", ".join(_pair(name, value) for name, value in row.items()) for row in frame.iter_rows(named=True)]


def _pair(name: str, value: object) -> str:
    shown = _plainly(value) if name == "week" else _quoted(value)
    return f"line {shown}" if name == FILE_LINE else f"{name}={shown}"


def _quoted(value: object) -> str:
    return _plainly(repr(value) if isinstance(value, str) else value)


def _plainly(value: object) -> str:
    return shortened("nothing" if value is None else str(value))


def _parsed_week(panel: pl.LazyFrame) -> pl.Expr:
    return _week(panel.collect_schema()["week"], strict=False)


def _repeated(panel: pl.LazyFrame) -> pl.LazyFrame:
    keys = panel.select(*SKU, _parsed_week(panel)).drop_nulls()
    return keys.group_by(KEY).agg(rows=pl.len()).filter(pl.col("rows") > 1)


def _repetitions(repeated: pl.DataFrame, source: str) -> list[str]:
    if repeated.is_empty():
        return []
    order = [_comparable(name, repeated.schema[name]) for name in KEY]
    first = repeated.sort(*order).head(PLACES_SHOWN)
    shown = first.select(_shown(name, first.schema[name]) for name in KEY)
    places = zip(place_names(shown), first["rows"], strict=True)
    told = "; ".join(f"{place}: found {count:,} rows" for place, count in places)
    keys = rows(len(repeated), of="key")
    return [f"{source}: (Store, Product, week) is repeated for {keys}, expected one row each; first {told}"]


def _weekdays(panel: pl.LazyFrame) -> pl.LazyFrame:
    weekday = _parsed_week(panel).dt.weekday().alias("weekday")
    return panel.select(weekday).drop_nulls().group_by("weekday").agg(rows=pl.len())


def _mixed_weekdays(panel: pl.LazyFrame, weekdays: pl.DataFrame, source: str) -> list[str]:
    if len(weekdays) < 2:
        return []
    usual, *others = weekdays.sort("rows", "weekday", descending=[True, False]).iter_rows()
    told = [f"{WEEKDAYS[usual[0] - 1]} {rows(usual[1])}"]
    told += [
        f"{WEEKDAYS[day - 1]} {rows(count)}, first {_first_where(panel, _parsed_week(panel).dt.weekday() == day)}"
        for day, count in others
    ]
    return [f"{source}: weeks start on different weekdays: {'; '.join(told)}; expected one weekday"]


def _span(panel: pl.LazyFrame) -> pl.LazyFrame:
    week = _parsed_week(panel)
    known = week.filter(_in_calendar(week))
    return panel.select(known.min().alias("first"), known.max().alias("last"))


def _too_long(panel: pl.LazyFrame, span: pl.DataFrame, source: str) -> list[str]:
    first, last = span.row(0)
    weeks = (last - first).days // 7 + 1 if first else 0
    if weeks <= MOST_WEEKS:
        return []
    ends = " and ".join(_first_where(panel, _parsed_week(panel) == end) for end in (first, last))
    return [f"{source}: the panel spans {weeks:,} weeks, expected {MOST_WEEKS:,} at most; its ends are {ends}"]


def _first_where(panel: pl.LazyFrame, condition: pl.Expr) -> str:
    """The first row, in the order of the keys, of which a condition holds."""
    schema = panel.collect_schema()
    first = (
        panel.filter(condition)
        .sort(*(_comparable(name, schema[name]) for name in KEY), nulls_last=True)
        .head(1)
        .select(_shown(name, schema[name]) for name in KEY)
        .collect(engine="streaming")
    )
    return place_names(first)[0]
