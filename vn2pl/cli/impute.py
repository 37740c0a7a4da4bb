"""``vn2pl impute``: read a panel, impute its stockouts, write the files, tell the figures."""

import argparse
import json
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import polars as pl

from ..config import Config
from ..evaluation.baselines import own_history
from ..evaluation.metrics import coverage, pinball
from ..queries.imputed import FLAG_NAMES
from ..running.imputation import Run
from ..running.publishing import Source, impute
from ..running.runs import DEMO, IMPUTE, refuse_unfit
from ..writing.artifacts import IMPUTED_FILE, RUN_FILE, SIPS_FILE, listed_files
from .inputs import configured, read_observed, refuse_overlap
from .planning import dry_run, explain
from .statuses import DONE, INCOMPLETE
from .terminal import print_table, reporter, say

NOTABLE = 0.1


def run(arguments: argparse.Namespace) -> int:
    """Impute; returns the exit status."""
    (config, attributes), folder, data = configured(arguments), Path(arguments.out), arguments.data or DEMO
    refuse_overlap(arguments.data, folder)
    refuse_unfit(folder, command=IMPUTE, data=data)
    with reporter(quiet=arguments.quiet or arguments.json) as report:
        report.say("Reading the panel")
        start = time.perf_counter()
        observed, demand, notes = read_observed(arguments, config, attributes)
        stockouts = "inferred" if arguments.infer_stockouts else "given"
        begin = partial(
            impute,
            *(observed, config),
            save_neighbours=arguments.save_neighbours,
            ignore_memory=arguments.ignore_memory,
            engine=arguments.engine,
            report=report,
            source=Source(data, stockouts, notes, {"read": time.perf_counter() - start}),
        )
        if arguments.explain or arguments.dry_run:
            explain(begin()) if arguments.explain else dry_run(begin(), as_json=arguments.json)
            return DONE
        ended = begin(out=folder, full=arguments.full, fresh=arguments.fresh)
    _tell(arguments, ended, config, demand)
    return INCOMPLETE if arguments.strict and ended.figures["n_not_imputed"] else DONE


def _tell(arguments: argparse.Namespace, ended: Run, config: Config, demand: pl.DataFrame | None) -> None:
    if arguments.quiet and not arguments.json:
        return
    closeness = {} if demand is None else _closeness(Path(arguments.out), demand, config)
    if arguments.json:
        print(json.dumps({**ended.figures, "n_computed": ended.computed, **closeness}, allow_nan=False))
        return
    _tell_figures(ended, Path(arguments.out))
    if closeness:
        _tell_closeness(closeness, config.quantile_levels)


def _tell_figures(ended: Run, folder: Path) -> None:
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


def _about_earlier(ended: Run, *, stockouts: int) -> str:
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
