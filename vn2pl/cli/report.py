"""``vn2pl report``: an earlier run as one HTML file."""

import argparse
from importlib import import_module
from pathlib import Path

import polars as pl

from ..checks import readable
from ..errors import InputError
from ..running.runs import BACKTEST, IMPUTE, Facts, recorded, scanned, steadily
from ..writing.artifacts import BACKTEST_TABLE_FILE, RUN_FILE, replacing
from ..writing.report.gathering import Calibration, Gathered, gather
from .finished import folder_of
from .inputs import refuse_replacing
from .statuses import DONE
from .terminal import say

EXTRA = ("altair", "great_tables", "jinja2", "vl_convert")


def run(arguments: argparse.Namespace) -> int:
    """Write the report; returns the exit status."""
    _refuse_without_extra()
    folder, backtests, to = folder_of(arguments), [*map(Path, arguments.backtest)], Path(arguments.to)

    def read() -> tuple[Gathered, list[Calibration]]:
        facts = recorded({folder: IMPUTE, **dict.fromkeys(backtests, BACKTEST)})
        tables, calibrations = scanned(folder), [_calibration(backtest, facts[backtest]) for backtest in backtests]
        refuse_replacing(str(to), (source / name for source in facts for name in (RUN_FILE, *facts[source]["files"])))
        return gather(tables, facts[folder], chosen=arguments.sku), calibrations

    gathered, calibrations = steadily(read, folder, *backtests)
    from ..writing.report.page import page

    text = page(gathered, calibrations)
    with replacing(to) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    say(f"{to}  {to.stat().st_size / 1e6:.1f} MB")
    return DONE


def _refuse_without_extra() -> None:
    missing = [name for name in EXTRA if not _is_there(name)]
    if missing:
        raise InputError(f"vn2pl report needs {', '.join(missing)}: pip install 'vn2pl[report]'")


def _is_there(name: str) -> bool:
    try:
        import_module(name)
    except ImportError:
        return False
    return True


def _calibration(folder: Path, facts: Facts) -> Calibration:
    path = folder / BACKTEST_TABLE_FILE
    with readable(str(path)):
        return Calibration(facts, pl.read_parquet(path, glob=False))
