"""Reading panels: wide VN2 folders; long Parquet, CSV and Arrow IPC files, folders and patterns of them.

`scan_panel` looks at names, headers and schemas; `read_panel` also checks every value.
"""

import csv
import glob
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import polars as pl

from vn2pl.checks import (
    COLUMNS,
    FILE_LINE,
    INFERENCE_OFFERED,
    ISO_DATE,
    PLACES_SHOWN,
    READ_FAILURES,
    Check,
    check_panel,
    checked_rows,
    listed,
    place_names,
    problems,
    raise_any,
    readable,
    rows,
    schema_problems,
    suggestion,
    typed,
    value_check,
)
from vn2pl.errors import InputError
from vn2pl.queries import with_inferred_stockouts
from vn2pl.queries.names import IN_STOCK, SKU
from vn2pl.queries.profiles.base import CandidateWeeks
from vn2pl.queries.sums import MOST_WEEKS

__all__ = ["check_panel", "read_panel", "scan_panel"]

WIDE_NAME = re.compile(
    r"week (?P<number>\d+) - (?:(?P<date>\d{4}-\d{2}-\d{2}) - )?(?P<kind>sales|in stock|master)\.csv",
    re.IGNORECASE,
)
WIDE_FILES = {"sales": "Week N - DATE - Sales.csv", "in stock": "Week N - In Stock.csv"}
KINDS = {
    ".parquet": "Parquet",
    ".pq": "Parquet",
    ".csv": "CSV",
    ".arrow": "IPC",
    ".feather": "IPC",
    ".ipc": "IPC",
}
WEEK_VALUES = ("week", "sales", "in_stock")
HIDDEN = ("_", ".")
LONGEST_HEADER = 1_000_000


class Counted(NamedTuple):
    """A panel and its number of rows."""

    panel: pl.LazyFrame
    rows: int


class LaidOut(NamedTuple):
    """A panel whose rows can be told from one another, and their number where all its values are judged as well."""

    frame: pl.LazyFrame
    rows: int | None = None


class Source(NamedTuple):
    """A panel as it was found: columns renamed, types as in its files.

    ``laid_out`` raises an InputError with what keeps its rows from being told.
    """

    name: str
    files: Sequence[str]
    frame: pl.LazyFrame
    scan_file: Callable[[str], pl.LazyFrame]
    laid_out: Callable[[], LaidOut]


class Header(NamedTuple):
    """The first line of a CSV file."""

    separator: str
    names: list[str]


class Wide(NamedTuple):
    """A VN2 file with a row per SKU; Sales has a text column per week, In Stock a column of flags or of text."""

    path: str
    lines: pl.LazyFrame
    weeks: list[str]

    @property
    def frame(self) -> pl.LazyFrame:
        return _without_blank_lines(self.lines, SKU)


def scan_panel(
    path: str | os.PathLike[str],
    *,
    columns: Mapping[str, str] = {},
    infer_stockouts: CandidateWeeks | None = None,
) -> pl.LazyFrame:
    """The panel at ``path`` as a lazy frame, with its values not yet checked.

    ``path`` is one of:

    - a folder with the VN2 files `Week N - DATE - Sales.csv`, `Week N - In Stock.csv` and, for the
      attributes, `Week N - Master.csv`; of each the newest is taken, all other files are ignored. Weeks that
      only the in-stock file has are dropped: they hold no sales.
    - a long Parquet (.parquet, .pq), CSV (.csv; comma, semicolon or tab) or Arrow IPC (.arrow, .feather,
      .ipc) file.
    - a folder of Parquet files, hive partitions included, or a glob pattern of long files of one kind.

    ``columns`` maps our names to the names in the files: ``{"sales": "units", "week": "date"}``.

    ``infer_stockouts`` is for panels without in_stock (VN2: without the in-stock file). It infers stockouts from sales,
    by earlier weeks ("past") or all weeks ("all") of the SKU, see ``queries.with_inferred_stockouts``, and adds the
    column stockout_inferred (Boolean).

    Columns: Store, Product (whole numbers or text, as in the file; a CSV's types are inferred from all its
    rows), week (Date), sales (Float64), in_stock (Boolean), then the other columns as attributes, in file
    order.

    Raises InputError when there is nothing to read, and when columns are missing, of a wrong type or badly
    named. Values are checked by `check_panel`; a text that is no number, date or flag fails when the frame is
    collected.
    """
    source = _open(os.fspath(path), columns, inferring=infer_stockouts is not None)
    return _published(source.frame, infer_stockouts)


