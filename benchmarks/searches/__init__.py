"""The ways to search that are measured side by side. A module has one or more of them in ``PEERS``.

Modules import what they measure within their functions: a peer's memory must not hold another peer's library.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from ..problem import Answers

MODULES = ("plan", "arrays", "frames", "compiled", "sql", "trees", "loop")


class Peer(NamedTuple):
    """A way to search.

    ``load`` reads the table into the peer's own form, for all weeks or for the few that it warms up with, and is not
    timed; ``set_up`` (timed on its own) brings it into the shape that ``search`` (timed) starts from; ``answers``, not
    timed, says what was found. ``note`` tells what is not comparable.
    """

    name: str
    threads: str
    packages: tuple[str, ...]
    load: Callable[[Path, bool], Any]
    set_up: Callable[[Any], Any]
    search: Callable[[Any], Any]
    answers: Callable[[Any], Answers]
    note: str = ""
    same_metric: bool = True


def peers() -> Iterator[tuple[str, Peer]]:
    """Every peer with the name of its module, in the order of the table."""
    for module in MODULES:
        for peer in import_module(f"{__name__}.{module}").PEERS:
            yield module, peer


def peer(module: str, name: str) -> Peer:
    """One peer; imports no other module than its own."""
    found: tuple[Peer, ...] = import_module(f"{__name__}.{module}").PEERS
    return next(candidate for candidate in found if candidate.name == name)
