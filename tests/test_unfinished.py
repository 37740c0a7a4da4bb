"""A long run that is stopped goes on where it was, and no byte tells the difference."""

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import polars as pl
import pytest
from commands import contents, run_impute

from vn2pl import queries
from vn2pl.running import checkpoint as unfinished
from vn2pl.running import shards

DONE_BEFORE_THE_STOP = 3


@pytest.fixture
def panel(tmp_path: Path, small_panel: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A panel whose search takes some ten shards, all of them worth keeping."""
    monkeypatch.setattr(shards, "PAIRS_PER_SHARD", 2_000)
    monkeypatch.setattr(unfinished, "WORTH_KEEPING", 0)
    (tmp_path / "config.yaml").write_text("n_neighbors: 20\nmin_candidates: 60\n")
    small_panel.write_parquet(tmp_path / "panel.parquet")
    return tmp_path / "panel.parquet"


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[int] | None]:
    """The seasons of every shard that was searched."""
    seen: list[Sequence[int] | None] = []
    search = queries.search

    def watched(*arguments: object, seasons: Sequence[int] | None = None) -> queries.Searched:
        seen.append(seasons)
        return search(*arguments, seasons=seasons)  # type: ignore[arg-type]

    monkeypatch.setattr(queries, "search", watched)
    return seen


def _impute(panel: Path, out: str, *options: object) -> Path:
    folder = panel.with_name(out)
    run_impute(panel, folder, "--config", panel.with_name("config.yaml"), "--quiet", *options)
    return folder


def _stopped(panel: Path, monkeypatch: pytest.MonkeyPatch, *options: object) -> Path:
    """An output folder in which a run was stopped after some shards."""
    save = unfinished.KeptShards.save
    turn = count()

    def stopping(self: unfinished.KeptShards, shard: shards.Shard, frames: Sequence[pl.DataFrame]) -> None:
        if next(turn) >= DONE_BEFORE_THE_STOP:
            raise KeyboardInterrupt
        save(self, shard, frames)

    with monkeypatch.context() as patched:
        patched.setattr(unfinished.KeptShards, "save", stopping)
        with pytest.raises(KeyboardInterrupt):
            _impute(panel, "out", *options)
    out = panel.with_name("out")
    assert [path.name for path in out.iterdir()] == [unfinished.FOLDER]
    return out


@pytest.mark.parametrize("options", [[], ["--save-neighbours"]], ids=["plain", "neighbours"])
def test_a_stopped_run_goes_on(
    panel: Path, searched: list[Sequence[int] | None], monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    expected = contents(_impute(panel, "at once", *options))
    shards = len(searched)
    assert shards > 2 * DONE_BEFORE_THE_STOP
    _stopped(panel, monkeypatch, *options)
    searched.clear()
    assert contents(_impute(panel, "out", *options)) == expected
    assert len(searched) == shards - DONE_BEFORE_THE_STOP


def _damage(panel: Path) -> list[str]:
    first = min(panel.parent.glob("out/unfinished/*/*/quantiles.parquet"))
    content = bytearray(first.read_bytes())
    content[len(content) // 2] ^= 1
    first.write_bytes(content)
    return []


def _cut(panel: Path) -> list[str]:
    min(panel.parent.glob("out/unfinished/*/*/run.json")).unlink()
    return []


def _fresh(_: Path) -> list[str]:
    return ["--fresh"]


def _revise(panel: Path) -> list[str]:
    pl.read_parquet(panel).with_columns(pl.col("sales") + 1).write_parquet(panel)
    return []


def _reconfigure(_: Path) -> list[str]:
    return ["--n-neighbors", "19"]


def _with_neighbours(_: Path) -> list[str]:
    return ["--save-neighbours"]


@pytest.mark.parametrize(
    ("change", "lost"),
    [(_damage, 1), (_cut, 1)] + [(change, 3) for change in (_fresh, _revise, _reconfigure, _with_neighbours)],
)
def test_shards_count_only_where_they_are_whole_and_of_this_very_run(
    panel: Path,
    searched: list[Sequence[int] | None],
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], list[str]],
    lost: int,
) -> None:
    _stopped(panel, monkeypatch)
    options = change(panel)
    searched.clear()
    out = _impute(panel, "out", *options)
    computed = len(searched)
    searched.clear()
    assert contents(out) == contents(_impute(panel, "at once", "--full", *options))
    assert computed == len(searched) - DONE_BEFORE_THE_STOP + lost
    assert not (out / unfinished.FOLDER).exists()
