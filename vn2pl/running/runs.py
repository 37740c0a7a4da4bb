"""What an earlier run left in its output folder: its record and its tables."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from ..checks import raise_any, readable
from ..errors import InputError
from ..queries.names import ADDED, SALES, SALES_OBSERVED
from ..writing.artifacts import (
    BACKTEST_FILES,
    IMPUTE_FILES,
    IMPUTE_OUTPUTS,
    RUN_FILE,
    SUMMARY_FILE,
    find_damage,
    lying,
    refuse_damage,
)
from ..writing.transactions import is_pending, roll_forward
from .records import Backtested, Imputed, Record, record_problems

DEMO = "demo panel"
IMPUTE, BACKTEST = "vn2pl impute", "vn2pl backtest"
WRITTEN = {IMPUTE: IMPUTE_FILES, BACKTEST: BACKTEST_FILES}
RECORDED = ("finished", "data", "data_fingerprint", "config", "versions", "seconds")
RECORDS = {IMPUTE: ("profile_parameters", "threads"), BACKTEST: ("mask", "seeds", "reference")}
TYPES: Mapping[str, type[Record]] = {IMPUTE: Imputed, BACKTEST: Backtested}
SUMMARY_SCHEMA = {"metric": pl.String, "value": pl.Float64}
ATTEMPTS = 5

Facts = Mapping[str, Any]
Found = TypeVar("Found")


def recorded(folders: Mapping[Path, str], /) -> dict[Path, Facts]:
    """What ``run.json`` tells of each folder, given the command that wrote it.

    Raises InputError where one does not hold the complete files of such a run.
    """
    for folder in folders:
        roll_forward(folder)
    refuse_damage(*folders)
    facts = {folder: json.loads((folder / RUN_FILE).read_text(encoding="utf-8")) for folder in folders}
    raise_any(told for folder, command in folders.items() for told in _no_record(folder, facts[folder], command))
    return facts


def _no_record(folder: Path, facts: Facts, command: str) -> Iterator[str]:
    if absent := [name for name in (*RECORDED, *RECORDS[command]) if name not in facts]:
        yield f"{folder / RUN_FILE}: expected the record of {command}, found nothing of {', '.join(absent)}"
    else:
        yield from (f"{folder / RUN_FILE}: {told}" for told in record_problems(facts, TYPES[command]))


def scanned(folder: Path, /, *, otherwise: str = "") -> dict[str, pl.LazyFrame]:
    """The tables of a run of vn2pl impute, and the panel as it was before; neighbours where the run saved them.

    Raises InputError where files are missing, with what else could be done about it. Whether those that are there are
    of one run is for :func:`recorded` to say.
    """
    roll_forward(folder)
    there = lying(folder, IMPUTE_FILES)
    if missing := [file for _, file, is_optional in IMPUTE_OUTPUTS if file not in there and not is_optional]:
        raise InputError(f"{folder}: has no {', '.join(missing)}; run vn2pl impute first{otherwise}")
    tables = {table: _scan(folder / file) for table, file, _ in IMPUTE_OUTPUTS if file in there}
    return {"panel": _panel(tables["imputed"]), **tables}


def _scan(path: Path) -> pl.LazyFrame:
    with readable(str(path)):
        if path.name == SUMMARY_FILE:
            return pl.scan_csv(path, schema=SUMMARY_SCHEMA, glob=False)
        frame = pl.scan_parquet(path, glob=False)
        frame.collect_schema()
    return frame


def _panel(imputed: pl.LazyFrame) -> pl.LazyFrame:
    """The panel as it was before imputation."""
    return imputed.with_columns(pl.col(SALES_OBSERVED).alias(SALES)).drop(ADDED)


def steadily(read: Callable[[], Found], /, *folders: Path) -> Found:
    """What is read of runs in these folders, all of it of one run each: once more where another run replaced files."""
    for _ in range(ATTEMPTS):
        for folder in folders:
            roll_forward(folder)
        before = [*map(_state, folders)]
        try:
            found = read()
        except Exception:
            if before == [*map(_state, folders)]:
                raise
            continue
        if before == [*map(_state, folders)]:
            return found
    places = ", ".join(map(str, folders))
    raise InputError(f"{places}: other runs replaced files while they were read, {ATTEMPTS} times; try again")


def _state(folder: Path) -> object:
    """Every run that ends makes this another."""
    try:
        facts = (folder / RUN_FILE).stat()
    except OSError:
        return is_pending(folder)
    return is_pending(folder), facts.st_ino, facts.st_mtime_ns, facts.st_size


def refuse_unfit(folder: Path, /, *, command: str, data: str) -> None:
    """Raise InputError where a run may not write to a folder: another command's files lie there, or another panel's
    results, which those of the demo panel would replace."""
    refuse_mixing(folder, command=command)
    if data == DEMO and lying(folder, (*WRITTEN[command], RUN_FILE)) and (source := _source(folder)) != DEMO:
        told = f"holds results of {source}, which those of the {DEMO} would replace"
        raise InputError(f"--out {folder}: {told}; give --data PATH, or another --out")


def refuse_mixing(folder: Path, /, *, command: str) -> None:
    """Raise InputError where files of another command lie."""
    roll_forward(folder)
    for other, names in WRITTEN.items():
        if other != command and (found := lying(folder, names)):
            told = f"expected a folder for {command} alone, found files of {other} ({', '.join(found)})"
            raise InputError(f"--out {folder}: {told}; choose another --out")


def _source(folder: Path) -> str:
    """The panel of the run in a folder, as a message names it."""
    if damage := find_damage(folder):
        return f"an unknown panel ({damage[0]})"
    return str(json.loads((folder / RUN_FILE).read_text(encoding="utf-8")).get("data", "an unknown panel"))
