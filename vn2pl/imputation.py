"""Running the plan: features once, then shard after shard of target seasons, each a lazy plan of its own."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, Protocol

import polars as pl

from . import queries
from .queries.names import KEY, QUANTILE, RANK, TARGET_SEASON
from .queries.workload import PAIRS, STOCKOUTS, workload

Engine = Literal["auto", "streaming", "in-memory"]
PAIRS_PER_SHARD = 8_000_000


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


class Search(NamedTuple):
    """Collected sides of the join, ready to be searched shard by shard."""

    prepared: queries.Prepared
    shards: list[Shard]
    settings: queries.Settings
    engine: Engine


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

    def wanted(found: queries.Found) -> list[pl.LazyFrame]:
        return [found.sips, found.outcomes, *([found.neighbours] if with_neighbours else [])]

    sips, outcomes, *neighbours = run(search, wanted, report=report)
    imputed = queries.imputed(observed, outcomes.lazy()).collect(engine=actual_engine(engine))
    return Imputation(
        imputed=imputed,
        sips=sips.sort(*KEY, QUANTILE),
        summary=queries.summary(imputed.lazy()).collect(engine=actual_engine(engine)),
        neighbours=neighbours[0].sort(*KEY, RANK) if neighbours else None,
    )


def ready(features: pl.LazyFrame, settings: queries.Settings, /, *, engine: Engine = "auto") -> Search:
    """Collect features and both sides of the join, and cut the work into shards."""
    collected = features.collect(engine=actual_engine(engine)).lazy()
    sides = pl.collect_all(queries.prepare(collected, settings), engine=actual_engine(engine))
    prepared = queries.Prepared(*(side.lazy() for side in sides))
    load = workload(prepared.targets, prepared.pools).collect(engine=actual_engine(engine))
    return Search(prepared, plan_shards(load), settings, engine)


def run(
    search: Search, wanted: Callable[[queries.Found], list[pl.LazyFrame]], /, *, report: Report | None = None
) -> list[pl.DataFrame]:
    """Search all shards; returns the wanted frames, each over all shards (empty where there is no stockout)."""
    if report:
        report.planned(search.shards)
    parts = []
    for shard in search.shards or [Shard((), 0, 0)]:
        found = queries.search(search.prepared, search.settings, seasons=shard.seasons)
        parts.append(pl.collect_all(wanted(found), engine=actual_engine(search.engine)))
        if report:
            report.finished(shard)
    return [pl.concat(frames) for frames in zip(*parts, strict=True)]


def actual_engine(engine: Engine, /) -> Literal["streaming", "in-memory"]:
    """The engine that ``auto`` stands for is the streaming one: it holds fewer pairs in memory at a time."""
    return "streaming" if engine == "auto" else engine


def plan_shards(load: pl.DataFrame, /) -> list[Shard]:
    """Cut target seasons into shards of neighbouring seasons with a few million pairs each."""
    shards: list[Shard] = []
    for season, stockouts, pairs in load.select(TARGET_SEASON, STOCKOUTS, PAIRS).iter_rows():
        if shards and shards[-1].pairs + pairs <= PAIRS_PER_SHARD:
            last = shards.pop()
            shards.append(Shard((*last.seasons, season), last.stockouts + stockouts, last.pairs + pairs))
        else:
            shards.append(Shard((season,), stockouts, pairs))
    return shards
