"""``vn2pl backtest``: hide in-stock weeks, impute them, tell how close that came, beside simple methods."""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from rich.console import Console

from .. import __version__
from ..config import Config
from ..evaluation.backtest import (
    ALL,
    ANSWERED,
    CLASS,
    LABELS,
    METHOD,
    PART,
    PLAN,
    REFERENCES,
    SEGMENT,
    SEGMENT_LABELS,
    Backtest,
    backtest,
)
from ..evaluation.masks import Mask, draw_masks
from ..running.fingerprint import content
from ..running.runs import BACKTEST, DEMO, refuse_unfit
from ..writing.artifacts import BACKTEST_OUTPUTS, RUN_FILE, listed_files
from ..writing.transactions import output_folder, replacing_set
from .inputs import configured, read_observed, refuse_overlap
from .statuses import DONE
from .terminal import print_table, progress_bar, say

CLASSES_SHOWN = 8
DECILES = [f"pit_{number}" for number in range(1, 11)]
FIGURES = {
    "scaled": ("scaled_ratio", 1, 3),
    "plain": ("pinball_ratio", 1, 3),
    "loss": ("pinball", 1, 3),
    "bias": ("bias", 1, 2),
    "50 %": ("coverage_50", 100, 1),
    "80 %": ("coverage_80", 100, 1),
    "90 %": ("coverage_90", 100, 1),
    "width": ("width_80", 1, 1),
    "PIT": ("pit_deviation", 1, 3),
}
LEGEND = """scaled, plain  pinball loss relative to {reference}, mean over the seeds; scaled: every SKU counts alike
loss           mean pinball loss, close to the CRPS, units; less is better, as in all ratios
bias           imputed median less demand, units a week (skewed demand has its median below its mean)
50, 80, 90 %   per cent of the weeks with demand within these intervals, bounds included; width: of 80 %, units
PIT            largest distance of a decile of the randomised PIT from 10 %; 0 is best"""


def run(arguments: argparse.Namespace) -> int:
    """Backtest; returns the exit status."""
    (config, attributes), folder = configured(arguments), Path(arguments.out)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    refuse_overlap(arguments.data, folder)
    check = partial(refuse_unfit, folder, command=BACKTEST, data=arguments.data or DEMO)
    check()
    observed, _, notes = read_observed(arguments, config, attributes)
    masks = draw_masks(arguments.mask, observed, seeds=seeds)
    with output_folder(folder, check=check):
        start = time.perf_counter()
        with _progress(len(masks), quiet=arguments.json) as progress:
            result = backtest(observed, config, masks, reference=REFERENCES[arguments.mask], progress=progress)
        seconds = time.perf_counter() - start
        facts = {**_facts(arguments, config, observed, seeds=seeds, seconds=seconds), "notes": notes}
        _write(result, facts, folder)
    if arguments.json:
        print(json.dumps({**facts, **_figures(result.table)}, allow_nan=False))
    else:
        _tell(result.table, arguments.mask, config)
        say(f"\nFiles in {folder}: {', '.join(listed_files(folder))}, {RUN_FILE} ({seconds:.1f} s)")
    return DONE


def _write(result: Backtest, facts: dict[str, Any], folder: Path) -> None:
    with replacing_set(folder) as files:
        files.publish(BACKTEST_OUTPUTS, result._asdict())
        files.record(facts)


def _facts(
    arguments: argparse.Namespace, config: Config, observed: pl.DataFrame, *, seeds: Sequence[int], seconds: float
) -> dict[str, Any]:
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": arguments.data or DEMO,
        "data_fingerprint": content(observed),
        "stockouts": "inferred" if arguments.infer_stockouts else "given",
        "mask": arguments.mask,
        "seeds": list(seeds),
        "reference": REFERENCES[arguments.mask],
        "config": msgspec.to_builtins(config),
        "versions": {"vn2pl": __version__, "polars": pl.__version__, "python": platform.python_version()},
        "seconds": round(seconds, 3),
    }


def _figures(table: pl.DataFrame) -> dict[str, Any]:
    """Parts with the figures of all methods, and those of vn2pl by segment and class."""
    parts: dict[str, Any] = {}
    for row in table.iter_rows(named=True):
        part, segment, name, method = (row.pop(column) for column in (PART, SEGMENT, CLASS, METHOD))
        told = parts.setdefault(part, {"methods": {}, "segments": {}})
        if segment == ALL:
            told["methods"][method] = row
        elif method == PLAN:
            told["segments"].setdefault(segment, {})[name] = row
    return {"parts": parts, **({"mean_of_parts": _mean_of_parts(table)} if len(parts) > 1 else {})}


