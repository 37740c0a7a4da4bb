"""``vn2pl completion``: a script that completes vn2pl's commands and options in a shell."""

import argparse
from collections.abc import Iterator

import shtab

from .main import parser
from .statuses import DONE

FILES = {"FILE", "PATH", "NAME|FILE.sql"}
FOLDERS = {"DIR"}


def run(arguments: argparse.Namespace) -> int:
    """Print the script; returns the exit status."""
    top = parser()
    for action in _actions(top):
        if action.metavar in FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.metavar in FOLDERS:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    print(shtab.complete(top, shell=arguments.shell))
    return DONE


def _actions(command: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in command._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _actions(inner)
