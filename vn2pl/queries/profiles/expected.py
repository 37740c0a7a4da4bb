"""Profile ``expected``: compare and rescale SKU-weeks by the demand that was to be expected of them.

The expected demand of a SKU-week is a closed form. It starts from the SKU's *level*, a decayed mean of its own in-stock
weeks, shrunk to their plain mean, the *long-run level*, and that to a *cold level* that the product, its group, its
department and its store suggest; the *recent level*, of a shorter half-life, draws it to itself. It is moved by the
*week index*: what the other in-stock SKUs of the same product, store, ... sold in the same week relative to their
levels. Levels are estimated twice, the second time with the week index as exposure, so that they are deseasonalised.
Two residuals correct it where the SKU itself sells little: the *drift* of its peers, who lately sold more or less than
their levels, and what the SKU sold a *year ago* against what was expected of it then. A SKU without enough history of
its own gets a small markup.

Neighbours and what they lend: see ``comparison``.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import msgspec
import polars as pl
from msgspec.structs import replace

from ..bounds import Attributes, Count, Exponent, HalfLife, Positive, Slope
from ..names import IN_STOCK, KIND, LEVEL_SOURCE, OWN_WEEKS, PERIOD, SALES, SKU_CODE, group_of
from ..packing import key_of
from ..sums import added, age, decayed_sum, in_steps, number_of_others, sum_of_others
from .base import CandidateWeeks
from .comparison import Comparison
from .history import FIRST_SALES, LEAST_SHARE, OBSERVED, first_sales, least_level
from .shape import regularity, regularity_of_others

LARGEST_LOG = 50.0
EXPOSURE = "exposure"
MOMENT = "moment"
YEAR, MARGIN = 52, 1
WEIGHTED = ("weighted_sales", "weighted_level")


class IndexCell(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of SKUs whose sales in a week tell of that week, and its weight in the week index."""

    by: Attributes
    weight: Exponent


class Peers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """SKUs with the same attributes and at least ``min_weeks`` in-stock weeks, and how many of them the wider circle
    counts for, where there is anyone in that."""

    by: Attributes
    prior: Positive = 1.0
    min_weeks: Count = 8


