"""Markdown tables, and their place between two markers of a document."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .data import ROOT

DOCS = ROOT / "docs"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; columns after the first are aligned to the right."""
    rule = ["---", *("---:" for _ in header[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))


def between(document: str, name: str, text: str) -> str:
    """The document with ``text`` between its markers ``<!-- name:begin -->`` and ``<!-- name:end -->``.

    Raises SystemExit where they are missing.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, found, rest = document.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"expected the markers {begin} and {end} in the document, in this order")
    return f"{before}{begin}\n{text.strip()}\n{end}{after}"


def add_options(parser: argparse.ArgumentParser, *, page: Path) -> None:
    """What to do with the text."""
    parser.add_argument("--file", type=Path, default=page, help=f"document with the markers (default: {page})")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--print", action="store_true", dest="only_print", help="print the text and change no file")
    group.add_argument("--check", action="store_true", help="exit with 1 if the document has another text; change none")


def publish(options: argparse.Namespace, name: str, make: Callable[[], str]) -> int:
    """Print, check or write a text, as the options say; returns the exit status."""
    text = make()
    if options.only_print:
        print(text)
        return 0
    document = options.file.read_text(encoding="utf-8")
    updated = between(document, name, text)
    if options.check:
        if updated != document:
            print(f"{options.file} has another {name} table than this:\n\n{text}", file=sys.stderr)
        return int(updated != document)
    options.file.write_text(updated, encoding="utf-8")
    return 0
