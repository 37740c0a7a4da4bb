"""``vn2pl report``: an earlier run as one HTML file."""

import argparse
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import polars as pl

from ..artifacts import BACKTEST_TABLE_FILE, RUN_FILE, replacing
from ..checks import readable
from ..cli import DONE
from ..errors import InputError
from ..report.gathering import Calibration, Gathered, gather
from ..runs import BACKTEST, IMPUTE, Facts, recorded, scanned, steadily

EXTRA = ("altair", "great_tables", "jinja2", "vl_convert")


def run(arguments: argparse.Namespace) -> int:
    """Write the report; returns the exit status."""
    _refuse_without_extra()
    folder, backtests, to = Path(arguments.processed), [*map(Path, arguments.backtest)], Path(arguments.out)

    def read() -> tuple[Gathered, list[Calibration]]:
        facts = recorded({folder: IMPUTE, **dict.fromkeys(backtests, BACKTEST)})
        tables, calibrations = scanned(folder), [_calibration(backtest, facts[backtest]) for backtest in backtests]
        _check_place(to, facts)
        return gather(tables, facts[folder], chosen=arguments.sku), calibrations

    gathered, calibrations = steadily(read, folder, *backtests)
    from ..report.page import page

    text = page(gathered, calibrations)
    with replacing(to) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"{to}  {to.stat().st_size / 1e6:.1f} MB")
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


def _check_place(to: Path, sources: Mapping[Path, Facts]) -> None:
    """The report may not replace what it is read from."""
    if not to.parent.is_dir():
        raise InputError(f"--out {to}: expected a folder that exists, got {to.parent}")
    for folder, facts in sources.items():
        if to.resolve() in {(folder / name).resolve() for name in (RUN_FILE, *facts["files"])}:
            raise InputError(f"--out {to}: expected a file of its own, got one that is read from")
