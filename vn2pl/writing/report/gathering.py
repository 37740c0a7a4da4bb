"""What a report tells of a run: aggregates that grow with weeks and classes, never with the number of SKUs."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any, NamedTuple

import polars as pl

from ...errors import InputError
from ...evaluation.backtest import DEPARTMENT
from ...evaluation.metrics import intermittency_class, volume_class
from ...messages import nearest_texts
from ...queries.names import (
    FLAGS,
    IMPUTED,
    IN_STOCK,
    KEY,
    PRODUCT,
    QUANTILE,
    SALES,
    SALES_OBSERVED,
    SKU,
    STORE,
    VALUE,
    WEEK,
)
from ...queries.sums import exact_sum
from ...running import sql
from ...running.runs import Facts

MOST_AFFECTED = 6
MOST_CHOSEN = 24
SUGGESTED = 5
NAME, LOST = "name", "lost"
STOCKOUTS, SKUS, SHARE, CLASS = "stockouts", "skus", "share", "class"
NEVER = "never in stock"
VOLUMES = ("high", "middle", "low")
PATTERNS = ("smooth", "erratic", "intermittent", "lumpy", "no_sales")
BANDS: Mapping[str, float] = {"low_80": 0.1, "low_50": 0.25, "high_50": 0.75, "high_80": 0.9}

Tables = Mapping[str, pl.LazyFrame]


class Span(NamedTuple):
    """How much the panel holds."""

    skus: int
    stores: int
    products: int
    weeks: int
    first: date
    last: date


class Fan(NamedTuple):
    """One SKU: ``sku``, its row of :func:`skus`, and ``weeks``, its rows of :func:`fan_weeks`."""

    sku: Mapping[str, Any]
    weeks: pl.DataFrame


class Gathered(NamedTuple):
    """Everything that a report tells of one run; ``by_department`` is None where the panel has no departments."""

    facts: Facts
    summary: Mapping[str, float | None]
    span: Span
    by_month: pl.DataFrame
    by_department: pl.DataFrame | None
    by_class: pl.DataFrame
    skus: pl.DataFrame
    fans: Sequence[Fan]
    are_chosen: bool


class Calibration(NamedTuple):
    """A backtest: what its ``run.json`` tells, and its table (see ``vn2pl.backtest.table``)."""

    facts: Facts
    table: pl.DataFrame


def gather(tables: Tables, facts: Facts, /, *, chosen: Sequence[str] = ()) -> Gathered:
    """Ask the tables of a run (imputed, sips, summary).

    ``chosen`` names SKUs as STORE/PRODUCT; without any, the most affected get a fan chart. Raises InputError for names
    that the panel does not have.
    """
    imputed = tables["imputed"]
    has_departments = DEPARTMENT in imputed.collect_schema().names()
    asked = [skus(imputed), imputed.select(WEEK).unique(), stockout_shares(imputed)]
    every, weeks, by_class = pl.collect_all(asked, engine="streaming")
    picked = choose(every, chosen) if chosen else every.filter(pl.col(LOST) > 0).head(MOST_AFFECTED)
    levels = facts["config"]["quantile_levels"]
    return Gathered(
        facts,
        dict(tables["summary"].collect().iter_rows()),
        _span(every, weeks[WEEK]),
        _answer("lift_by_month", imputed),
        _answer("lift_by_department", imputed) if has_departments else None,
        by_class,
        every,
        _fans(imputed, tables["sips"], picked, levels=levels),
        bool(chosen),
    )


def skus(imputed: pl.LazyFrame, /) -> pl.LazyFrame:
    """Each SKU, most affected first: Store, Product, name (as in ``--sku``), weeks, stockouts, imputed_weeks (counts),
    sold and lost (units; lost is what imputation adds).
    """
    return (
        imputed.group_by(SKU)
        .agg(
            pl.len().alias("weeks"),
            (~pl.col(IN_STOCK)).sum().alias(STOCKOUTS),
            pl.col(IMPUTED).sum().alias("imputed_weeks"),
            exact_sum(pl.col(SALES_OBSERVED)).alias("sold"),
            exact_sum(pl.col(SALES) - pl.col(SALES_OBSERVED)).alias(LOST),
        )
        .with_columns(pl.concat_str(pl.col(STORE), pl.lit("/"), pl.col(PRODUCT)).alias(NAME))
        .sort(LOST, STOCKOUTS, *SKU, descending=[True, True, False, False])
    )


def stockout_shares(imputed: pl.LazyFrame, /) -> pl.LazyFrame:
    """How many SKUs of each class were out of stock in each week: volume_class, intermittency_class (null for SKUs that
    never were in stock), week, skus, stockouts (counts), class_skus (SKUs of the class in any week).

    Classes are those of a backtest (``queries.metrics``), by what was sold in stock.
    """
    panel = imputed.select(*KEY, IN_STOCK, pl.col(SALES_OBSERVED).alias(SALES))
    classes = volume_class(panel).join(intermittency_class(panel), on=SKU)
    by = ["volume_class", "intermittency_class"]
    classed = panel.join(classes, on=SKU, how="left")
    sizes = classed.select(*SKU, *by).unique().group_by(by).agg(pl.len().alias("class_skus"))
    weekly = classed.group_by(*by, WEEK).agg(pl.len().alias(SKUS), (~pl.col(IN_STOCK)).sum().alias(STOCKOUTS))
    return weekly.join(sizes, on=by, nulls_equal=True).sort(
        pl.col(by[0]).cast(pl.Enum(VOLUMES)), pl.col(by[1]).cast(pl.Enum(PATTERNS)), WEEK, nulls_last=True
    )


def choose(every: pl.DataFrame, names: Sequence[str], /) -> pl.DataFrame:
    """The rows of :func:`skus` with these names, in their order. Raises InputError with near names for unknown ones."""
    if len(names) > MOST_CHOSEN:
        raise InputError(f"--sku: expected at most {MOST_CHOSEN} SKUs, got {len(names)}")
    known = set(every[NAME].to_list())
    if unknown := [name for name in names if name not in known]:
        raise InputError(*(_no_such_sku(name, known) for name in unknown))
    order = pl.DataFrame({NAME: list(dict.fromkeys(names))}).with_row_index("position")
    return every.join(order, on=NAME).sort("position", *SKU).drop("position")


def _no_such_sku(name: str, known: set[str]) -> str:
    near = ", ".join(nearest_texts(name, known, at_most=SUGGESTED))
    return f"--sku {name}: expected STORE/PRODUCT of the panel, found no such SKU; nearest: {near}"


def fan_weeks(imputed: pl.LazyFrame, sips: pl.LazyFrame, /, *, levels: Sequence[float]) -> pl.LazyFrame:
    """Every week with what was sold and what demand is put at: Store, Product, week, in_stock, sold, imputed, median
    (null where not imputed), low_80, low_50, high_50, high_80 (units; null where not imputed, and where the SIP's
    ``levels`` do not reach so far), flags.
    """
    return (
        imputed.select(
            *KEY,
            IN_STOCK,
            pl.col(SALES_OBSERVED).alias("sold"),
            IMPUTED,
            pl.when(IMPUTED).then(SALES).alias("median"),
            FLAGS,
        )
        .join(bands(sips, levels=levels), on=KEY, how="left")
        .sort(KEY)
    )


def bands(sips: pl.LazyFrame, /, *, levels: Sequence[float]) -> pl.LazyFrame:
    """The ends of the 50 % and the 80 % interval of every SIP: Store, Product, week, low_80, low_50, high_50, high_80.

    Linear between the two ``levels`` around a level; null beyond the outermost ones.
    """
    at = {level: pl.col(VALUE).filter(pl.col(QUANTILE) == level).first() for level in levels}
    return sips.group_by(KEY).agg(_between(at, level).alias(name) for name, level in BANDS.items())


def _between(at: Mapping[float, pl.Expr], level: float) -> pl.Expr:
    if level in at:
        return at[level]
    for below, above in pairwise(sorted(at)):
        if below < level < above:
            return at[below] + (at[above] - at[below]) * ((level - below) / (above - below))
    return pl.lit(None, pl.Float64)


def _fans(imputed: pl.LazyFrame, sips: pl.LazyFrame, picked: pl.DataFrame, *, levels: Sequence[float]) -> Sequence[Fan]:
    keys = picked.lazy().select(SKU)
    shown = [frame.join(keys, on=SKU, how="semi") for frame in (imputed, sips)]
    weeks = fan_weeks(*shown, levels=levels).collect(engine="streaming").partition_by(SKU, as_dict=True)
    return [Fan(row, weeks[row[STORE], row[PRODUCT]]) for row in picked.iter_rows(named=True)]


def _span(every: pl.DataFrame, weeks: pl.Series) -> Span:
    calendar = weeks.sort()
    return Span(
        skus=every.height,
        stores=every[STORE].n_unique(),
        products=every[PRODUCT].n_unique(),
        weeks=len(calendar),
        first=calendar[0],
        last=calendar[-1],
    )


def _answer(name: str, imputed: pl.LazyFrame) -> pl.DataFrame:
    """A named query's answer: the same figures as ``vn2pl query NAME``."""
    return sql.answer(sql.shipped()[name], {"imputed": imputed})
