"""``vn2pl impute``: read a panel, impute its stockouts, write the files, tell the figures."""

import argparse
import json
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from .. import __version__
from ..artifacts import (
    IMPUTED_FILE,
    NEIGHBOURS_FILE,
    SIPS_FILE,
    SUMMARY_FILE,
    output_folder,
    write_csv,
    write_parquet,
    write_run,
)
from ..cli import DONE, INCOMPLETE
from ..config import Config
from ..fingerprints import fingerprint
from ..imputation import Imputation, impute
from ..queries.baselines import own_history
from ..queries.metrics import coverage, pinball
from ..terminal import print_table, reporter
from .inputs import DEMO, configured, read_observed, refuse_overlap
from .planning import dry_run, explain


def run(arguments: argparse.Namespace) -> int:
    """Impute; returns the exit status."""
    timings: dict[str, float] = {}
    config = configured(arguments)
    folder = Path(arguments.out)
    refuse_overlap(arguments.data, folder)
    with reporter(quiet=arguments.quiet or arguments.json) as report:
        report.say("Reading the panel")
        with _timed(timings, "read"):
            observed, demand = read_observed(arguments.data, config)
        if arguments.dry_run or arguments.explain:
            return _plan_only(arguments, observed, config)
        with output_folder(folder):
            with _timed(timings, "impute"):
                result = impute(
                    observed.lazy(),
                    config,
                    engine=arguments.engine,
                    with_neighbours=arguments.save_neighbours,
                    report=report,
                )
            report.say("Writing")
            with _timed(timings, "write"):
                files = _write(result, folder)
            facts = _facts(arguments, config, observed, result, timings)
            write_run(folder, facts, files=files)
    figures = dict(result.summary.iter_rows())
    told = arguments.json or not arguments.quiet
    closeness = _closeness(result, demand, config) if told and demand is not None else {}
    if arguments.json:
        print(json.dumps(figures | closeness))
    elif told:
        _tell(figures, files, folder)
        if closeness:
            _tell_closeness(closeness, config.quantile_levels)
    return INCOMPLETE if arguments.strict and figures["n_not_imputed"] else DONE


def _plan_only(arguments: argparse.Namespace, observed: pl.DataFrame, config: Config) -> int:
    if arguments.explain:
        explain(observed.lazy(), config)
    else:
        dry_run(observed, config, engine=arguments.engine, as_json=arguments.json)
    return DONE


def _write(result: Imputation, folder: Path) -> list[Path]:
    frames = {IMPUTED_FILE: result.imputed, SIPS_FILE: result.sips}
    if result.neighbours is not None:
        frames[NEIGHBOURS_FILE] = result.neighbours
    for name, frame in frames.items():
        write_parquet(frame, folder / name)
    write_csv(result.summary, folder / SUMMARY_FILE)
    return [folder / name for name in (*frames, SUMMARY_FILE)]


def _facts(
    arguments: argparse.Namespace,
    config: Config,
    observed: pl.DataFrame,
    result: Imputation,
    timings: dict[str, float],
) -> dict[str, Any]:
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": arguments.data or DEMO,
        "data_fingerprint": fingerprint(observed),
        "config": msgspec.to_builtins(config),
        "profile_parameters": msgspec.to_builtins(config.definition),
        "versions": {"vn2pl": __version__, "polars": pl.__version__, "python": platform.python_version()},
        "threads": pl.thread_pool_size(),
        "rows": {"panel": observed.height, "sips": result.sips.height},
        "summary": dict(result.summary.iter_rows()),
        "seconds": {name: round(seconds, 3) for name, seconds in timings.items()},
    }


def _tell(figures: dict[str, float], files: list[Path], folder: Path) -> None:
    rows = [
        ("SKU-weeks", f"{figures['n_rows']:,.0f}"),
        ("Stockouts", f"{figures['n_stockouts']:,.0f}"),
        ("  imputed", f"{figures['n_imputed']:,.0f}"),
        ("  of them cold starts (no own history)", f"{figures['n_cold_start'] - figures['n_no_candidates']:,.0f}"),
        ("  without candidates", f"{figures['n_not_imputed']:,.0f}"),
        ("Mean sales of imputed weeks, before", f"{figures['mean_original_sales'] or 0:,.2f}"),
        ("Mean sales of imputed weeks, after", f"{figures['mean_imputed_sales'] or 0:,.2f}"),
        ("Volume, before", f"{figures['total_original_volume']:,.0f}"),
        ("Volume, after", f"{figures['total_imputed_volume']:,.0f}"),
        ("Lift", f"{figures['volume_lift']:,.0f} ({figures['volume_lift_pct'] or 0:+.1f} %)"),
    ]
    print_table("Imputation", rows)
    print(f"\nFiles in {folder}: {', '.join(path.name for path in files)}, run.json")


def _closeness(result: Imputation, demand: pl.DataFrame, config: Config) -> dict[str, float]:
    """How close SIPs came to the demo panel's true demand, on the weeks that own history can answer as well."""
    truth, sips = demand.lazy(), result.sips.lazy()
    observed = result.imputed.lazy().with_columns(pl.col("sales_observed").alias("sales"))
    own = own_history(observed, levels=config.quantile_levels)
    both = pinball(sips, truth).join(pinball(own, truth), on=["Store", "Product", "week"], suffix="_own_history")
    inside = coverage(sips, truth, lower=min(config.quantile_levels), upper=max(config.quantile_levels))
    losses, covered = pl.collect_all(
        [
            both.select(pl.col("pinball", "pinball_own_history").mean(), pl.len().alias("compared_weeks")),
            inside.select(pl.col("covered").mean().alias("coverage")),
        ]
    )
    return {**losses.row(0, named=True), **covered.row(0, named=True)}


def _tell_closeness(closeness: dict[str, float], levels: tuple[float, ...]) -> None:
    ratio = closeness["pinball"] / closeness["pinball_own_history"]
    rows = [
        ("Pinball loss of the SIPs", f"{closeness['pinball']:.3f}"),
        ("  of the SKU's own earlier weeks", f"{closeness['pinball_own_history']:.3f}"),
        ("  ratio (lower is better)", f"{ratio:.3f}"),
        (f"Demand within the {levels[0]:g} and {levels[-1]:g} quantiles", f"{100 * closeness['coverage']:.1f} %"),
    ]
    print()
    print_table("Against the demo panel's true demand", rows)
    print(f"(pinball over the {closeness['compared_weeks']:,.0f} stockouts that have own earlier weeks)")


@contextmanager
def _timed(timings: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timings[name] = time.perf_counter() - start
