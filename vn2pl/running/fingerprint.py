"""Digests that tell whether two runs compute the same, and from which week on they do not."""

import json
from collections.abc import Mapping, Sequence
from functools import reduce
from hashlib import sha256
from operator import add
from pathlib import Path

import msgspec
import polars as pl

from .. import __version__, queries
from ..queries import Settings
from ..queries.names import WEEK
from ..queries.panel import columns_read

SETTINGS = [field.name for field in msgspec.structs.fields(Settings) if field.name != "parameters"]
BITS: Mapping[pl.DataType, type[pl.DataType]] = {pl.Float64(): pl.UInt64, pl.Float32(): pl.UInt32}
SEEDS = (0, 1)


class Fingerprint(msgspec.Struct, frozen=True):
    """What a run rests on: ``settings``, with versions and the types of the columns that the plan reads; ``content``,
    the whole panel; and ``weeks``, of each week (ISO date) what the plan reads of it."""

    settings: str
    content: str
    weeks: Mapping[str, str]

    def first_difference(self, other: "Fingerprint", /) -> str | None:
        """The first week of which one knows what the other does not, None where they agree."""
        return min((week for week, _ in self.weeks.items() ^ other.weeks.items()), default=None)


def fingerprint(observed: pl.DataFrame, settings: Settings, /) -> Fingerprint:
    """The fingerprint of a run over a checked panel, whatever the order of its rows."""
    read = observed.select(columns_read(observed.columns, groupings=settings.definition.groupings(observed.schema)))
    return Fingerprint(_settings(settings, read.schema), content(observed), _weeks(read))


def content(observed: pl.DataFrame, /) -> str:
    """A digest of a panel's columns, types and values, whatever the order of its rows."""
    return _digest([_types(observed.schema), _weeks(observed)])


def _settings(settings: Settings, schema: pl.Schema) -> str:
    # The input's names of the columns do not matter, nor how parameters were written, but what they amount to.
    told = {name: msgspec.to_builtins(getattr(settings, name)) for name in SETTINGS}
    definition = msgspec.to_builtins(settings.definition)
    return _digest([told, definition, __version__, pl.__version__, _code(), _types(schema)])


def _code() -> str:
    """The code of the plan decides which bytes come out, beside settings and panel: its folder holds nothing else."""
    plan = Path(queries.__file__).parent
    files = sorted(plan.rglob("*.py"))
    return _digest([[file.relative_to(plan).as_posix(), sha256(file.read_bytes()).hexdigest()] for file in files])


def _types(schema: pl.Schema) -> Sequence[Sequence[str]]:
    return [[name, str(dtype)] for name, dtype in schema.items()]


def _weeks(panel: pl.DataFrame) -> dict[str, str]:
    """Of each week, ISO date, its rows: two 64-bit hashes a row, added up exactly, so that order does not matter."""
    sums = (
        panel.lazy()
        .select(WEEK, *(_row_hash(panel.schema, seed).cast(pl.Int128).alias(str(seed)) for seed in SEEDS))
        .group_by(WEEK)
        .agg(pl.len(), *(pl.col(str(seed)).sum() for seed in SEEDS))
        .sort(WEEK)
        .collect(engine="streaming")
    )
    return {week.isoformat(): f"{rows:x}-{first:x}-{second:x}" for week, rows, first, second in sums.iter_rows()}


def _row_hash(schema: pl.Schema, seed: int) -> pl.Expr:
    """A hash of the sum of the columns' hashes, each with a seed of its own: a struct's takes five times as long."""
    hashes = (_plain(name, dtype).hash(seed << 32 | number) for number, (name, dtype) in enumerate(schema.items()))
    return reduce(add, hashes).hash(seed)


def _plain(name: str, dtype: pl.DataType) -> pl.Expr:
    """Values by what is written of them: bits of floating-point numbers (0 and -0 differ), names of categories."""
    if dtype in BITS:
        return pl.col(name).reinterpret(dtype=BITS[dtype])
    return pl.col(name).cast(pl.String) if isinstance(dtype, pl.Categorical | pl.Enum) else pl.col(name)


def _digest(told: object) -> str:
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
