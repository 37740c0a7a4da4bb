"""``vn2pl query``: answer a question about a run, or about a panel, with SQL."""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Literal

import polars as pl
import polars.selectors as cs
from polars.exceptions import PolarsError

from ..errors import InputError
from ..running.imputation import Run
from ..running.publishing import Source, impute
from ..running.runs import steadily
from ..running.sql import TABLES, Query, answer, bind, load, named, parameter_values, shipped
from ..writing.artifacts import replacing
from .finished import files_of, finished, folder_of, refuse_both
from .inputs import configured, read_observed, refuse_replacing
from .layout import Column, printable
from .statuses import DONE
from .streams import binary_output
from .terminal import print_columns, say

ROWS_SHOWN = 50
TABLE = "table"
NEIGHBOURS = "neighbours"
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
    refuse_both(arguments)
    refuse_replacing(arguments.to, [arguments.data] if arguments.data else files_of(folder_of(arguments)))
    frame = _answer(query, arguments, given)
    _publish(frame, query, form, arguments.to)
    return DONE


def _answer(query: Query, arguments: argparse.Namespace, given: Mapping[str, str]) -> pl.DataFrame:
    with_neighbours = bool(named(bind(query, given), [NEIGHBOURS]))

    def asked() -> pl.DataFrame:
        return answer(
            query, _tables(arguments, with_neighbours=with_neighbours), given, absent={NEIGHBOURS: NO_NEIGHBOURS}
        )

    return asked() if arguments.data else steadily(asked, folder_of(arguments))


def _form(arguments: argparse.Namespace) -> str:
    suffix = Path(arguments.to or "").suffix.lower().removeprefix(".")
    form: str = arguments.format or (suffix if suffix in CONTENTS else TABLE)
    if form == TABLE and arguments.to:
        raise InputError(f"--to {arguments.to}: expected a name that ends with .csv, .json or .parquet, or a --format")
    if form == "parquet" and not arguments.to:
        raise InputError("--format parquet: expected a file to write it to, with --to")
    return form


class Tables(Mapping[str, pl.LazyFrame]):
    """The tables of a run, each computed when it is looked up."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __getitem__(self, name: str) -> pl.LazyFrame:
        if name not in TABLES:
            raise KeyError(name)
        frame: pl.DataFrame = getattr(self._run, name)
        return frame.lazy()

    def __iter__(self) -> Iterator[str]:
        return iter(TABLES)

    def __len__(self) -> int:
        return len(TABLES)


def _tables(arguments: argparse.Namespace, *, with_neighbours: bool = False) -> Mapping[str, pl.LazyFrame]:
    if not arguments.data:
        return finished(arguments).tables
    config, attributes = configured(arguments)
    observed = read_observed(arguments, config, attributes).panel
    return Tables(
        impute(
            *(observed, config),
            save_neighbours=with_neighbours,
            ignore_memory=arguments.ignore_memory,
            source=Source(arguments.data),
        )
    )


def _publish(frame: pl.DataFrame, query: Query, form: str, to: str | None) -> None:
    if form == TABLE:
        _tell(frame, query)
        return
    with _writable(query, form):
        content = CONTENTS[form](frame)
    if to is None:
        with binary_output() as stream:
            stream.write(content)
        return
    with replacing(Path(to)) as temporary:
        temporary.write_bytes(content)
    say(f"{to}  {frame.height:,} rows")


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
    shown = frame.head(ROWS_SHOWN)
    if query.title:
        say(printable(query.title))
    left_out = print_columns([_column(series) for series in shown])
    if left_out:
        say(f"(no room for {', '.join(left_out)}; --to FILE.csv writes all columns)")
    if frame.height > ROWS_SHOWN:
        say(f"({ROWS_SHOWN} of {frame.height:,} rows; --to FILE.csv writes them all)")
    elif frame.is_empty():
        say("(no rows)")


def _column(series: pl.Series) -> Column:
    kind: Literal["text", "date", "number"] = "number" if series.dtype.is_numeric() else "text"
    if series.dtype.is_temporal() or series.dtype == pl.Boolean:
        kind = "date"
    return Column(printable(series.name), [printable(_cell(value)) for value in series], kind)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.6g}" if value and abs(value) < 0.01 else f"{value:,.2f}"
    return ", ".join(map(str, value)) if isinstance(value, Iterable) and not isinstance(value, str) else str(value)


def _tell_queries() -> None:
    for name, query in shipped().items():
        say(name)
        say(f"    {query.title}", indent=" " * 4)
        for parameter in query.parameters:
            default = ", must be given" if parameter.default is None else f" = {parameter.default or repr('')}"
            told = f"--param {parameter.name}  {parameter.kind}{default}  {parameter.help}"
            say(f"      {told}", indent=" " * 10)
