"""The stages of a run, in order: what each collects, lazily, over what the stages before it left in memory."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

from .. import queries


class Findings(NamedTuple):
    """What was found for stockouts: SIPs and outcomes, as in ``queries.Found``, sorted; neighbours where wanted."""

    sips: pl.DataFrame
    outcomes: pl.DataFrame
    neighbours: pl.DataFrame | None = None


class Stages(NamedTuple):
    """The stages of a run over a checked panel, for its stockouts from a week on or for all of them."""

    panel: pl.DataFrame
    settings: queries.Settings
    since: date | None = None

    def features(self) -> pl.LazyFrame:
        """What the profile knows of every SKU-week."""
        return queries.features(self.panel.lazy(), self.settings)

    def match(self, features: pl.DataFrame) -> queries.Prepared:
        """Both sides of the join, stockouts and candidates, and the pool of candidates of each stockout."""
        return queries.prepare(features.lazy(), self.settings, since=self.since)

    def search(self, sides: queries.Prepared, seasons: Sequence[int], *, with_neighbours: bool) -> list[pl.LazyFrame]:
        """Quantiles of the stockouts of a shard and, where wanted, their neighbours."""
        found = queries.search(sides, self.settings, seasons=seasons)
        return [found.quantiles, *([found.neighbours] if with_neighbours else [])]

    def publish(self, sides: queries.Prepared, quantiles: pl.DataFrame) -> tuple[pl.LazyFrame, pl.LazyFrame]:
        """SIPs and outcomes, once for all shards: to plan them takes as long as to run them."""
        return queries.published(quantiles.lazy(), sides, self.settings)

    def fill(self, outcomes: pl.DataFrame) -> pl.LazyFrame:
        """The panel with medians in place of censored sales."""
        return queries.imputed_panel(self.panel.lazy(), outcomes.lazy())

    def summarise(self, imputed: pl.DataFrame) -> pl.LazyFrame:
        """The figures."""
        return queries.summary_figures(imputed.lazy())
