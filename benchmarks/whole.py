"""The whole command as users run it, in fresh processes, beside numpy's search of the old metric; and how it grows.

python -m benchmarks.whole --max-scale 10
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import linear_regression
from tempfile import TemporaryDirectory
from typing import Any

from . import markdown
from .data import VN2, VN2_SKUS, observed, panel_name
from .measure import (
    Cost,
    circumstances,
    command_cost,
    in_fresh_process,
    median_cost,
    save,
    told_circumstances,
    watched_load,
)
from .peers import NUMPY, run_peer
from .problem import write_table

NAME = "whole"
SCALES = (1, 3, 10, 30, 100)
COMMAND = (sys.executable, "-m", "vn2pl")
PANEL, RUN = "panel.parquet", "run.json"
HEADER = ("SKUs", "SKU-weeks", "stockouts", "seconds", "CPU seconds", "peak MB", "of it reading, imputing, writing")
LARGE = 10
FEW = 3


def impute(data: Path, out: Path) -> Cost:
    """The default command on a panel, quietly, and all of it whatever is in the folder."""
    return command_cost([*COMMAND, "impute", "--data", str(data), "--out", str(out), "--quiet", "--full"])


def beside_numpy(folder: Path, *, rounds: int) -> dict[str, Any]:
    """The command on VN2, or on the demo panel where it is missing, in turn with numpy's search of the old metric."""
    in_fresh_process(_write, folder)
    data = VN2 if VN2.exists() else folder / PANEL
    commands: list[Cost] = []
    searches: dict[str, list[Cost]] = {name: [] for _, name in NUMPY}
    for _ in range(rounds):
        commands.append(impute(data, folder / "out"))
        for module, name in NUMPY:
            searches[name] += in_fresh_process(run_peer, module, name, folder, 1).searches
    seconds = {name: median_cost(found).wall for name, found in searches.items()}
    return _figures(commands, folder / "out") | {"panel": panel_name(), "numpy_seconds": seconds}


def _write(folder: Path) -> None:
    panel = observed()
    write_table(folder, panel)
    panel.write_parquet(folder / PANEL)


def at_scale(folder: Path, scale: int, *, rounds: int) -> dict[str, Any]:
    """The command on a generated panel of so many times VN2's SKUs."""
    skus = str(scale * VN2_SKUS)
    command_cost([*COMMAND, "demo", "--skus", skus, "--out", str(folder)])
    repeats = min(rounds, FEW) if scale >= LARGE else rounds
    costs = [impute(folder / PANEL, folder / "out") for _ in range(repeats)]
    return {"scale": scale, "skus": scale * VN2_SKUS} | _figures(costs, folder / "out")


def _figures(costs: Sequence[Cost], out: Path) -> dict[str, Any]:
    facts = json.loads((out / RUN).read_text(encoding="utf-8"))
    cost = median_cost(costs)
    return {
        "rows": facts["rows"]["panel"],
        "stockouts": int(facts["summary"]["n_stockouts"]),
        "stages": facts["seconds"],
        "seconds": cost.wall,
        "fastest": min(cost.wall for cost in costs),
        "slowest": max(cost.wall for cost in costs),
        "runs": len(costs),
        "cpu": cost.cpu,
        "peak": cost.peak,
    }


def slope(points: Sequence[tuple[float, float]]) -> float | None:
    """Least-squares slope of log y over log x: 1 grows in proportion, 2 with the square."""
    if len(points) < 2:
        return None
    logs = [(math.log(x), math.log(y)) for x, y in points]
    return float(linear_regression(*zip(*logs, strict=True)).slope)


def measure(scales: Sequence[int], *, rounds: int) -> dict[str, Any]:
    """The command beside numpy, then at every scale."""
    facts: dict[str, Any] = {"rounds": rounds}
    with watched_load(facts):
        with TemporaryDirectory() as name:
            facts["default"] = beside_numpy(Path(name), rounds=rounds)
        facts["scales"] = []
        for scale in scales:
            with TemporaryDirectory() as name:
                facts["scales"].append(at_scale(Path(name), scale, rounds=rounds))
    points = facts["scales"]
    facts["slope"] = slope([(point["rows"], point["seconds"]) for point in points])
    facts["slope_of_last_two"] = slope([(point["rows"], point["seconds"]) for point in points[-2:]])
    return facts | circumstances()


def as_markdown(facts: dict[str, Any]) -> str:
    """The table, and under it what was measured."""
    default = facts["default"]
    rows = [_cells(default["panel"], default), *(_cells(f"{row['skus']:,}", row) for row in facts["scales"])]
    slopes = " and ".join(
        f"{value:.2f} ({over})"
        for value, over in ((facts["slope"], "all sizes"), (facts["slope_of_last_two"], "the last two"))
        if value is not None
    )
    described = (
        f"`vn2pl impute` with its defaults as a process of its own, start and files included; medians of "
        f"{facts['rounds']} runs ({FEW} from {LARGE} x VN2 on). In the same minutes the search of the old metric alone "
        f"took {_told_numpy(default)}. "
        f"Slope of log seconds over log size: {slopes or 'one size only'}. Polars {facts['versions']['polars']}, "
        f"{told_circumstances(facts)}"
    )
    return "\n\n".join([markdown.table(HEADER, rows), described])


def _told_numpy(default: dict[str, Any]) -> str:
    """Each precision of numpy's search, and how many times as long the whole command takes."""
    seconds = default["seconds"]
    return "; ".join(
        f"{taken:.2f} s with {name}: the whole command on VN2 takes {seconds / taken:.1f} times as long"
        for name, taken in default["numpy_seconds"].items()
    )


def _cells(name: str, row: dict[str, Any]) -> list[str]:
    stages = ", ".join(f"{row['stages'][stage]:.2f}" for stage in ("read", "impute", "write"))
    figures = f"{row['seconds']:.2f}", f"{row['cpu']:.2f}", f"{row['peak']:,.0f}"
    return [name, f"{row['rows']:,}", f"{row['stockouts']:,}", *figures, stages]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, keep the result and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--max-scale", type=int, default=10, help="largest panel, in VN2s of 599 SKUs (default: 10)")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each (default: 5)")
    options = parser.parse_args(arguments)
    facts = measure([scale for scale in SCALES if scale <= options.max_scale], rounds=options.rounds)
    save(NAME, facts)
    print(as_markdown(facts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
