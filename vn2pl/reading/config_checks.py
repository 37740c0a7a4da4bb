"""What is wrong with settings, key by key, wherever they were written."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from operator import ge, gt, le, lt
from typing import Any

from msgspec import inspect

from ..config import Config, reading_problems
from ..messages import shortened, shown, suggestion
from ..queries import known_profiles
from ..queries.bounds import NO_ATTRIBUTE, SMALLEST

Place = tuple[str | int, ...]
Problem = tuple[Place, str]

ATTRIBUTE = "an attribute of SKUs, not the week, its sales or in_stock, nor a name of vn2pl's own"
LARGE = 1e9
BOUNDS: Mapping[str, tuple[str, Callable[[float, float], bool]]] = {
    "ge": ("from", ge),
    "gt": ("above", gt),
    "le": ("to", le),
    "lt": ("below", lt),
}


def find_problems(document: object, /) -> Iterator[Problem]:
    """What is wrong with a configuration, each with the place of the key or value."""
    yield from problems_of_type(document, Config)
    if isinstance(document, Mapping):
        yield from (((name,), told) for name, told in reading_problems(document))
        yield from _falling_levels(document.get("quantile_levels"))
        yield from _profile_problems(document.get("profile", Config().profile), document.get("parameters"))


def problems_of_type(value: object, kind: type[Any], /, place: Place = ()) -> Iterator[Problem]:
    """Where a value of mappings, lists, text and numbers is not as a type of msgspec says."""
    yield from _problems(value, inspect.type_info(kind), place)


def attributes(document: Mapping[str, Any], /) -> Iterator[tuple[Place, str]]:
    """The attributes that a sound configuration names, each with its place."""
    kind = known_profiles()[document.get("profile", Config().profile)]
    yield from _attributes(document.get("parameters", {}), inspect.type_info(kind), ("parameters",))


def dotted(place: Place, /) -> str:
    """``("metric", "weights", 1)`` as ``metric.weights[1]``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{shortened(part)}" for part in place).removeprefix(".")


def number_in_words(kind: inspect.IntType | inspect.FloatType, /, *, roughly: bool = False) -> str:
    """``whole number from 1 to 26``; ``roughly`` leaves out bounds that only slips reach."""
    name = "whole number" if isinstance(kind, inspect.IntType) else "number"
    bounds = [(word, getattr(kind, bound)) for bound, (word, _) in BOUNDS.items()]
    if roughly:
        bounds = [("above", 0) if limit == SMALLEST else (word, limit) for word, limit in bounds]
        bounds = [(word, limit) for word, limit in bounds if limit is not None and limit < LARGE]
    return " ".join([name, *(f"{word} {_written(limit)}" for word, limit in bounds if limit is not None)])


def _written(limit: float) -> str:
    """Without an exponent."""
    return f"{limit:,.9f}".rstrip("0").rstrip(".")


def _falling_levels(levels: object) -> Iterator[Problem]:
    if not isinstance(levels, list) or not all(_is_number(level) for level in levels):
        return
    if any(low >= high for low, high in pairwise(levels)):
        yield ("quantile_levels",), f"expected levels that rise without repeats, got {shown(levels)}"


def _profile_problems(name: object, parameters: object) -> Iterator[Problem]:
    known = known_profiles()
    if isinstance(name, str) and name not in known:
        yield ("profile",), f"expected one of {', '.join(known)}, got {shown(name)}{suggestion(name, known)}"
    elif isinstance(name, str) and isinstance(parameters, Mapping):
        yield from problems_of_type(parameters, known[name], ("parameters",))


def _problems(value: Any, kind: inspect.Type, place: Place) -> Iterator[Problem]:
    match kind:
        case inspect.UnionType() if value is not None and (only := _but_none(kind)):
            yield from _problems(value, only, place)
        case inspect.StructType() if isinstance(value, Mapping):
            yield from _key_problems(value, kind, place)
        case inspect.DictType() if isinstance(value, Mapping):
            for key, inner in value.items():
                yield from _problems(key, kind.key_type, (*place, str(key)))
                yield from _problems(inner, kind.value_type, (*place, str(key)))
        case inspect.VarTupleType() | inspect.ListType() if isinstance(value, list):
            yield from _item_problems(value, kind, place)
        case _ if not _is_of(value, kind):
            yield place, f"expected {_in_words(kind)}, got {shown(value)}"


