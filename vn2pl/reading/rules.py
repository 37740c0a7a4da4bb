"""What must hold for the values of a panel, and how a message names the first rows that break it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from ..checks import Check
from ..messages import rows, shortened
from ..queries.distributions import LARGEST
from ..queries.names import IN_STOCK, KEY, SALES, SKU, WEEK
from .dates import ANYTHING, advice, zone_advice
from .layout import UNIQUE_ID, separator_of
from .schema import is_text
from .values import AS_READ, COMMA, Reading, decimal_of, instants, is_written, local, text, with_read

FILE_LINE = "file_line"
PLACES_SHOWN = 3
TEXTS_LOOKED_AT = 1000

Schema = Mapping[str, pl.DataType]


class Rule(NamedTuple):
    """One boolean column that is true where a value is wrong, and what settles it, given all rows."""

    column: str
    found: str
    expected: str
    broken: pl.Expr
    advice: Callable[[pl.LazyFrame], str] = lambda _: ""


def value_check(frame: pl.LazyFrame, columns: Iterable[str], reading: Reading, /, *, source: str) -> Check:
    """For broken values in some columns of a frame, which need not be a whole panel."""
    rules, judged = rules_for(frame.collect_schema(), columns, reading), with_read(frame, reading)
    return Check(judged.select(broken_counts(rules)), lambda counts: told(judged, rules, counts, source))


def rules_for(schema: Schema, columns: Iterable[str], reading: Reading, /) -> list[Rule]:
    """What must hold for the values of the columns, which stand beside what was read of them."""
    return [rule for column in columns for rule in _rules_of(column, schema, reading)]


def _rules_of(column: str, schema: Schema, reading: Reading) -> list[Rule]:
    rules = {WEEK: _week_rules, SALES: _sales_rules, IN_STOCK: _in_stock_rules}
    if reading.sku_format and column in SKU:
        return _unique_id_rules(reading.sku_format) if column == SKU[0] else []
    return rules[column](schema, reading) if column in rules else [_absent(column, pl.col(column).is_null())]


def _absent(column: str, broken: pl.Expr) -> Rule:
    return Rule(column, "is missing (null or empty)", "a value in every row", broken)


def _unique_id_rules(sku_format: str) -> list[Rule]:
    form = f"Store and Product with one {separator_of(sku_format)!r} between"
    found, parts = pl.col(UNIQUE_ID), pl.all_horizontal(pl.col(name).is_not_null() for name in SKU)
    return [
        _absent(UNIQUE_ID, found.is_null()),
        Rule(UNIQUE_ID, f"is not of the form {sku_format}", form, found.is_not_null() & ~parts),
    ]


def _week_rules(schema: Schema, reading: Reading) -> list[Rule]:
    dtype, found, read = schema[WEEK], pl.col(WEEK), pl.col(AS_READ[WEEK])
    if is_written(dtype):
        unread = read.is_null() & text(WEEK).is_not_null()
        return [
            _absent(WEEK, text(WEEK).is_null()),
            Rule(WEEK, "is not a date", _date_expected(reading), unread, _date_advice(unread)),
            _out_of_range(read),
        ]
    rules = [_absent(WEEK, found.is_null()), _out_of_range(found)]
    if isinstance(dtype, pl.Datetime):
        broken = local(dtype, reading).dt.time() != pl.time(0, 0)
        where = f" in {reading.time_zone}" if reading.time_zone else ""
        rules.append(Rule(WEEK, "has a time of day", f"a date, or 00:00{where}", broken, _zone_advice(dtype)))
    return rules


def _out_of_range(week: pl.Expr) -> Rule:
    return Rule(WEEK, "is out of range", "a year from 1 to 9999", ~in_calendar(week))


def in_calendar(week: pl.Expr, /) -> pl.Expr:
    """Whether a date, if it is one, may be turned into text: beyond Polars' own calendar the year is null."""
    return week.is_null() | week.dt.year().is_between(1, 9999).fill_null(value=False)


