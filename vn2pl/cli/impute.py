"""``vn2pl impute``: read a panel, impute its stockouts, write the files, tell the figures."""

import argparse
import json
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import polars as pl

from .. import __version__, queries
from ..config import Config
from ..evaluation.baselines import own_history
from ..evaluation.metrics import coverage, pinball
from ..queries.imputed import FLAG_NAMES
from ..running import checkpoint as unfinished
from ..running import memory
from ..running.fingerprint import Fingerprint, fingerprint
from ..running.imputation import Imputation, Search, find, published, ready
from ..running.previous_run import Earlier, findings, look_at, nothing
from ..running.runs import DEMO, IMPUTE, refuse_unfit
from ..writing.artifacts import IMPUTED_FILE, NEIGHBOURS_FILE, RUN_FILE, SIPS_FILE, SUMMARY_FILE, listed_files
from ..writing.transactions import output_folder, replacing_set
from .inputs import configured, read_observed, refuse_overlap
from .planning import dry_run, estimated, explain
from .statuses import DONE, INCOMPLETE
from .terminal import Reporter, print_table, reporter, say

NOTABLE = 0.1


class Job(NamedTuple):
    """A run about to begin: what to impute, what that rests on, and how far an earlier run did it."""

    options: argparse.Namespace
    config: Config
    observed: pl.DataFrame
    notes: Sequence[str]
    now: Future[Fingerprint]
    earlier: Earlier
    report: Reporter

    @property
    def folder(self) -> Path:
        """Where the files go."""
        return Path(self.options.out)


class Ended(NamedTuple):
    """How a run ended: its figures, how many stockouts it computed, and what it made of an earlier run."""

    figures: Mapping[str, float | None]
    computed: int
    earlier: Earlier


def run(arguments: argparse.Namespace) -> int:
    """Impute; returns the exit status."""
    (config, attributes), folder = configured(arguments), Path(arguments.out)
    timings: dict[str, float] = {}
    refuse_overlap(arguments.data, folder)
    check = partial(refuse_unfit, folder, command=IMPUTE, data=arguments.data)
    check()
    with reporter(quiet=arguments.quiet or arguments.json) as report:
        report.say("Reading the panel")
        with _timed(timings, "read"):
            observed, demand, notes = read_observed(arguments, config, attributes)
        if arguments.dry_run or arguments.explain:
            return _plan_only(arguments, observed, config)
        # Where nothing was run before, the fingerprint is not needed before the end: it fills gaps of the first steps.
        with output_folder(folder, check=check), ThreadPoolExecutor(1) as aside:
            now = aside.submit(fingerprint, observed, config)
            earlier = _earlier(arguments, config, now)
            ended = _ended(Job(arguments, config, observed, notes, now, earlier, report), timings)
    _tell(arguments, ended, config, demand)
    return INCOMPLETE if arguments.strict and ended.figures["n_not_imputed"] else DONE


def _earlier(arguments: argparse.Namespace, config: Config, now: Future[Fingerprint]) -> Earlier:
    folder = Path(arguments.out)
    if arguments.full or not (folder / RUN_FILE).exists():
        return nothing("")
    return look_at(folder, now.result(), config, with_neighbours=arguments.save_neighbours)


def _ended(job: Job, timings: dict[str, float]) -> Ended:
    """Impute what the earlier run has not, and write the files; leave them as they are where it has done all."""
    if job.earlier.is_current and job.earlier.record:
        return Ended(job.earlier.record.summary, 0, job.earlier)
    with _timed(timings, "impute"):
        search = _ready(job)
        result = _imputed(job, search)
    job.report.say("Writing")
    _write(job, result, timings, computed=search.stockouts)
    unfinished.discard(job.folder)
    return Ended(dict(result.summary.iter_rows()), search.stockouts, job.earlier)


def _ready(job: Job) -> Search:
    options, config = job.options, job.config
    features = queries.features(job.observed.lazy(), config)
    search = ready(features, config, engine=options.engine, since=job.earlier.since)
    if not options.ignore_memory:
        needed = estimated(job.observed, search, with_neighbours=options.save_neighbours)
        memory.require(needed, source=options.data or DEMO)
    return search


def _imputed(job: Job, search: Search) -> Imputation:
    options, since = job.options, job.earlier.since
    if options.fresh:
        unfinished.discard(job.folder)
    shelf = None
    if search.pairs >= unfinished.WORTH_KEEPING:
        now = job.now.result()
        rests_on = [now.settings, sorted(now.weeks.items()), since, options.save_neighbours]
        shelf = unfinished.KeptShards(job.folder, rests_on=rests_on)
        if finished := shelf.finished(search.shards):
            job.report.say(f"Going on after a run that was stopped: {finished} of {len(search.shards)} shards are kept")
    found = [find(search, with_neighbours=options.save_neighbours, report=job.report, shelf=shelf)]
    if since:
        found.append(findings(job.folder, before=since, with_neighbours=options.save_neighbours))
    return published(job.observed.lazy(), found)


def _plan_only(arguments: argparse.Namespace, observed: pl.DataFrame, config: Config) -> int:
    if arguments.explain:
        explain(observed.lazy(), config)
    else:
        dry_run(
            observed,
            config,
            engine=arguments.engine,
            with_neighbours=arguments.save_neighbours,
            as_json=arguments.json,
        )
    return DONE


