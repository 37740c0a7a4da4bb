"""What commands share: their configuration, the panel they read, and that they do not write over it."""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import polars as pl

from ..checks import raise_any
from ..config import READING_OPTIONS, Config
from ..errors import InputError
from ..reading import read_counted
from ..running import memory
from ..writing.artifacts import IMPUTED_FILE, SIPS_FILE
from .attributes import attribute_notes


class Observed(NamedTuple):
    """A panel, its true demand where it is the demo's, and what reading it noticed or assumed."""

    panel: pl.DataFrame
    demand: pl.DataFrame | None = None
    notes: Sequence[str] = ()


def configured(arguments: argparse.Namespace) -> tuple[Config, Mapping[str, str]]:
    """The configuration file's settings, or the embedded ones, with what the command line replaces; and the attributes
    that the file names, each with its place."""
    config, attributes = _from_file(arguments.config) if arguments.config else (Config(), {})
    if arguments.n_neighbors is not None:
        config = msgspec.structs.replace(config, n_neighbors=arguments.n_neighbors)
    if arguments.candidate_weeks:
        config = msgspec.structs.replace(config, candidate_weeks=arguments.candidate_weeks)
    for name, value in reading_options(arguments).items():
        config = _with_option(config, name, value)
    return config, attributes


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


def _from_file(path: str) -> tuple[Config, Mapping[str, str]]:
    # YAML takes as long to import as a panel to fingerprint.
    from ..reading.config_files import read_config

    return read_config(path)


def refuse_overlap(data: str | None, folder: Path) -> None:
    """The output may not be read as input the next time, nor replace the input."""
    if data is None:
        return
    if "\0" in data:
        return  # no such path, as reading it will tell
    source, out = _real(data), _real(folder)
    if source == out or source in out.parents or (source.parent == out and source.name in (IMPUTED_FILE, SIPS_FILE)):
        raise InputError(f"--out {folder}: expected a folder outside the input, got one that --data {data} reads from")


def refuse_replacing(to: str | None, sources: Iterable[str | Path]) -> None:
    """What --to names is a file that can be there, and none that is read. Raises InputError where it is not."""
    if to is None:
        return
    if not _real(to).parent.is_dir():
        raise InputError(f"--to {to}: expected a folder that exists, got {Path(to).parent}")
    if Path(to).is_dir():
        raise InputError(f"--to {to}: expected a file, got a folder")
    target = _real(to)
    for source in map(_real, sources):
        if target == source or (source in target.parents and source.is_dir()):
            raise InputError(f"--to {to}: expected a file of its own, got one that is read from")


def _real(path: str | Path) -> Path:
    """Unlike Path.resolve, which raises for a link to itself before anybody can say what it is."""
    return Path(os.path.realpath(path))


def read_observed(arguments: argparse.Namespace, config: Config, attributes: Mapping[str, str]) -> Observed:
    """The panel that --data names, its stockouts inferred if so wanted, or the demo panel; notes on it are printed.
    ``attributes`` are those that the configuration file names (see `configured`).

    Raises InputError, before reading it whole, where a panel of so many rows will not fit into memory.
    """
    if arguments.data is None:
        raise_any(_without_data(arguments))
        # Its generator needs numpy, whose import takes as long as reading a panel.
        from ..reading.demo import demo_panel

        demo = demo_panel()
        notes = attribute_notes(attributes, demo.panel.columns)
        _print(notes, arguments)
        return Observed(demo.panel, demo.demand, notes)
    inferred = config.candidate_weeks if arguments.infer_stockouts else None
    panel, rows, of_panel = read_counted(arguments.data, config, infer_stockouts=inferred, step=config.demand_unit)
    notes = [*of_panel, *attribute_notes(attributes, panel.collect_schema().names())]
    _print(notes, arguments)
    if not arguments.ignore_memory:
        memory.require(memory.estimate(rows=rows), source=arguments.data)
    return Observed(panel.collect(), notes=notes)


def _print(notes: Iterable[str], arguments: argparse.Namespace) -> None:
    if not getattr(arguments, "quiet", False):
        for note in notes:
            print(f"vn2pl: note: {note}", file=sys.stderr)


def _without_data(arguments: argparse.Namespace) -> Iterator[str]:
    if arguments.infer_stockouts:
        yield "--infer-stockouts: is for a panel without in_stock, given with --data"
    for name in reading_options(arguments):
        yield f"{option(name)}: is for a panel given with --data"