def _key_problems(values: Mapping[Any, Any], kind: inspect.StructType, place: Place) -> Iterator[Problem]:
    known = {field.encode_name: field for field in kind.fields}
    for key, value in values.items():
        if key in known:
            yield from _problems(value, known[key].type, (*place, key))
        elif kind.forbid_unknown_fields:
            hint = suggestion(str(key), known) or f"; expected one of {', '.join(known)}"
            yield (*place, str(key)), f"is an unknown key{hint}"
    for name in (name for name, field in known.items() if field.required and name not in values):
        yield place, f"expected the key {name} as well, found none"


def _item_problems(values: list[Any], kind: inspect.VarTupleType | inspect.ListType, place: Place) -> Iterator[Problem]:
    if not (kind.min_length or 0) <= len(values) <= (kind.max_length or len(values)):
        yield place, f"expected {_in_words(kind)}, got {shown(values)}"
    for index, value in enumerate(values):
        yield from _problems(value, kind.item_type, (*place, index))
    if _is_attribute(kind.item_type):
        repeated = [name for name, number in Counter(map(str, values)).items() if number > 1]
        yield from ((place, f"expected each attribute once, got {name} several times") for name in repeated)


def _attributes(value: Any, kind: inspect.Type, place: Place) -> Iterator[tuple[Place, str]]:
    match kind:
        case inspect.StructType():
            for field in (field for field in kind.fields if field.encode_name in value):
                yield from _attributes(value[field.encode_name], field.type, (*place, field.encode_name))
        case inspect.UnionType() if value is not None and (only := _but_none(kind)):
            yield from _attributes(value, only, place)
        case inspect.VarTupleType():
            for index, inner in enumerate(value):
                yield from _attributes(inner, kind.item_type, (*place, index))
        case _ if _is_attribute(kind):
            yield place, value


def _but_none(kind: inspect.UnionType) -> inspect.Type | None:
    """What a value that may be left out is, where there is but one such type."""
    kinds = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
    return kinds[0] if len(kinds) == 1 else None


def _is_of(value: Any, kind: inspect.Type) -> bool:
    match kind:
        case inspect.AnyType():
            return True
        case inspect.IntType():
            return _is_number(value) and isinstance(value, int) and _is_within(value, kind)
        case inspect.FloatType():
            return _is_number(value) and _is_within(value, kind) and not 0 < abs(value) < SMALLEST
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.LiteralType(values=values):
            return isinstance(value, str) and value in values
        case inspect.StrType(pattern=pattern):
            return isinstance(value, str) and (pattern is None or re.search(pattern, value) is not None)
        case inspect.NoneType():
            return value is None
        case inspect.UnionType(types=kinds):
            return any(_is_of(value, one) for one in kinds)
    return False


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not _is_boundless(value)


def _is_boundless(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _is_within(value: float, kind: inspect.IntType | inspect.FloatType) -> bool:
    limits = ((getattr(kind, bound), holds) for bound, (_, holds) in BOUNDS.items())
    return all(limit is None or holds(value, limit) for limit, holds in limits)


def _is_attribute(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.StrType) and kind.pattern == NO_ATTRIBUTE


def _in_words(kind: inspect.Type) -> str:
    match kind:
        case inspect.IntType() | inspect.FloatType():
            return f"a {number_in_words(kind)}"
        case inspect.BoolType():
            return "true or false"
        case inspect.LiteralType(values=values):
            return " or ".join(map(str, values))
        case (
            inspect.VarTupleType(min_length=least, max_length=most)
            | inspect.ListType(min_length=least, max_length=most)
        ):
            return f"a list{f' of {least}' if least and least == most else f' of at least {least}' if least else ''}"
        case inspect.StrType():
            return ATTRIBUTE if _is_attribute(kind) else "text"
        case inspect.NoneType():
            return "nothing"
        case inspect.UnionType(types=kinds):
            return " or ".join(map(_in_words, kinds))
    return "keys with values"
