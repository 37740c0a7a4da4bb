"""``vn2pl query``: answer a question about a run, or about a panel, with SQL."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import polars as pl
import polars.selectors as cs
from polars.exceptions import PolarsError
from rich.table import Table

from .. import memory, queries
from ..artifacts import replacing
from ..cli import DONE
from ..config import READING_OPTIONS
from ..errors import InputError
from ..imputation import ready
from ..runs import IMPUTE, recorded, scanned, steadily
from ..sql import Query, answer, bind, load, parameter_values, shipped
from ..terminal import fits, plain_console
from .inputs import configured, option, read_observed, refuse_replacing

ROWS_SHOWN = 50
TABLE = "table"
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
    frame = _answer(query, arguments, given)
    _publish(frame, query, form, arguments.to)
    return DONE


def _answer(query: Query, arguments: argparse.Namespace, given: Mapping[str, str]) -> pl.DataFrame:
    def asked() -> pl.DataFrame:
        return answer(query, _tables(arguments), given, absent={"neighbours": NO_NEIGHBOURS})

    return asked() if arguments.data else steadily(asked, Path(arguments.out))


def _form(arguments: argparse.Namespace) -> str:
    suffix = Path(arguments.to or "").suffix.lower().removeprefix(".")
    form: str = arguments.format or (suffix if suffix in CONTENTS else TABLE)
    if form == TABLE and arguments.to:
        raise InputError(f"--to {arguments.to}: expected a name that ends with .csv, .json or .parquet, or a --format")
    if form == "parquet" and not arguments.to:
        raise InputError("--format parquet: expected a file to write it to, with --to")
    return form


def _tables(arguments: argparse.Namespace) -> dict[str, pl.LazyFrame]:
    if arguments.data:
        config = configured(arguments)
        observed = read_observed(arguments, config).panel
        search = ready(queries.features(observed.lazy(), config), config)
        if not arguments.ignore_memory:
            # One query searches all pairs at once, not shard by shard.
            needed = memory.estimate(rows=observed.height, pairs_at_once=search.pairs)
            memory.require(needed, source=arguments.data)
        return _tables_of(observed.lazy(), queries.search(search.prepared, config))
    for name in ("config", "infer_stockouts", "ignore_memory", *READING_OPTIONS):
        if getattr(arguments, name):
            raise InputError(f"{option(name)}: is for --data; an earlier run was configured when it ran")
    folder = Path(arguments.out)
    tables = scanned(folder, otherwise=", or give --data")
    recorded({folder: IMPUTE})
    return tables


def _tables_of(panel: pl.LazyFrame, found: queries.Found) -> dict[str, pl.LazyFrame]:
    imputed = queries.imputed(panel, found.outcomes)
    return {
        "panel": panel,
        "imputed": imputed,
        "sips": found.sips,
        "summary": queries.summary(imputed),
        "neighbours": found.neighbours,
    }


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
    console, shown = plain_console(), frame.head(ROWS_SHOWN)
    if query.title:
        console.print(query.title)
    table = _table(shown)
    console.print(table if fits(console, table) else _records(shown))
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