def _mean_of_parts(table: pl.DataFrame) -> dict[str, float]:
    chosen = table.filter(pl.col(SEGMENT) == ALL, pl.col(METHOD) == PLAN)
    return chosen.select(pl.col("scaled_ratio", "pinball_ratio").mean()).row(0, named=True)


def _tell(table: pl.DataFrame, mask: str, config: Config) -> None:
    parts = table[PART].unique(maintain_order=True).to_list()
    for part in parts:
        _tell_part(table.filter(pl.col(PART) == part), mask if part == mask else f"{mask}, {part}", config)
    if len(parts) > 1:
        mean = _mean_of_parts(table)
        say(f"Mean of {' and '.join(parts)}: scaled {mean['scaled_ratio']:.3f}, plain {mean['pinball_ratio']:.3f}\n")
    say(LEGEND.format(reference=LABELS[REFERENCES[mask]]), indent=" " * 15)


def _tell_part(table: pl.DataFrame, name: str, config: Config) -> None:
    methods = table.filter(pl.col(SEGMENT) == ALL, pl.col(ANSWERED) > 0)
    labels = {**LABELS, **({"own_recent": "own 13 + 13"} if config.candidate_weeks == "all" else {})}
    rows = [(labels[row[METHOD]], *_cells(row, FIGURES)) for row in methods.iter_rows(named=True)]
    weeks = methods["weeks"][0]
    print_table(f"{name}: {weeks:,} weeks, candidate weeks {config.candidate_weeks}", rows, header=("", *FIGURES))
    for row in methods.filter(pl.col(ANSWERED) < 1).iter_rows(named=True):
        say(f"({labels[row[METHOD]]} answers {100 * row[ANSWERED]:.1f} % of the weeks; elsewhere the shown sales stay)")
    _tell_segments(table.filter(pl.col(SEGMENT) != ALL, pl.col(METHOD) == PLAN))
    shares = methods.filter(pl.col(METHOD) == PLAN).select(DECILES).row(0)
    say(f"\nPIT deciles of vn2pl, % (10 each is best): {'  '.join(_number(share, 100, 1) for share in shares)}\n")


def _tell_segments(table: pl.DataFrame) -> None:
    shown = ("scaled", "plain", "loss", "bias", "80 %", "PIT")
    rows: list[tuple[str, ...]] = []
    for segment in table[SEGMENT].unique(maintain_order=True):
        classes = table.filter(pl.col(SEGMENT) == segment).sort("weeks", CLASS, descending=[True, False])
        title = SEGMENT_LABELS[segment]
        for row in classes.head(CLASSES_SHOWN).iter_rows(named=True):
            cells = _cells(row, {name: FIGURES[name] for name in shown})
            rows.append((f"{title}: {row[CLASS]}", f"{row['weeks']:,}", *cells))
        if classes.height > CLASSES_SHOWN:
            more = f"{title}: {classes.height - CLASSES_SHOWN} more"
            rows.append((more, f"{classes['weeks'][CLASSES_SHOWN:].sum():,}", *[""] * len(shown)))
    say()
    print_table("vn2pl by segment, all seeds together", rows, header=("", "weeks", *shown))


def _cells(row: dict[str, Any], figures: dict[str, tuple[str, int, int]]) -> list[str]:
    return [_number(row[name], factor, digits) for name, factor, digits in figures.values()]


def _number(value: float | None, factor: int, digits: int) -> str:
    return "-" if value is None else f"{value * factor:.{digits}f}"


@contextmanager
def _progress(masks: int, *, quiet: bool) -> Iterator[Callable[[Mask], None]]:
    """A bar over seeds and masks on a terminal, a line for each elsewhere, silence if wanted."""
    console = Console(file=sys.stderr, quiet=quiet)
    with progress_bar(console, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("Imputing hidden weeks", total=masks)

        def done(mask: Mask) -> None:
            bar.advance(task)
            if not console.is_terminal:
                number = f"{int(bar.tasks[0].completed)} of {masks}"
                console.print(f"{mask.part}, seed {mask.seed}: {mask.hidden.height:,} weeks hidden ({number})")

        yield done
