"""The tables of docs/output.md, from the schemas. Prose around them stays as it is written by hand."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from vn2pl import schemas

MARKED = re.compile(r"^<!-- (?P<name>[\w ]+):begin -->\n.*?^<!-- (?P=name):end -->$", re.MULTILINE | re.DOTALL)


def filled(page: str) -> str:
    """The page with what belongs between its markers. Raises KeyError for an unknown marker."""
    tables = dict(_tables())
    return MARKED.sub(lambda found: _marked(found["name"], tables[found["name"]]), page)


def _marked(name: str, text: str) -> str:
    return f"<!-- {name}:begin -->\n{text}\n<!-- {name}:end -->"


def _tables() -> Iterator[tuple[str, str]]:
    for name, columns in schemas.FRAMES.items():
        yield f"columns of {name}", _columns(columns)
    yield "statuses", _terms("status", schemas.STATUSES)
    yield "flags", _terms("flag", schemas.FLAGS)
    yield "figures", _figures(schemas.FIGURES)
    yield "keys", _table(("key", "content"), ((f"`{key}`", told) for key, told in schemas.RUN_KEYS.items()))


def _columns(columns: Iterable[schemas.Column]) -> str:
    return _table(
        ("column", "type", "unit", "meaning"),
        ((f"`{column.name}`", str(column.dtype or "as read"), column.unit, column.meaning) for column in columns),
    )


def _terms(title: str, terms: Mapping[str, schemas.Term]) -> str:
    return _table((title, "meaning"), ((f"`{name}`", term.meaning) for name, term in terms.items()))


def _figures(figures: Mapping[str, schemas.Figure]) -> str:
    rows = ((f"`{name}`", figure.unit, figure.meaning) for name, figure in figures.items())
    return _table(("metric", "unit", "meaning"), rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = ["---"] * len(header)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))
