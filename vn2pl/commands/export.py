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
from ..artifacts import replacing
from ..cli import DONE
from ..errors import InputError
from ..queries.names import IN_STOCK, PRODUCT, QUANTILE, STORE
from ..runs import IMPUTE, Facts, recorded, scanned, steadily
from ..sipmath import write_library
from .inputs import refuse_replacing

CSV, SIPMATH = "csv", "sipmath"
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}
TRIALS, SEED = 1000, 0
MOST_TRIALS = 1_000_000
LARGEST_SEED = 2**63 - 1
ROWS_AT_A_TIME = 50_000
SPREADSHEET_ROWS = 1_048_576


def run(arguments: argparse.Namespace) -> int:
    """Export; returns the exit status."""
    _check(arguments)
    refuse_replacing(arguments)
    folder = Path(arguments.out)
    frame, facts = steadily(lambda: _read(folder, arguments), folder)
    with _stream(arguments.to) as stream:
        if arguments.format == CSV:
            told = _write_csv(stream, frame, arguments)
        else:
            told = _write_sipmath(stream, frame, arguments, facts)
    if arguments.to:
        print(f"{arguments.to}  {told}")
    return DONE


def _read(folder: Path, arguments: argparse.Namespace) -> tuple[pl.DataFrame, Facts]:
    """What is to be written of a run, and what it tells of itself."""
    tables, facts = scanned(folder), recorded({folder: IMPUTE})[folder]
    imputed, sips = (_chosen(tables[name], arguments) for name in ("imputed", "sips"))
    _refuse_nothing(imputed, arguments)
    if arguments.format == CSV:
        levels = sips.select(pl.col(QUANTILE).unique().sort()).collect(engine="streaming")[QUANTILE].to_list()
        return queries.for_spreadsheets(queries.wide(imputed, sips, levels=levels)).collect(engine="streaming"), facts
    return sips.collect(engine="streaming"), facts


def _check(arguments: argparse.Namespace) -> None:
    """Options of the other format, and numbers out of range."""
    own = {"trials": SIPMATH, "seed": SIPMATH, "separator": CSV}
    problems = [
        f"--{name}: is for --format {form}"
        for name, form in own.items()
        if getattr(arguments, name) is not None and form != arguments.format
    ]
    trials, seed = arguments.trials, arguments.seed
    if trials is not None and not 1 <= trials <= MOST_TRIALS:
        problems.append(f"--trials: expected a number from 1 to {MOST_TRIALS:,}, got {trials}")
    if seed is not None and not 0 <= seed <= LARGEST_SEED:
        problems.append(f"--seed: expected a number from 0 to {LARGEST_SEED}, got {seed}")
    if problems:
        raise InputError(*problems)


def _chosen(frame: pl.LazyFrame, arguments: argparse.Namespace) -> pl.LazyFrame:
    for column, wanted in ((STORE, arguments.store), (PRODUCT, arguments.product)):
        if wanted:
            frame = frame.filter(pl.col(column).cast(pl.String).is_in(wanted))
    return frame


def _refuse_nothing(imputed: pl.LazyFrame, arguments: argparse.Namespace) -> None:
    """A mistyped key should not end in an empty file."""
    asked = [f"--{name} {key}" for name in ("store", "product") for key in getattr(arguments, name) or ()]
    if asked and imputed.filter(~pl.col(IN_STOCK)).head(1).collect(engine="streaming").is_empty():
        raise InputError(f"{' '.join(asked)}: {arguments.out} has no stockout of that kind; keys are as in the panel")


@contextmanager
def _stream(to: str | None) -> Iterator[BinaryIO]:
    if to is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
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
