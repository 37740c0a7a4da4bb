"""The profile: its parameters, and what it makes of a panel."""

from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

import msgspec
import polars as pl
from msgspec.structs import replace

from ...bounds import Attributes, Count, HalfLife, Positive
from ...names import KIND, LEVEL_SOURCE, OWN_WEEKS, group_of
from ..base import CandidateWeeks
from ..comparison import Comparison
from ..shape import regularity, regularity_of_others
from .cells import SIDES, attributes_of, cells
from .cold_level import cold_level
from .features import PARTS
from .fit import Ridge
from .levels import history
from .model import BASE, EXPECTED, Model, expectation

FEATURES = (
    OWN_WEEKS,
    LEVEL_SOURCE,
    "cold_level",
    BASE,
    "usual_level",
    *PARTS[1:],
    "dispersion",
    "zero_share",
    "odd_share",
    "peer_regularity",
    EXPECTED,
    "relative_sales",
    KIND,
)


HalfLives = Annotated[tuple[HalfLife, ...], msgspec.Meta(min_length=2, max_length=2)]


class Learning(NamedTuple):
    """Features, and what they rest on: ``coefficients`` has week (Date, Monday), feature (String), prior, coefficient,
    standard_error and prior_weight (Float64), the share of the prior in what is known of it."""

    features: pl.LazyFrame
    coefficients: pl.LazyFrame


class Learnt(Comparison, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left to choose where a panel teaches the rest. Half-lives count in weeks.

    Without ``learn`` the coefficients stay what they are beforehand. ``attributes`` are the columns that describe SKUs;
    ``null``: the first ``most_attributes`` of texts, categories or whole numbers, of which the first makes SKUs peers
    and of one kind, unless ``peer_regularity_by`` and ``kind_by`` say otherwise. They make at most ``most_cells``
    groups of SKUs that tell of one another. ``half_lives`` are of the levels of late, ``drift_half_lives`` of where the
    weeks have been going. What is known beforehand counts for ``prior_rows`` SKU-weeks and ``prior_weeks`` weeks.
    """

    learn: bool = True
    attributes: Attributes | None = None
    most_attributes: Count = 6
    most_cells: Count = 24
    half_lives: HalfLives = (2.0, 12.0)
    drift_half_lives: tuple[HalfLife, ...] = (1.0, 8.0)
    prior_rows: Positive = 30.0
    prior_weeks: Positive = 2.0

    def groupings(self, schema: Mapping[str, pl.DataType], /) -> Sequence[Attributes]:
        """Store, Product, and each attribute; of two that make SKUs peers, one code."""
        attributes = self._attributes(schema)
        its = self._within(attributes)
        singles = [(name,) for name in attributes]
        return [*SIDES, *singles, *(by for by in (its.peer_regularity_by, its.kind_by) if by)]

    @property
    def always_looks_ahead(self) -> bool:
        return False

    def features(self, panel: pl.LazyFrame, /, *, candidate_weeks: CandidateWeeks) -> pl.LazyFrame:
        """The panel with cold_level (log), long_run_level, usual_level, expected_demand (demand units), week_index,
        drift, year_away (log factors of expected demand), zero_share, odd_share, peer_regularity, dispersion (log) and
        relative_sales (to what was expected), all Float64; own_weeks (UInt32); level_source (String); and kind (Int32,
        a number for each kind of SKU)."""
        return self.learnt(panel, candidate_weeks=candidate_weeks).features

    def coefficients(self, panel: pl.LazyFrame, /, *, candidate_weeks: CandidateWeeks) -> pl.LazyFrame:
        return self.learnt(panel, candidate_weeks=candidate_weeks).coefficients

    def learnt(self, panel: pl.LazyFrame, /, *, candidate_weeks: CandidateWeeks) -> Learning:
        """What a panel teaches."""
        both_sides, schema = candidate_weeks == "all", panel.collect_schema()
        attributes = self._attributes({name: dtype for name, dtype in schema.items() if group_of((name,)) in schema})
        its, groups = self._within(attributes), cells(panel, attributes, at_most=self.most_cells)
        codes = {group_of(by) for by in self.groupings(schema)}
        model = Model(
            cells=groups,
            half_lives=self.half_lives,
            drift_half_lives=self.drift_half_lives,
            settled_weeks=self.settled_weeks,
            ridge=Ridge(self.prior_rows, self.prior_weeks) if self.learn else None,
            both_sides=both_sides,
        )
        expected = (
            panel.pipe(history, half_lives=self.half_lives, both_sides=both_sides)
            .pipe(cold_level, groups, settled_weeks=self.settled_weeks)
            .pipe(expectation, model)
        )
        features = (
            expected.panel.with_columns(
                *its.shape(pl.col(BASE), both_sides=both_sides), *regularity(pl.col("usual_level"))
            )
            .with_columns(regularity_of_others(its.peer_regularity_by or ()))
            .with_columns(
                its.peer_regularity(both_sides=both_sides).alias("peer_regularity"),
                its.relative_sales().alias("relative_sales"),
                its.kind_of_sku().alias(KIND),
            )
            .select(*(name for name in schema.names() if name not in codes), *FEATURES)
        )
        return Learning(features, expected.coefficients)

    def _attributes(self, schema: Mapping[str, pl.DataType]) -> Attributes:
        if self.attributes is None:
            return attributes_of(schema, at_most=self.most_attributes)
        return tuple(name for name in self.attributes if name in schema)

    def _within(self, attributes: Attributes) -> "Learnt":
        """SKUs with the same first attribute are peers and of one kind, unless parameters say otherwise."""
        first = attributes[:1]
        kind, peers = (first if by is None else by for by in (self.kind_by, self.peer_regularity_by))
        return replace(self, kind_by=kind, peer_regularity_by=peers)
