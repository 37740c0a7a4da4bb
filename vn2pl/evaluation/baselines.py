"""Simple answers to the same question, to measure against.

Each baseline says which sales it would draw a stockout's demand from: Store, Product, week, value (Float64, units) and
mass (Int64, how often). :func:`quantiles` makes SIPs of them. None answers where it knows nothing.
"""

from collections.abc import Sequence

import polars as pl

from ..queries.distributions import CUMULATED, MASS, TOTAL
from ..queries.names import IN_STOCK, KEY, PERIOD, PRODUCT, QUANTILE, RECIPIENT_PERIOD, SALES, SEASON, SKU, VALUE, WEEK
from ..queries.panel import period, season
from ..queries.pools import week_pairs
from ..queries.profiles.base import CandidateWeeks
from ..queries.sums import exact_sum
from .metrics import mean

RECENT_WEEKS = 13
SEASON_WINDOW = 4
INDEX_WINDOW = 2
OTHER = "other_week"


def own_history(observed: pl.LazyFrame, /, *, levels: Sequence[float]) -> pl.LazyFrame:
    """SIPs from all earlier in-stock weeks of the SKU, for stockouts that have any (see :func:`quantiles`)."""
    return quantiles(own_sales(observed), levels=levels)


def zeros(observed: pl.LazyFrame, /) -> pl.LazyFrame:
    """Leave the panel as it is: demand was what was sold."""
    return _stockouts(observed).select(*KEY, pl.col(SALES).alias(VALUE), _once())


def own_sales(observed: pl.LazyFrame, /, *, candidate_weeks: CandidateWeeks = "past") -> pl.LazyFrame:
    """The SKU's own sales in its earlier in-stock weeks, with ``all`` in its later ones as well."""
    return _own(observed, candidate_weeks=candidate_weeks).select(*KEY, VALUE, _once())


def own_recent_sales(observed: pl.LazyFrame, /, *, candidate_weeks: CandidateWeeks) -> pl.LazyFrame:
    """The SKU's own sales in the last 13 in-stock weeks before, with ``all`` in the next 13 after as well."""
    side = pl.col(OTHER) < pl.col(WEEK)
    gap = (pl.col(OTHER) - pl.col(WEEK)).abs()
    return (
        _own(observed, candidate_weeks=candidate_weeks)
        .with_columns(side.alias("before"), gap.alias("gap"))
        .filter(pl.col("gap").rank("ordinal").over(*KEY, "before") <= RECENT_WEEKS)
        .select(*KEY, VALUE, _once())
    )


def seasonal_index_median(
    observed: pl.LazyFrame, /, *, candidate_weeks: CandidateWeeks, attribute: str = "Department"
) -> pl.LazyFrame:
    """A planner's one number: the median of the SKU's own sales times the index of the season.

    The index is what the SKUs of the same ``attribute`` (of the whole panel where it has none) sold within two seasons
    of the week relative to their own means; 1 where that is unknown. With ``past`` everything is from earlier weeks.
    """
    by = [attribute] if attribute in observed.collect_schema().names() else []
    medians = own_sales(observed, candidate_weeks=candidate_weeks).group_by(KEY).agg(pl.col(VALUE).median())
    where = _dated(_stockouts(observed)).select(*KEY, *by, pl.col(PERIOD).alias(RECIPIENT_PERIOD))
    index = _season_index(observed, by=by, candidate_weeks=candidate_weeks)
    return (
        medians.join(where, on=KEY)
        .join(index, on=[*by, RECIPIENT_PERIOD], how="left")
        .select(*KEY, pl.col(VALUE) * pl.col("index").fill_null(1.0), _once())
    )


def other_stores_sales(
    observed: pl.LazyFrame, /, *, candidate_weeks: CandidateWeeks, attribute: str = "ProductGroup"
) -> pl.LazyFrame:
    """In-stock sales of the same product in other stores, within four seasons of the week.

    Where there are none, of the other SKUs with the same ``attribute``; where there are none either, of all others.
    """
    dated = _dated(observed)
    weeks = week_pairs(dated, season_window=SEASON_WINDOW, season_wraps=True, candidate_weeks=candidate_weeks)
    wider = [[attribute]] if attribute in observed.collect_schema().names() else []
    left = _stockouts(dated)
    found: list[pl.LazyFrame] = []
    for circle in [[PRODUCT], *wider, []]:
        found.append(_sales_of_others(left, dated, weeks, by=circle).cache())
        left = left.join(found[-1], on=KEY, how="anti").cache()
    return pl.concat(found)


