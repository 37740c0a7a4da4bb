"""The neighbour stage of the default profile with one thread and with more, each in fresh processes.

python -m benchmarks.threads --skus 5990
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from . import markdown
from .data import VN2_SKUS, observed, panel_name
from .measure import Clock, Cost, circumstances, in_fresh_process, median_cost, save, told_circumstances, watched_load
from .searches.plan import neighbours_in_shards

NAME = "threads"
FEATURES = "features.parquet"
HEADER = ("threads", "seconds", "CPU seconds", "peak MB", "times as fast as one")
THREADS = "POLARS_MAX_THREADS"


def measure(skus: int, *, threads: Sequence[int], rounds: int) -> dict[str, Any]:
    """Every number of threads in turn, round after round."""
    facts: dict[str, Any] = {"panel": panel_name(skus), "rounds": rounds}
    costs: dict[int, list[Cost]] = {number: [] for number in threads}
    with TemporaryDirectory() as name, watched_load(facts):
        facts["pairs"] = in_fresh_process(_write, Path(name), skus)
        for _ in range(rounds):
            for number in threads:
                costs[number].append(_with_threads(number, Path(name)))
    facts["threads"] = {str(number): median_cost(found)._asdict() for number, found in costs.items()}
    return facts | circumstances()


def _with_threads(number: int, folder: Path) -> Cost:
    before = os.environ.get(THREADS)
    os.environ[THREADS] = str(number)
    try:
        return in_fresh_process(_search, folder)
    finally:
        os.environ.pop(THREADS)
        os.environ.update({} if before is None else {THREADS: before})


def _write(folder: Path, skus: int) -> int:
    """Features of the panel as a file; returns the number of pairs."""
    import vn2pl

    vn2pl.features(observed(skus).lazy(), vn2pl.Config()).sink_parquet(folder / FEATURES)
    return sum(shard.pairs for shard in _ready(folder).shards)


def _ready(folder: Path) -> Any:
    import polars as pl

    import vn2pl
    from vn2pl import queries
    from vn2pl.running.shards import ready

    config = vn2pl.Config()
    return ready(queries.prepare(pl.read_parquet(folder / FEATURES).lazy(), config), config)


def _search(folder: Path) -> Cost:
    ready = _ready(folder)
    with Clock() as clock:
        neighbours_in_shards(ready.prepared, ready.settings)
    return clock.cost


def as_markdown(facts: dict[str, Any]) -> str:
    """The table, and under it what was measured."""
    of = facts["threads"]
    one = next(iter(of.values()))["wall"]
    rows = [
        [number, f"{cost['wall']:.2f}", f"{cost['cpu']:.2f}", f"{cost['peak']:,.0f}", f"{one / cost['wall']:.2f}"]
        for number, cost in of.items()
    ]
    described = (
        f"{facts['panel']}: {facts['pairs']:,} pairs of the default profile, the neighbour stage alone, medians of "
        f"{facts['rounds']} processes. {told_circumstances(facts)}"
    )
    return "\n\n".join([markdown.table(HEADER, rows), described])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, keep the result and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skus", type=int, default=10 * VN2_SKUS, help="size of the demo panel (default: 10 x VN2)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads (default: 1 2)")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each (default: 3)")
    options = parser.parse_args(arguments)
    facts = measure(options.skus, threads=options.threads, rounds=options.rounds)
    save(NAME, facts)
    print(as_markdown(facts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
