"""Finished shards of a run that was stopped, kept in its output folder until a run completes there."""

import shutil
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import polars as pl

from ..writing.artifacts import RUN_FILE, find_damage, write_parquet, write_run
from ..writing.transactions import making
from .shards import Shard

FOLDER = "unfinished"
# Searching fewer pairs than this takes some ten seconds: then there is little to lose and nothing is kept.
WORTH_KEEPING = 100_000_000
FRAMES = ("quantiles", "neighbours")


class KeptShards:
    """A folder for each shard, whole once its record is written, below one for everything that the shards rest on."""

    def __init__(self, out: Path, /, *, rests_on: Sequence[object]) -> None:
        self._folder = out / FOLDER / sha256(repr(rests_on).encode()).hexdigest()[:16]

    def finished(self, shards: Sequence[Shard]) -> int:
        """How many of the shards are there."""
        return sum((self._of(shard) / RUN_FILE).exists() for shard in shards)

    def load(self, shard: Shard) -> list[pl.DataFrame] | None:
        """The frames of a shard, or None where it is not there or not as it was written."""
        folder = self._of(shard)
        if find_damage(folder):
            return None
        files = [folder / f"{name}.parquet" for name in FRAMES]
        return [pl.read_parquet(file, glob=False) for file in files if file.exists()]

    def save(self, shard: Shard, frames: Sequence[pl.DataFrame]) -> None:
        """Keep the frames of a shard: its quantiles and, where they are wanted, its neighbours."""
        folder = self._of(shard)
        files = [folder / f"{name}.parquet" for name in FRAMES[: len(frames)]]
        with making(folder):
            for frame, file in zip(frames, files, strict=True):
                write_parquet(frame, file)
            write_run(folder, {"stockouts": shard.stockouts}, files=files)

    def _of(self, shard: Shard) -> Path:
        return self._folder / "-".join(f"{season:02}" for season in (shard.seasons[0], shard.seasons[-1]))


def discard(out: Path, /) -> None:
    """Remove whatever was kept in an output folder."""
    shutil.rmtree(out / FOLDER, ignore_errors=True)