def quantiles(draws: pl.LazyFrame, /, *, levels: Sequence[float]) -> pl.LazyFrame:
    """SIPs of what a baseline draws from: Store, Product, week, quantile, value (Float64, units).

    Linear between neighbouring draws, as numpy's and Polars' "linear" quantiles are.
    """
    counted = draws.group_by(*KEY, VALUE).agg(pl.col(MASS).sum())
    ordered = counted.with_columns(
        pl.col(MASS).cum_sum().over(KEY, order_by=VALUE).alias(CUMULATED), pl.col(MASS).sum().over(KEY).alias(TOTAL)
    )
    names = [str(level) for level in levels]
    return (
        ordered.group_by(KEY)
        .agg(_linear(level).alias(name) for level, name in zip(levels, names, strict=True))
        .unpivot(names, index=KEY, variable_name=QUANTILE, value_name=VALUE)
        .with_columns(pl.col(QUANTILE).cast(pl.Float64))
    )


def _stockouts(observed: pl.LazyFrame) -> pl.LazyFrame:
    return observed.filter(~pl.col(IN_STOCK))


def _once() -> pl.Expr:
    return pl.lit(1, dtype=pl.Int64).alias(MASS)


def _dated(observed: pl.LazyFrame) -> pl.LazyFrame:
    return observed.with_columns(period().alias(PERIOD), season().alias(SEASON))


def _own(observed: pl.LazyFrame, *, candidate_weeks: CandidateWeeks) -> pl.LazyFrame:
    """Every stockout beside the SKU's in-stock weeks: Store, Product, week, other_week, value."""
    others = observed.filter(IN_STOCK).select(*SKU, pl.col(WEEK).alias(OTHER), pl.col(SALES).alias(VALUE))
    beside = _stockouts(observed).select(KEY).join(others, on=SKU)
    return beside.filter(pl.col(OTHER) < pl.col(WEEK)) if candidate_weeks == "past" else beside


def _season_index(observed: pl.LazyFrame, *, by: Sequence[str], candidate_weeks: CandidateWeeks) -> pl.LazyFrame:
    """What a season sold relative to the SKUs' means: target_period, ``by`` and index."""
    in_stock = _dated(observed).filter(IN_STOCK)
    sums = [exact_sum(pl.col(name)).alias(name) for name in (SALES, "usual")]
    weekly = (
        in_stock.with_columns(_usual(candidate_weeks).alias("usual"))
        .filter(pl.col("usual").is_not_null())
        .group_by(*by, PERIOD)
        .agg(sums)
    )
    weeks = week_pairs(_dated(observed), season_window=INDEX_WINDOW, season_wraps=True, candidate_weeks=candidate_weeks)
    seasons = weeks.join(weekly, on=PERIOD).group_by(*by, RECIPIENT_PERIOD).agg(sums)
    return seasons.filter(pl.col("usual") > 0).select(
        *by, RECIPIENT_PERIOD, (pl.col(SALES) / pl.col("usual")).alias("index")
    )


def _usual(candidate_weeks: CandidateWeeks) -> pl.Expr:
    """Mean sales of the SKU: in its earlier in-stock weeks (null in its first), with ``all`` in all of them."""
    if candidate_weeks == "all":
        return mean(pl.col(SALES)).over(SKU)
    before = pl.col(SALES).cum_sum().shift(1) / pl.col(SALES).cum_count().shift(1)
    return before.over(SKU, order_by=WEEK)


def _sales_of_others(
    targets: pl.LazyFrame, dated: pl.LazyFrame, weeks: pl.LazyFrame, *, by: Sequence[str]
) -> pl.LazyFrame:
    """Sales of the other SKUs that share ``by``: counted once per week and value, less the SKU's own."""
    sought = targets.select(*KEY, *(name for name in by if name not in KEY), pl.col(PERIOD).alias(RECIPIENT_PERIOD))
    sold = dated.filter(IN_STOCK).select(*SKU, *(name for name in by if name not in SKU), PERIOD, SALES)
    value = pl.col(SALES).alias(VALUE)
    near = weeks.join(sought.select(*by, RECIPIENT_PERIOD).unique(), on=RECIPIENT_PERIOD)
    everyone = (
        near.join(sold.group_by(*by, PERIOD, SALES).agg(pl.len().cast(pl.Int64).alias(MASS)), on=[*by, PERIOD])
        .group_by(*by, RECIPIENT_PERIOD, value)
        .agg(pl.col(MASS).sum())
        .join(sought, on=[*by, RECIPIENT_PERIOD])
        .select(*KEY, VALUE, MASS)
    )
    own = (
        sought.join(weeks, on=RECIPIENT_PERIOD)
        .join(sold.select(*SKU, PERIOD, SALES), on=[*SKU, PERIOD])
        .select(*KEY, value, -_once())
    )
    return pl.concat([everyone, own]).group_by(*KEY, VALUE).agg(pl.col(MASS).sum()).filter(pl.col(MASS) > 0)


def _linear(level: float) -> pl.Expr:
    """Over the rising values of one stockout."""
    position = (pl.col(TOTAL) - 1) * level
    low, high = (pl.col(VALUE).filter(pl.col(CUMULATED) > edge).min() for edge in (position.floor(), position.ceil()))
    return low + (high - low) * (position - position.floor()).first()
