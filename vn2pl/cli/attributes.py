"""Attributes that a configuration file names, held against those that the panel has."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from ..checks import raise_any
from ..config import Config

SLIP = 0.85


def attribute_notes(places: Mapping[str, str], columns: Sequence[str], /) -> Sequence[str]:
    """Which groupings the panel does not allow. Raises InputError for names that look like slips.

    ``places`` are those of the names, ``file:line:column``. The names of the default configuration are no slips:
    its file serves every panel.
    """
    absent = {name: place for name, place in places.items() if name not in columns}
    usual = {name for by in Config().definition.groupings({}) for name in by}
    raise_any(
        f"{place}: expected an attribute of the panel, got {name!r}; did you mean {near}?"
        for name, place in absent.items()
        if name not in usual and (near := _near(name, columns))
    )
    if not absent:
        return []
    file = min(absent.values()).rsplit(":", 2)[0]
    return [f"{file}: the panel has no {_listed(absent)}; groupings by it are left out"]


def _near(name: str, columns: Sequence[str]) -> str | None:
    """The column that differs by a slip of the keyboard: DepartmentGroup is no slip for Department."""
    by_lower = {column.lower(): column for column in columns}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=SLIP)
    return by_lower[close[0]] if close else None


def _listed(names: Iterable[str]) -> str:
    *others, last = sorted(names)
    return f"{', '.join(others)} or {last}" if others else last