def read_panel(
    path: str | os.PathLike[str],
    *,
    columns: Mapping[str, str] = {},
    infer_stockouts: CandidateWeeks | None = None,
) -> pl.LazyFrame:
    """`scan_panel`, with all values checked as `check_panel` does: a panel that can be computed with.

    Raises InputError with every problem that was found and its first places. Problems of layout (columns,
    ragged lines, SKUs that the wide files do not share) are told first, on their own: values cannot be judged
    before.
    """
    return read_counted(path, columns=columns, infer_stockouts=infer_stockouts).panel


def read_counted(
    path: str | os.PathLike[str], *, columns: Mapping[str, str], infer_stockouts: CandidateWeeks | None
) -> Counted:
    """`read_panel`, with the number of rows, which the checks have counted."""
    inferring = infer_stockouts is not None
    source = _open(os.fspath(path), columns, inferring=inferring)
    with _damage_located(source):
        with readable(source.name):
            frame, count = source.laid_out()
        if count is None:
            count = checked_rows(_flagged(frame, inferring=inferring), source=source.name)
    return Counted(_published(frame, infer_stockouts), count)


def _published(frame: pl.LazyFrame, infer_stockouts: CandidateWeeks | None) -> pl.LazyFrame:
    panel = typed(_flagged(frame, inferring=infer_stockouts is not None))
    return with_inferred_stockouts(panel, candidate_weeks=infer_stockouts) if infer_stockouts else panel


def _open(path: str, columns: Mapping[str, str], *, inferring: bool) -> Source:
    with readable(path):
        is_folder = os.path.isdir(path)
        opened = partial(_open_folder, inferring=inferring) if is_folder else _open_matches
        source = opened(path, columns)
        if inferring and IN_STOCK in source.frame.collect_schema():
            raise InputError(
                f"{path}: has a column {IN_STOCK!r}; --infer-stockouts is for panels without one, leave it out"
            )
        raise_any(schema_problems(_flagged(source.frame, inferring=inferring).collect_schema(), source=path))
    return source


def _flagged(frame: pl.LazyFrame, /, *, inferring: bool) -> pl.LazyFrame:
    """With a flag that passes every check, until the weeks are judged, where stockouts are to be inferred."""
    return frame.with_columns(pl.lit(True).alias(IN_STOCK)) if inferring else frame


def _open_matches(path: str, columns: Mapping[str, str]) -> Source:
    return _open_files(path, _matches(path), columns)


def _open_folder(folder: str, columns: Mapping[str, str], *, inferring: bool) -> Source:
    names = os.listdir(folder)
    if wide := _newest_wide(names):
        paths = {kind: os.path.join(folder, name) for kind, name in wide.items()}
        return _open_wide(folder, paths, columns, inferring=inferring)
    if not names:
        raise InputError(f"{folder}: is an empty folder")
    return _open_parquet_folder(folder, columns)


def _matches(path: str) -> list[str]:
    """The file of this name or, only if there is none, the files that match it as a pattern."""
    if os.path.lexists(path):
        return [path]
    if not glob.has_magic(path):
        raise InputError(f"{path}: does not exist")
    files = sorted(file for file in glob.glob(path, recursive=True) if not os.path.isdir(file))
    if not files:
        raise InputError(f"{path}: no file matches this pattern")
    return files


def _open_files(name: str, files: list[str], columns: Mapping[str, str]) -> Source:
    raise_any(_unusable_files(files))
    raise_any(_wide_files(files))
    kinds = sorted({_kind(file) for file in files})
    if len(kinds) > 1:
        raise InputError(f"{name}: matches files of several kinds ({', '.join(kinds)}), expected one kind")
    if kinds == ["CSV"]:
        return _open_csv(name, files, columns)
    scan = _scan_parquet if kinds == ["Parquet"] else _scan_ipc
    return _open_typed_files(name, files, scan, scan(files), columns)


def _unusable_files(files: Iterable[str]) -> Iterator[str]:
    for file in files:
        with readable(file):
            status = os.stat(file)
        if not stat.S_ISREG(status.st_mode):
            yield f"{file}: is neither a file nor a folder"
        elif not status.st_size:
            yield f"{file}: is empty (0 bytes)"