def _date_expected(reading: Reading) -> str:
    first = reading.dates[0]
    if first.pattern == ANYTHING:
        return f"a date of the form {first.format}"
    return "a date such as 2024-04-08, without a time of day"


def _date_advice(unread: pl.Expr) -> Callable[[pl.LazyFrame], str]:
    def told(judged: pl.LazyFrame) -> str:
        texts = judged.filter(unread).select(text(WEEK).unique().sort()).head(TEXTS_LOOKED_AT)
        return advice(texts.collect(engine="streaming")[WEEK])

    return told


def _zone_advice(dtype: pl.DataType) -> Callable[[pl.LazyFrame], str]:
    def told(judged: pl.LazyFrame) -> str:
        return zone_advice(judged.select(instants(dtype).unique()).collect(engine="streaming")[WEEK].drop_nulls())

    return told


def _sales_rules(schema: Schema, reading: Reading) -> list[Rule]:
    dtype, read = schema[SALES], pl.col(AS_READ[SALES])
    missing = text(SALES).is_null() if is_text(dtype) else pl.col(SALES).is_null()
    rules = [
        *_missing_sales(missing, schema, reading),
        Rule(SALES, "is not finite", "a number, 0 or more", ~read.is_finite()),
        Rule(SALES, "is too large", "2^53 at most, where counts are exact", (read > LARGEST) & read.is_finite()),
    ]
    if not reading.clip_returns:
        expected = "0 or more (--returns clip takes returns for 0)"
        rules.append(Rule(SALES, "is negative", expected, (read < 0) & read.is_finite()))
    if is_text(dtype):
        unread = read.is_null() & ~missing
        rules.append(
            Rule(SALES, "is not a number", "a number such as 3 or 3.0", unread, _comma_advice(unread, reading))
        )
    return rules


def _missing_sales(missing: pl.Expr, schema: Schema, reading: Reading) -> list[Rule]:
    if not reading.fill_stockouts:
        return [_absent(SALES, missing)]
    if IN_STOCK not in schema:
        return []  # judged where the flags are known
    expected = "a number in every week in stock: 0 where nothing was sold"
    broken = missing & pl.col(AS_READ[IN_STOCK]).fill_null(value=True)
    return [Rule(SALES, "is missing (null or empty)", expected, broken)]


def _comma_advice(unread: pl.Expr, reading: Reading) -> Callable[[pl.LazyFrame], str]:
    def told(judged: pl.LazyFrame) -> str:
        if reading.decimal_comma:
            return "decimal commas are expected here, as in 3,5 or 1.234,5"
        with_comma = judged.select(text(SALES).filter(unread & text(SALES).str.contains(COMMA, literal=True)).min())
        example = with_comma.collect(engine="streaming").item()
        if example is None:
            return ""
        number = with_comma.select(decimal_of(pl.col(SALES))).collect().item()
        option = f"--decimal-comma reads {example!r} as {number:.10g}; " if number is not None else ""
        return f"{option}commas between thousands are to be left out"

    return told


def _in_stock_rules(schema: Schema, reading: Reading) -> list[Rule]:
    dtype = schema[IN_STOCK]
    missing = text(IN_STOCK).is_null() if is_text(dtype) else pl.col(IN_STOCK).is_null()
    unread = pl.col(AS_READ[IN_STOCK]).is_null() & ~missing
    found = f"is read as the inverse of {reading.inverse!r} and " if reading.inverse else ""
    return [
        _absent(IN_STOCK, missing),
        Rule(
            IN_STOCK,
            f"{found}is neither true nor false",
            "True/False, 1/0 or yes/no",
            unread,
            _share_advice(dtype, unread),
        ),
    ]