def _write(job: Job, result: Imputation, timings: dict[str, float], *, computed: int) -> None:
    with replacing_set(job.folder) as files:
        with _timed(timings, "write"):
            files.parquet(IMPUTED_FILE, result.imputed)
            files.parquet(SIPS_FILE, result.sips)
            if result.neighbours is None:
                # Those of an earlier run are not the neighbours of these SIPs.
                files.remove(NEIGHBOURS_FILE)
            else:
                files.parquet(NEIGHBOURS_FILE, result.neighbours)
            files.csv(SUMMARY_FILE, result.summary)
        files.record(_facts(job, result, timings, computed=computed))


def _facts(job: Job, result: Imputation, timings: Mapping[str, float], *, computed: int) -> dict[str, Any]:
    now = job.now.result()
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": job.options.data or DEMO,
        "data_fingerprint": now.content,
        "stockouts": "inferred" if job.options.infer_stockouts else "given",
        "notes": job.notes,
        "config": msgspec.to_builtins(job.config),
        "profile_parameters": msgspec.to_builtins(job.config.definition),
        "versions": {"vn2pl": __version__, "polars": pl.__version__, "python": platform.python_version()},
        "threads": pl.thread_pool_size(),
        "rows": {"panel": job.observed.height, "sips": result.sips.height},
        "stockouts_computed": computed,
        "earlier_run": job.earlier.reason,
        "summary": dict(result.summary.iter_rows()),
        "seconds": {name: round(seconds, 3) for name, seconds in timings.items()},
        "fingerprint": msgspec.to_builtins(now),
    }


def _tell(arguments: argparse.Namespace, ended: Ended, config: Config, demand: pl.DataFrame | None) -> None:
    if arguments.quiet and not arguments.json:
        return
    closeness = {} if demand is None else _closeness(Path(arguments.out), demand, config)
    if arguments.json:
        print(json.dumps({**ended.figures, "n_computed": ended.computed, **closeness}, allow_nan=False))
        return
    _tell_figures(ended, Path(arguments.out))
    if closeness:
        _tell_closeness(closeness, config.quantile_levels)


def _tell_figures(ended: Ended, folder: Path) -> None:
    figures = ended.figures
    counts = {name: value or 0 for name, value in figures.items()}
    per_cent = f" ({lift:+.1f} %)" if (lift := figures["volume_lift_pct"]) is not None else ""
    rows = [
        ("SKU-weeks", f"{counts['n_rows']:,.0f}"),
        ("Stockouts", f"{counts['n_stockouts']:,.0f}"),
        *([("  inferred from sales", f"{inferred:,.0f}")] if (inferred := counts.get("n_inferred_stockout")) else []),
        ("  imputed", f"{counts['n_imputed']:,.0f}"),
        ("  of them cold starts (no own history)", f"{counts['n_cold_start'] - counts['n_no_candidates']:,.0f}"),
        ("  without candidates", f"{counts['n_not_imputed']:,.0f}"),
        ("Mean sales of imputed weeks, before", _mean(figures["mean_original_sales"])),
        ("Mean sales of imputed weeks, after", _mean(figures["mean_imputed_sales"])),
        ("Volume, before", f"{counts['total_original_volume']:,.0f}"),
        ("Volume, after", f"{counts['total_imputed_volume']:,.0f}"),
        ("Lift", f"{counts['volume_lift']:,.0f}{per_cent}"),
    ]
    print_table("Imputation", rows)
    if not counts["n_stockouts"]:
        say("\nNothing to impute: every SKU-week was in stock.")
    elif counts["n_stockouts"] == counts["n_rows"]:
        say("\nNothing to learn from: no SKU-week was in stock.")
    if wary := _about_flags(counts):
        say(f"\n{wary}")
    say(f"\nFiles in {folder}: {', '.join(listed_files(folder))}, {RUN_FILE}")
    if ended.earlier.reason:
        say(_about_earlier(ended, stockouts=int(counts["n_stockouts"])))


def _mean(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"


def _about_flags(figures: Mapping[str, float]) -> str:
    """What to be wary of, where a notable part of the lift rests on flagged weeks."""
    lift, flagged = figures["volume_lift"], figures["lift_flagged"]
    if flagged < NOTABLE * lift or not flagged:
        return ""
    parts = {flag: figures[f"lift_{flag}"] / lift for flag in FLAG_NAMES}
    named = ", ".join(f"{flag} {100 * part:.0f} %" for flag, part in parts.items() if part >= NOTABLE / 10)
    return (
        f"Be wary: {100 * flagged / lift:.0f} % of the lift rests on flagged weeks ({named}). "
        "docs/output.md explains the flags; vn2pl query flagged_sips lists the weeks."
    )


def _about_earlier(ended: Ended, *, stockouts: int) -> str:
    reason = f"{ended.earlier.reason[0].upper()}{ended.earlier.reason[1:]}"
    if ended.earlier.is_current:
        return f"{reason}: the files are as they were (--full computes all again)."
    if ended.earlier.record:
        kept = f"{stockouts - ended.computed:,} of {stockouts:,} stockouts are as the earlier run computed them"
        return f"{reason}: {kept} (--full computes all again)."
    return f"All stockouts were computed: {ended.earlier.reason}."


def _closeness(folder: Path, demand: pl.DataFrame, config: Config) -> dict[str, float]:
    """How close SIPs came to the demo panel's true demand, on the weeks that own history can answer as well."""
    truth, sips = demand.lazy(), pl.scan_parquet(folder / SIPS_FILE, glob=False)
    observed = pl.scan_parquet(folder / IMPUTED_FILE, glob=False).with_columns(pl.col("sales_observed").alias("sales"))
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
    say()
    print_table("Against the demo panel's true demand", rows)
    say(f"(pinball over the {closeness['compared_weeks']:,.0f} stockouts that have own earlier weeks)")


@contextmanager
def _timed(timings: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timings[name] = time.perf_counter() - start
