"""The columns that a panel must have: their types, and what else they may be called."""

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

import polars as pl

from ..messages import listed
from ..queries.names import ADDED, IN_STOCK, QUANTILE, STOCKOUT_INFERRED, VALUE

OUTPUT_COLUMNS = (*ADDED, QUANTILE, VALUE, STOCKOUT_INFERRED)
INFERENCE_OFFERED = "or give --infer-stockouts, which takes runs of zero sales too long for the SKU for stockouts"
# What other systems call our columns: offered as a suggestion, never applied.
SYNONYMS = {
    "Store": ("store_id", "store_nbr", "shop", "location", "site", "branch"),
    "Product": ("product_id", "sku", "item", "item_id", "item_nbr", "article", "upc"),
    "week": ("date", "ds", "week_start", "week_date", "time", "period", "day"),
    "sales": ("units", "unit_sales", "sold", "qty", "quantity", "y", "demand", "volume"),
    "in_stock": ("instock", "available", "availability", "is_available", "stock", "stocked", "on_hand"),
}
INVERSE = re.compile(
    r"(is|was|has|flag)?"
    r"(stockouts?|outofstock|oos|soldout|stockedout|notinstock|notavailable|unavailable|nostock)"
    r"(flag|ind|indicator)?"
)


class Column(NamedTuple):
    """A required column: the types it may have in a file, and how to tell a user."""

    accepts: Callable[[pl.DataType], bool]
    expected: str


def is_text(dtype: pl.DataType) -> bool:
    """Whether values of the type read as text."""
    return isinstance(dtype, pl.String | pl.Categorical | pl.Enum)


def is_key(dtype: pl.DataType) -> bool:
    """Whether a Store or a Product may have the type."""
    return dtype.is_integer() or is_text(dtype)


def _is_week(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.Date | pl.Datetime) or is_key(dtype)


def _is_sales(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or is_text(dtype)


def is_flag(dtype: pl.DataType) -> bool:
    """Whether in_stock may have the type."""
    return isinstance(dtype, pl.Boolean) or dtype.is_float() or is_key(dtype)


COLUMNS: Mapping[str, Column] = {
    "Store": Column(is_key, "whole numbers or text"),
    "Product": Column(is_key, "whole numbers or text"),
    "week": Column(_is_week, "dates, or text such as 2024-04-08"),
    "sales": Column(_is_sales, "numbers"),
    "in_stock": Column(is_flag, "True/False, 1/0 or yes/no"),
}


def schema_problems(schema: Mapping[str, pl.DataType], /, *, source: str, found: Collection[str] = ()) -> list[str]:
    """Missing columns, wrong types, and names that cannot be used, all in one list; ``found``: names in the file."""
    return [
        *_missing(schema, source, found or schema),
        *_wrong_types(schema, source),
        *_unusable_names(schema, source),
    ]


def is_inverse(name: str, /) -> bool:
    """Whether a column of this name says when a SKU was out of stock."""
    return INVERSE.fullmatch(_plain(name)) is not None


def suggestion(name: str, candidates: Iterable[str], /) -> str:
    """What a missing column may be called in the file, or nothing."""
    candidates = list(candidates)
    if name == IN_STOCK and (inverse := [candidate for candidate in candidates if is_inverse(candidate)]):
        return f"; {listed(inverse)} say the inverse: choose one with columns: {{{name}: {inverse[0]!r}}} in the config"
    by_plain_name = {_plain(candidate): candidate for candidate in candidates}
    known = [by_plain_name[_plain(other)] for other in SYNONYMS.get(name, ()) if _plain(other) in by_plain_name]
    close = difflib.get_close_matches(_plain(name), by_plain_name, n=1)
    best = [*(by_plain_name[match] for match in close), *known]
    if not best:
        return "; if it has another name, rename it with columns: in the config"
    return f"; did you mean {best[0]!r}? Rename it with columns: {{{name}: {best[0]!r}}} in the config"


def _missing(schema: Mapping[str, pl.DataType], source: str, found: Collection[str]) -> list[str]:
    missing = [name for name in COLUMNS if name not in schema]
    spare = [name for name in schema if name not in COLUMNS]
    problems = [
        f"{source}: has no column {name!r}{suggestion(name, spare)}"
        f"{f'; {INFERENCE_OFFERED}' if name == IN_STOCK else ''}"
        for name in missing
    ]
    return [*problems, f"{source}: found the columns {listed(found)}"] if missing else []


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _wrong_types(schema: Mapping[str, pl.DataType], source: str) -> list[str]:
    return [
        f"{source}: column {name!r} holds {words(schema[name])}, expected {column.expected}"
        for name, column in COLUMNS.items()
        if name in schema and not column.accepts(schema[name])
    ]


def words(dtype: pl.DataType) -> str:
    """What values of a type are called."""
    kinds: Mapping[type[pl.DataType], str] = {
        pl.Boolean: "True/False",
        pl.Null: "nothing",
        pl.Date: "dates",
        pl.Datetime: "points in time",
        pl.Duration: "durations",
        pl.Time: "times of day",
        pl.Binary: "bytes",
    }
    if dtype.is_nested():
        return "lists or records"
    if dtype.is_integer():
        return "whole numbers"
    if dtype.is_numeric():
        return "numbers with fractions"
    return "text" if is_text(dtype) else kinds.get(dtype.base_type(), "values of an unknown type")


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