def _share_advice(dtype: pl.DataType, unread: pl.Expr) -> Callable[[pl.LazyFrame], str]:
    number = text(IN_STOCK).cast(pl.Float64, strict=False) if is_text(dtype) else pl.col(IN_STOCK).cast(pl.Float64)

    def told(judged: pl.LazyFrame) -> str:
        numbers = judged.filter(unread).select(number.min().alias("least"), number.max().alias("most"))
        least, most = numbers.collect(engine="streaming").row(0)
        if least is None:
            return ""
        what = "it looks like a share of the period in stock" if least > 0 and most < 1 else "it looks like a number"
        return f"{what}: make it a flag first, true where the SKU could be bought all week"

    return told


def broken_counts(rules: Iterable[Rule], /) -> list[pl.Expr]:
    """How often each rule is broken."""
    return [rule.broken.fill_null(value=False).sum().alias(f"rule {number}") for number, rule in enumerate(rules)]


def told(judged: pl.LazyFrame, rules: Sequence[Rule], counts: pl.DataFrame, source: str, /) -> list[str]:
    """A message for each broken rule, given how often it is."""
    return [
        f"{source}: {rule.column} {rule.found} in {rows(count)}, expected {rule.expected}; "
        f"first {_first_places(judged.filter(rule.broken), rule.column)}{_clause(rule.advice(judged))}"
        for rule, count in zip(rules, counts.row(0)[: len(rules)], strict=True)
        if count
    ]


def _clause(text: str) -> str:
    return f"; {text}" if text else ""


def _first_places(frame: pl.LazyFrame, column: str) -> str:
    schema = frame.collect_schema()
    known = [WEEK, FILE_LINE] if column == UNIQUE_ID else [*KEY, FILE_LINE]
    keys = [name for name in known if name in schema and name != column]
    value = shown(column, schema[column])
    order = [comparable(name, schema[name]) for name in keys]
    first = (
        frame.sort(*order, value, nulls_last=True)
        .head(PLACES_SHOWN)
        .select(*(shown(name, schema[name]) for name in keys), value.alias("found"))
        .collect(engine="streaming")
    )
    places = zip(place_names(first.drop("found")), first["found"], strict=True)
    say = _quoted if is_text(schema[column]) else _plainly
    return "; ".join(f"{place}: found {say(found)}" for place, found in places)


def shown(column: str, dtype: pl.DataType, /) -> pl.Expr:
    """A column as it may be put in a message: whole numbers as they are, all else as text."""
    value = pl.col(column)
    if dtype.is_integer():
        return value
    if isinstance(dtype, pl.Date | pl.Datetime):
        outside = value.to_physical().cast(pl.String)
        return pl.when(in_calendar(value)).then(value).cast(pl.String).fill_null(outside)
    return value.cast(pl.String)


def comparable(column: str, dtype: pl.DataType, /) -> pl.Expr:
    """A column in the order of its values: categories have one of their own, which may depend on the file."""
    return pl.col(column).cast(pl.String) if is_text(dtype) else pl.col(column)


def first_keys(keys: pl.LazyFrame, /, *, at_most: int = PLACES_SHOWN) -> pl.LazyFrame:
    """The first rows in the order of the keys, as they may be put in a message."""
    schema = keys.collect_schema()
    names = [name for name in KEY if name in schema]
    first = keys.sort(*(comparable(name, schema[name]) for name in names), nulls_last=True).head(at_most)
    return first.with_columns(shown(name, schema[name]) for name in names)


def place_names(frame: pl.DataFrame, /) -> list[str]:
    """``Store=0, Product=126, week=2024-04-08`` for every row."""
    return [", ".join(_pair(name, value) for name, value in row.items()) for row in frame.iter_rows(named=True)]


def _pair(name: str, value: object) -> str:
    said = _plainly(value) if name == WEEK else _quoted(value)
    return f"line {said}" if name == FILE_LINE else f"{name}={said}"


def _quoted(value: object) -> str:
    return _plainly(repr(value) if isinstance(value, str) else value)


def _plainly(value: object) -> str:
    return shortened("nothing" if value is None else str(value))
