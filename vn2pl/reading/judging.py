"""Judging a panel in one pass: every problem at once, and where there is none the facts that notes are made of."""

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from ..checks import raise_any, readable
from ..config import Config
from ..errors import InputError
from ..queries.names import IN_STOCK, SALES
from . import calendar
from .gaps import Gaps, gaps, spans
from .layout import Layout
from .rules import broken_counts, rules_for, told
from .schema import COLUMNS, schema_problems
from .values import AS_READ, Reading, understood, with_read

SOLD = pl.col(AS_READ[SALES])
IS_OUT = ~pl.col(AS_READ[IN_STOCK])
# What is not a whole number of steps, by more than arithmetic can be off.
OFF_STEP = 1e-6
ROWS = "rows"


class Facts(NamedTuple):
    """What is true of the values of a panel without problems.

    ``out``: weeks out of stock; ``unsold``: these, where sales are missing; ``mean_out``, ``mean_in``: their mean
    sales, and those of the others; ``returns``: rows with negative sales; ``between_steps``: rows with sales that are
    not a whole number of the steps asked for; ``gaps``: missing weeks.
    """

    rows: int
    out: int
    unsold: int
    mean_out: float | None
    mean_in: float | None
    returns: int
    between_steps: int
    gaps: Gaps | None = None


def check_panel(panel: pl.LazyFrame, /, *, source: str) -> None:
    """Raise one InputError that lists every problem of a panel; return if there is none.

    Expected columns: Store, Product (whole numbers or text), week (Date, Datetime at midnight, or text that can only be
    one date), sales (numbers >= 0, or such text), in_stock (Boolean, 1/0, or text true/false, yes/no in any case).
    (Store, Product, week) is unique, and all weeks start on one weekday; gaps in the calendar are fine,
    but from first to last there may be 1,800 weeks at most. Further columns are attributes.

    Columns and types are checked first, because values of a wrong type cannot be judged; then all values, in
    one lazy pass. Every problem states its count and the first places in the order of the keys, whatever the
    order of the rows. ``source`` is what the messages call the panel: a path, usually.
    """
    with readable(source):
        raise_any(schema_problems(panel.collect_schema(), source=source))
        reading = understood(Layout(panel), Config()).reading
        facts_of(panel, reading.as_found, source=source)


def facts_of(panel: pl.LazyFrame, reading: Reading, /, *, source: str, step: float | None = None) -> Facts:
    """The facts of a panel with all the columns it needs. Raises InputError with every problem that it has."""
    schema = panel.collect_schema()
    rules, judged = rules_for(schema, COLUMNS, reading), with_read(panel, reading)
    attributes = [name for name in schema if name not in COLUMNS]
    # Null counts of the attributes are not used: they make the pass decode every column, so that a damaged
    # file is found now and not in the middle of a run.
    decoded = pl.sum_horizontal(pl.col(attributes).null_count()) if attributes else pl.lit(0)
    counted = judged.select(*broken_counts(rules), **_counted(step), decoded=decoded)
    queries = [counted, calendar.repeated(judged), calendar.dates_read(judged), spans(judged)]
    counts, repeated, dates, gappy = pl.collect_all(queries, engine="streaming")
    if not counts[ROWS].item():
        raise InputError(f"{source}: has no rows")
    raise_any(
        [
            *told(judged, rules, counts, source),
            *calendar.repetitions(repeated, source),
            *calendar.not_weekly(judged, dates, source),
            *calendar.too_long(judged, dates, source),
        ]
    )
    return _facts(counts, gaps(judged, gappy))


def sales_facts(panel: pl.LazyFrame, reading: Reading, /, *, source: str, step: float | None) -> Facts:
    """The facts of a panel of which only missing sales are left to judge."""
    rules, judged = rules_for(panel.collect_schema(), [SALES], reading), with_read(panel, reading)
    counts = judged.select(*broken_counts(rules), **_counted(step)).collect(engine="streaming")
    raise_any(told(judged, rules, counts, source))
    return _facts(counts, None)


def _counted(step: float | None) -> Mapping[str, pl.Expr]:
    steps = SOLD.clip(lower_bound=0) / step if step else pl.lit(0.0)
    return {
        ROWS: pl.len(),
        "out": IS_OUT.sum(),
        "unsold": (IS_OUT & SOLD.is_null()).sum(),
        "mean_out": SOLD.filter(IS_OUT).mean(),
        "mean_in": SOLD.filter(~IS_OUT).mean(),
        "returns": (SOLD < 0).sum(),
        "between_steps": ((steps - steps.round()).abs() > OFF_STEP).sum(),
    }


def _facts(counts: pl.DataFrame, missing: Gaps | None) -> Facts:
    counted = counts.select(name for name in Facts._fields if name in counts.columns)
    return Facts(**counted.row(0, named=True), gaps=missing)
