"""Checks whose problems are gathered and told at once, and failures of readers as messages."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import polars as pl
from polars.exceptions import PanicException, PolarsError

from .errors import InputError

READ_FAILURES = (PolarsError, OSError, UnicodeDecodeError, PanicException)
# How Polars begins what it says, and what that means.
CAUSES = {
    "found more fields than defined in": "a line has more values than the header",
    "CSV malformed": "its lines do not fit together; is a quote left open?",
    "invalid utf-8": "it is not UTF-8 text",
}


class Check(NamedTuple):
    """What to collect, and what it tells of problems."""

    found: pl.LazyFrame
    told: Callable[[pl.DataFrame], list[str]]


def problems(checks: Sequence[Check], /) -> list[str]:
    """What all the checks tell, in their order; their frames are collected together."""
    found = pl.collect_all([check.found for check in checks], engine="streaming")
    return [problem for check, frame in zip(checks, found, strict=True) for problem in check.told(frame)]


def raise_any(problems: Iterable[str], /) -> None:
    """Raise an InputError with all the problems, if there are any."""
    if found := tuple(problems):
        raise InputError(*found)


@contextmanager
def readable(source: str) -> Iterator[None]:
    """Turn whatever a reader throws into one line that names the source."""
    try:
        yield
    except READ_FAILURES as error:
        raise InputError(f"{source}: cannot be read: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    told = "it is damaged, cut short, or not what its name says"
    # Polars puts the cause first, then hints about arguments that no user of this package can set.
    first = str(error).strip().partition("\n")[0].removeprefix("parquet: ")[:200]
    if isinstance(error, PanicException) or not first:
        return told
    return next((cause for start, cause in CAUSES.items() if first.startswith(start)), f"{told} ({first})")
