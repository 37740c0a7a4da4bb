"""``vn2pl query``: answer a question about a run, or about a panel, with SQL."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import polars as pl
import polars.selectors as cs
from polars.exceptions import PolarsError
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from .. import queries
from ..artifacts import IMPUTED_FILE, NEIGHBOURS_FILE, RUN_FILE, SIPS_FILE, SUMMARY_FILE, replacing
from ..checks import readable
from ..cli import DONE
from ..config import Config
from ..errors import InputError
from ..queries.names import ADDED, SALES, SALES_OBSERVED
from ..reading import read_panel
from ..sql import Query, answer, bind, load, parameter_values, shipped
from .inputs import configured

ROWS_SHOWN = 50
ANY_WIDTH = 10_000
TABLE = "table"
SUMMARY_SCHEMA = {"metric": pl.String, "value": pl.Float64}
NO_NEIGHBOURS = "run vn2pl impute with --save-neighbours, or give --data"


def run(arguments: argparse.Namespace) -> int:
    """List the queries or answer one; returns the exit status."""
    if arguments.list:
        _tell_queries()
        return DONE
    if arguments.query is None:
        raise InputError("expected the name of a query or a file *.sql; vn2pl query --list names the queries")
    query, given, form = load(arguments.query), parameter_values(arguments.param), _form(arguments)
    # Before anything is read: what is wrong with the parameters should not take a run to be told.
    bind(query, given)
    refuse_replacing(arguments)
    frame = answer(query, _tables(arguments), given, absent={"neighbours": NO_NEIGHBOURS})
    _publish(frame, query, form, arguments.to)
    return DONE


def _form(arguments: argparse.Namespace) -> str:
    suffix = Path(arguments.to or "").suffix.lower().removeprefix(".")
    form: str = arguments.format or (suffix if suffix in CONTENTS else TABLE)
    if form == TABLE and arguments.to:
        raise InputError(f"--to {arguments.to}: expected a name that ends with .csv, .json or .parquet, or a --format")
    if form == "parquet" and not arguments.to:
        raise InputError("--format parquet: expected a file to write it to, with --to")
    return form


def refuse_replacing(arguments: argparse.Namespace) -> None:
    """What --to names may not replace what it is read from. Raises InputError where it would."""
    if not arguments.to:
        return
    to = Path(arguments.to).resolve()
    sources = (
        [Path(arguments.data)] if arguments.data else [Path(arguments.out, name) for name in (*_files(), RUN_FILE)]
    )
    for source in (path.resolve() for path in sources):
        if to == source or (arguments.data and source in to.parents):
            raise InputError(f"--to {arguments.to}: expected a file of its own, got one that is read from")


def _tables(arguments: argparse.Namespace) -> dict[str, pl.LazyFrame]:
    if arguments.data:
        config = configured(arguments)
        inferred = config.candidate_weeks if arguments.infer_stockouts else None
        return _planned(read_panel(arguments.data, columns=config.columns, infer_stockouts=inferred), config)
    for option, given in (("--config", arguments.config), ("--infer-stockouts", arguments.infer_stockouts)):
        if given:
            raise InputError(f"{option}: is for --data; an earlier run was configured when it ran")
    return scanned(Path(arguments.out), otherwise=", or give --data")


def _planned(panel: pl.LazyFrame, config: Config) -> dict[str, pl.LazyFrame]:
    found = queries.plan(panel, config)
    imputed = queries.imputed(panel, found.outcomes)
    return {
        "panel": panel,
        "imputed": imputed,
        "sips": found.sips,
        "summary": queries.summary(imputed),
        "neighbours": found.neighbours,
    }


def _files() -> dict[str, Callable[[Path], pl.LazyFrame]]:
    return {
        IMPUTED_FILE: pl.scan_parquet,
        SIPS_FILE: pl.scan_parquet,
        SUMMARY_FILE: lambda path: pl.scan_csv(path, schema=SUMMARY_SCHEMA),
        NEIGHBOURS_FILE: pl.scan_parquet,
    }


def scanned(folder: Path, /, *, otherwise: str = "") -> dict[str, pl.LazyFrame]:
    """The tables of an earlier run; neighbours where it saved them. Raises InputError where files are missing."""
    missing = [name for name in (IMPUTED_FILE, SIPS_FILE, SUMMARY_FILE) if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{folder}: has no {', '.join(missing)}; run vn2pl impute first{otherwise}")
    names = ("imputed", "sips", "summary", "neighbours")
    scanned = {
        table: _scan(folder / name, scan)
        for table, (name, scan) in zip(names, _files().items(), strict=True)
        if (folder / name).is_file()
    }
    return {"panel": _panel(scanned["imputed"]), **scanned}


def _scan(path: Path, scan: Callable[[Path], pl.LazyFrame]) -> pl.LazyFrame:
    with readable(str(path)):
        frame = scan(path)
        frame.collect_schema()
    return frame


def _panel(imputed: pl.LazyFrame) -> pl.LazyFrame:
    """The panel as it was before imputation."""
    return imputed.with_columns(pl.col(SALES_OBSERVED).alias(SALES)).drop(ADDED)


def _publish(frame: pl.DataFrame, query: Query, form: str, to: str | None) -> None:
    if form == TABLE:
        _tell(frame, query)
        return
    with _writable(query, form):
        content = CONTENTS[form](frame)
    if to is None:
        sys.stdout.write(content.decode())
        return
    with replacing(Path(to)) as temporary:
        temporary.write_bytes(content)
    print(f"{to}  {frame.height:,} rows")


@contextmanager
def _writable(query: Query, form: str) -> Iterator[None]:
    try:
        yield
    except PolarsError as error:
        cause = str(error).strip().partition("\n")[0]
        raise InputError(f"{query.source}: the answer cannot be written as {form}: {cause}") from error


def _csv(frame: pl.DataFrame) -> bytes:
    """Lists, such as flags, as one text."""
    lists = cs.list()
    return frame.with_columns(lists.cast(pl.List(pl.String)).list.join(", ")).write_csv().encode()


def _json(frame: pl.DataFrame) -> bytes:
    return f"{frame.write_json()}\n".encode()


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = BytesIO()
    frame.rechunk().write_parquet(buffer)
    return buffer.getvalue()


CONTENTS = {"csv": _csv, "json": _json, "parquet": _parquet}


def _tell(frame: pl.DataFrame, query: Query) -> None:
    console, shown = _console(), frame.head(ROWS_SHOWN)
    if query.title:
        console.print(query.title)
    table = _table(shown)
    is_wide = Measurement.get(console, console.options.update(max_width=ANY_WIDTH), table).maximum > console.width
    console.print(_records(shown) if is_wide else table)
    if frame.height > ROWS_SHOWN:
        print(f"({ROWS_SHOWN} of {frame.height:,} rows; --to FILE.csv writes them all)")
    elif frame.is_empty():
        print("(no rows)")


def _table(frame: pl.DataFrame) -> Table:
    table = Table(box=None, pad_edge=False)
    for name, dtype in frame.schema.items():
        table.add_column(name, justify="right" if dtype.is_numeric() else "left", overflow="fold")
    for row in frame.iter_rows():
        table.add_row(*map(_cell, row))
    return table


def _records(frame: pl.DataFrame) -> Table:
    """A column a line, for answers that are wider than the terminal."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in frame.iter_rows(named=True):
        table.add_row()
        for name, value in row.items():
            table.add_row(name, _cell(value))
    return table


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.6g}" if value and abs(value) < 0.01 else f"{value:,.2f}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _tell_queries() -> None:
    for name, query in shipped().items():
        print(f"{name}\n    {query.title}")
        for parameter in query.parameters:
            default = ", must be given" if parameter.default is None else f" = {parameter.default or repr('')}"
            print(f"      --param {parameter.name}  {parameter.kind}{default}  {parameter.help}")


def _console() -> Console:
    """As wide as the terminal; a pipe gets every row on a line."""
    is_sized = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(file=sys.stdout, width=None if is_sized else ANY_WIDTH, markup=False, highlight=False, emoji=False)
