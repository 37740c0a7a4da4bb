"""Tables and sentences for a terminal of any width: lines break at words, and numbers and dates never do.

A table that is too wide is narrowed step by step: headers break, then texts at blanks, the space between columns
shrinks, texts break at marks such as _ and -, and in the end columns are left out from the right.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from textwrap import wrap
from typing import Literal, NamedTuple
from unicodedata import category

from rich.cells import cell_len, chop_cells

BLANKS = re.compile(r"\S+\s*|\s+")
# A mark between two digits is part of a number or a date.
MARKS = re.compile(r"(?:[^\s_\-/,;:]|(?<=\d)[\-/,:](?=\d))+[\s_\-/,;:]*|[\s_\-/,;:]+")
SPACE, NARROW_SPACE = 2, 1
LONGEST_CELL = 120


class Column(NamedTuple):
    """A header and a text for each row: text that may be broken, or dates or numbers, which may not."""

    header: str
    cells: Sequence[str]
    kind: Literal["text", "date", "number"]


class Table(NamedTuple):
    """Lines, and the headers of columns that had no room."""

    lines: list[str]
    left_out: list[str]


class _Fit(NamedTuple):
    widths: Sequence[int]
    breaks: re.Pattern[str]
    space: int


def table(columns: Sequence[Column], /, *, width: int | None, has_header: bool = True) -> Table:
    """A table within a width, or as wide as it is where there is none."""
    for count in range(len(columns), 0, -1):
        if fit := _fit(columns[:count], width):
            break
    else:
        count, fit = 1, _Fit([width or 1], MARKS, NARROW_SPACE)
    return Table([*_lines(columns[:count], fit, has_header=has_header)], [column.header for column in columns[count:]])


def sentence(text: str, /, *, width: int | None, indent: str = "") -> str:
    """A text in lines, the later ones indented; words longer than the width stay whole."""
    if width is None:
        return text
    return "\n".join(wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False))


def printable(text: str, /) -> str:
    """A text on one line, without what would move the cursor or colour the terminal, and cut where it is very long."""
    plain = "".join(" " if letter.isspace() else "?" if category(letter) == "Cc" else letter for letter in text)
    return plain if len(plain) <= LONGEST_CELL else f"{plain[: LONGEST_CELL - 3]}..."


def _fit(columns: Sequence[Column], width: int | None) -> _Fit | None:
    """The first way to show all of the columns within a width, None where there is none."""
    whole = [max([cell_len(column.header), *map(cell_len, column.cells)]) for column in columns]
    if width is None or _total(whole, SPACE) <= width:
        return _Fit(whole, BLANKS, SPACE)
    for breaks, space in ((BLANKS, SPACE), (BLANKS, NARROW_SPACE), (MARKS, NARROW_SPACE)):
        least = [_least(column, breaks) for column in columns]
        if _total(least, space) <= width:
            return _Fit([*_grown(columns, least, width - _total(least, space))], breaks, space)
    return None


def _total(widths: Sequence[int], space: int) -> int:
    return sum(widths) + space * (len(widths) - 1)


def _least(column: Column, breaks: re.Pattern[str]) -> int:
    words = [*_words(column.header, MARKS)]
    for cell in column.cells:
        words += _words(cell, breaks) if column.kind == "text" else [cell]
    return max(map(cell_len, words), default=0)


def _words(text: str, breaks: re.Pattern[str]) -> Iterator[str]:
    return (word.rstrip() for word in breaks.findall(text))


def _grown(columns: Sequence[Column], least: Sequence[int], room: int) -> Iterator[int]:
    """Widths for texts on as few lines as there is room for, the first columns first: they are the keys."""
    for column, width in zip(columns, least, strict=True):
        wanted = max([width, *map(cell_len, column.cells)]) if column.kind == "text" else width
        grown = min(room, wanted - width)
        room -= grown
        yield width + grown


def _lines(columns: Sequence[Column], fit: _Fit, *, has_header: bool) -> Iterator[str]:
    widths = fit.widths
    if has_header:
        headers = [_broken(column.header, width, MARKS) for column, width in zip(columns, widths, strict=True)]
        height = max(map(len, headers))
        yield from _joined(columns, widths, fit, [[""] * (height - len(header)) + header for header in headers])
    for row in zip(*(column.cells for column in columns), strict=True):
        yield from _joined(columns, widths, fit, [_broken(*cell, fit.breaks) for cell in zip(row, widths, strict=True)])


def _joined(columns: Sequence[Column], widths: Sequence[int], fit: _Fit, cells: Sequence[list[str]]) -> Iterator[str]:
    for parts in zip_longest(*cells, fillvalue=""):
        padded = (_padded(*part) for part in zip(parts, columns, widths, strict=True))
        yield (" " * fit.space).join(padded).rstrip()


def _padded(text: str, column: Column, width: int) -> str:
    blanks = " " * (width - cell_len(text))
    return f"{blanks}{text}" if column.kind == "number" else f"{text}{blanks}"


def _broken(text: str, width: int, breaks: re.Pattern[str]) -> list[str]:
    """Lines of a cell; only what is longer than a line without any place to break is cut."""
    lines = [""]
    for piece in breaks.findall(text):
        if lines[-1] and cell_len(f"{lines[-1]}{piece}".rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return [part for line in lines for part in (chop_cells(line.rstrip(), max(1, width)) or [""])]
