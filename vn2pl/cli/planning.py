"""``vn2pl impute --dry-run`` and ``--explain``: what a run would do, and how."""

import json

import polars as pl

from .. import queries
from ..config import Config
from ..running import memory
from ..running.imputation import Engine, Search, Shard, ready
from ..running.physical import physical_nodes
from .terminal import print_table, say


def dry_run(observed: pl.DataFrame, config: Config, /, *, engine: Engine, with_neighbours: bool, as_json: bool) -> None:
    """Tell stockouts, candidates, pairs and memory of each shard.

    Features are computed, since pools are counted by them; nothing is searched or written.
    """
    search = ready(queries.features(observed.lazy(), config), config, engine=engine)
    candidates = search.prepared.donors.select(pl.len()).collect().item()
    peak = estimated(observed, search, with_neighbours=with_neighbours).peak
    available = memory.available()
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


def estimated(observed: pl.DataFrame, search: Search, /, *, with_neighbours: bool) -> memory.Estimate:
    """The memory that a search will need."""
    neighbours = search.neighbours() if with_neighbours else 0
    return memory.estimate(rows=observed.height, pairs_at_once=search.pairs_at_once, neighbours=neighbours)


def explain(observed: pl.LazyFrame, config: Config, /) -> None:
    """Print the logical plan of the SIPs and the nodes of the streaming engine's physical plan."""
    sips = queries.plan(observed, config).sips
    print("LOGICAL PLAN, optimised\n")
    print(sips.explain())
    print("\nPHYSICAL PLAN of the streaming engine, from the result back to the sources (! = falls back to memory)\n")
    for node in physical_nodes(sips):
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
