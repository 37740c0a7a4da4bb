"""The weeks of a panel: that they are weeks, one row each, and not too many."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby, pairwise

import polars as pl

from ..messages import rows
from ..queries.names import KEY, SKU, WEEK
from ..queries.sums import MOST_WEEKS
from .rules import comparable, first_keys, in_calendar, place_names
from .values import AS_READ

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
READ = pl.col(AS_READ[WEEK])
A_DAY = timedelta(days=1)
A_MONTH = range(28, 32)
PERIOD_ADVICE = "docs/reading.md says how to add days up to weeks; months cannot be cut into weeks"
ROWS, FIRST, LAST = "rows", "first", "last"


def dates_read(judged: pl.LazyFrame, /) -> pl.LazyFrame:
    """The dates that rows have, and how many have each."""
    return judged.filter(READ.is_not_null() & in_calendar(READ)).group_by(READ.alias(WEEK)).agg(pl.len().alias(ROWS))


def not_weekly(judged: pl.LazyFrame, dates: pl.DataFrame, source: str, /) -> list[str]:
    """Dates of several weekdays, and what period they look like."""
    weekdays = dates.group_by(pl.col(WEEK).dt.weekday()).agg(pl.col(ROWS).sum())
    if weekdays.height < 2:
        return []
    if period := looks_like(_longest_series(judged)):
        return [f"{source}: looks {period}, expected one row per SKU and week; {PERIOD_ADVICE}"]
    usual, *others = weekdays.sort(ROWS, WEEK, descending=[True, False]).iter_rows()
    found = [f"{WEEKDAYS[usual[0] - 1]} {rows(usual[1])}"]
    found += [
        f"{WEEKDAYS[day - 1]} {rows(count)}, first {_first_where(judged, READ.dt.weekday() == day)}"
        for day, count in others
    ]
    return [f"{source}: weeks start on different weekdays: {'; '.join(found)}; expected one weekday"]


def _longest_series(judged: pl.LazyFrame) -> list[date]:
    """The dates of the SKU that has the most."""
    schema = judged.collect_schema()
    order = [comparable(name, schema[name]) for name in SKU]
    known = judged.filter(READ.is_not_null() & in_calendar(READ))
    longest = known.group_by(SKU).agg(READ.n_unique().alias(ROWS)).sort(ROWS, *order, descending=[True, False, False])
    dates = known.join(longest.head(1), on=SKU, how="semi", nulls_equal=True).select(READ.unique().sort())
    return dates.collect(engine="streaming").to_series().to_list()


def looks_like(dates: Sequence[date], /) -> str | None:
    """What period the rising dates of one series have, in words, if that is another than a week and plain to see."""
    gaps = Counter((later - earlier).days for earlier, later in pairwise(dates))
    if 2 * gaps[1] > gaps.total():
        start, count = _longest_run(dates)
        return f"daily ({count} consecutive days from {start})"
    if gaps and all(gap in A_MONTH for gap in gaps) and _same_place_in_month(dates):
        return f"monthly ({len(dates)} months from {dates[0]})"
    return None


def _longest_run(dates: Sequence[date]) -> tuple[date, int]:
    """The first day and the length of the longest run of consecutive days."""
    runs = groupby(enumerate(dates), key=lambda numbered: numbered[1] - numbered[0] * A_DAY)
    members = [[day for _, day in run] for _, run in runs]
    longest = max(members, key=len)
    return longest[0], len(longest)


def _same_place_in_month(dates: Sequence[date]) -> bool:
    return len({day.day for day in dates}) == 1 or all((day + A_DAY).day == 1 for day in dates)


def too_long(judged: pl.LazyFrame, dates: pl.DataFrame, source: str, /) -> list[str]:
    """More weeks from the first to the last than can be computed with."""
    if dates.is_empty():
        return []
    first, last = dates.select(pl.col(WEEK).min().alias(FIRST), pl.col(WEEK).max().alias(LAST)).row(0)
    weeks = (last - first).days // 7 + 1
    if weeks <= MOST_WEEKS:
        return []
    ends = " and ".join(_first_where(judged, pl.lit(end) == READ) for end in (first, last))
    return [f"{source}: the panel spans {weeks:,} weeks, expected {MOST_WEEKS:,} at most; its ends are {ends}"]


def _first_where(judged: pl.LazyFrame, condition: pl.Expr) -> str:
    """The first row, in the order of the keys, of which a condition holds."""
    return place_names(first_keys(judged.filter(condition).select(KEY), at_most=1).collect(engine="streaming"))[0]


def repeated(judged: pl.LazyFrame, /) -> pl.LazyFrame:
    """Keys that more than one row has."""
    keys = judged.select(*SKU, READ.alias(WEEK)).drop_nulls()
    return keys.group_by(KEY).agg(pl.len().alias(ROWS)).filter(pl.col(ROWS) > 1)


def repetitions(found: pl.DataFrame, source: str, /) -> list[str]:
    """The message about repeated keys."""
    if found.is_empty():
        return []
    first = first_keys(found.lazy()).collect()
    places = zip(place_names(first.drop(ROWS)), first[ROWS], strict=True)
    said = "; ".join(f"{place}: found {count:,} rows" for place, count in places)
    keys = rows(found.height, of="key")
    return [f"{source}: (Store, Product, week) is repeated for {keys}, expected one row each; first {said}"]
