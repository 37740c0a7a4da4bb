"""A panel as it was found in files, before its values are read."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import polars as pl

from ..checks import readable
from ..queries.names import IN_STOCK
from .judging import Facts
from .layout import Layout
from .values import COMMA, Understood


class Judged(NamedTuple):
    """A panel of which rows can be told from one another, how it is read, and the facts, if all was judged already."""

    frame: pl.LazyFrame
    understood: Understood
    facts: Facts | None = None


class Source(NamedTuple):
    """A panel as it was found: its columns have our names, and the types of its files.

    ``separator`` stands between the values of a line. ``judged``, given the step that sales are held against, raises
    an InputError with what keeps the rows from being told from one another.
    """

    name: str
    files: Sequence[str]
    layout: Layout
    scan_file: Callable[[str], pl.LazyFrame]
    judged: Callable[[float | None], Judged]
    separator: str = COMMA


def unusable_files(files: Iterable[str], /) -> Iterator[str]:
    """What keeps files from being opened at all."""
    for file in files:
        with readable(file):
            status = os.stat(file)
        if not stat.S_ISREG(status.st_mode):
            yield f"{file}: is neither a file nor a folder"
        elif not status.st_size:
            yield f"{file}: is empty (0 bytes)"


def flagged(frame: pl.LazyFrame, /, *, inferring: bool) -> pl.LazyFrame:
    """With a flag that passes every check, until the weeks are judged, where stockouts are to be inferred."""
    return frame.with_columns(pl.lit(True).alias(IN_STOCK)) if inferring else frame
