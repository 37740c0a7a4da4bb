"""Commands in the documentation, run as they stand there.

A block fenced as ``sh`` holds vn2pl commands, and a block fenced as ``text`` right after it what they print. All pages
share one folder, in the order of PAGES: what the quick start makes, later pages use.
"""

import contextlib
import io
import os
import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from unittest import mock

from vn2pl.cli.main import main

PAGES = ("quick-start", "concepts", "output", "configuration", "migrating", "accuracy", "contributing")
BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
WIDTH = "100"
# Seconds differ from run to run, and blanks at line ends do not show.
UNSTEADY = r"(?: \(\d+\.\d s\))| +$"


def shown(page: str, folder: Path) -> str:
    """The page with the output of its commands, which are run in the folder."""
    told = page
    for commands, output in _sessions(page):
        printed = "".join(_run(line, folder) for line in _lines(commands["text"]))
        if output:
            told = told.replace(f"{commands[0]}\n\n{output[0]}", f"{commands[0]}\n\n```text\n{printed}```")
    return told


def excerpted(page: str, folder: Path) -> str:
    """The README: of its first output, each line as ``vn2pl impute`` prints it; the page chooses the lines."""
    printed = {_label(line): line for line in _run("vn2pl impute --out excerpt", folder).splitlines()}
    block = next(block for block in BLOCK.finditer(page) if block["language"] == "text")
    lines = (printed[_label(line)] for line in block["text"].splitlines())
    return page.replace(block[0], "\n".join(["```text", *lines, "```"]))


def _label(line: str) -> str:
    return re.split(r"\s{2,}", line.strip())[0]


def _sessions(page: str) -> Iterator[tuple[re.Match[str], re.Match[str] | None]]:
    """Blocks of commands, each with the block of output that follows it, if one does."""
    for block, after in pairwise([*BLOCK.finditer(page), None]):
        if block and block["language"] == "sh":
            follows = after and after["language"] == "text" and not page[block.end() : after.start()].strip()
            yield block, after if follows else None


def _lines(commands: str) -> Iterator[str]:
    for line in commands.replace("\\\n", " ").splitlines():
        if line and not line.startswith("#"):
            yield line


def _run(line: str, folder: Path) -> str:
    """What a command prints to standard output. Raises RuntimeError where it does not end well."""
    program, *arguments = shlex.split(line, comments=True)
    if program != "vn2pl":
        raise RuntimeError(f"{line}: expected a vn2pl command; fence what cannot be run as text")
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        # One process runs them all, and Polars sizes its threads once.
        mock.patch("vn2pl.running.cores.bound_threads"),
        mock.patch.dict(os.environ, {"COLUMNS": WIDTH}),
    ):
        try:
            status = main(arguments)
        except SystemExit as ended:
            status = int(ended.code or 0)
    if status:
        raise RuntimeError(f"{line}: ended with status {status}: {err.getvalue()}")
    return re.sub(UNSTEADY, "", out.getvalue(), flags=re.MULTILINE)
