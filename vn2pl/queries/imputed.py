"""The panel after imputation, with what stands behind every imputed week, and its summary."""

from collections.abc import Mapping

import polars as pl

from .distributions import MEDIAN, TAIL_EXTENDED
from .names import (
    ADDED,
    CANDIDATES,
    FLAGS,
    IMPUTED,
    IN_STOCK,
    IS_SCARCE,
    KEY,
    KIND,
    LEVEL_SOURCE,
    NEIGHBOURS,
    OWN_WEEKS,
    PERIOD,
    QUANTILE,
    RECIPIENT,
    RECIPIENT_PERIOD,
    SALES,
    SALES_OBSERVED,
    STATUS,
    STOCKOUT_INFERRED,
    VALUE,
    K,
)
from .profiles.base import Profile

LARGEST_SALES = "largest_sales"
LARGEST_OF_KIND = "largest_of_kind"
POINT = "point"
INFERRED = "inferred_stockout"
OBSERVED, DONE, NO_CANDIDATES = "observed", "imputed", "no_candidates"
FLAG_NAMES = (
    "no_candidates",
    "cold_start",
    "too_few_candidates",
    "above_candidate_max",
    "median_above_max",
    "bound_beyond_candidates",
)


def largest_sales(features: pl.LazyFrame, week_pairs: pl.LazyFrame, profile: Profile, /) -> pl.LazyFrame:
    """The most that a SKU of each kind sold in a week that a recipient week may learn from: recipient_period, kind,
    largest_of_kind (Float64, units)."""
    weekly = (
        features.filter(pl.col(IN_STOCK))
        .group_by(PERIOD, profile.kind().alias(KIND))
        .agg(pl.col(SALES_OBSERVED).max().alias(LARGEST_OF_KIND))
    )
    return week_pairs.join(weekly, on=PERIOD).group_by(RECIPIENT_PERIOD, KIND).agg(pl.col(LARGEST_OF_KIND).max())


def outcomes(
    recipients: pl.LazyFrame,
    quantiles: pl.LazyFrame,
    largest_sales: pl.LazyFrame,
    /,
    *,
    highest_level: float,
) -> pl.LazyFrame:
    """What became of every stockout, one row each: none is lost without a word.

    Returns Store, Product, week, point (Float64, the median in units, null where there is none), status ("imputed" or
    "no_candidates"), own_weeks (UInt32, in-stock weeks of the SKU that were used), level_source (String, whose sales
    the level rests on: own, an attribute such as Product, panel, or prior), candidates (UInt32, those it was compared
    with), neighbours (UInt32) and flags (List of String, what to be wary of):

    - ``no_candidates``: no week to learn from, no SIP;
    - ``cold_start``: the SKU has no in-stock week of its own that could be used;
    - ``too_few_candidates``: fewer than the neighbours that are usual;
    - ``above_candidate_max``: the highest quantile is more than any SKU sold in the weeks it may learn from;
    - ``median_above_max``: the median is more than any SKU of its kind sold in these weeks;
    - ``bound_beyond_candidates``: sales were already more than what the neighbours would have sold.
    """
    medians, highest = (quantiles.filter(pl.col(QUANTILE) == level) for level in (MEDIAN, highest_level))
    overall = largest_sales.group_by(RECIPIENT_PERIOD).agg(pl.col(LARGEST_OF_KIND).max().alias(LARGEST_SALES))
    missing = pl.col(POINT).is_null()
    raised = (
        missing,
        pl.col(OWN_WEEKS) == 0,
        ~missing & pl.col(IS_SCARCE),
        pl.col("highest") > pl.col(LARGEST_SALES),
        pl.col(POINT) > pl.coalesce(LARGEST_OF_KIND, LARGEST_SALES),
        pl.col(TAIL_EXTENDED),
    )
    return (
        recipients.select(*KEY, KIND, OWN_WEEKS, LEVEL_SOURCE, RECIPIENT, RECIPIENT_PERIOD, CANDIDATES, K, IS_SCARCE)
        .join(largest_sales, on=[RECIPIENT_PERIOD, KIND], how="left")
        .join(overall, on=RECIPIENT_PERIOD, how="left")
        .join(medians.select(RECIPIENT, TAIL_EXTENDED, pl.col(VALUE).alias(POINT)), on=RECIPIENT, how="left")
        .join(highest.select(RECIPIENT, pl.col(VALUE).alias("highest")), on=RECIPIENT, how="left")
        .sort(RECIPIENT)
        .select(
            *KEY,
            POINT,
            pl.when(missing).then(pl.lit(NO_CANDIDATES)).otherwise(pl.lit(DONE)).alias(STATUS),
            OWN_WEEKS,
            LEVEL_SOURCE,
            CANDIDATES,
            pl.min_horizontal(CANDIDATES, K).alias(NEIGHBOURS),
            _names_of(dict(zip(FLAG_NAMES, raised, strict=True))).alias(FLAGS),
        )
    )


def _names_of(flags: Mapping[str, pl.Expr]) -> pl.Expr:
    """Names of the flags that are raised (List of String), looked up among all choices of them."""
    choices = [[name for place, name in enumerate(flags) if number >> place & 1] for number in range(2 ** len(flags))]
    number = pl.sum_horizontal(
        pl.when(raised).then(2**place).otherwise(0) for place, raised in enumerate(flags.values())
    )
    return pl.lit(pl.Series(choices, dtype=pl.List(pl.String))).gather(number)


def marked(outcomes: pl.LazyFrame, observed: pl.LazyFrame, /) -> pl.LazyFrame:
    """Outcomes with the flag ``inferred_stockout`` where the stockout was inferred from sales (see `stockouts`)."""
    if STOCKOUT_INFERRED not in observed.collect_schema():
        return outcomes
    is_inferred = pl.col(STOCKOUT_INFERRED).fill_null(value=False)
    return (
        outcomes.join(observed.select(*KEY, STOCKOUT_INFERRED), on=KEY, how="left")
        .with_columns(pl.when(is_inferred).then(pl.concat_list(FLAGS, pl.lit(INFERRED))).otherwise(FLAGS).alias(FLAGS))
        .drop(STOCKOUT_INFERRED)
    )


def imputed_panel(observed: pl.LazyFrame, outcomes: pl.LazyFrame, /) -> pl.LazyFrame:
    """The panel's columns with ``sales`` = the imputed median where imputed, else as observed; sorted by key.

    Adds sales_observed (Float64), imputed (Boolean), status ("observed", "imputed" or "no_candidates") and, null in
    observed weeks, own_weeks, level_source, donors, neighbours and flags (see :func:`outcomes` and :func:`marked`).
    """
    point = pl.col(POINT)
    return (
        observed.join(marked(outcomes, observed), on=KEY, how="left")
        .with_columns(
            pl.coalesce(point, SALES).alias(SALES),
            pl.col(SALES).alias(SALES_OBSERVED),
            point.is_not_null().alias(IMPUTED),
            pl.col(STATUS).fill_null(OBSERVED),
        )
        .sort(KEY)
        .select(*observed.collect_schema().names(), *ADDED)
    )
