"""Configuration files: YAML checked key by key, with errors that name file, line and column."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, TypeGuard

import msgspec
import yaml

from .config import Config
from .errors import InputError
from .messages import shortened
from .queries import profiles
from .queries.bounds import NO_ATTRIBUTE

MOST_VALUES = 10_000

Place = tuple[str | int, ...]
Problem = tuple[Place, str]


def load_config(path: str | os.PathLike[str]) -> Config:
    """The configuration in a YAML file; keys that it leaves out have their defaults.

    Raises InputError with one line per problem, ``file:line:column key: expected ..., got ...``.
    """
    source = Path(path)
    with _readable(source):
        node = yaml.compose(source.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
        if node is None:
            return Config()
        found = list(islice(_marks(node, ()), MOST_VALUES + 1))
        if len(found) > MOST_VALUES:
            raise InputError(f"{source}: expected {MOST_VALUES:,} values at most, got more (aliases count in full)")
        marks = dict(found)
        document = yaml.SafeLoader("").construct_document(node)
    problems = [*_repeated(node, ()), *find_problems(document)]
    if problems:
        raise InputError(*(f"{source}:{_nearest(marks, place)} {_dotted(place)}: {told}" for place, told in problems))
    return msgspec.convert(document, Config)


def find_problems(document: object) -> Iterator[Problem]:
    """What is wrong with a configuration, each with the place of the key, at most one problem per top-level key."""
    if not isinstance(document, Mapping):
        yield (), f"expected keys with values, got {_shown(document)}"
        return
    yield from _field_problems(document, Config, ())
    levels = document.get("quantile_levels")
    if _are_numbers(levels) and any(low >= high for low, high in pairwise(levels)):
        yield ("quantile_levels",), f"expected levels that rise without repeats, got {levels}"
    known = profiles()
    name = document.get("profile", Config().profile)
    if isinstance(name, str) and name not in known:
        yield ("profile",), f"expected one of {', '.join(known)}, got {name!r}{_suggestion(name, known)}"
    elif isinstance(name, str) and isinstance(document.get("parameters"), Mapping):
        yield from _field_problems(document["parameters"], known[name], ("parameters",))


def _field_problems(values: Mapping[object, object], kind: type[Any], place: Place) -> Iterator[Problem]:
    known = [field.name for field in msgspec.structs.fields(kind)]
    for key, value in values.items():
        if key not in known:
            yield (
                (*place, str(key)),
                f"expected one of {', '.join(known)}, got an unknown key{_suggestion(str(key), known)}",
            )
            continue
        try:
            msgspec.convert({key: value}, kind)
        except msgspec.ValidationError as error:
            told, _, path = str(error).partition(" - at `$")
            told = told.partition(", got ")[0]
            if NO_ATTRIBUTE in told:
                told = "expected an attribute of SKUs, not the week, its sales or in_stock"
            within = _path(path.rstrip("`")) or (str(key),)
            yield (*place, *within), f"{told[0].lower()}{told[1:]}, got {_shown(_value(values, within))}"


@contextmanager
def _readable(source: Path) -> Iterator[None]:
    try:
        yield
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise InputError(f"{source}{where} is not valid YAML: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{source} is not valid YAML: {error}") from None
    except RecursionError:
        raise InputError(f"{source}: expected a document that does not contain itself") from None
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror}") from None


def _marks(node: yaml.Node, place: Place) -> Iterator[tuple[Place, yaml.Mark]]:
    yield place, node.start_mark
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*place, _key(key))
            yield from _marks(value, inner)
            yield inner, key.start_mark
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _marks(value, (*place, index))


def _repeated(node: yaml.Node, place: Place) -> Iterator[Problem]:
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, value in node.value:
        inner = (*place, _key(key))
        if _key(key) in seen:
            yield inner, "expected each key once, got it twice"
        seen.add(_key(key))
        yield from _repeated(value, inner)


def _key(node: yaml.Node) -> str:
    return node.value if isinstance(node, yaml.ScalarNode) else "(not a name)"


def _nearest(marks: Mapping[Place, yaml.Mark], place: Place) -> str:
    while place not in marks:
        place = place[:-1]
    return f"{marks[place].line + 1}:{marks[place].column + 1}"


def _are_numbers(values: object) -> TypeGuard[list[float]]:
    return isinstance(values, list) and all(isinstance(value, float | int) for value in values)


def _path(text: str) -> Place:
    """``.metric.weights[1]`` as ("metric", "weights", 1)."""
    parts = re.findall(r"\.([^.\[]+)|\[(\d+)\]", text)
    return tuple(name or int(index) for name, index in parts)


def _value(values: Any, place: Place) -> object:
    for part in place:
        values = values[part] if part != "..." else None
    return values


def _dotted(place: Place) -> str:
    return (
        "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".") or "document"
    )


def _shown(value: object) -> str:
    return shortened("nothing" if value is None else repr(value))


def _suggestion(name: str, known: Any) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
