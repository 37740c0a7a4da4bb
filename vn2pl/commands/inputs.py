"""What commands share: their configuration, the panel they read, and that they do not write over it."""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import polars as pl

from .. import memory
from ..artifacts import IMPUTED_FILE, RUN_FILE, SIPS_FILE
from ..checks import raise_any
from ..config import READING_OPTIONS, Config
from ..errors import InputError
from ..reading import read_counted
from ..runs import FILES


class Observed(NamedTuple):
    """A panel, its true demand where it is the demo's, and what reading it noticed or assumed."""

    panel: pl.DataFrame
    demand: pl.DataFrame | None = None
    notes: Sequence[str] = ()


def configured(arguments: argparse.Namespace) -> Config:
    """The configuration file's settings, or the embedded ones, with what the command line replaces."""
    config = _from_file(arguments.config) if arguments.config else Config()
    if arguments.n_neighbors is not None:
        if arguments.n_neighbors < 1:
            raise InputError(f"--n-neighbors: expected a number from 1, got {arguments.n_neighbors}")
        config = msgspec.structs.replace(config, n_neighbors=arguments.n_neighbors)
    if arguments.candidate_weeks:
        config = msgspec.structs.replace(config, candidate_weeks=arguments.candidate_weeks)
    for name, value in reading_options(arguments).items():
        config = _with_option(config, name, value)
    return config


def reading_options(arguments: argparse.Namespace) -> Mapping[str, Any]:
    """What the command line says of reading."""
    given = {name: getattr(arguments, name) for name in READING_OPTIONS}
    return {name: value for name, value in given.items() if value is not None}


def option(name: str) -> str:
    """``--date-format`` of ``date_format``."""
    return f"--{name.replace('_', '-')}"


def _with_option(config: Config, name: str, value: object) -> Config:
    try:
        return msgspec.structs.replace(config, **{name: value})
    except ValueError as error:
        raise InputError(f"{option(name)}: {error}") from None


def _from_file(path: str) -> Config:
    # YAML takes as long to import as a panel to fingerprint.
    from ..config_files import load_config

    return load_config(path)


def refuse_overlap(data: str | None, folder: Path) -> None:
    """The output may not be read as input the next time, nor replace the input."""
    if data is None:
        return
    if "\0" in data:
        return  # no such path, as reading it will tell
    source, out = _real(data), _real(folder)
    if source == out or source in out.parents or (source.parent == out and source.name in (IMPUTED_FILE, SIPS_FILE)):
        raise InputError(f"--out {folder}: expected a folder outside the input, got one that --data {data} reads from")


def refuse_replacing(arguments: argparse.Namespace) -> None:
    """What --to names may not replace what it is read from. Raises InputError where it would."""
    if not arguments.to:
        return
    to, read = _real(arguments.to), (*FILES.values(), RUN_FILE)
    sources = [arguments.data] if arguments.data else [Path(arguments.out, name) for name in read]
    for source in map(_real, sources):
        if to == source or (arguments.data and source in to.parents):
            raise InputError(f"--to {arguments.to}: expected a file of its own, got one that is read from")


def _real(path: str | Path) -> Path:
    """Unlike Path.resolve, which raises for a link to itself before anybody can say what it is."""
    return Path(os.path.realpath(path))


def read_observed(arguments: argparse.Namespace, config: Config) -> Observed:
    """The panel that --data names, its stockouts inferred if so wanted, or the demo panel; notes on it are printed.

    Raises InputError, before reading it whole, where a panel of so many rows will not fit into memory.
    """
    if arguments.data is None:
        raise_any(_without_data(arguments))
        # Its generator needs numpy, whose import takes as long as reading a panel.
        from ..demo import demo_panel

        demo = demo_panel()
        return Observed(demo.panel, demo.demand)
    inferred = config.candidate_weeks if arguments.infer_stockouts else None
    panel, rows, notes = read_counted(arguments.data, config, infer_stockouts=inferred, step=config.demand_unit)
    if not getattr(arguments, "quiet", False):
        for note in notes:
            print(f"note: {note}", file=sys.stderr)
    if not arguments.ignore_memory:
        memory.require(memory.estimate(rows=rows), source=arguments.data)
    return Observed(panel.collect(), notes=notes)


def _without_data(arguments: argparse.Namespace) -> Iterator[str]:
    if arguments.infer_stockouts:
        yield "--infer-stockouts: is for a panel without in_stock, given with --data"
    for name in reading_options(arguments):
        yield f"{option(name)}: is for a panel given with --data"
