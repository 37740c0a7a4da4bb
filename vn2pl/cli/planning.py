"""``vn2pl impute --dry-run`` and ``--explain``: what a run would do, and how."""

import json

import polars as pl

from ..running import memory
from ..running.imputation import Plan, Run
from ..running.physical import physical_nodes
from ..running.shards import Search, Shard
from .terminal import print_table, say


def dry_run(run: Run, /, *, as_json: bool) -> None:
    """Tell stockouts, candidates, pairs and memory of each shard.

    Features are computed, since pools are counted by them; nothing is searched or written.
    """
    search, peak, available = run.search, run.estimate().peak, memory.available()
    candidates = search.prepared.donors.select(pl.len()).collect().item()
    if as_json:
        shards = [{**shard._asdict(), "pair_bytes": _pair_bytes(shard)} for shard in search.shards]
        told = {"candidates": candidates, "peak_bytes": peak, "available_bytes": available, "shards": shards}
        print(json.dumps(told, allow_nan=False))
        return
    _tell(search)
    room = "" if available is None else f" of {memory.gigabytes(available)} available"
    say(
        f"\n{candidates:,} candidates; about {memory.gigabytes(peak)} of memory at the peak{room}. Nothing was written."
    )


def explain(run: Run, /) -> None:
    """Print the stages of a run: of each the logical plan, and the nodes of the streaming engine's physical plan."""
    for plan in run.plans():
        print(f"STAGE {plan.stage}\n")
        print(f"Logical plan, optimised ({plan.engine} engine)\n")
        print(pl.explain_all(plan.frames.values()))
        if plan.engine == "streaming":
            _tell_nodes(plan)
        print()


def _tell_nodes(plan: Plan) -> None:
    for name, frame in plan.frames.items():
        print(f"\nPhysical plan of {name}, from the result back to the sources (! = falls back to memory)\n")
        for node in physical_nodes(frame):
            first_line = node.detail.partition("\n")[0][:100]
            print(f"{'!' if node.falls_back else ' '} {node.kind:<60.60} {first_line}".rstrip())


def _tell(search: Search) -> None:
    rows = [
        (_seasons(shard.seasons), f"{shard.stockouts:,}", f"{shard.pairs:,}", memory.gigabytes(_pair_bytes(shard)))
        for shard in search.shards
    ]
    total = ("all", f"{search.stockouts:,}", f"{search.pairs:,}", "")
    header = ("Seasons (ISO weeks)", "Stockouts", "Pairs", "Memory of the pairs")
    print_table("Work by shard", [*rows, total], header=header)


def _pair_bytes(shard: Shard) -> int:
    return memory.estimate(rows=0, pairs_at_once=shard.pairs).pairs


def _seasons(seasons: tuple[int, ...]) -> str:
    return f"{seasons[0]}-{seasons[-1]}" if len(seasons) > 1 else str(seasons[0])
