"""How SKU-weeks of known expected demand compare, and how the sales of one become demand of another.

Neighbours are SKU-weeks of like expected demand, week index, shape (dispersion, weeks without sales, odd counts),
regularity of peers and kind; their sales count in proportion to expected demand. Of a SKU with little history they are
sought farther away, and the distribution is wider. Where little is expected a smooth law of counts stands beside them.
"""

from collections.abc import Sequence

import msgspec
import polars as pl

from ..bounds import CellWidth, Count, Exponent, Factor, FewSteps, Neighbours, NonNegative, Part, Positive, Share
from ..names import KIND, OWN_WEEKS, SALES, of_donor, of_recipient
from .base import Gap
from .shape import Shape

STEPS = 2**13
FARTHEST = 2**14 - 1
BOUNDED = ("zero_share", "week_index", "odd_share", "peer_regularity")


class Metric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Weights of the absolute differences whose sum is the distance; ``kind`` counts where kinds are not the same."""

    expected_demand: NonNegative = 1.0
    dispersion: NonNegative = 0.3
    zero_share: NonNegative = 0.7
    week_index: NonNegative = 0.2
    odd_share: NonNegative = 0.8
    peer_regularity: NonNegative = 0.35
    kind: NonNegative = 0.1


class Comparison(Shape, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The constants of metric and law, over own_weeks, expected_demand, relative_sales, kind and what is compared."""

    metric: Metric = Metric()
    cell_width: CellWidth = 0.1
    candidate_min_weeks: Count = 2
    rescale_offset: Positive = 0.05
    pool_share: Part = 0.3
    fewest_neighbours: Neighbours = 100
    bounded_neighbours: Factor = 2.0
    settled_weeks: Count = 8
    unsettled_neighbours: Factor = 1.3
    unsettled_spread: Exponent = 0.6
    count_share: Share = 0.4
    count_limit: FewSteps = 30.0

    def kind(self) -> pl.Expr:
        return pl.col(KIND)

    def is_donor(self) -> pl.Expr:
        """Sales beside an expected demand that does not know the SKU tell of the SKU, not of the week."""
        return pl.col(OWN_WEEKS) > 0

    def has_history(self) -> pl.Expr:
        return pl.col(OWN_WEEKS) >= self.candidate_min_weeks

    def cell(self) -> pl.Expr:
        return (_log_expected() / self.cell_width).floor().cast(pl.Int32)

    @property
    def distance_unit(self) -> float:
        """Fine enough to tell apart what matters, and so coarse that most coordinates fit into 16 bits."""
        return (max(msgspec.structs.astuple(self.metric)) or 1.0) / STEPS

    def coordinates(self) -> Sequence[pl.Expr]:
        """Whole numbers, so that equal situations have equal distances and order does not hang on the last digit; and
        narrow ones, which are compared in less time. Shares and indices end at twice the largest weight, so that the
        difference of two is an Int16 as well; logs of units have no end."""
        weights: dict[str, float] = msgspec.structs.asdict(self.metric)

        def steps(value: pl.Expr, weight: str) -> pl.Expr:
            return (value * (weights[weight] / self.distance_unit)).round()

        return (
            steps(_log_expected(), "expected_demand").cast(pl.Int32).alias("log_expected_demand"),
            steps(pl.col("dispersion"), "dispersion").cast(pl.Int32),
            *(steps(pl.col(name), name).clip(-FARTHEST, FARTHEST).cast(pl.Int16).alias(name) for name in BOUNDED),
            pl.col(KIND),
        )

    def scales(self) -> Sequence[pl.Expr]:
        return ()

    def parts(self, gap: Gap, /) -> Sequence[pl.Expr]:
        names = [expression.meta.output_name() for expression in self.coordinates()]
        of_kind = pl.lit(round(self.metric.kind / self.distance_unit), dtype=pl.Int32)
        unlike = pl.when(gap(KIND) > 0).then(of_kind).otherwise(pl.lit(0, dtype=pl.Int32))
        return [unlike.alias(name) if name == KIND else gap(name).cast(pl.Int32).alias(name) for name in names]

    def sorting(self) -> Sequence[str]:
        return ()

    def demand(self) -> pl.Expr:
        return pl.col(of_donor("relative_sales")) * self._offset(pl.col(of_recipient("expected_demand")))

    def _offset(self, expected_demand: pl.Expr) -> pl.Expr:
        return expected_demand + self.rescale_offset

    def relative_sales(self) -> pl.Expr:
        """Sales in proportion to what was expected."""
        return pl.col(SALES) / self._offset(pl.col("expected_demand"))

    def weight(self) -> pl.Expr:
        return 1.05 - (pl.col("distance") / (pl.col("farthest") + 1e-9)).pow(2)

    def k_factor(self) -> pl.Expr:
        """Where something was sold, only the neighbours that would have sold as much count in the end."""
        unsettled = pl.when(self._is_unsettled()).then(self.unsettled_neighbours).otherwise(1.0)
        return pl.when(pl.col(SALES) > 0).then(self.bounded_neighbours).otherwise(unsettled)

    def allow_thinning(self) -> pl.Expr:
        """Of a SKU with little history it is uncertain who is near, so that the nearest are too much of a kind."""
        return self._is_unsettled() & (pl.col(SALES) == 0)

    def _is_unsettled(self) -> pl.Expr:
        return pl.col(OWN_WEEKS) < self.settled_weeks

    def log_spread(self) -> pl.Expr:
        """Of a SKU with little history the level itself is uncertain, beyond what its neighbours show."""
        return self.unsettled_spread * self.unsettled()

    def unsettled(self) -> pl.Expr:
        """From 1 without any own weeks to 0 from ``settled_weeks`` on."""
        return (1 - pl.col(OWN_WEEKS) / self.settled_weeks).clip(lower_bound=0.0)

    def nb_mean(self) -> pl.Expr:
        return pl.col("expected_demand")

    def nb_weight(self, mean: pl.Expr) -> pl.Expr:
        """Small counts follow a law that some hundred neighbours show only roughly."""
        return self.count_share * (1 - mean / self.count_limit).clip(lower_bound=0.0)


def _log_expected() -> pl.Expr:
    return (pl.col("expected_demand") + 0.3).log()