def _wide_files(files: Iterable[str]) -> Iterator[str]:
    for file in files:
        if WIDE_NAME.fullmatch(os.path.basename(file)):
            yield f"{file}: is one of the VN2 files, which are read together; expected their folder"


def _kind(file: str) -> str:
    suffix = Path(file).suffix
    if suffix.lower() not in KINDS:
        raise InputError(f"{file}: has the unknown extension {suffix!r}, expected one of {', '.join(KINDS)}")
    return KINDS[suffix.lower()]


def _open_parquet_folder(folder: str, columns: Mapping[str, str]) -> Source:
    files = _visible_files(folder)
    if not files or {Path(file).suffix.lower() for file in files} != {".parquet"}:
        found = listed((os.path.relpath(file, folder) for file in files), at_most=4) or "no files"
        raise InputError(
            f"{folder}: expected the VN2 files ({', '.join(WIDE_FILES.values())}) "
            f"or nothing but .parquet files, found {found}; "
            f"other files can be given as a pattern such as {os.path.join(folder, '*.csv')}"
        )
    raise_any(_unusable_files(files))
    frame = pl.scan_parquet(folder, glob=False, hive_partitioning=True, hidden_file_prefix=HIDDEN)
    return _open_typed_files(folder, files, _scan_parquet, frame, columns)


def _visible_files(folder: str) -> list[str]:
    walked = os.walk(folder, onerror=_raise)
    files = (os.path.join(place, name) for place, _, names in walked for name in names if name[0] not in HIDDEN)
    return sorted(files)


def _raise(error: OSError) -> None:
    raise error


def _scan_parquet(files: list[str]) -> pl.LazyFrame:
    return pl.scan_parquet(files, glob=False, hive_partitioning=False)


def _scan_ipc(files: list[str]) -> pl.LazyFrame:
    return pl.scan_ipc(files, glob=False, hive_partitioning=False)


def _open_typed_files(
    name: str,
    files: list[str],
    scan: Callable[[list[str]], pl.LazyFrame],
    frame: pl.LazyFrame,
    columns: Mapping[str, str],
) -> Source:
    raise_any(_differing_schemas(files, scan))
    renamed = _renamed(frame, columns, source=name)
    return Source(name, files, renamed, lambda file: scan([file]), lambda: LaidOut(renamed))


def _differing_schemas(files: list[str], scan: Callable[[list[str]], pl.LazyFrame]) -> Iterator[str]:
    expected: pl.Schema | None = None
    for file in files:
        with readable(file):
            schema = scan([file]).collect_schema()
        expected = expected or schema
        if schema != expected:
            differing = sorted({name for name, _ in set(schema.items()) ^ set(expected.items())})
            yield f"{file}: columns differ from those of {files[0]} ({listed(differing) or 'in their order'})"


def _renamed(frame: pl.LazyFrame, columns: Mapping[str, str], *, source: str) -> pl.LazyFrame:
    raise_any(_rename_problems(frame.collect_schema().names(), columns, source))
    return frame.rename({theirs: ours for ours, theirs in columns.items()})


def _rename_problems(names: list[str], columns: Mapping[str, str], source: str) -> Iterator[str]:
    uses = Counter(columns.values())
    for ours, theirs in columns.items():
        told = f"{source}: columns: maps {ours!r} to {theirs!r}"
        if theirs not in names:
            yield f"{told}, which is not there; found the columns {listed(names)}"
        elif uses[theirs] > 1:
            yield f"{told}, as does another entry; expected one name each"
        elif ours in names and ours not in columns.values():
            yield f"{told}, but there is a column {ours!r} already; rename or drop it"


def _open_csv(name: str, files: list[str], columns: Mapping[str, str]) -> Source:
    header = _header(files[0])
    raise_any(_differing_headers(files, header))
    raise_any(_repeated_names(name, header.names))
    texts = [columns.get(column, column) for column in WEEK_VALUES]
    schema = _inferred(files, header, texts=texts)
    frame = _renamed(_scan_csv(files, header, schema), columns, source=name)
    names = frame.collect_schema().names()
    present = [name for name in names if name in COLUMNS] or names
    filled = _without_blank_lines(frame, present)

    def laid_out() -> LaidOut:
        raise_any(problems([_ragged_check(file, header) for file in files]))
        return LaidOut(filled)

    return Source(name, files, filled, lambda file: _scan_texts(file, header), laid_out)


