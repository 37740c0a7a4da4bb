"""Configuration files: YAML checked key by key, with errors that name file, line and column."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from ..config import Config
from ..errors import InputError
from ..messages import shortened
from .config_checks import Place, Problem, attributes, dotted, find_problems

MOST_BYTES = 1_000_000
MOST_VALUES = 10_000
MOST_PROBLEMS = 20
NUMBER = "tag:yaml.org,2002:float"
# YAML 1.1 asks for a point and for a sign of the exponent: 1e-3 would be text.
EXPONENT = re.compile(r"^[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)[eE][-+]?[0-9]+$")


class ConfigFile(NamedTuple):
    """A configuration, and the attributes that its file names, each with its first place, ``file:line:column``."""

    config: Config
    attributes: Mapping[str, str]


class _Loader(yaml.SafeLoader):
    """Gives up early on what is too long, and tells where a value cannot be read."""

    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.nodes += 1
        if self.nodes > 2 * MOST_VALUES:
            raise _TooLongError(f"{MOST_VALUES:,} values, aliases counted in full,")
        return super().compose_node(parent, index)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except yaml.constructor.ConstructorError as error:
            if "for the tag" in str(error.problem):
                error.problem = "a tag that means nothing here"
            raise
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            told = f"a value that cannot be read, {shortened(str(node.value))}"
            raise yaml.constructor.ConstructorError(None, None, told, node.start_mark) from None


_Loader.add_implicit_resolver(NUMBER, EXPONENT, list("-+.0123456789"))


class _TooLongError(Exception):
    """More than a configuration may hold."""


def load_config(path: str | os.PathLike[str]) -> Config:
    """The configuration in a YAML file; keys that it leaves out have their defaults.

    Raises InputError with one line per problem, ``file:line:column key: expected ..., got ...``.
    """
    return read_config(path).config


def read_config(path: str | os.PathLike[str]) -> ConfigFile:
    """The configuration in a YAML file, with the attributes that it names. Raises InputError as `load_config` does."""
    source = Path(path)
    with _readable(source):
        node = _composed(source)
        if node is None:
            return ConfigFile(Config(), {})
        found = list(islice(_marks(node, ()), MOST_VALUES + 1))
        if len(found) > MOST_VALUES:
            raise _TooLongError(f"{MOST_VALUES:,} values, aliases counted in full,")
        document = _Loader("").construct_document(node)
    marks = dict(found)

    def at(place: Place) -> str:
        mark = _nearest(marks, place)
        return f"{source}:{mark.line + 1}:{mark.column + 1}"

    problems = [*_repeated(node, ()), *find_problems(document)]
    problems.sort(key=lambda problem: _nearest(marks, problem[0]).index)
    if problems:
        shown = [f"{at(place)} {dotted(place) or 'document'}: {told}" for place, told in problems[:MOST_PROBLEMS]]
        more = len(problems) - len(shown)
        raise InputError(*shown, *([f"{source}: {more:,} more problems of the kind"] if more else []))
    named = {name: at(place) for place, name in reversed([*attributes(document)])}
    return ConfigFile(msgspec.convert(document, Config), named)


def _composed(source: Path) -> yaml.Node | None:
    with source.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise _TooLongError(f"{MOST_BYTES:,} bytes")
    return yaml.compose(content.decode("utf-8-sig"), Loader=_Loader)


@contextmanager
def _readable(source: Path) -> Iterator[None]:
    try:
        yield
    except _TooLongError as error:
        raise InputError(f"{source}: expected {error} at most, got more") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise InputError(f"{source}{where} is not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{source} is not valid YAML: {str(error).partition(chr(10))[0]}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{source} is not UTF-8 text: byte {error.start + 1:,} cannot be read") from None
    except RecursionError:
        raise InputError(f"{source}: expected a document of few levels that does not contain itself") from None
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


def _nearest(marks: Mapping[Place, yaml.Mark], place: Place) -> yaml.Mark:
    while place not in marks:
        place = place[:-1]
    return marks[place]
