"""``vn2pl export``: the SIPs of a run, for spreadsheets and for the tools of probability management."""

import argparse
import sys
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import polars as pl

from .. import __version__, queries
from ..checks import raise_any
from ..errors import InputError
from ..queries.names import IN_STOCK, PRODUCT, QUANTILE, STORE
from ..running.runs import Facts, steadily
from ..writing.artifacts import replacing
from ..writing.sipmath import write_library
from .finished import files_of, finished, folder_of
from .inputs import refuse_replacing
from .statuses import DONE
from .streams import binary_output
from .terminal import say

CSV, SIPMATH = "csv", "sipmath"
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}
TRIALS, SEED = 1000, 0
ROWS_AT_A_TIME = 50_000
SPREADSHEET_ROWS = 1_048_576


def run(arguments: argparse.Namespace) -> int:
    """Export; returns the exit status."""
    _check(arguments)
    folder = folder_of(arguments)
    refuse_replacing(arguments.to, files_of(folder))
    frame, facts = steadily(lambda: _read(arguments), folder)
    with _stream(arguments.to) as stream:
        if arguments.format == CSV:
            told = _write_csv(stream, frame, arguments)
        else:
            told = _write_sipmath(stream, frame, arguments, facts)
    if arguments.to:
        say(f"{arguments.to}  {told}")
    return DONE


def _read(arguments: argparse.Namespace) -> tuple[pl.DataFrame, Facts]:
    """What is to be written of a run, and what it tells of itself."""
    run = finished(arguments)
    imputed, sips = (_chosen(run.tables[name], arguments) for name in ("imputed", "sips"))
    _refuse_nothing(imputed, arguments)
    if arguments.format == CSV:
        levels = sips.select(pl.col(QUANTILE).unique().sort()).collect(engine="streaming")[QUANTILE].to_list()
        return queries.for_spreadsheets(queries.wide(imputed, sips, levels=levels)).collect(
            engine="streaming"
        ), run.facts
    return sips.collect(engine="streaming"), run.facts


def _check(arguments: argparse.Namespace) -> None:
    """Options of the other format."""
    own = {"trials": SIPMATH, "seed": SIPMATH, "separator": CSV}
    raise_any(
        f"--{name}: is for --format {form}"
        for name, form in own.items()
        if getattr(arguments, name) is not None and form != arguments.format
    )


def _chosen(frame: pl.LazyFrame, arguments: argparse.Namespace) -> pl.LazyFrame:
    for column, wanted in ((STORE, arguments.store), (PRODUCT, arguments.product)):
        if wanted:
            frame = frame.filter(pl.col(column).cast(pl.String).is_in(wanted))
    return frame


def _refuse_nothing(imputed: pl.LazyFrame, arguments: argparse.Namespace) -> None:
    """A mistyped key should not end in an empty file."""
    asked = [f"--{name} {key}" for name in ("store", "product") for key in getattr(arguments, name) or ()]
    if asked and imputed.filter(~pl.col(IN_STOCK)).head(1).collect(engine="streaming").is_empty():
        raise InputError(
            f"{' '.join(asked)}: {folder_of(arguments)} has no stockout of that kind; keys are as in the panel"
        )


@contextmanager
def _stream(to: str | None) -> Iterator[BinaryIO]:
    if to is None:
        with binary_output() as stream:
            yield stream
    else:
        with replacing(Path(to)) as temporary, temporary.open("wb") as stream:
            yield stream


def _write_csv(stream: BinaryIO, shown: pl.DataFrame, arguments: argparse.Namespace) -> str:
    """Excel reads a file without a byte-order mark in the country's old encoding; a pipe wants no such mark."""
    stream.write(BOM_UTF8 if arguments.to else b"")
    parts = shown.iter_slices(ROWS_AT_A_TIME) if shown.height else [shown]
    for number, part in enumerate(parts):
        lines = part.write_csv(separator=SEPARATORS[arguments.separator or "comma"], include_header=number == 0)
        stream.write(lines.encode())
    if shown.height >= SPREADSHEET_ROWS:
        told = f"{shown.height + 1:,} lines are more than the {SPREADSHEET_ROWS:,} that Excel reads"
        print(f"vn2pl: {told}; --store and --product choose from them", file=sys.stderr)
    return f"{shown.height:,} stockouts"


def _write_sipmath(stream: BinaryIO, sips: pl.DataFrame, arguments: argparse.Namespace, facts: Facts) -> str:
    trials = TRIALS if arguments.trials is None else arguments.trials
    seed = SEED if arguments.seed is None else arguments.seed
    count = write_library(
        stream,
        sips,
        name="Demand in stockout weeks",
        created=datetime.fromisoformat(facts["finished"]).date(),
        provenance=f"vn2pl {__version__}, {trials} draws, seed {seed}; panel SHA-256 {facts['data_fingerprint']}",
        trials=trials,
        seed=seed,
        demand_unit=facts["config"]["demand_unit"],
    )
    return f"{count:,} SIPs of {trials:,} trials"
