"""What a person sees: progress on standard error, results on standard output.

Rich takes as long to import as a panel to write, and is imported where something is shown with it.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..running.shards import SILENT, Report, Shard

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress

    from .layout import Column

ANY_WIDTH = 10_000
LEAST_WIDTH = 20


class Lines:
    """One plain line a step, for logs."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._total = self._done = 0

    def say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, highlight=False)

    def planned(self, shards: Sequence[Shard]) -> None:
        self._total = sum(shard.stockouts for shard in shards)
        cut = "1 shard" if len(shards) == 1 else f"{len(shards):,} shards"
        self.say(f"{self._total:,} stockouts in {cut}, {sum(shard.pairs for shard in shards):,} pairs")

    def finished(self, shard: Shard) -> None:
        self._done += shard.stockouts
        self.say(f"{self._done:,} of {self._total:,} stockouts searched")


class Bar(Lines):
    """A progress bar over stockouts, with the time left by pairs done."""

    def __init__(self, console: "Console", progress: "Progress") -> None:
        super().__init__(console)
        self._progress = progress
        self._task = progress.add_task("Reading", total=None)

    def say(self, text: str) -> None:
        self._progress.update(self._task, description=text)

    def planned(self, shards: Sequence[Shard]) -> None:
        self._total = sum(shard.stockouts for shard in shards)
        self._progress.update(self._task, description="Searching neighbours", total=self._total)

    def finished(self, shard: Shard) -> None:
        self._progress.advance(self._task, shard.stockouts)


@contextmanager
def reporter(*, quiet: bool) -> Iterator[Report]:
    """A bar on a terminal, plain lines elsewhere, silence if wanted."""
    if quiet:
        yield SILENT
        return
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(console)
    else:
        with progress_bar(console) as progress:
            yield Bar(console, progress)


def progress_bar(console: "Console", *, disable: bool = False) -> "Progress":
    """A bar that tells what is done, how much of it, and the time left, and goes away at the end."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=disable)


def plain_console(*, piped_width: int) -> "Console":
    """Standard output for text as it is: as wide as the terminal, or as ``piped_width`` where it goes elsewhere."""
    from rich.console import Console

    columns = width() or piped_width
    return Console(file=sys.stdout, width=columns, markup=False, highlight=False, emoji=False)


def measured(console: "Console", shown: "RenderableType") -> int:
    """How wide something is with every word on its line."""
    from rich.measure import Measurement

    unbound = console.options.update(max_width=ANY_WIDTH)
    return Measurement.get(console, unbound, shown).maximum


def width() -> int | None:
    """Columns of the terminal that standard output is, or that COLUMNS tells of; None where it goes elsewhere."""
    if not sys.stdout.isatty() and "COLUMNS" not in os.environ:
        return None
    return max(LEAST_WIDTH, shutil.get_terminal_size().columns)


def say(text: str = "", *, indent: str = "") -> None:
    """Print lines of text, broken at words where the terminal is narrower."""
    from .layout import sentence

    for line in text.split("\n"):
        print(sentence(line, width=width(), indent=indent))


def print_columns(columns: "Sequence[Column]", *, has_header: bool = True) -> list[str]:
    """Print a table as wide as the terminal at most; returns the headers that had no room."""
    from .layout import table

    shown = table(columns, width=width(), has_header=has_header)
    for line in shown.lines:
        print(line)
    return shown.left_out


def print_table(title: str, rows: Sequence[tuple[str, ...]], *, header: Sequence[str] = ()) -> None:
    """A small table under its title: the first column is text, all others are numbers."""
    from .layout import Column

    say(title)
    columns = [
        Column(header[place] if header else "", cells, "number" if place else "text")
        for place, cells in enumerate(zip(*rows, strict=True))
    ]
    if left_out := print_columns(columns, has_header=bool(header)):
        say(f"(no room for {', '.join(left_out)})")
