"""The finished run that a command reads: its folder, its tables, its record."""

import argparse
from pathlib import Path
from typing import NamedTuple

import msgspec
import polars as pl

from ..checks import raise_any
from ..config import Config
from ..errors import InputError
from ..reading.config_checks import dotted, find_problems
from ..running.runs import IMPUTE, Facts, recorded, scanned
from ..writing.artifacts import IMPUTE_FILES, RUN_FILE
from .options import PROCESSED


class Finished(NamedTuple):
    """A finished run of vn2pl impute (see ``runs``)."""

    folder: Path
    tables: dict[str, pl.LazyFrame]
    facts: Facts

    def config(self) -> Config:
        """Its settings, with the constants that its profile had. Raises InputError where they mean nothing here."""
        settings = {**self.facts["config"], "parameters": self.facts["profile_parameters"]}
        raise_any(
            f"{self.folder / RUN_FILE}: config.{dotted(place)}: {told}; give --data, or run vn2pl impute again"
            for place, told in find_problems(settings)
        )
        return msgspec.convert(settings, Config)


def folder_of(arguments: argparse.Namespace) -> Path:
    """The folder that --run names."""
    return Path(arguments.run or PROCESSED)


def files_of(folder: Path) -> list[Path]:
    """The files of a run, as far as one may be there."""
    return [folder / name for name in (*IMPUTE_FILES, RUN_FILE)]


def finished(arguments: argparse.Namespace) -> Finished:
    """Open the run that --run names. Raises InputError where it is not there whole."""
    folder = folder_of(arguments)
    otherwise = ", or give --data" if hasattr(arguments, "data") else ""
    return Finished(folder, scanned(folder, otherwise=otherwise), recorded({folder: IMPUTE})[folder])


def refuse_both(arguments: argparse.Namespace) -> None:
    """A run or a panel is read, not both, and a run has its own settings. Raises InputError with all that is wrong."""
    if arguments.data is None:
        raise_any(
            f"{action.option_strings[0]}: is for --data; a finished run was configured when it ran"
            for action in arguments.of_panel
            if getattr(arguments, action.dest) != action.default
        )
    elif arguments.run is not None:
        raise InputError(
            f"--run {arguments.run}: expected a finished run or a panel, got --data {arguments.data} as well"
        )
