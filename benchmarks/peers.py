"""The neighbour search of the old metric by vn2pl and by other means, each in fresh processes, side by side.

python -m benchmarks.peers --rounds 5
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from . import markdown
from .data import observed, panel_name
from .measure import Clock, Cost, circumstances, in_fresh_process, median_cost, save, told_circumstances, watched_load
from .problem import Answers, agreement, load_arrays, oracle, write_table
from .searches import Peer, peer, peers

NAME = "peers"
LOOP = "loop"
NUMPY = (("arrays", "numpy, argpartition, float32"), ("arrays", "numpy, argpartition, float64"))
YARDSTICK = NUMPY[0]
HEADER = ("search", "seconds", "x numpy", "set-up", "CPU seconds", "peak MB", "of it searching", "threads", "agrees")


class Run(NamedTuple):
    """One process: cost of the set-up and of each search, what was found, and what to multiply seconds with."""

    set_up: Cost
    searches: list[Cost]
    answers: Answers
    factor: float


def run_peer(module: str, name: str, folder: Path, searches: int) -> Run:
    """Load, warm up on a few weeks, set up and search in this process."""
    chosen = peer(module, name)
    chosen.search(chosen.set_up(chosen.load(folder, True)))
    table = chosen.load(folder, False)
    with Clock() as preparing:
        ready = chosen.set_up(table)
    costs = []
    for _ in range(searches):
        with Clock() as searching:
            found = chosen.search(ready)
        costs.append(searching.cost)
    sampled = module == LOOP
    factor = ready.of / len(ready.stockouts) if sampled else 1.0
    return Run(preparing.cost, costs, chosen.answers(found), factor)


def available(chosen: Sequence[str]) -> list[tuple[str, Peer]]:
    """Peers of the chosen modules whose packages are installed; says which are not."""
    wanted = [(module, candidate) for module, candidate in peers() if not chosen or module in chosen]
    missing = {module: lacks for module, candidate in wanted if (lacks := _missing(candidate))}
    for module, lacks in missing.items():
        print(f"{module}: left out, needs {', '.join(lacks)}", file=sys.stderr)
    return [(module, candidate) for module, candidate in wanted if module not in missing]


def _missing(candidate: Peer) -> list[str]:
    return [package for package in candidate.packages if find_spec(package) is None]


def measure(skus: int | None, chosen: Sequence[str], *, rounds: int, searches: int) -> dict[str, Any]:
    """Every peer in turn, round after round; the slow loop once."""
    facts: dict[str, Any] = {"panel": panel_name(skus), "rounds": rounds, "searches": searches}
    with TemporaryDirectory() as name:
        folder = Path(name)
        in_fresh_process(_write, folder, skus)
        truth, pairs = oracle(load_arrays(folder))
        facts |= {"stockouts": int(truth.row.size), "pairs": pairs}
        wanted = available(chosen)
        runs: dict[tuple[str, str], list[Run]] = {(module, each.name): [] for module, each in wanted}
        with watched_load(facts):
            for number in range(rounds):
                for key in runs:
                    if key[0] != LOOP or number == 0:
                        runs[key].append(in_fresh_process(run_peer, *key, folder, 1 if key[0] == LOOP else searches))
        facts["peers"] = [_row(module, each, runs[module, each.name], truth) for module, each in wanted]
    return facts | circumstances("pandas", "numba", "duckdb", "scipy", "scikit-learn")


def _write(folder: Path, skus: int | None) -> None:
    write_table(folder, observed(skus))


def _row(module: str, each: Peer, runs: Sequence[Run], truth: Answers) -> dict[str, Any]:
    factor = runs[0].factor
    cost = median_cost(cost for run in runs for cost in run.searches)
    apart = agreement(runs[-1].answers, truth) if each.same_metric else None
    walls = sorted(cost.wall * factor for run in runs for cost in run.searches)
    return {
        "module": module,
        "name": each.name,
        "threads": each.threads,
        "note": each.note,
        "seconds": cost.wall * factor,
        "fastest": walls[0],
        "slowest": walls[-1],
        "runs": len(walls),
        "cpu": cost.cpu * factor,
        "set_up": median_cost(run.set_up for run in runs).wall if factor == 1 else 0.0,
        "peak": cost.peak,
        "extra": cost.extra,
        "tolerances_apart": apart if apart is None or np.isfinite(apart) else "not the same neighbours",
    }


def yardstick(facts: dict[str, Any]) -> float | None:
    """Seconds of numpy's search."""
    found = [row["seconds"] for row in facts["peers"] if (row["module"], row["name"]) == YARDSTICK]
    return found[0] if found else None


def as_markdown(facts: dict[str, Any]) -> str:
    """The table, and under it what was measured."""
    numpy_seconds = yardstick(facts)
    rows = [_cells(row, numpy_seconds) for row in facts["peers"]]
    notes = [f"{row['name']}: {row['note']}." for row in facts["peers"] if row["note"]]
    described = (
        f"{facts['panel']}: {facts['stockouts']:,} stockouts with candidates, {facts['pairs']:,} pairs, the 20 nearest "
        f"by the metric of `configs/original.yaml`. Medians of {facts['rounds']} processes x {facts['searches']} "
        f"searches each. Polars {facts['versions']['polars']}, "
        f"{told_circumstances(facts)}"
    )
    return "\n\n".join([markdown.table(HEADER, rows), described, *notes])


def _cells(row: dict[str, Any], numpy_seconds: float | None) -> list[str]:
    digits = 2 if row["seconds"] < 100 else 0
    apart = row["tolerances_apart"]
    agrees = "different metric" if apart is None else "yes" if isinstance(apart, float) and apart <= 1 else "NO"
    return [
        row["name"],
        f"{row['seconds']:,.{digits}f}",
        f"{row['seconds'] / numpy_seconds:,.2f}" if numpy_seconds else "-",
        f"{row['set_up']:.2f}",
        f"{row['cpu']:,.{digits}f}",
        f"{row['peak']:,.0f}",
        f"{row['extra']:,.0f}",
        row["threads"],
        agrees,
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, keep the result and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="fresh processes per peer (default: 5)")
    parser.add_argument("--searches", type=int, default=3, help="searches in each process (default: 3)")
    parser.add_argument("--only", nargs="*", default=[], metavar="MODULE", help="some of benchmarks/searches")
    parser.add_argument("--skus", type=int, help="a demo panel of this size (default: VN2 where it is there)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead")
    options = parser.parse_args(arguments)
    facts = measure(options.skus, options.only, rounds=options.rounds, searches=options.searches)
    if not options.only and options.skus is None:
        save(NAME, facts)
    print(json.dumps(facts) if options.json else as_markdown(facts))
    return int(any("NO" in _cells(row, None) for row in facts["peers"]))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
