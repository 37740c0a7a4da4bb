"""Levels: what a SKU sells by itself, over its whole history and of late, each shrunk to what is known without it."""

import math
from collections.abc import Iterator, Sequence

import polars as pl

from ...names import IN_STOCK, OWN_WEEKS, SALES
from ...sums import age, decayed_sum
from ..history import FIRST_SALES, LEAST_LEVEL, OBSERVED, first_sales, least_level

EXPOSURE = "exposure"
EVER = math.inf
SMALL = 0.02
# How far the levels of like SKUs, or of one SKU in time, lie apart (variance of the logarithm), and the overdispersion
# of sales: a prior of as many weeks knows a level as well as they do.
SCATTER, OVERDISPERSION = 0.5, 0.3
LEAST_SHARE = 0.005


def history(panel: pl.LazyFrame, /, *, half_lives: Sequence[float], both_sides: bool) -> pl.LazyFrame:
    """What is known of a SKU from its in-stock weeks alone, each of which is exposed alike."""
    return (
        panel.with_columns(
            age(), pl.when(IN_STOCK).then(SALES).alias(OBSERVED), pl.when(IN_STOCK).then(1.0).alias(EXPOSURE)
        )
        .with_columns(
            *_sums(OBSERVED, half_lives, both_sides=both_sides),
            *_sums(EXPOSURE, half_lives, both_sides=both_sides),
            first_sales().alias(FIRST_SALES),
        )
        .with_columns(pl.col(of_late(EXPOSURE, EVER)).cast(pl.UInt32).alias(OWN_WEEKS))
    )


def exposed(panel: pl.LazyFrame, /, *, half_lives: Sequence[float], both_sides: bool) -> pl.LazyFrame:
    """The same with an in-stock week counting for as much as the week index says that it was worth."""
    exposure = pl.when(IN_STOCK).then(pl.col("week_index").clip(-3, 3).exp())
    return panel.with_columns(exposure.alias(EXPOSURE)).with_columns(_sums(EXPOSURE, half_lives, both_sides=both_sides))


def log_level() -> pl.Expr:
    """Log of what the SKU sold a week, where it has any history."""
    mean = pl.col(of_late(OBSERVED, EVER)) / pl.col(of_late(EXPOSURE, EVER)).clip(lower_bound=1e-9)
    return (mean + least_level(LEAST_SHARE)).log()


def long_run_level() -> pl.Expr:
    """Mean over all weeks, shrunk to the cold level."""
    return _shrunk(EVER, pl.col("cold_level").exp())


def recent_levels(half_lives: Sequence[float], /) -> dict[float, pl.Expr]:
    """Log ratio of the level of each half-life to the long-run level, to which it is shrunk."""
    base = pl.col("long_run_level")
    return {half_life: log_of(_shrunk(half_life, base)) - log_of(base) for half_life in half_lives}


def log_of(level: pl.Expr, /) -> pl.Expr:
    """Log of a level, which may be next to nothing."""
    return (level + SMALL).log()


def of_late(name: str, half_life: float, /) -> str:
    """The column with the decayed sum of another one."""
    return f"{name}_{half_life:g}"


def _shrunk(half_life: float, prior: pl.Expr) -> pl.Expr:
    weeks = (1 / (prior + LEAST_LEVEL) + OVERDISPERSION) / SCATTER
    sold, exposure = (pl.col(of_late(name, half_life)) for name in (OBSERVED, EXPOSURE))
    return (sold + weeks * prior) / (exposure + weeks)


def _sums(name: str, half_lives: Sequence[float], *, both_sides: bool) -> Iterator[pl.Expr]:
    for half_life in (EVER, *half_lives):
        yield decayed_sum(pl.col(name), half_life=half_life, both_sides=both_sides).alias(of_late(name, half_life))
