"""The shape of a SKU's sales: how they scatter, how often nothing or odd numbers sell, how regularly peers sell."""

import math
from collections.abc import Sequence

import msgspec
import polars as pl

from ..bounds import Attributes, HalfLife, Positive
from ..names import IN_STOCK, SALES, group_of
from ..sums import decayed_sum, in_steps, sum_of_others
from .history import OBSERVED

REGULARITY = ("more", "variance")


class Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The constants of the shape, over ``observed`` (sales of in-stock weeks), and what makes SKUs peers."""

    shape_half_life: HalfLife = 52.0
    shape_prior: Positive = 0.5
    peer_regularity_by: Attributes | None = None
    peer_regularity_prior: Positive = 3.0
    kind_by: Attributes | None = None

    def shape(self, base: pl.Expr, *, both_sides: bool) -> Sequence[pl.Expr]:
        """Dispersion (log variance to mean) and share of zero weeks, shrunk to what the level ``base`` implies; and the
        share of odd numbers among sales, which tells what is bought in pairs."""
        prior = self.shape_prior
        usual_square = base + 1.5 * base.pow(2)
        usual_zeros = (1 + 0.7 * base).pow(-1.4)
        weeks = pl.when(IN_STOCK).then(1.0)

        def history(of: pl.Expr) -> pl.Expr:
            return decayed_sum(of, half_life=self.shape_half_life, both_sides=both_sides)

        def mean(total: pl.Expr, usual: pl.Expr) -> pl.Expr:
            return (total + prior * usual) / (history(weeks) + prior)

        sales = pl.col(OBSERVED)
        odd, some = (history(of.cast(pl.Float64)) for of in (sales % 2 == 1, sales > 0))
        average = mean(history(sales), base)
        variance = (mean(history(sales.pow(2)), usual_square) - average.pow(2)).clip(lower_bound=0.0)
        return (
            ((variance + 0.5) / (average + 0.5)).log().alias("dispersion"),
            mean(history(weeks) - some, usual_zeros).alias("zero_share"),
            ((odd + 3) / (some + 5)).alias("odd_share"),
        )

    def peer_regularity(self, *, both_sides: bool) -> pl.Expr:
        """How many more weeks with sales peers have than their levels imply, against the variance of such a number;
        over ``regularity_of_others``."""
        if not self.peer_regularity_by:
            return pl.lit(0.0)
        more, variance = (
            decayed_sum(pl.col(_of_others(name)), half_life=math.inf, both_sides=both_sides) for name in REGULARITY
        )
        return more / (variance + self.peer_regularity_prior)

    def kind_of_sku(self) -> pl.Expr:
        """A number for each kind (Int32), and 0 for SKUs that lack an attribute."""
        kind = pl.col(group_of(self.kind_by)).clip(lower_bound=0) if self.kind_by else pl.lit(0)
        return kind.cast(pl.Int32)


def regularity(level: pl.Expr, /) -> Sequence[pl.Expr]:
    """Whether anything was sold in an in-stock week, more than is usual at such a level, and the variance of that."""
    usual = 1 - (1 + 0.6 * level).pow(-1 / 0.6)
    values = (pl.col(SALES) > 0).cast(pl.Float64) - usual, usual * (1 - usual)
    return [in_steps(pl.when(IN_STOCK).then(value)).alias(name) for name, value in zip(REGULARITY, values, strict=True)]


def regularity_of_others(by: Sequence[str], /) -> Sequence[pl.Expr]:
    """Sums of ``regularity`` over peers, where there are attributes that make SKUs peers."""
    return [sum_of_others(name, by=by).alias(_of_others(name)) for name in REGULARITY if by]


def _of_others(name: str) -> str:
    return f"{name}_of_others"
