"""Stockouts inferred from sales alone, for panels that do not say when they were in stock."""

from collections.abc import Sequence

import polars as pl

from .names import IN_STOCK, KEY, SALES, SKU, STOCKOUT_INFERRED, WEEK
from .profiles.base import CandidateWeeks

IMPROBABLE = 0.001
RUN = "run"
IS_LISTED = "is_listed"
AGE = "age"
EMPTY = "empty"
WEEKS = "weeks_outside"
SOLD = "sold_outside"
CHANCE = "chance"
OF_RUN = (*SKU, RUN)


def with_inferred_stockouts(panel: pl.LazyFrame, /, *, candidate_weeks: CandidateWeeks) -> pl.LazyFrame:
    """The panel with ``in_stock`` as its sales suggest it.

    Sales of a SKU that is in stock are taken for trials that succeed independently with one probability, so that runs
    of weeks without sales have geometric lengths (as in Croston (1972), Operational Research Quarterly 23(3), and as
    AID finds stockouts: Svetunkov and Sroginis (2025), "Why do zeroes happen?", arXiv:2504.05894). The probability is
    not known but estimated, which makes the length of the next run beta-geometric: with ``a`` weeks with sales among
    ``n`` weeks outside the run, Jeffreys' prior gives ``l`` weeks without any the probability

        product of (n - a + j + 1/2) / (n + j + 1), j = 0 .. l - 1.

    Where that is less than 0.001 the run is taken for a stockout. Weeks before the first sale of a SKU are all taken
    for stockouts: nothing says that it was there.

    ``candidate_weeks`` past: a week is judged by what is known when it is over, the earlier weeks and its run so far.
    Later weeks never change it, but the first weeks of a run are not found. all: by all weeks, and the run as a whole;
    later weeks may change it.

    ``panel`` has Store, Product, week and sales; weeks without a row count for nothing. Returns it with in_stock
    (Boolean; set, where it was there) and stockout_inferred (Boolean, true in the weeks that were found).
    """
    found = (pl.col(SALES) == 0) & (~pl.col(IS_LISTED) | (pl.col(CHANCE) < IMPROBABLE))
    narrow = (
        panel.select(*KEY, SALES)
        .with_columns(_in_order((pl.col(SALES) > 0).cast(pl.Int32).cum_sum(), SKU).alias(RUN))
        .with_columns((pl.col(RUN) > 0).alias(IS_LISTED))
        .with_columns(_in_order(pl.col(IS_LISTED).cast(pl.Int32).cum_sum(), SKU).alias(AGE))
        .with_columns((pl.col(AGE) - pl.col(AGE).min().over(OF_RUN)).alias(EMPTY))
        .pipe(_with_outside, candidate_weeks)
        .with_columns(_in_order(_logs().cum_sum(), OF_RUN).exp().alias(CHANCE))
        .with_columns(pl.col(CHANCE) if candidate_weeks == "past" else pl.col(CHANCE).min().over(OF_RUN))
        .select(*KEY, (~found).alias(IN_STOCK), found.alias(STOCKOUT_INFERRED))
    )
    names = panel.collect_schema().names()
    added = [name for name in (IN_STOCK, STOCKOUT_INFERRED) if name not in names]
    return panel.drop(IN_STOCK, STOCKOUT_INFERRED, strict=False).join(narrow, on=KEY, how="left").select(*names, *added)


def _with_outside(panel: pl.LazyFrame, candidate_weeks: CandidateWeeks) -> pl.LazyFrame:
    """Adds how many weeks outside of its run a week is judged by, and how many of them had sales."""
    if candidate_weeks == "past":
        return panel.with_columns((pl.col(AGE) - pl.col(EMPTY)).alias(WEEKS), pl.col(RUN).alias(SOLD))
    weeks = pl.col(AGE).max().over(SKU) - pl.col(EMPTY).max().over(OF_RUN)
    return panel.with_columns(weeks.alias(WEEKS), pl.col(RUN).max().over(SKU).alias(SOLD))


def _logs() -> pl.Expr:
    """Log probability that a week is without sales, given that its run so far is; 0 in weeks with sales."""
    place = pl.col(EMPTY) - 1
    chance = (pl.col(WEEKS) - pl.col(SOLD) + place + 0.5) / (pl.col(WEEKS) + place + 1)
    return pl.when(pl.col(EMPTY) > 0).then(chance.log()).otherwise(0.0)


def _in_order(expression: pl.Expr, by: Sequence[str]) -> pl.Expr:
    return expression.over(by, order_by=WEEK)
