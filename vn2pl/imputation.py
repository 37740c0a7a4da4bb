"""Running the plan: features once, then shard after shard of target seasons, each a lazy plan of its own."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

import polars as pl

from . import queries
from .queries.names import KEY, QUANTILE, RANK, TARGET_SEASON
from .queries.workload import PAIRS, STOCKOUTS, workload

Engine = Literal["auto", "streaming", "in-memory"]
PAIRS_PER_SHARD = 4_000_000


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
    used: Literal["streaming", "in-memory"] = "streaming" if engine == "auto" else engine
    features = queries.features(observed, settings).collect(engine=used)
    prepared = queries.Prepared(
        *(frame.lazy() for frame in pl.collect_all(queries.prepare(features.lazy(), settings), engine=used))
    )
    shards = plan_shards(workload(prepared.targets, prepared.pools).collect(engine=used))
    if report:
        report.planned(shards)
    found = []
    for shard in shards or [Shard((), 0, 0)]:
        frames = queries.search(prepared, settings, seasons=shard.seasons)
        wanted = [frames.sips, frames.outcomes, *([frames.neighbours] if with_neighbours else [])]
        found.append(pl.collect_all(wanted, engine=used))
        if report:
            report.finished(shard)
    sips, outcomes, *neighbours = (pl.concat(parts) for parts in zip(*found, strict=True))
    imputed = queries.imputed(observed, outcomes.lazy()).collect(engine=used)
    return Imputation(
        imputed=imputed,
        sips=sips.sort(*KEY, QUANTILE),
        summary=queries.summary(imputed.lazy()).collect(engine=used),
        neighbours=neighbours[0].sort(*KEY, RANK) if neighbours else None,
    )


def plan_shards(load: pl.DataFrame) -> list[Shard]:
    """Cut target seasons into shards of neighbouring seasons with a few million pairs each."""
    shards: list[Shard] = []
    for season, stockouts, pairs in load.select(TARGET_SEASON, STOCKOUTS, PAIRS).iter_rows():
        if shards and shards[-1].pairs + pairs <= PAIRS_PER_SHARD:
            last = shards.pop()
            shards.append(Shard((*last.seasons, season), last.stockouts + stockouts, last.pairs + pairs))
        else:
            shards.append(Shard((season,), stockouts, pairs))
    return shards
