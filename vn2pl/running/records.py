"""What other commands read of ``run.json``: keys and types, whoever wrote the file."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from ..queries.bounds import Unit
from ..queries.settings import Levels
from ..reading.config_checks import dotted, problems_of_type


class Settings(msgspec.Struct):
    """Settings that the figures are read by."""

    quantile_levels: Levels
    demand_unit: Unit


class Record(msgspec.Struct, kw_only=True):
    """What the record of every run has."""

    finished: str
    data: str
    data_fingerprint: str
    config: Settings
    versions: dict[str, str]


class Imputed(Record, kw_only=True):
    """The record of vn2pl impute."""

    profile_parameters: dict[str, Any]
    threads: int
    seconds: dict[str, float]


class Backtested(Record, kw_only=True):
    """The record of vn2pl backtest."""

    mask: Literal["blocks", "launch", "partial", "observed"]
    seeds: list[int]
    reference: Literal["own_history", "other_stores"]
    seconds: float


def record_problems(facts: Mapping[str, Any], kind: type[Record], /) -> Iterator[str]:
    """What of a record is not as it was written."""
    problems = [*problems_of_type(facts, kind)]
    yield from (f"{dotted(place)}: {told}".removeprefix(": ") for place, told in problems)
    if not problems and not _is_time(facts["finished"]):
        yield f"finished: expected a time such as 2024-04-08T02:00:00+00:00, got {facts['finished']!r}"


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
