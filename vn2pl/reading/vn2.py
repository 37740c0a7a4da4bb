"""The wide files of the VN2 competition: a folder with a row per SKU and a column per week."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import pairwise
from typing import NamedTuple

import polars as pl

from ..checks import Check, problems, raise_any
from ..config import Config
from ..messages import listed, rows
from ..queries.names import IN_STOCK, SALES, SKU, WEEK
from ..queries.sums import MOST_WEEKS
from .calendar import looks_like
from .delimited import (
    header_of,
    inferred,
    ragged_check,
    repeated_names,
    scan_delimited,
    scan_texts,
    without_blank_lines,
)
from .judging import sales_facts
from .layout import Layout, index_columns, is_index, rename_problems, renamed
from .rules import FILE_LINE, PLACES_SHOWN, place_names, value_check
from .schema import INFERENCE_OFFERED, suggestion, words
from .source import Judged, Source, flagged, unusable_files
from .values import Reading, Understood, typed, understood

WIDE_NAME = re.compile(
    r"week (?P<number>\d+) - (?:(?P<date>\d{4}-\d{2}-\d{2}) - )?(?P<kind>sales|in stock|master)\.csv",
    re.IGNORECASE,
)
WIDE_FILES = {"sales": "Week N - DATE - Sales.csv", "in stock": "Week N - In Stock.csv"}
MASTER_NAME = "Week N - Master.csv"
WEEK_VALUES = (WEEK, SALES, IN_STOCK)
ISO_DATE = r"^\d{4}-\d{2}-\d{2}$"


class Wide(NamedTuple):
    """A file with a row per SKU; Sales has a text column per week, In Stock a column of flags or of text."""

    path: str
    lines: pl.LazyFrame
    weeks: list[str]

    @property
    def frame(self) -> pl.LazyFrame:
        return without_blank_lines(self.lines, SKU)


class Files(NamedTuple):
    """The files of a folder, those that need not be there in a list of one or none."""

    sales: Wide
    in_stock: list[Wide]
    master: list[Wide]

    @property
    def every(self) -> list[Wide]:
        return [self.sales, *self.in_stock, *self.master]


def newest_wide(names: Iterable[str], /) -> dict[str, str]:
    """For each kind of wide file the newest name: highest week number, then latest date."""
    matches = [match for name in names if (match := WIDE_NAME.fullmatch(name))]
    return {match["kind"].lower(): match[0] for match in sorted(matches, key=_age)}


def _age(match: re.Match[str]) -> tuple[int, str, str]:
    return int(match["number"]), match["date"] or "", match[0]


def open_wide(folder: str, names: Mapping[str, str], config: Config, /, *, inferring: bool) -> Source:
    """A panel in a folder with these files, by kind."""
    paths = {kind: os.path.join(folder, name) for kind, name in names.items()}
    raise_any(_folder_problems(folder, paths, config.columns, inferring=inferring))
    keys = {ours: theirs for ours, theirs in config.columns.items() if ours in SKU}
    raise_any(problem for kind in WIDE_FILES if kind in paths for problem in _header_problems(paths[kind], keys))
    files = Files(
        _scan_weeks(paths["sales"], keys, are_flags=False),
        [_scan_weeks(paths["in stock"], keys, are_flags=True)] if "in stock" in paths else [],
        [_scan_master(paths["master"], config.columns)] if "master" in paths else [],
    )
    raise_any(_without_rows(files))
    raise_any(_unlike_files(files))
    return Source(
        folder,
        list(paths.values()),
        Layout(_joined(files)),
        lambda file: scan_texts(file, header_of(file)),
        lambda step: _judged(files, config, step),
        header_of(files.sales.path).separator,
    )


def _folder_problems(
    folder: str, paths: Mapping[str, str], columns: Mapping[str, str], *, inferring: bool
) -> Iterator[str]:
    if inferring and "in stock" in paths:
        yield f"{paths['in stock']}: --infer-stockouts is for folders without such a file; leave it out"
    if "sales" not in paths:
        yield f"{folder}: has no {WIDE_FILES['sales']!r}"
    if "in stock" not in paths and not inferring:
        yield f"{folder}: has no {WIDE_FILES['in stock']!r}; add it, {INFERENCE_OFFERED}"
    yield from unusable_files(paths.values())
    for ours, theirs in columns.items():
        if ours in WEEK_VALUES:
            yield f"{folder}: columns: maps {ours!r} to {theirs!r}, but VN2 files have a column per week"
        elif ours not in SKU and "master" not in paths:
            yield f"{folder}: columns: maps {ours!r} to {theirs!r}, but there is no {MASTER_NAME!r}"


def _header_problems(path: str, keys: Mapping[str, str]) -> list[str]:
    names = header_of(path).names
    if mapped := list(rename_problems(names, keys, path)):
        return mapped
    own = [keys.get(key, key) for key in SKU]
    weeks = [name for name in names if name not in own and not is_index(name)]
    missing = [f"{path}: has no column {key!r}{suggestion(key, weeks)}" for key in own if key not in names]
    return missing or [*repeated_names(path, names), *_week_problems(path, weeks)]


def _week_problems(path: str, weeks: Iterable[str]) -> list[str]:
    days = {name: _iso_date(name) for name in weeks}
    wrong = [name for name, day in days.items() if day is None]
    if wrong or not days:
        return [f"{path}: week columns must be ISO dates such as 2024-04-08, found {listed(wrong) or 'none'}"]
    dates = sorted(day for day in days.values() if day)
    steps = [(a, b, (b - a).days) for a, b in pairwise(dates)]
    wrong_steps = [f"'{later}' ({step} days after '{earlier}')" for earlier, later, step in steps if step != 7]
    if not wrong_steps:
        return []
    if period := looks_like(dates):
        return [f"{path}: looks {period}, expected a column per week"]
    columns = rows(len(wrong_steps), of="week column")
    return [f"{path}: {columns} not 7 days after the one before: {'; '.join(wrong_steps[:PLACES_SHOWN])}"]


def _iso_date(name: str) -> date | None:
    try:
        return date.fromisoformat(name) if re.match(ISO_DATE, name) else None
    except ValueError:
        return None


def _scan_weeks(path: str, keys: Mapping[str, str], *, are_flags: bool) -> Wide:
    header = header_of(path)
    weeks = [name for name in header.names if _iso_date(name)]
    # Flags are read as what they are if no cell stands in the way of it; texts are judged cell by cell.
    found = inferred([path], header, texts=[] if are_flags else weeks)
    kind = pl.Boolean if {found[week] for week in weeks} == {pl.Boolean()} else pl.String
    schema = pl.Schema({**found, **dict.fromkeys(weeks, kind)})
    lines = scan_delimited([path], header, schema, row_index_name=FILE_LINE)
    return Wide(path, lines.rename({theirs: ours for ours, theirs in keys.items()}), weeks)


def _scan_master(path: str, columns: Mapping[str, str]) -> Wide:
    header = header_of(path)
    raise_any(repeated_names(path, header.names))
    frame = renamed(scan_delimited([path], header, inferred([path], header)), columns, source=path)
    names = frame.collect_schema().names()
    raise_any(f"{path}: has no column {key!r}{suggestion(key, names)}" for key in SKU if key not in names)
    raise_any(f"{path}: column {name!r} is no attribute, rename or drop it" for name in names if name in WEEK_VALUES)
    return Wide(path, frame.drop(index_columns(frame.collect_schema())), [])


def _without_rows(files: Files) -> list[str]:
    first = pl.collect_all([file.lines.select(SKU).head(1) for file in files.every], engine="streaming")
    return [f"{file.path}: has no rows" for file, line in zip(files.every, first, strict=True) if line.is_empty()]


def _unlike_files(files: Files) -> Iterator[str]:
    """What keeps the files from being joined: weeks without flags, keys of different types."""
    sales = files.sales
    for flags in files.in_stock:
        if lacking := sorted(set(sales.weeks) - set(flags.weeks)):
            yield (
                f"{flags.path}: lacks {rows(len(lacking), of='week')} of {os.path.basename(sales.path)}: "
                f"{listed(lacking, at_most=PLACES_SHOWN)}"
            )
    expected = sales.frame.collect_schema()
    for other in (*files.in_stock, *files.master):
        schema = other.frame.collect_schema()
        for key in SKU:
            if schema[key] != expected[key]:
                found, wanted = words(schema[key]), words(expected[key])
                yield f"{other.path}: {key} holds {found}, expected {wanted} as in {sales.path}"


def _joined(files: Files) -> pl.LazyFrame:
    """A row per SKU and week: files are joined while they have a row per SKU, each week with a pair of values."""
    weeks, panel = files.sales.weeks, files.sales.frame.drop(FILE_LINE)
    for flags in files.in_stock:
        marked = flags.frame.select(*SKU, pl.col(weeks).name.prefix(IN_STOCK))
        panel = panel.join(marked, on=SKU, how="left")
    values = {SALES: "", **({IN_STOCK: IN_STOCK} if files.in_stock else {})}
    pairs = (pl.struct(pl.col(f"{of}{week}").alias(name) for name, of in values.items()).alias(week) for week in weeks)
    long = panel.select(*SKU, *pairs).unpivot(weeks, index=SKU, variable_name=WEEK, value_name="values")
    dated = long.unnest("values").with_columns(pl.col(WEEK).str.to_date("%Y-%m-%d"))
    return dated.join(files.master[0].frame, on=SKU, how="left") if files.master else dated


def _long(wide: Wide, value: str, *, weeks: list[str]) -> pl.LazyFrame:
    return wide.frame.unpivot(weeks, index=[*SKU, FILE_LINE], variable_name=WEEK, value_name=value)


def _judged(files: Files, config: Config, step: float | None) -> Judged:
    """The files judged and joined, in memory: they are small, and reading them again costs more than to keep them."""
    raise_any(problems([ragged_check(file.path, header_of(file.path)) for file in files.every]))
    files = _in_memory(files)
    joined = _joined(files)
    reading, notes = understood(Layout(joined), config, separator=header_of(files.sales.path).separator)
    raise_any([*_too_many_weeks(files.sales), *problems(_checks(files, reading))])
    panel = typed(flagged(joined, inferring=not files.in_stock), reading.as_found)
    kept = panel.collect(engine="streaming").lazy()
    facts = sales_facts(kept, reading.of_typed, source=files.sales.path, step=step)
    return Judged(kept, Understood(reading.of_typed, notes), facts)


def _in_memory(files: Files) -> Files:
    lines = pl.collect_all([file.lines for file in files.every], engine="streaming")
    kept = [file._replace(lines=frame.lazy()) for file, frame in zip(files.every, lines, strict=True)]
    masters = 1 + len(files.in_stock)
    return Files(kept[0], kept[1:masters], kept[masters:])


def _checks(files: Files, reading: Reading) -> list[Check]:
    sales, in_stock, master = files
    weeks = sales.weeks
    return [
        *(_lacking_keys(file) for file in files.every),
        *(_repeated_skus(file) for file in files.every),
        *(_lacking_skus(file, sales) for file in in_stock),
        *(_lacking_skus(sales, file) for file in in_stock),
        *(_lacking_skus(file, sales) for file in master),
        value_check(_long(sales, SALES, weeks=weeks), [SALES], reading, source=sales.path),
        *(value_check(_long(file, IN_STOCK, weeks=weeks), [IN_STOCK], reading, source=file.path) for file in in_stock),
    ]


def _too_many_weeks(sales: Wide) -> list[str]:
    # The header has shown that each is a week after the one before.
    found = len(sales.weeks)
    message = f"{sales.path}: has {found:,} week columns, expected {MOST_WEEKS:,} at most"
    return [message] if found > MOST_WEEKS else []


def _lacking_keys(file: Wide) -> Check:
    present = [name for name in file.lines.collect_schema() if name != FILE_LINE]
    return value_check(without_blank_lines(file.lines, present), SKU, Reading(), source=file.path)


def _repeated_skus(file: Wide) -> Check:
    skus = file.frame.select(SKU).drop_nulls().group_by(SKU).len().filter(pl.col("len") > 1)
    return _sku_check(skus, f"{file.path}: repeats", "expected one row each")


def _lacking_skus(file: Wide, other: Wide) -> Check:
    skus = other.frame.select(SKU).drop_nulls().unique().join(file.frame, on=SKU, how="anti")
    return _sku_check(skus, f"{file.path}: lacks", f"expected those of {os.path.basename(other.path)}")


def _sku_check(skus: pl.LazyFrame, verdict: str, expected: str) -> Check:
    def told(found: pl.DataFrame) -> list[str]:
        first = "; ".join(place_names(found.head(PLACES_SHOWN)))
        return [f"{verdict} {rows(len(found), of='SKU')}, {expected}; first {first}"] if len(found) else []

    return Check(skus.select(SKU).sort(SKU), told)