def _header(file: str) -> Header:
    try:
        with open(file, encoding="utf-8-sig", newline="") as lines:
            first = lines.readline(LONGEST_HEADER).rstrip("\r\n")
        separator = max(",;\t", key=first.count)
        names = next(csv.reader([first], delimiter=separator), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: is not UTF-8 text, expected a CSV file") from error
    if not names:
        raise InputError(f"{file}: has a blank first line, expected the column names")
    return Header(separator, names)


def _differing_headers(files: list[str], expected: Header) -> Iterator[str]:
    for file in files:
        header = _header(file)
        if header != expected:
            yield (
                f"{file}: columns {listed(header.names)} (separator {header.separator!r}), expected those of "
                f"{files[0]}: {listed(expected.names)} (separator {expected.separator!r})"
            )


def _repeated_names(file: str, names: Iterable[str]) -> list[str]:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    return [f"{file}: repeats the columns {listed(repeated)}, expected each once"] if repeated else []


def _scan_csv(
    files: list[str], header: Header, schema: pl.Schema, /, *, row_index_name: str | None = None
) -> pl.LazyFrame:
    return pl.scan_csv(
        files,
        separator=header.separator,
        schema=schema,
        row_index_name=row_index_name,
        row_index_offset=2,
        glob=False,
    )


def _scan_texts(file: str, header: Header) -> pl.LazyFrame:
    return _scan_csv([file], header, pl.Schema(dict.fromkeys(header.names, pl.String)))


def _inferred(files: list[str], header: Header, *, texts: Iterable[str] = ()) -> pl.Schema:
    # From all rows of all files: a guess from the first rows would make the outcome depend on row order.
    # Once: a scan without a schema infers it again whenever it is collected.
    return pl.scan_csv(
        files,
        separator=header.separator,
        schema_overrides=dict.fromkeys(texts, pl.String),
        infer_schema_length=None,
        infer_schema_files=len(files),
        glob=False,
    ).collect_schema()


def _without_blank_lines(frame: pl.LazyFrame, columns: Iterable[str]) -> pl.LazyFrame:
    return frame.filter(pl.any_horizontal(pl.col(column).is_not_null() for column in columns))


def _ragged_check(file: str, header: Header) -> Check:
    """For lines with too few values, which Polars fills with nulls, or too many, which it does not place."""
    text = pl.col("text")
    fields = text.str.count_matches(header.separator, literal=True) + 1
    lines = pl.scan_lines(file, name="text", row_index_name="line", row_index_offset=1, glob=False)
    ragged = lines.filter(fields != len(header.names), text.str.strip_chars() != "").select("line", fields=fields)
    # Within quotes a separator or a line end is part of a value; such a file is left to Polars.
    quotes = lines.select(text.str.contains('"', literal=True).any().alias("quoted"))

    def told(found: pl.DataFrame) -> list[str]:
        first = found.select("line", "fields").head(PLACES_SHOWN).rows()
        places = "; ".join(f"line {line}: found {count}" for line, count in first)
        expected = f"expected {len(header.names)} as in the header"
        count = rows(len(found), of="line")
        return [f"{file}: {count} with a wrong number of values, {expected}; first {places}"] if first else []

    return Check(ragged.join(quotes.filter(~pl.col("quoted")), how="cross").sort("line"), told)


@contextmanager
def _damage_located(source: Source) -> Iterator[None]:
    """When a source of many files cannot be read, say which of them is to blame."""
    try:
        yield
    except InputError as error:
        if isinstance(error.__cause__, READ_FAILURES) and len(source.files) > 1:
            for file in source.files:
                with readable(file):
                    source.scan_file(file).select(pl.all().null_count()).collect(engine="streaming")
        raise


def _newest_wide(names: Iterable[str]) -> dict[str, str]:
    """For each kind of wide file the newest name: highest week number, then latest date."""
    matches = [match for name in names if (match := WIDE_NAME.fullmatch(name))]
    return {match["kind"].lower(): match[0] for match in sorted(matches, key=_age)}


def _age(match: re.Match[str]) -> tuple[int, str, str]:
    return int(match["number"]), match["date"] or "", match[0]


def _open_wide(folder: str, paths: Mapping[str, str], columns: Mapping[str, str], *, inferring: bool) -> Source:
    raise_any(_wide_folder_problems(folder, paths, columns, inferring=inferring))
    keys = {ours: theirs for ours, theirs in columns.items() if ours in SKU}
    raise_any(problem for kind in WIDE_FILES if kind in paths for problem in _wide_header_problems(paths[kind], keys))
    sales = _scan_weeks(paths["sales"], keys, are_flags=False)
    in_stock = [_scan_weeks(paths["in stock"], keys, are_flags=True)] if "in stock" in paths else []
    master = [_scan_master(paths["master"], columns)] if "master" in paths else []
    raise_any(_without_rows([sales, *in_stock, *master]))
    raise_any(_unlike_files(sales, in_stock, master))
    return Source(
        folder,
        list(paths.values()),
        _joined(sales, in_stock, master),
        lambda file: _scan_texts(file, _header(file)),
        lambda: _judged(sales, in_stock, master),
    )


def _wide_folder_problems(
    folder: str, paths: Mapping[str, str], columns: Mapping[str, str], *, inferring: bool
) -> Iterator[str]:
    if inferring and "in stock" in paths:
        yield f"{paths['in stock']}: --infer-stockouts is for folders without such a file; leave it out"
    if "sales" not in paths:
        yield f"{folder}: has no {WIDE_FILES['sales']!r}"
    if "in stock" not in paths and not inferring:
        yield f"{folder}: has no {WIDE_FILES['in stock']!r}; add it, {INFERENCE_OFFERED}"
    yield from _unusable_files(paths.values())
    for ours, theirs in columns.items():
        if ours in WEEK_VALUES:
            yield f"{folder}: columns: maps {ours!r} to {theirs!r}, but VN2 files have a column per week"
        elif ours not in SKU and "master" not in paths:
            yield f"{folder}: columns: maps {ours!r} to {theirs!r}, but there is no 'Week N - Master.csv'"


def _wide_header_problems(path: str, keys: Mapping[str, str]) -> list[str]:
    names = _header(path).names
    if mapped := list(_rename_problems(names, keys, path)):
        return mapped
    own = [keys.get(key, key) for key in SKU]
    weeks = [name for name in names if name not in own]
    missing = [f"{path}: has no column {key!r}{suggestion(key, weeks)}" for key in own if key not in names]
    return missing or [*_repeated_names(path, names), *_week_problems(path, weeks)]


def _week_problems(path: str, weeks: Iterable[str]) -> list[str]:
    days = {name: _iso_date(name) for name in weeks}
    wrong = [name for name, day in days.items() if day is None]
    if wrong or not days:
        return [f"{path}: week columns must be ISO dates such as 2024-04-08, found {listed(wrong) or 'none'}"]
    steps = [(a, b, (b - a).days) for a, b in pairwise(sorted(day for day in days.values() if day))]
    told = [f"'{later}' ({step} days after '{earlier}')" for earlier, later, step in steps if step != 7]
    if not told:
        return []
    columns = rows(len(told), of="week column")
    return [f"{path}: {columns} not 7 days after the one before: {'; '.join(told[:PLACES_SHOWN])}"]


def _iso_date(name: str) -> date | None:
    try:
        return date.fromisoformat(name) if re.match(ISO_DATE, name) else None
    except ValueError:
        return None


def _scan_weeks(path: str, keys: Mapping[str, str], *, are_flags: bool) -> Wide:
    header = _header(path)
    weeks = [name for name in header.names if _iso_date(name)]
    # Flags are read as what they are if no cell stands in the way of it; texts are judged cell by cell.
    inferred = _inferred([path], header, texts=[] if are_flags else weeks)
    kind = pl.Boolean if {inferred[week] for week in weeks} == {pl.Boolean()} else pl.String
    schema = pl.Schema({**inferred, **dict.fromkeys(weeks, kind)})
    lines = _scan_csv([path], header, schema, row_index_name=FILE_LINE)
    return Wide(path, lines.rename({theirs: ours for ours, theirs in keys.items()}), weeks)


def _scan_master(path: str, columns: Mapping[str, str]) -> Wide:
    header = _header(path)
    raise_any(_repeated_names(path, header.names))
    frame = _renamed(_scan_csv([path], header, _inferred([path], header)), columns, source=path)
    names = frame.collect_schema().names()
    raise_any(f"{path}: has no column {key!r}{suggestion(key, names)}" for key in SKU if key not in names)
    raise_any(f"{path}: column {name!r} is no attribute, rename or drop it" for name in names if name in WEEK_VALUES)
    return Wide(path, frame, [])


def _without_rows(files: Sequence[Wide]) -> list[str]:
    first = pl.collect_all([file.lines.select(SKU).head(1) for file in files], engine="streaming")
    return [f"{file.path}: has no rows" for file, line in zip(files, first, strict=True) if line.is_empty()]


def _unlike_files(sales: Wide, in_stock: list[Wide], master: list[Wide]) -> Iterator[str]:
    """What keeps the files from being joined: weeks without flags, keys of different types."""
    for flags in in_stock:
        if lacking := sorted(set(sales.weeks) - set(flags.weeks)):
            yield (
                f"{flags.path}: lacks {rows(len(lacking), of='week')} of {os.path.basename(sales.path)}: "
                f"{listed(lacking, at_most=PLACES_SHOWN)}"
            )
    expected = sales.frame.collect_schema()
    for other in (*in_stock, *master):
        schema = other.frame.collect_schema()
        for key in SKU:
            if schema[key] != expected[key]:
                yield f"{other.path}: {key} holds {schema[key]}, expected {expected[key]} as in {sales.path}"


def _joined(sales: Wide, in_stock: list[Wide], master: list[Wide]) -> pl.LazyFrame:
    """A row per SKU and week: files are joined while they have a row per SKU, each week with a pair of values."""
    weeks, panel = sales.weeks, sales.frame.drop(FILE_LINE)
    for flags in in_stock:
        flagged = flags.frame.select(*SKU, pl.col(weeks).name.prefix(IN_STOCK))
        panel = panel.join(flagged, on=SKU, how="left")
    values = {"sales": "", **({IN_STOCK: IN_STOCK} if in_stock else {})}
    pairs = (pl.struct(pl.col(f"{of}{week}").alias(name) for name, of in values.items()).alias(week) for week in weeks)
    long = panel.select(*SKU, *pairs).unpivot(weeks, index=SKU, variable_name="week", value_name="values")
    dated = long.unnest("values").with_columns(pl.col("week").str.to_date("%Y-%m-%d"))
    return dated.join(master[0].frame, on=SKU, how="left") if master else dated


def _long(wide: Wide, value: str, *, weeks: list[str]) -> pl.LazyFrame:
    return wide.frame.unpivot(weeks, index=[*SKU, FILE_LINE], variable_name="week", value_name=value)


def _judged(sales: Wide, in_stock: list[Wide], master: list[Wide]) -> LaidOut:
    """The files judged and joined, in memory: they are small, and reading them again costs more than to keep them."""
    files = [sales, *in_stock, *master]
    raise_any(problems([_ragged_check(file.path, _header(file.path)) for file in files]))
    lines = pl.collect_all([file.lines for file in files], engine="streaming")
    sales, *others = (file._replace(lines=kept.lazy()) for file, kept in zip(files, lines, strict=True))
    in_stock, master = others[: len(in_stock)], others[len(in_stock) :]
    raise_any([*_too_many_weeks(sales), *problems(_wide_checks(sales, in_stock, master))])
    skus = sales.frame.select(pl.len()).collect(engine="streaming").item()
    return LaidOut(_joined(sales, in_stock, master), skus * len(sales.weeks))


def _wide_checks(sales: Wide, in_stock: list[Wide], master: list[Wide]) -> list[Check]:
    files = [sales, *in_stock, *master]
    return [
        *(_lacking_keys(file) for file in files),
        *(_repeated_skus(file) for file in files),
        *(_lacking_skus(file, sales) for file in in_stock),
        *(_lacking_skus(sales, file) for file in in_stock),
        *(_lacking_skus(file, sales) for file in master),
        value_check(_long(sales, "sales", weeks=sales.weeks), ["sales"], source=sales.path),
        *(value_check(_long(file, IN_STOCK, weeks=sales.weeks), [IN_STOCK], source=file.path) for file in in_stock),
    ]


def _too_many_weeks(sales: Wide) -> list[str]:
    # The header has shown that each is a week after the one before.
    found = len(sales.weeks)
    told = f"{sales.path}: has {found:,} week columns, expected {MOST_WEEKS:,} at most"
    return [told] if found > MOST_WEEKS else []


def _lacking_keys(file: Wide) -> Check:
    present = [name for name in file.lines.collect_schema() if name != FILE_LINE]
    return value_check(_without_blank_lines(file.lines, present), SKU, source=file.path)


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
