"""Running the plan: features once, then shards of target seasons, each a lazy plan of its own, two at a time."""

import math
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from typing import Literal, NamedTuple, Protocol, TypeVar

import polars as pl

from .. import queries
from ..queries.names import KEY, QUANTILE, RANK, RECIPIENT_SEASON, K
from ..queries.workload import PAIRS, STOCKOUTS, work_by_season

Engine = Literal["auto", "streaming", "in-memory"]
PAIRS_PER_SHARD = 24_000_000
PAIRS_WORTH_CUTTING = 0.1
SHARDS_AT_ONCE = 2


T = TypeVar("T")


class Shard(NamedTuple):
    """Target seasons that are searched together, and how many stockouts and pairs they have."""

    seasons: tuple[int, ...]
    stockouts: int
    pairs: int


class Report(Protocol):
    """Hears how a search goes on."""

    def planned(self, shards: Sequence[Shard]) -> None:
        """The shards that are about to be searched."""

    def finished(self, shard: Shard) -> None:
        """One of them is done."""


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
        return self.prepared.recipients.select(pl.col(K).cast(pl.Int64).sum()).collect().item() or 0


class Findings(NamedTuple):
    """What was found for stockouts, as in ``queries.Found``, sorted; neighbours only where they were asked for."""

    sips: pl.DataFrame
    outcomes: pl.DataFrame
    neighbours: pl.DataFrame | None = None


class Imputation(NamedTuple):
    """The frames of a run, as published; neighbours only where they were asked for."""

    imputed: pl.DataFrame
    sips: pl.DataFrame
    summary: pl.DataFrame
    neighbours: pl.DataFrame | None


def impute(
    observed: pl.LazyFrame,
    settings: queries.Settings,
    /,
    *,
    engine: Engine = "auto",
    with_neighbours: bool = False,
    report: Report | None = None,
) -> Imputation:
    """Impute every stockout of a checked panel (columns Store, Product, week, sales, in_stock and attributes).

    ``report`` hears of the shards before the first is searched, and of each when it is done.
    """
    search = ready(queries.features(observed, settings), settings, engine=engine)
    return published(observed, [find(search, with_neighbours=with_neighbours, report=report)])


def ready(
    features: pl.LazyFrame, settings: queries.Settings, /, *, engine: Engine = "auto", since: date | None = None
) -> Search:
    """Collect features and both sides of the join, of stockouts from a week on or all, and cut the work into shards."""
    collected = features.collect(engine=actual_engine(engine)).lazy()
    sides = pl.collect_all(queries.prepare(collected, settings, since=since), engine=actual_engine(engine))
    prepared = queries.Prepared(*(side.lazy() for side in sides))
    load = work_by_season(prepared.recipients).collect(engine=actual_engine(engine))
    return Search(prepared, plan_shards(load), settings, engine)


def find(
    search: Search, /, *, with_neighbours: bool = False, report: Report | None = None, shelf: Shelf | None = None
) -> Findings:
    """Search all shards but those on the shelf, which keeps each that is done."""

    def wanted(found: queries.Found) -> list[pl.LazyFrame]:
        return [found.quantiles, *([found.neighbours] if with_neighbours else [])]

    # Sorted and named once for all shards, and not in the plan of each: to plan takes as long as to run these.
    quantiles, *neighbours = run(search, wanted, report=report, shelf=shelf)
    told = queries.published(quantiles.lazy(), search.prepared, search.settings)
    return Findings(*pl.collect_all(told, engine=actual_engine(search.engine)), *neighbours)


def published(observed: pl.LazyFrame, findings: Sequence[Findings], /) -> Imputation:
    """The frames of a run, from what was found for disjoint sets of stockouts that are all of the panel's.

    All of it is in memory by now, whatever the engine of the search: streaming would take longer, and more memory.
    """
    outcomes = pl.concat([found.outcomes for found in findings])
    neighbours = [found.neighbours for found in findings if found.neighbours is not None]
    imputed = queries.imputed_panel(observed, outcomes.lazy()).collect(engine="in-memory")
    sips = findings[0].sips if len(findings) == 1 else pl.concat(found.sips for found in findings).sort(*KEY, QUANTILE)
    return Imputation(
        imputed=imputed,
        sips=sips,
        summary=queries.summary_figures(imputed.lazy()).collect(engine="in-memory"),
        neighbours=pl.concat(neighbours).sort(*KEY, RANK) if neighbours else None,
    )


def run(
    search: Search,
    wanted: Callable[[queries.Found], list[pl.LazyFrame]],
    /,
    *,
    report: Report | None = None,
    shelf: Shelf | None = None,
) -> list[pl.DataFrame]:
    """Search all shards; returns the wanted frames, each over all shards (empty where there is no stockout)."""
    if report:
        report.planned(search.shards)
    parts = []
    shards = search.shards or [Shard((), 0, 0)]
    with closing(side_by_side(shards, lambda shard: _searched(search, wanted, shard, shelf))) as found:
        for shard, frames in found:
            parts.append(frames)
            if report:
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


def _searched(
    search: Search, wanted: Callable[[queries.Found], list[pl.LazyFrame]], shard: Shard, shelf: Shelf | None
) -> list[pl.DataFrame]:
    if shelf and (kept := shelf.load(shard)) is not None:
        return kept
    found = queries.search(search.prepared, search.settings, seasons=shard.seasons)
    frames = pl.collect_all(wanted(found), engine=actual_engine(search.engine))
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
