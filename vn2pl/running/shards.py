"""The search in shards: target seasons are cut into shards, each a lazy plan of its own, two at a time."""

import math
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Literal, NamedTuple, Protocol, TypeVar

import polars as pl

from .. import queries
from ..queries.names import CANDIDATES, RECIPIENT_SEASON, K
from ..queries.workload import PAIRS, STOCKOUTS, work_by_season

Engine = Literal["auto", "streaming", "in-memory"]
PAIRS_PER_SHARD = 24_000_000
PAIRS_WORTH_CUTTING = 0.1
SHARDS_AT_ONCE = 2

# What is collected of the stockouts of some target seasons.
Plan = Callable[[Sequence[int]], list[pl.LazyFrame]]
T = TypeVar("T")


class Shard(NamedTuple):
    """Target seasons that are searched together, and how many stockouts and pairs they have."""

    seasons: tuple[int, ...]
    stockouts: int
    pairs: int


class Report(Protocol):
    """Hears how a run goes on."""

    def say(self, text: str) -> None:
        """A step of the run begins."""

    def planned(self, shards: Sequence[Shard]) -> None:
        """The shards that are about to be searched."""

    def finished(self, shard: Shard) -> None:
        """One of them is done."""


class Silent:
    """A report that says nothing."""

    def say(self, text: str) -> None: ...

    def planned(self, shards: Sequence[Shard]) -> None: ...

    def finished(self, shard: Shard) -> None: ...


SILENT: Report = Silent()


class Shelf(Protocol):
    """Keeps what shards found, so that a run that is stopped can go on."""

    def load(self, shard: Shard) -> list[pl.DataFrame] | None:
        """The frames of a shard that was searched before, or None."""

    def save(self, shard: Shard, frames: Sequence[pl.DataFrame]) -> None:
        """Keep the frames of a shard."""


class Search(NamedTuple):
    """Collected sides of the join, ready to be searched shard by shard."""

    prepared: queries.Prepared
    shards: list[Shard]
    settings: queries.Settings
    engine: Engine

    @property
    def stockouts(self) -> int:
        """Stockouts of all shards."""
        return sum(shard.stockouts for shard in self.shards)

    @property
    def pairs(self) -> int:
        """Pairs of all shards."""
        return sum(shard.pairs for shard in self.shards)

    @property
    def pairs_at_once(self) -> int:
        """Pairs of the shards that are searched at the same time, at most."""
        return sum(sorted(shard.pairs for shard in self.shards)[-shards_at_once() :])

    def neighbours(self) -> int:
        """Neighbours that will be found, at most."""
        return (
            self.prepared.recipients.select(pl.min_horizontal(K, CANDIDATES).cast(pl.Int64).sum()).collect().item() or 0
        )


def ready(sides: queries.Prepared, settings: queries.Settings, /, *, engine: Engine = "auto") -> Search:
    """Collect both sides of the join, and cut the work into shards."""
    collected = pl.collect_all(sides, engine=actual_engine(engine))
    prepared = queries.Prepared(*(side.lazy() for side in collected))
    load = work_by_season(prepared.recipients).collect(engine=actual_engine(engine))
    return Search(prepared, plan_shards(load), settings, engine)


def run(
    search: Search,
    plan: Plan,
    /,
    *,
    report: Report = SILENT,
    shelf: Shelf | None = None,
) -> list[pl.DataFrame]:
    """Search all shards; returns the frames of the plan, each over all shards (empty where there is no stockout)."""
    report.planned(search.shards)
    parts = []
    shards = search.shards or [Shard((), 0, 0)]
    with closing(side_by_side(shards, lambda shard: _searched(search, plan, shard, shelf))) as found:
        for shard, frames in found:
            parts.append(frames)
            report.finished(shard)
    return [pl.concat(frames) for frames in zip(*parts, strict=True)]


def side_by_side(shards: Sequence[Shard], search: Callable[[Shard], T], /) -> Generator[tuple[Shard, T]]:
    """Every shard with what was found for it, in order.

    Two are searched at a time: where one has work for a single core only, the other keeps the rest busy. When the
    generator is closed early, shards under way are waited for and the others dropped.
    """
    threads = ThreadPoolExecutor(shards_at_once())
    try:
        yield from zip(shards, threads.map(search, shards), strict=True)
    finally:
        threads.shutdown(cancel_futures=True)


def shards_at_once() -> int:
    """One where Polars has one thread."""
    return min(SHARDS_AT_ONCE, pl.thread_pool_size())


def _searched(search: Search, plan: Plan, shard: Shard, shelf: Shelf | None) -> list[pl.DataFrame]:
    if shelf and (kept := shelf.load(shard)) is not None:
        return kept
    frames = pl.collect_all(plan(shard.seasons), engine=actual_engine(search.engine))
    if shelf:
        shelf.save(shard, frames)
    return frames


def actual_engine(engine: Engine, /) -> Literal["streaming", "in-memory"]:
    """The engine that ``auto`` stands for is the streaming one: it holds fewer pairs in memory at a time."""
    return "streaming" if engine == "auto" else engine


def plan_shards(load: pl.DataFrame, /) -> list[Shard]:
    """Cut target seasons into shards of neighbouring seasons: even ones, of a few million pairs each, as many as are
    searched at a time or a multiple of it, unless there is little to search."""
    total = load[PAIRS].sum()
    rounds = math.ceil(total / (SHARDS_AT_ONCE * PAIRS_PER_SHARD))
    number = rounds * SHARDS_AT_ONCE if total > PAIRS_WORTH_CUTTING * PAIRS_PER_SHARD else 1
    middle = pl.col(PAIRS).cum_sum() - pl.col(PAIRS) / 2
    cut = (
        load.group_by((middle * number / max(total, 1)).floor().alias("shard"), maintain_order=True)
        .agg(RECIPIENT_SEASON, pl.col(STOCKOUTS, PAIRS).sum())
        .select(RECIPIENT_SEASON, STOCKOUTS, PAIRS)
    )
    return [Shard(tuple(seasons), stockouts, pairs) for seasons, stockouts, pairs in cut.iter_rows()]
