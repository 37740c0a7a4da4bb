"""The configuration reference: types and defaults from the code, their meaning from the comments in configs/.

Every key of the default configuration stands in ``configs/uncertainty.yaml`` under a comment; one comment may speak for
the keys that follow it. Types that a key refers to, and other profiles, are told by their docstrings.
"""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from vn2pl import Config
from vn2pl.queries import known_profiles
from vn2pl.reading.config_checks import number_in_words

CONFIGS = Path(__file__).parents[1] / "configs"
DEFAULTS = CONFIGS / "uncertainty.yaml"
PARAMETERS = "parameters"
HEAD = """# Configuration

<!-- Written by docs/generate.py from the types and from configs/uncertainty.yaml: do not edit, run `just docs`. -->

`vn2pl impute --config FILE` reads a YAML file. Every key is optional, with the default below; options of the command
line come before the file. An unknown key, a wrong type or a number out of range ends the run with status 2; the message
names file, line and column and the nearest key. `configs/uncertainty.yaml` is this page as a file to start from; `configs/original.yaml`
has the metric of the system that vn2pl replaces (see [migrating](migrating.md))."""


class Group(NamedTuple):
    """Keys that one comment speaks for."""

    told: str
    keys: list[str]


def page() -> str:
    """The whole of docs/configuration.md."""
    return "\n\n".join([HEAD, *_settings(), *_profiles(), *_types()]) + "\n"


def _settings() -> Iterator[str]:
    yield "## Settings"
    yield from _documented(DEFAULTS.read_text(encoding="utf-8").partition("\nparameters:")[0], Config, indent="")
    yield (
        "`parameters` replaces constants of the profile, which the next sections list; those that it leaves out "
        "keep their defaults."
    )


def _profiles() -> Iterator[str]:
    default = Config().profile
    kinds: dict[str, type[Any]] = {**known_profiles()}
    for name, kind in sorted(kinds.items(), key=lambda named: named[0] != default):
        yield f"## Parameters of the profile `{name}`"
        if name == default:
            yield "Half-lives and priors count in weeks unless a name says otherwise."
            yield from _documented(
                DEFAULTS.read_text(encoding="utf-8").partition("\nparameters:\n")[2], kind, indent="  "
            )
        else:
            yield inspect.getdoc(kind) or ""
            yield from _besides(kind, known_profiles()[default])


def _besides(kind: type[Any], default: type[Any]) -> Iterator[str]:
    """What a profile has of its own; what it shares with the default profile by name only."""
    shared = {field.name: _field(field) for field in msgspec.structs.fields(default)}
    fields = msgspec.structs.fields(kind)
    yield _told(field for field in fields if shared.get(field.name) != _field(field))
    if alike := [f"`{field.name}`" for field in fields if shared.get(field.name) == _field(field)]:
        yield f"As in the profile above: {', '.join(alike)}."


def _types() -> Iterator[str]:
    yield "## Values with keys of their own"
    for kind in dict.fromkeys(_structs(msgspec.inspect.type_info(known_profiles()[Config().profile]))):
        yield f"### {kind.__name__}"
        yield _markup(inspect.getdoc(kind) or "")
        yield _told(msgspec.structs.fields(kind))


def _documented(text: str, kind: type[Any], *, indent: str) -> Iterator[str]:
    fields = {field.name: field for field in msgspec.structs.fields(kind) if field.name != PARAMETERS}
    groups = list(_groups(text, indent=indent))
    listed = [key for group in groups for key in group.keys]
    if sorted(listed) != sorted(fields):
        raise ValueError(f"{DEFAULTS}: expected the keys {list(fields)}, each under a comment, got {listed}")
    for group in groups:
        yield _told(fields[key] for key in group.keys)
        yield _markup(group.told)


def _groups(text: str, *, indent: str) -> Iterator[Group]:
    """Comments and the keys that follow each, in the order of the file."""
    told: list[str] = []
    keys: list[str] = []
    for line in text.splitlines():
        if comment := re.fullmatch(rf"{indent}# ?(.*)", line):
            if keys:
                yield Group("\n".join(told), keys)
                told, keys = [], []
            told.append(comment[1])
        elif not line.strip() and not keys:
            told = []  # what stands apart from any key speaks of the file
        elif key := re.match(rf"{indent}(\w+):", line):
            keys.append(key[1])
    if keys:
        yield Group("\n".join(told), keys)


def _markup(told: str) -> str:
    """A comment or docstring as Markdown: indented lines are lists, double backticks single."""
    lines = (re.sub(r"^ +(\w+)  +", r"- `\1`: ", line) for line in _joined(told))
    return "\n".join(lines).replace("``", "`")


def _joined(told: str) -> Iterator[str]:
    """Lists apart from the text before them."""
    previous = ""
    for line in told.splitlines():
        if line.startswith(" ") and previous and not previous.startswith(" "):
            yield ""
        yield line
        previous = line


def _told(fields: Iterable[Any]) -> str:
    """A line per key."""
    return "\\\n".join(f"**`{field.name}`**: {_field(field)}" for field in fields)


def _field(field: Any) -> str:
    default = "must be given" if field.required else f"`{_shown(_default(field))}`"
    return f"{default}; {_value(msgspec.inspect.type_info(field.type))}"


def _default(field: Any) -> Any:
    made = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return msgspec.to_builtins(made)


def _shown(value: Any) -> str:
    """A value as one writes it in YAML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_shown(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_shown, value)) + "]"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(kind: msgspec.inspect.Type) -> str:
    """What a key expects, in words."""
    match kind:
        case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
            return number_in_words(kind, roughly=True)
        case msgspec.inspect.BoolType():
            return "`true` or `false`"
        case msgspec.inspect.StrType():
            return "text"
        case msgspec.inspect.LiteralType(values=values):
            return " or ".join(f"`{value}`" for value in values)
        case msgspec.inspect.VarTupleType(item_type=item, min_length=least):
            return f"list{f' of at least {least}' if least else ''}, each {_value(item)}"
        case msgspec.inspect.DictType(key_type=key, value_type=value):
            return f"{_value(key)} to {_value(value)}"
        case msgspec.inspect.UnionType(types=types):
            return " or ".join(map(_value, types))
        case msgspec.inspect.NoneType():
            return "`null`"
        case msgspec.inspect.StructType(cls=named):
            return f"[{named.__name__}](#{named.__name__.lower()})"
        case _:
            raise NotImplementedError(f"a type without words: {kind}")


def _structs(kind: msgspec.inspect.Type) -> Iterator[type[Any]]:
    """Struct types within a struct's fields, in their order."""
    if isinstance(kind, msgspec.inspect.StructType):
        for field in kind.fields:
            inner = field.type.item_type if isinstance(field.type, msgspec.inspect.VarTupleType) else field.type
            if isinstance(inner, msgspec.inspect.StructType):
                yield inner.cls
                yield from _structs(inner)
