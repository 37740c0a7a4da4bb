"""Reading panels: wide VN2 folders; long Parquet, CSV and Arrow IPC files, folders and patterns of them.

`scan_panel` looks at names, headers, schemas and how values are written; `read_panel` also checks every value.
"""

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Unpack

import msgspec
import polars as pl

from ..checks import READ_FAILURES, readable
from ..config import Config, ReadingOptions
from ..errors import InputError, InputWarning
from ..queries import with_inferred_stockouts
from ..queries.profiles.base import CandidateWeeks
from .gaps import with_absent_rows
from .judging import check_panel, facts_of
from .notes import notes_on
from .opening import open_source
from .source import Source, flagged
from .values import Reading, typed, understood

__all__ = ["check_panel", "read_counted", "read_panel", "scan_panel"]


class Counted(NamedTuple):
    """A checked panel, its number of rows, and what reading it noticed or assumed."""

    panel: pl.LazyFrame
    rows: int
    notes: Sequence[str]


def scan_panel(
    path: str | os.PathLike[str],
    *,
    columns: Mapping[str, str] = {},
    infer_stockouts: CandidateWeeks | None = None,
    **options: Unpack[ReadingOptions],
) -> pl.LazyFrame:
    """The panel at ``path`` as a lazy frame, with its values not yet checked.

    ``path`` is one of:

    - a folder with the VN2 files `Week N - DATE - Sales.csv`, `Week N - In Stock.csv` and, for the
      attributes, `Week N - Master.csv`; of each the newest is taken, all other files are ignored. Weeks that
      only the in-stock file has are dropped: they hold no sales.
    - a long Parquet (.parquet, .pq), CSV (.csv, .tsv, .txt; comma, semicolon, tab or bar; also with .gz) or Arrow IPC
      (.arrow, .feather, .ipc) file.
    - a folder of such files of one kind, hive partitions of Parquet included, or a glob pattern.

    ``columns`` maps our names to the names in the files: ``{"sales": "units", "week": "date"}``.

    ``infer_stockouts`` is for panels without in_stock (VN2: without the in-stock file). It infers stockouts from sales,
    by earlier weeks ("past") or all weeks ("all") of the SKU, see ``queries.with_inferred_stockouts``, and adds the
    column stockout_inferred (Boolean).

    ``missing_rows``: what a week without a row is between the first and the last row of its SKU: "zero" (in stock,
    nothing sold), "stockout", or left out ("ignore", the default). ``returns``: "clip" takes negative sales for 0; they
    are refused otherwise. ``decimal_comma``: 3,5 is 3.5. ``date_format``: how dates are written, such as "%d.%m.%Y".
    ``time_zone``: where timestamps are midnight. ``sku_format``: how unique_id is made, such as "Store/Product".

    Columns: Store, Product (whole numbers or text, as in the file; a CSV's types are inferred from all its
    rows), week (Date), sales (Float64), in_stock (Boolean), then the other columns as attributes, in file
    order.

    Raises InputError when there is nothing to read, and when columns are missing, of a wrong type or badly
    named. Warns (InputWarning) of what was assumed. Values are checked by `check_panel`; a text that is no number, date
    or flag fails when the frame is collected.
    """
    config = _config(columns, options)
    source = _opened(path, config, infer_stockouts)
    with readable(source.name):
        reading, notes = understood(source.layout, config, separator=source.separator)
    _warn(notes)
    return _published(source.layout.frame, reading, config, infer_stockouts)


def read_panel(
    path: str | os.PathLike[str],
    *,
    columns: Mapping[str, str] = {},
    infer_stockouts: CandidateWeeks | None = None,
    **options: Unpack[ReadingOptions],
) -> pl.LazyFrame:
    """`scan_panel`, with all values checked as `check_panel` does: a panel that can be computed with.

    Raises InputError with every problem that was found and its first places. Problems of layout (columns,
    ragged lines, SKUs that the wide files do not share) are told first, on their own: values cannot be judged
    before. Warns (InputWarning) of what is not wrong, but may not be what was meant.
    """
    config = _config(columns, options)
    panel, _, notes = read_counted(path, config, infer_stockouts=infer_stockouts)
    _warn(notes)
    return panel


def read_counted(
    path: str | os.PathLike[str],
    config: Config,
    *,
    infer_stockouts: CandidateWeeks | None = None,
    step: float | None = None,
) -> Counted:
    """`read_panel`, with what the checks have counted; ``step``, if given, is what sales should be multiples of."""
    source = _opened(path, config, infer_stockouts)
    with _damage_located(source), readable(source.name):
        frame, (reading, notes), facts = source.judged(step)
        if facts is None:
            judged = flagged(frame, inferring=infer_stockouts is not None)
            facts = facts_of(judged, reading, source=source.name, step=step)
        panel = _published(frame, reading, config, infer_stockouts)
        added = facts.gaps.missing if facts.gaps and config.missing_rows != "ignore" else 0
        told = notes_on(facts, config, layout=source.layout, panel=panel, step=step)
        return Counted(panel, facts.rows + added, [*notes, *told])


def _config(columns: Mapping[str, str], options: ReadingOptions) -> Config:
    try:
        return msgspec.convert({"columns": dict(columns), **options}, Config)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


def _opened(path: str | os.PathLike[str], config: Config, infer_stockouts: CandidateWeeks | None) -> Source:
    if infer_stockouts and config.missing_rows == "stockout":
        raise InputError(
            "--missing-rows stockout: is not for --infer-stockouts, which judges by sales; expected zero or ignore"
        )
    return open_source(os.fspath(path), config, inferring=infer_stockouts is not None)


def _published(
    frame: pl.LazyFrame, reading: Reading, config: Config, infer_stockouts: CandidateWeeks | None
) -> pl.LazyFrame:
    panel = typed(flagged(frame, inferring=infer_stockouts is not None), reading)
    if config.missing_rows != "ignore":
        panel = with_absent_rows(panel, in_stock=config.missing_rows == "zero")
    return with_inferred_stockouts(panel, candidate_weeks=infer_stockouts) if infer_stockouts else panel


def _warn(notes: Sequence[str]) -> None:
    for note in notes:
        warnings.warn(note, InputWarning, stacklevel=3)


@contextmanager
def _damage_located(source: Source) -> Iterator[None]:
    """When a source of many files cannot be read, say which of them is to blame."""
    try:
        yield
    except InputError as error:
        if isinstance(error.__cause__, READ_FAILURES) and len(source.files) > 1:
            for file in source.files:
                with readable(file):
                    source.scan_file(file).select(pl.all().null_count()).collect(engine="streaming")
        raise
