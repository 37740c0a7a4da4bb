"""What an earlier run left in its output folder: its record and its tables."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from .artifacts import IMPUTED_FILE, NEIGHBOURS_FILE, RUN_FILE, SIPS_FILE, SUMMARY_FILE, refuse_damage
from .checks import raise_any, readable
from .errors import InputError
from .queries.names import ADDED, SALES, SALES_OBSERVED
from .records import Backtested, Imputed, Record, record_problems

DEMO = "demo panel"
IMPUTE, BACKTEST = "vn2pl impute", "vn2pl backtest"
RECORDED = ("finished", "data", "data_fingerprint", "config", "versions", "seconds")
RECORDS = {IMPUTE: ("profile_parameters", "threads"), BACKTEST: ("mask", "seeds", "reference")}
TYPES: Mapping[str, type[Record]] = {IMPUTE: Imputed, BACKTEST: Backtested}
SUMMARY_SCHEMA = {"metric": pl.String, "value": pl.Float64}

Facts = Mapping[str, Any]


FILES: Mapping[str, str] = {
    "imputed": IMPUTED_FILE,
    "sips": SIPS_FILE,
    "summary": SUMMARY_FILE,
    "neighbours": NEIGHBOURS_FILE,
}
OPTIONAL = NEIGHBOURS_FILE


def recorded(folders: Mapping[Path, str], /) -> dict[Path, Facts]:
    """What ``run.json`` tells of each folder, given the command that wrote it.

    Raises InputError where one does not hold the complete files of such a run.
    """
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
    present = {table: folder / name for table, name in FILES.items() if (folder / name).is_file()}
    if missing := [name for table, name in FILES.items() if table not in present and name != OPTIONAL]:
        raise InputError(f"{folder}: has no {', '.join(missing)}; run vn2pl impute first{otherwise}")
    tables = {table: _scan(path) for table, path in present.items()}
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
