"""A run as a value: frames by name, each computed when it is first asked for, and kept."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from typing import Literal, NamedTuple

import polars as pl

from .. import queries
from ..queries.names import KEY, QUANTILE, RANK
from . import memory
from .previous_run import EVERY, Earlier, nothing
from .shards import SILENT, Engine, Report, Search, Shard, Shelf, actual_engine, ready, run
from .stages import Findings, Stages

# By then all is in memory, whatever the engine of the search: streaming would take longer, and more memory.
IN_MEMORY: Literal["in-memory"] = "in-memory"


class Plan(NamedTuple):
    """A stage of a run: the lazy frames that it collects together, and the engine that collects them."""

    stage: str
    frames: Mapping[str, pl.LazyFrame]
    engine: Literal["streaming", "in-memory"]


class Run:
    """An imputation of a panel, as :func:`vn2pl.impute` gives it: its frames, computed on demand and kept.

    ``features`` costs the first stage, ``sips``, ``outcomes``, ``imputed``, ``summary`` and ``figures`` all of them;
    whatever was computed is not computed again. Neighbours are hundreds of rows for each stockout, so that they are
    kept only where ``save_neighbours`` says so, or where ``neighbours`` is what is asked for first; else they cost a
    second search. ``coefficients``, where a profile learns any, are fitted apart from the features.

    ``earlier`` tells what of an earlier run in the output folder was used.
    """

    def __init__(
        self,
        panel: pl.DataFrame,
        config: queries.Settings,
        /,
        *,
        save_neighbours: bool = False,
        ignore_memory: bool = False,
        engine: Engine = "auto",
        report: Report = SILENT,
        source: str = "panel",
        earlier: Earlier | None = None,
        found_earlier: Callable[[], Findings | None] = lambda: None,
        shelf: Callable[[Search], Shelf | None] = lambda _: None,
    ) -> None:
        """``source`` is what messages call the panel, ``found_earlier`` gives what ``earlier`` says is there, or None
        where it is gone, and ``shelf`` a place for shards of a search that are done."""
        self.panel, self.config = panel, config
        self.earlier = earlier or nothing("")
        self.has_neighbours = save_neighbours
        self.stages = Stages(panel, config, self.earlier.since)
        self._anew = partial(
            Run, panel, config, ignore_memory=ignore_memory, engine=engine, report=report, source=source
        )
        self._ignores_memory, self._engine, self._report, self._source = ignore_memory, engine, report, source
        self._found_earlier, self._shelf = found_earlier, shelf

    @cached_property
    def features(self) -> pl.DataFrame:
        """What the profile knows of every SKU-week: one row per row of the panel."""
        return self.stages.features().collect(engine=actual_engine(self._engine))

    @cached_property
    def coefficients(self) -> pl.DataFrame | None:
        """What the features rest on, week by week, where the profile learns (see ``queries.coefficients``)."""
        fitted = queries.coefficients(self.panel.lazy(), self.config)
        return None if fitted is None else fitted.collect(engine=actual_engine(self._engine))

    @cached_property
    def search(self) -> Search:
        """Both sides of the join, in memory, cut into shards; nothing is searched."""
        return ready(self.stages.match(self.features), self.config, engine=self._engine)

    @property
    def sips(self) -> pl.DataFrame:
        """Each stockout's distribution of demand: Store, Product, week, quantile, value (units)."""
        return self._findings.sips

    @property
    def outcomes(self) -> pl.DataFrame:
        """What came of each stockout: its median and what stands behind it, as in ``queries.Found``."""
        return self._findings.outcomes

    @cached_property
    def neighbours(self) -> pl.DataFrame:
        """Each stockout's neighbours (see :func:`vn2pl.neighbours`); a search of its own where others were first."""
        if "_findings" not in self.__dict__:
            self.has_neighbours = True
        found = self._findings.neighbours
        return self._searched_again().neighbours if found is None else found

    @cached_property
    def imputed(self) -> pl.DataFrame:
        """The panel with medians in place of censored sales, and what stands behind each: ``queries.imputed_panel``."""
        return self.stages.fill(self.outcomes).collect(engine=IN_MEMORY)

    @cached_property
    def summary(self) -> pl.DataFrame:
        """The figures: metric, value (see ``queries.summary_figures``)."""
        return self.stages.summarise(self.imputed).collect(engine=IN_MEMORY)

    @cached_property
    def figures(self) -> Mapping[str, float | None]:
        """The summary as a mapping; of an earlier run that is current it needs no other frame."""
        current = self.earlier.record if self.earlier.is_current else None
        return dict(self.summary.iter_rows()) if current is None else current.summary

    @property
    def computed(self) -> int:
        """Stockouts that no earlier run had done."""
        return 0 if self.earlier.since == EVERY else self.search.stockouts

    def estimate(self) -> memory.Estimate:
        """The memory that the search will need."""
        neighbours = self.search.neighbours() if self.has_neighbours else 0
        return memory.estimate(rows=self.panel.height, pairs_at_once=self.search.pairs_at_once, neighbours=neighbours)

    def plans(self) -> Iterator[Plan]:
        """The stages in order, as they are collected. Features and both sides are computed, but nothing is searched."""
        stages, sides, streaming = self.stages, self.search.prepared, actual_engine(self._engine)
        yield Plan("Features", {"features": stages.features()}, streaming)
        yield Plan("Match: both sides of the join, and pools", stages.match(self.features)._asdict(), streaming)
        first = (self.search.shards or [Shard((), 0, 0)])[0]
        found = stages.search(sides, first.seasons, with_neighbours=self.has_neighbours)
        names = ("quantiles", "neighbours")
        yield Plan(f"Search: {_told(first)}", dict(zip(names, found, strict=False)), streaming)
        sips, outcomes = stages.publish(sides, found[0].collect_schema().to_frame())
        yield Plan("Publish: SIPs and outcomes", {"sips": sips, "outcomes": outcomes}, streaming)
        imputed = stages.fill(outcomes.collect_schema().to_frame())
        yield Plan("Publish: the imputed panel", {"imputed": imputed}, IN_MEMORY)
        summary = stages.summarise(imputed.collect_schema().to_frame())
        yield Plan("Publish: the summary", {"summary": summary}, IN_MEMORY)

    def forget_features(self) -> None:
        """Let go of the features, which take as much memory as the panel; they are computed again when asked for."""
        self.__dict__.pop("features", None)

    @cached_property
    def _findings(self) -> Findings:
        before = None if self.earlier.since is None else self._found_earlier()
        if self.earlier.since is not None and before is None:
            return self._anew(save_neighbours=self.has_neighbours)._findings
        parts = [] if self.earlier.since == EVERY else [self._searched()]
        return _together([*parts, *([before] if before else [])])

    def _searched_again(self) -> "Run":
        """A run with neighbours, which starts from both sides of the join where these are of all stockouts."""
        again = self._anew(save_neighbours=True)
        if self.earlier.since is None:
            again.search = self.search
        return again

    def _searched(self) -> Findings:
        """Search all shards but those on the shelf. SIPs and outcomes are made once for all of them."""
        search = self.search
        if not self._ignores_memory:
            memory.require(self.estimate(), source=self._source)
        plan = partial(self.stages.search, search.prepared, with_neighbours=self.has_neighbours)
        quantiles, *neighbours = run(search, plan, report=self._report, shelf=self._shelf(search))
        told = self.stages.publish(search.prepared, quantiles)
        return Findings(*pl.collect_all(told, engine=actual_engine(self._engine)), *neighbours)


def _together(parts: list[Findings]) -> Findings:
    """What was found for disjoint sets of stockouts."""
    neighbours = [part.neighbours for part in parts if part.neighbours is not None]
    return Findings(
        sips=parts[0].sips if len(parts) == 1 else pl.concat(part.sips for part in parts).sort(*KEY, QUANTILE),
        outcomes=pl.concat(part.outcomes for part in parts),
        neighbours=pl.concat(neighbours).sort(*KEY, RANK) if neighbours else None,
    )


def _told(shard: Shard) -> str:
    seasons = f"{shard.seasons[0]} to {shard.seasons[-1]}" if shard.seasons else "none"
    return f"a shard of {shard.stockouts:,} stockouts, ISO weeks {seasons}"