class Drift(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of SKUs whose sales in other weeks, the near ones above all, tell where demand is going.

    ``half_life`` in weeks; both sides of the ratio are raised by ``prior_units``; ``exponent`` is that of the ratio.
    """

    by: Attributes
    half_life: HalfLife = 1.0
    prior_units: Positive = 10.0
    exponent: Exponent


class Elasticity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How expected demand follows the week index: 1 + zero_share * (z - 0.36) + level * (log level - 0.5), where a
    level counts as ``level_limit`` units at most: above it, all SKUs follow alike."""

    zero_share: Slope = 0.65
    level: Slope = 0.07
    level_limit: Positive = 200.0


FEATURES = (
    OWN_WEEKS,
    LEVEL_SOURCE,
    "cold_level",
    "long_run_level",
    "level",
    "recent_level",
    "week_index",
    "dispersion",
    "zero_share",
    "odd_share",
    "peer_regularity",
    "expected_demand",
    "relative_sales",
    KIND,
)
INDEX_CELLS = (
    IndexCell(by=("Product",), weight=0.25),
    IndexCell(by=("Division",), weight=0.20),
    IndexCell(by=("Store",), weight=0.30),
    IndexCell(by=("Store", "ProductGroup"), weight=0.25),
    IndexCell(by=("Store", "Department"), weight=0.10),
    IndexCell(by=("StoreFormat", "Department"), weight=0.30),
)
DRIFTS = (
    Drift(by=("Product", "StoreFormat"), exponent=0.30),
    Drift(by=("Product", "StoreFormat"), exponent=0.30, half_life=6.5, prior_units=3.0),
    Drift(by=("StoreFormat", "ProductGroup"), exponent=0.12),
)
COLD_PEERS = (
    Peers(by=("StoreFormat",), min_weeks=1),
    Peers(by=("Department",), prior=10.0),
    Peers(by=("ProductGroup",), prior=3.0),
    Peers(by=("Product",), prior=1.5),
)
EVERYBODY = Peers(by=(), min_weeks=1)


class Expected(Comparison, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The constants of the profile; half-lives and priors count in weeks unless a name says otherwise."""

    half_life: HalfLife = 32.0
    recent_half_life: HalfLife = 4.0
    recent_exponent: Exponent = 0.65
    level_prior_units: Positive = 8.0
    long_run_prior: Positive = 16.0
    cold_peers: tuple[Peers, ...] = COLD_PEERS
    least_level_share: Positive = LEAST_SHARE
    store_residual: Peers = Peers(by=("Store", "ProductGroup"), prior=2.0)
    store_residual_weight: Exponent = 0.9
    index_cells: tuple[IndexCell, ...] = INDEX_CELLS
    index_prior_units: Positive = 3.0
    index_level_power: Exponent = 0.3
    elasticity: Elasticity = Elasticity()
    drifts: tuple[Drift, ...] = DRIFTS
    year_ago_exponent: Exponent = 0.45
    year_ago_prior_units: Positive = 10.0
    residual_level_units: Positive = 2.0
    unsettled_markup: Exponent = 0.05
    peer_regularity_by: Attributes | None = ("ProductGroup",)
    kind_by: Attributes | None = ("Division",)

    def groupings(self, schema: Mapping[str, pl.DataType], /) -> Sequence[Attributes]:  # noqa: ARG002
        return [by for by in self._groupings() if by]

    def _groupings(self) -> Sequence[Attributes]:
        circles: tuple[IndexCell | Peers | Drift, ...] = (
            *self.index_cells,
            *self.cold_peers,
            self.store_residual,
            *self.drifts,
        )
        return (*(circle.by for circle in circles), self.peer_regularity_by or (), self.kind_by or ())

    @property
    def always_looks_ahead(self) -> bool:
        return False

    def features(self, panel: pl.LazyFrame, /, *, candidate_weeks: CandidateWeeks) -> pl.LazyFrame:
        """The panel with cold_level (log), long_run_level, level, recent_level, expected_demand (units), week_index
        (log), zero_share, odd_share, peer_regularity, dispersion (log) and relative_sales (to what was expected), all
        Float64; own_weeks (UInt32); level_source (String); and kind (Int32, a number for each kind of SKU)."""
        both_sides, columns = candidate_weeks == "all", panel.collect_schema().names()
        its, codes = self._within(columns), set(map(group_of, self._groupings()))
        return (
            panel.pipe(its._history, both_sides=both_sides)
            .pipe(its._levels, counting=True)
            .with_columns(pl.when(IN_STOCK).then(pl.col("week_index").exp()).alias(EXPOSURE))
            .with_columns(its._decayed(EXPOSURE, both_sides=both_sides))
            .pipe(its._levels, counting=False)
            .with_columns(its.shape(pl.col("long_run_level"), both_sides=both_sides))
            .pipe(its._peers)
            .with_columns(
                its.peer_regularity(both_sides=both_sides).alias("peer_regularity"),
                its._drift(both_sides=both_sides).alias("drift"),
            )
            .with_columns(its._expected_demand().alias("expected_demand"))
            .with_columns(its._corrected(pl.col("drift")))
            .pipe(its._follow_year_ago, both_sides=both_sides)
            .with_columns(
                its.relative_sales().alias("relative_sales"),
                its.kind_of_sku().alias(KIND),
            )
            .select(*(name for name in columns if name not in codes), *FEATURES)
        )

    def coefficients(self, panel: pl.LazyFrame, /, *, candidate_weeks: CandidateWeeks) -> None:
        """Nothing is learnt."""

    def _within(self, columns: Collection[str]) -> "Expected":
        """The profile as far as a panel's columns go: a grouping that needs another one is switched off, as is one that
        names none; the weight of an index cell goes to those that are left."""

        def kept(by: Attributes) -> Attributes:
            return by if group_of(by) in columns else ()

        cells = [cell for cell in self.index_cells if kept(cell.by)]
        weight_left = sum(cell.weight for cell in cells)
        scale = sum(cell.weight for cell in self.index_cells) / weight_left if weight_left else 0.0
        return replace(
            self,
            index_cells=tuple(replace(cell, weight=scale * cell.weight) for cell in cells),
            cold_peers=tuple(circle for circle in self.cold_peers if kept(circle.by)),
            drifts=tuple(drift for drift in self.drifts if kept(drift.by)),
            store_residual=replace(self.store_residual, by=kept(self.store_residual.by)),
            peer_regularity_by=kept(self.peer_regularity_by or ()),
            kind_by=kept(self.kind_by or ()),
        )

    def _history(self, panel: pl.LazyFrame, *, both_sides: bool) -> pl.LazyFrame:
        """What is known of a SKU from its in-stock weeks."""
        return (
            panel.with_columns(
                age(), pl.when(IN_STOCK).then(SALES).alias(OBSERVED), pl.when(IN_STOCK).then(1.0).alias(EXPOSURE)
            )
            .with_columns(
                *self._decayed(OBSERVED, both_sides=both_sides),
                *self._decayed(EXPOSURE, both_sides=both_sides),
                first_sales().alias(FIRST_SALES),
            )
            .with_columns(pl.col(_ever(EXPOSURE)).cast(pl.UInt32).alias(OWN_WEEKS))
        )

    def _levels(self, panel: pl.LazyFrame, *, counting: bool) -> pl.LazyFrame:
        """Levels of the SKU over its in-stock weeks, each counting by its exposure, and the week index they give.

        ``counting`` also counts who can tell of a level, which exposure does not change.
        """

        def shrunk(over: Callable[[str], str], prior: pl.Expr, weeks: pl.Expr | float) -> pl.Expr:
            return (pl.col(over(OBSERVED)) + weeks * prior) / (pl.col(over(EXPOSURE)) + weeks)

        mean = pl.col(_ever(OBSERVED)) / pl.col(_ever(EXPOSURE)).clip(lower_bound=1e-9)
        cold, long_run = pl.col("cold_level").exp(), pl.col("long_run_level")
        prior_weeks = self.level_prior_units / (long_run + 0.1)
        return (
            panel.with_columns((mean + least_level(self.least_level_share)).log().alias("log_level"))
            .pipe(self._cold_level, counting=counting)
            .with_columns(shrunk(_ever, cold, self.long_run_prior).alias("long_run_level"))
            .with_columns(
                shrunk(_of_late, long_run, prior_weeks).alias("level"),
                shrunk(_recently, long_run, prior_weeks).alias("recent_level"),
            )
            .pipe(self._add_week_index)
        )

    def _decayed(self, name: str, *, both_sides: bool) -> Iterator[pl.Expr]:
        """The sums that levels are ratios of."""
        half_lives = {_ever: math.inf, _of_late: self.half_life, _recently: self.recent_half_life}
        for over, half_life in half_lives.items():
            yield decayed_sum(pl.col(name), half_life=half_life, both_sides=both_sides).alias(over(name))

    def _cold_level(self, panel: pl.LazyFrame, *, counting: bool) -> pl.LazyFrame:
        """Log level that the other SKUs suggest: product, held against its group, its department, its store format; or
        the whole panel where there is nobody in these, so that SKUs with nothing in common change nothing. Where nobody
        else is known at all it is the SKU's own, and in the very first weeks the mean of what they sold."""
        circles = (EVERYBODY, *self.cold_peers)
        known = {_known_level(circle.min_weeks): _is_known(circle.min_weeks) for circle in circles}
        sums = {_sum(circle): sum_of_others(_known_level(circle.min_weeks), by=circle.by) for circle in circles}
        counts = {_number(circle): number_of_others(_known_level(circle.min_weeks), by=circle.by) for circle in circles}
        own, first = pl.col("log_level"), pl.col(FIRST_SALES).log()
        start = pl.when(pl.col(OWN_WEEKS) > 0).then(own).otherwise(first).alias("cold_level")
        panel = (
            panel.with_columns(
                in_steps(pl.when(is_known).then("log_level")).alias(name) for name, is_known in known.items()
            )
            .with_columns(**sums, **(counts if counting else {}))
            .with_columns(start, *([_source(circles)] if counting else []))
        )
        for position, circle in enumerate(circles):
            panel = panel.with_columns(_narrowed(circle, wider=circles[1:position]))
        return panel.pipe(self._add_store_residual)

    def _add_store_residual(self, panel: pl.LazyFrame) -> pl.LazyFrame:
        circle = self.store_residual
        if not circle.by:
            return panel
        residual = pl.when(_is_known(circle.min_weeks)).then(pl.col("log_level") - pl.col("cold_level"))
        mean = sum_of_others("residual", by=circle.by) / (number_of_others("residual", by=circle.by) + circle.prior)
        return panel.with_columns(in_steps(residual).alias("residual")).with_columns(
            pl.col("cold_level") + self.store_residual_weight * mean
        )

    def _add_week_index(self, panel: pl.LazyFrame) -> pl.LazyFrame:
        """Log index of the week: what other in-stock SKUs sold against their levels, cell by cell."""
        # Before anybody has sold anything, levels are but the prior, and sales beside them say nothing of the week.
        begun = pl.col(_number(EVERYBODY)) > 0
        importance = pl.when(begun).then((pl.col("level") + 1).pow(-self.index_level_power))
        prior = self.index_prior_units

        def index(cell: IndexCell) -> pl.Expr:
            sold, usual = (sum_of_others(name, by=cell.by) + prior for name in WEIGHTED)
            return cell.weight * (sold / usual).log()

        return panel.with_columns(
            in_steps(importance * pl.col(OBSERVED)).alias("weighted_sales"),
            in_steps(pl.when(IN_STOCK).then(importance * pl.col("level"))).alias("weighted_level"),
        ).with_columns(added(map(index, self.index_cells)).alias("week_index"))

    def _peers(self, panel: pl.LazyFrame) -> pl.LazyFrame:
        """What peers sold in the week, against their levels: units, for the drift, and weeks with sales."""
        sums = {(name, drift.by) for drift in self.drifts for name in WEIGHTED}
        return panel.with_columns(regularity(self._log_moved_level().exp())).with_columns(
            *(sum_of_others(name, by=by).alias(_others(name, by)) for name, by in sorted(sums)),
            *regularity_of_others(self.peer_regularity_by or ()),
        )

    def _drift(self, *, both_sides: bool) -> pl.Expr:
        """Log ratio of what peers sold in other weeks to their levels, the nearest weeks counting most."""

        def ratio(drift: Drift) -> pl.Expr:
            sold, usual = (
                decayed_sum(pl.col(_others(name, drift.by)), half_life=drift.half_life, both_sides=both_sides)
                + drift.prior_units
                for name in WEIGHTED
            )
            return drift.exponent * (sold / usual).log()

        return added(map(ratio, self.drifts))

    def _log_moved_level(self) -> pl.Expr:
        level, recent = ((pl.col(name) + 0.02).log() for name in ("level", "recent_level"))
        return level + self.recent_exponent * (recent - level)

    def _expected_demand(self) -> pl.Expr:
        follow = self.elasticity
        log_level = (pl.col("level").clip(upper_bound=follow.level_limit) + 0.1).log()
        elasticity = 1 + follow.zero_share * (pl.col("zero_share") - 0.36) + follow.level * (log_level - 0.5)
        markup = self.unsettled_markup * self.unsettled()
        return _bounded(self._log_moved_level() + elasticity * pl.col("week_index") + markup).exp()

    def _follow_year_ago(self, panel: pl.LazyFrame, *, both_sides: bool) -> pl.LazyFrame:
        """What the SKU sold a year away, give or take a week, against what was expected of it there.

        So few weeks hold as few in-stock rows: the next one from the first of these weeks on, and its followers.
        """
        columns, weeks = (MOMENT, OBSERVED, "expected_demand"), range(2 * MARGIN + 1)
        firsts = (-YEAR - MARGIN, YEAR - MARGIN) if both_sides else (-YEAR - MARGIN,)
        panel = panel.with_columns(key_of(pl.col(SKU_CODE), pl.col(PERIOD)).alias(MOMENT)).cache()
        known, joined = panel.filter(IN_STOCK, self.is_donor()), panel
        for first in firsts:
            joined = joined.join_asof(
                known.select(pl.col(name).shift(-n).alias(_away(name, first, n)) for name in columns for n in weeks),
                left_on=pl.col(MOMENT) + first,
                right_on=_away(MOMENT, first, 0),
                strategy="forward",
                coalesce=False,
            )

        def total(name: str) -> pl.Expr:
            return added(
                pl.when(pl.col(_away(MOMENT, first, n)) - pl.col(MOMENT) <= first + weeks[-1])
                .then(_away(name, first, n))
                .fill_null(0.0)
                for first in firsts
                for n in sorted(weeks, reverse=first < 0)
            )

        sold, expected = (total(name) + self.year_ago_prior_units for name in (OBSERVED, "expected_demand"))
        return joined.with_columns(self._corrected(self.year_ago_exponent * (sold / expected).log()))

    def _corrected(self, log_ratio: pl.Expr) -> pl.Expr:
        """Expected demand, moved the more the less the SKU itself sells: of a large one its own level says it all."""
        share = self.residual_level_units / (pl.col("level") + self.residual_level_units)
        return pl.col("expected_demand") * _bounded(share * log_ratio).exp()


PROFILE = Expected


def _is_known(min_weeks: int) -> pl.Expr:
    return pl.col(OWN_WEEKS) >= min_weeks


def _narrowed(circle: Peers, *, wider: Sequence[Peers]) -> pl.Expr:
    """Cold level, from what the wider circles say to what this one says, where it has somebody."""
    number, level = pl.col(_number(circle)), pl.col("cold_level")
    is_wider_known = pl.any_horizontal(pl.lit(False), *(pl.col(_number(other)) > 0 for other in wider))
    prior = pl.when(is_wider_known).then(circle.prior).otherwise(0.0)
    mean = (pl.col(_sum(circle)) + prior * level) / (number + prior)
    return pl.when(number > 0).then(mean).otherwise(level).alias("cold_level")


def _source(circles: Sequence[Peers]) -> pl.Expr:
    """Whose sales the level rests on: the SKU's own, else those of the narrowest circle that has somebody."""
    source = pl.lit("prior")
    for circle in circles:
        source = (
            pl.when(pl.col(_number(circle)) > 0).then(pl.lit(circle.by[-1] if circle.by else "panel")).otherwise(source)
        )
    return pl.when(pl.col(OWN_WEEKS) > 0).then(pl.lit("own")).otherwise(source).alias(LEVEL_SOURCE)


def _ever(name: str) -> str:
    return f"{name}_ever"


def _of_late(name: str) -> str:
    return f"{name}_of_late"


def _recently(name: str) -> str:
    return f"{name}_recently"


def _known_level(min_weeks: int) -> str:
    return f"level_known_for_{min_weeks}_weeks"


def _number(circle: Peers) -> str:
    return _others(f"number_{_known_level(circle.min_weeks)}", circle.by)


def _sum(circle: Peers) -> str:
    return _others(_known_level(circle.min_weeks), circle.by)


def _others(name: str, by: Sequence[str]) -> str:
    return "_".join([name, "of_others", *by])


def _away(name: str, first: int, n: int) -> str:
    return f"{name}_of_row_{n}_from_week_{first}"


def _bounded(log: pl.Expr) -> pl.Expr:
    """A logarithm whose power is a number, whatever the exponents of the profile."""
    return log.clip(-LARGEST_LOG, LARGEST_LOG)
