"""Profile ``original``: the metric of the system that vn2pl replaces, exactly, for comparison.

It looks at a SKU's last four rows, censored or not, and at its mean over the same ISO week of every year, later
years included. It is kept to reproduce old results and to be measured against; do not order by it.
"""

from collections.abc import Mapping, Sequence

import msgspec
import polars as pl

from ..bounds import NonNegative, Positive
from ..names import IN_STOCK, LEVEL_SOURCE, OWN_WEEKS, PERIOD, SALES, SEASON, SKU_CODE, of_donor, of_recipient
from ..sums import added, exact_sum
from .base import CandidateWeeks, Gap

RECENT_ROWS = 4
MEAN, VARIATION, SEASONAL, TREND = COMPARED = ("rolling_mean_4", "rolling_cv_4", "seasonal_mean", "trend_slope")
LARGEST = 1e38


class Original(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Weights of the metric and the constant that keeps its divisions finite."""

    mean: NonNegative = 0.3
    variation: NonNegative = 0.3
    seasonal: NonNegative = 0.2
    trend: NonNegative = 0.1
    division_offset: Positive = 1e-6

    def groupings(self, schema: Mapping[str, pl.DataType], /) -> Sequence[Sequence[str]]:  # noqa: ARG002
        return ()

    @property
    def always_looks_ahead(self) -> bool:
        return True

    def features(self, panel: pl.LazyFrame, /, *, candidate_weeks: CandidateWeeks) -> pl.LazyFrame:  # noqa: ARG002
        """Adds rolling_mean_4, rolling_std_4, rolling_cv_4, seasonal_mean, trend_slope, zeros_pct (Float64), own_weeks
        (UInt32) and level_source (String); the same whatever ``candidate_weeks``."""
        recent = [pl.col(SALES).shift(lag).over(SKU_CODE, order_by=PERIOD) for lag in range(1, RECENT_ROWS + 1)]
        earlier = pl.col(IN_STOCK).cast(pl.UInt32).cum_sum().shift(1, fill_value=0)
        return (
            panel.with_columns(*(sales.alias(name) for name, sales in zip(_LAGS, recent, strict=True)))
            .with_columns(
                earlier.over(SKU_CODE, order_by=PERIOD).alias(OWN_WEEKS),
                _mean(*(pl.col(name) for name in _LAGS)).alias("rolling_mean_4"),
                _slope().alias("trend_slope"),
                _mean(*((pl.col(name) == 0).cast(pl.Float64) for name in _LAGS)).alias("zeros_pct"),
                (exact_sum(pl.col(SALES)).over(SKU_CODE, SEASON) / pl.len().over(SKU_CODE, SEASON)).alias(
                    "seasonal_mean"
                ),
            )
            .with_columns(_deviation().alias("rolling_std_4"))
            .with_columns(
                (pl.col("rolling_std_4") / (pl.col("rolling_mean_4") + 1e-9)).alias("rolling_cv_4"),
                pl.when(pl.col(OWN_WEEKS) > 0).then(pl.lit("own")).otherwise(pl.lit("panel")).alias(LEVEL_SOURCE),
            )
            .drop(_LAGS)
        )

    def coefficients(self, panel: pl.LazyFrame, /, *, candidate_weeks: CandidateWeeks) -> None:
        """Nothing is learnt."""

    def kind(self) -> pl.Expr:
        return pl.lit(0, dtype=pl.Int32)

    def is_donor(self) -> pl.Expr:
        return pl.lit(True)

    def has_history(self) -> pl.Expr:
        return pl.lit(True)

    def cell(self) -> pl.Expr:
        return pl.lit(0, dtype=pl.Int32)

    def coordinates(self) -> Sequence[pl.Expr]:
        """In Float32: distances stay within 1e-6 of those in double precision, absolutely or relatively."""
        return [pl.col(name).cast(pl.Float32) for name in COMPARED]

    @property
    def distance_unit(self) -> float:
        return 1.0

    def scales(self) -> Sequence[pl.Expr]:
        """Differences from a value count in proportion to it; none is infinite, so that no difference stays none."""
        return [
            (weight / (pl.col(name).abs() + self.division_offset))
            .clip(upper_bound=LARGEST)
            .cast(pl.Float32)
            .alias(scale)
            for name, weight, scale in self._relative()
        ]

    def _relative(self) -> Sequence[tuple[str, float, str]]:
        weights = {MEAN: self.mean, SEASONAL: self.seasonal, TREND: self.trend}
        return [(name, weight, f"{name}_scale") for name, weight in weights.items()]

    def parts(self, gap: Gap, /) -> Sequence[pl.Expr]:
        scales = {name: pl.col(of_recipient(scale)) for name, _, scale in self._relative()}
        variation = pl.lit(self.variation, dtype=pl.Float32)
        return [(gap(name) * scales.get(name, variation)).alias(name) for name in COMPARED]

    def sorting(self) -> Sequence[str]:
        return MEAN, SEASONAL

    def demand(self) -> pl.Expr:
        return pl.col(of_donor(SALES))

    def weight(self) -> pl.Expr:
        return pl.lit(1.0)

    @property
    def pool_share(self) -> float:
        return 1.0

    @property
    def fewest_neighbours(self) -> int:
        return 1

    def k_factor(self) -> pl.Expr:
        return pl.lit(1.0)

    def allow_thinning(self) -> pl.Expr:
        return pl.lit(False)

    def log_spread(self) -> pl.Expr:
        return pl.lit(0.0)

    def nb_mean(self) -> pl.Expr:
        return pl.lit(1.0)

    def nb_weight(self, mean: pl.Expr) -> pl.Expr:
        return 0.0 * mean


PROFILE = Original

_LAGS = [f"sales_{lag}_rows_before" for lag in range(1, RECENT_ROWS + 1)]


def _rows() -> pl.Expr:
    return pl.sum_horizontal(pl.col(name).is_not_null() for name in _LAGS)


def _mean(*values: pl.Expr) -> pl.Expr:
    return added(value.fill_null(0.0) for value in values) / _rows().clip(lower_bound=1)


def _deviation() -> pl.Expr:
    return _mean(*((pl.col(name) - pl.col("rolling_mean_4")).pow(2) for name in _LAGS)).sqrt()


def _slope() -> pl.Expr:
    """Least squares over 0..n-1, oldest row first; its denominator is n (n^2 - 1) / 12."""
    rows = _rows().cast(pl.Float64)
    products = [pl.col(name) * ((rows + 1) / 2 - lag) for lag, name in enumerate(_LAGS, start=1)]
    return (
        pl.when(rows > 1)
        .then(added(product.fill_null(0.0) for product in products) * 12 / (rows * (rows.pow(2) - 1)))
        .otherwise(0.0)
    )
