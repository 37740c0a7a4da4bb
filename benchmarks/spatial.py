"""The neighbours of the default profile by vn2pl and by k-d trees, exact and approximate, on the same coordinates.

Its distance is a plain sum of differences, what a k-d tree is made for. A tree holds the candidates of a target week,
all that its season window lets in, and a second one the half of them that SKUs with little history make do with; vn2pl
also looks only into the cells around the target. On large panels the trees search every few target weeks only, and
their seconds are multiplied by the stockouts left out.

python -m benchmarks.spatial --skus 5990 --every 20
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from . import markdown
from .data import observed, panel_name
from .measure import Clock, Cost, circumstances, in_fresh_process, save, told_circumstances, watched_load
from .searches.plan import neighbours_in_shards

NAME = "spatial"
HEADER = ("search", "seconds", "CPU seconds", "times vn2pl")
PLAN = "vn2pl: cells, sampled bound"
TREES = {"k-d tree per target week": 0.0, "the same, distances up to 1.5 times the true ones": 0.5}
WORKERS = 2


def measure(skus: int | None, *, every: int) -> dict[str, Any]:
    """The plan and each tree, in fresh processes."""
    facts: dict[str, Any] = {"panel": panel_name(skus), "every": every}
    with watched_load(facts):
        rows = {PLAN: in_fresh_process(_plan, skus)}
        rows |= {name: in_fresh_process(_trees, skus, every, slack) for name, slack in TREES.items()}
    facts["searches"] = {name: cost._asdict() for name, cost in rows.items()}
    return facts | circumstances("scipy")


def _ready(skus: int | None) -> Any:
    import vn2pl

    return vn2pl.impute(observed(skus)).search


def _plan(skus: int | None) -> Cost:
    ready = _ready(skus)
    with Clock() as clock:
        neighbours_in_shards(ready.prepared, ready.settings)
    return clock.cost


def _trees(skus: int | None, every: int, slack: float) -> Cost:
    import polars as pl

    from vn2pl.queries.donors import deduplicated
    from vn2pl.queries.names import (
        HAS_HISTORY,
        PERIOD,
        RECIPIENT,
        RECIPIENT_PERIOD,
        REPRESENTATIVE,
        THINNED,
        USE_THINNED,
        K,
    )
    from vn2pl.queries.profiles.expected import KIND

    ready = _ready(skus)
    targets, candidates = ready.prepared.recipients, ready.prepared.donors.filter(HAS_HISTORY)
    firsts = targets.join(
        deduplicated(targets).filter(pl.col(RECIPIENT) == pl.col(REPRESENTATIVE)), on=RECIPIENT, how="semi"
    ).collect()
    profile = ready.settings.definition
    steps = {expression.meta.output_name(): 1 for expression in profile.coordinates()}
    steps[KIND] = round(profile.metric.kind / profile.distance_unit)
    lent = candidates.select(PERIOD, THINNED, *_coordinates("donor", steps)).collect()
    weeks = firsts[RECIPIENT_PERIOD].unique().sort()
    searched = firsts.filter(pl.col(RECIPIENT_PERIOD).is_in(weeks.gather_every(every).to_list()))
    tree = import_module("scipy.spatial").cKDTree
    with Clock() as clock:
        for (week, halved), own in searched.partition_by(RECIPIENT_PERIOD, USE_THINNED, as_dict=True).items():
            apart = (lent[PERIOD].to_numpy() - week).astype(np.int64)
            season = ready.settings.season_window
            near = (apart < 0) & (np.abs((apart + 26) % 52 - 26) <= season)
            pool = lent.filter(near).filter(THINNED if halved else True).drop(PERIOD, THINNED).to_numpy()
            if len(pool):
                _query(tree(pool), own, steps, slack, K)
    factor = firsts.height / searched.height
    return clock.cost._replace(wall=clock.cost.wall * factor, cpu=clock.cost.cpu * factor)


def _coordinates(side: str, steps: Mapping[str, int]) -> Iterator[Any]:
    """In steps of distance; to a tree, kinds are as far apart as their numbers."""
    import polars as pl

    return (pl.col(f"{side}_{name}").cast(pl.Float64) * step for name, step in steps.items())


def _query(tree: Any, own: Any, steps: Mapping[str, int], slack: float, sought: str) -> None:
    for (count,), asked in own.partition_by(sought, as_dict=True).items():
        points = asked.select(_coordinates("recipient", steps)).to_numpy()
        tree.query(points, k=min(count, tree.n), p=1, eps=slack, workers=WORKERS)


def as_markdown(facts: dict[str, Any]) -> str:
    """The table, and under it what was measured."""
    base = facts["searches"][PLAN]["wall"]
    rows = [
        [name, f"{cost['wall']:.2f}", f"{cost['cpu']:.2f}", f"{cost['wall'] / base:.1f}"]
        for name, cost in facts["searches"].items()
    ]
    sampled = f" Trees searched every {facts['every']}th target week." if facts["every"] > 1 else ""
    described = (
        f"{facts['panel']}, default profile, 300 or 390 neighbours; building the trees counts.{sampled} "
        f"{told_circumstances(facts)}"
    )
    return "\n\n".join([markdown.table(HEADER, rows), described])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, keep the result and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skus", type=int, help="a demo panel of this size (default: VN2 where it is there)")
    parser.add_argument("--every", type=int, default=1, help="trees search every so many target weeks (default: 1)")
    options = parser.parse_args(arguments)
    facts = measure(options.skus, every=options.every)
    save(NAME if options.skus is None else f"{NAME}-{options.skus}", facts)
    print(as_markdown(facts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
