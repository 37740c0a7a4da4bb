"""``vn2pl impute``: read a panel, impute its stockouts, write the files, tell the figures."""

import argparse
import json
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
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
    locked,
    make_folder,
    prepare_folder,
    write_csv,
    write_parquet,
    write_run,
)
from ..cli import DONE, INCOMPLETE
from ..config import Config, load_config
from ..demo import demo_panel
from ..errors import InputError
from ..imputation import Imputation, impute
from ..queries.baselines import own_history
from ..queries.metrics import coverage, pinball
from ..reading import read_panel
from ..terminal import print_table, reporter
from .planning import dry_run, explain

DEMO = "demo panel"


def run(arguments: argparse.Namespace) -> int:
    """Impute; returns the exit status."""
    timings: dict[str, float] = {}
    config = configured(arguments)
    folder = Path(arguments.out)
    refuse_overlap(arguments.data, folder)
    with reporter(quiet=arguments.quiet or arguments.json) as report:
        report.say("Reading the panel")
        with _timed(timings, "read"):
            observed, demand = read_observed(arguments.data, config, infer_stockouts=arguments.infer_stockouts)
        if arguments.dry_run or arguments.explain:
            return _plan_only(arguments, observed, config)
        make_folder(folder)
        with locked(folder):
            prepare_folder(folder)
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
    if arguments.json:
        print(json.dumps(figures | (_closeness(result, demand, config) if demand is not None else {})))
    elif not arguments.quiet:
        _tell(figures, files, folder)
        if demand is not None:
            _tell_closeness(_closeness(result, demand, config), config.quantile_levels)
    return INCOMPLETE if arguments.strict and figures["n_not_imputed"] else DONE


def _plan_only(arguments: argparse.Namespace, observed: pl.DataFrame, config: Config) -> int:
    if arguments.explain:
        explain(observed.lazy(), config)
    else:
        dry_run(observed, config, engine=arguments.engine, as_json=arguments.json)
    return DONE


def configured(arguments: argparse.Namespace) -> Config:
    """The configuration file's settings, or the embedded ones, with what the command line replaces."""
    config = load_config(arguments.config) if arguments.config else Config()
    if arguments.n_neighbors is not None:
        if arguments.n_neighbors < 1:
            raise InputError(f"--n-neighbors: expected a number from 1, got {arguments.n_neighbors}")
        config = msgspec.structs.replace(config, n_neighbors=arguments.n_neighbors)
    if arguments.candidate_weeks:
        config = msgspec.structs.replace(config, candidate_weeks=arguments.candidate_weeks)
    return config


def refuse_overlap(data: str | None, folder: Path) -> None:
    """The output may not be read as input the next time, nor replace the input."""
    if data is None:
        return
    source, out = Path(data).resolve(), folder.resolve()
    if source == out or source in out.parents or (source.parent == out and source.name in (IMPUTED_FILE, SIPS_FILE)):
        raise InputError(f"--out {folder}: expected a folder outside the input, got one that --data {data} reads from")


def read_observed(
    data: str | None, config: Config, *, infer_stockouts: bool = False
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """The panel at a path, its stockouts inferred if so wanted, or the demo panel and its true demand."""
    if data is None:
        if infer_stockouts:
            raise InputError("--infer-stockouts: is for a panel without in_stock, given with --data")
        demo = demo_panel()
        return demo.panel, demo.demand
    inferred = config.candidate_weeks if infer_stockouts else None
    return read_panel(data, columns=config.columns, infer_stockouts=inferred).collect(), None


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
        "stockouts": "inferred" if arguments.infer_stockouts else "given",
        "config": msgspec.to_builtins(config),
        "profile_parameters": msgspec.to_builtins(config.definition),
        "versions": {"vn2pl": __version__, "polars": pl.__version__, "python": platform.python_version()},
        "threads": pl.thread_pool_size(),
        "rows": {"panel": observed.height, "sips": result.sips.height},
        "summary": dict(result.summary.iter_rows()),
        "seconds": {name: round(seconds, 3) for name, seconds in timings.items()},
    }


def fingerprint(observed: pl.DataFrame) -> str:
    """SHA-256 of the panel's content, whatever the order of its rows."""
    ordered = observed.sort("Store", "Product", "week").rechunk()
    return sha256(ordered.write_ipc(None, compat_level=pl.CompatLevel.oldest()).getbuffer()).hexdigest()


def _tell(figures: dict[str, float], files: list[Path], folder: Path) -> None:
    rows = [
        ("SKU-weeks", f"{figures['n_rows']:,.0f}"),
        ("Stockouts", f"{figures['n_stockouts']:,.0f}"),
        *([("  inferred from sales", f"{inferred:,.0f}")] if (inferred := figures.get("n_inferred_stockout")) else []),
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
