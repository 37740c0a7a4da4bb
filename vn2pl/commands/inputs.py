"""What commands share: their configuration, the panel they read, and that they do not write over it."""

import argparse
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
import polars as pl

from .. import memory
from ..artifacts import IMPUTED_FILE, SIPS_FILE
from ..config import Config
from ..errors import InputError
from ..reading import read_counted


def configured(arguments: argparse.Namespace) -> tuple[Config, Mapping[str, str]]:
    """The configuration file's settings, or the embedded ones, with what the command line replaces; and the attributes
    that the file names, each with its place."""
    config, attributes = _from_file(arguments.config) if arguments.config else (Config(), {})
    if arguments.n_neighbors is not None:
        config = msgspec.structs.replace(config, n_neighbors=arguments.n_neighbors)
    if arguments.candidate_weeks:
        config = msgspec.structs.replace(config, candidate_weeks=arguments.candidate_weeks)
    return config, attributes


def _from_file(path: str) -> tuple[Config, Mapping[str, str]]:
    # YAML takes as long to import as a panel to fingerprint.
    from ..config_files import read_config

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


def read_observed(
    data: str | None, config: Config, *, infer_stockouts: bool = False, ignore_memory: bool = False
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """The panel at a path, its stockouts inferred if so wanted, or the demo panel and its true demand.

    Raises InputError, before reading it whole, where a panel of so many rows will not fit into memory.
    """
    if data is None:
        if infer_stockouts:
            raise InputError("--infer-stockouts: is for a panel without in_stock, given with --data")
        # Its generator needs numpy, whose import takes as long as reading a panel.
        from ..demo import demo_panel

        demo = demo_panel()
        return demo.panel, demo.demand
    inferred = config.candidate_weeks if infer_stockouts else None
    panel, rows = read_counted(data, columns=config.columns, infer_stockouts=inferred)
    if not ignore_memory:
        memory.require(memory.estimate(rows=rows), source=data)
    return panel.collect(), None
