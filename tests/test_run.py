"""A run is a value: its frames are computed once, and the command does nothing that Python cannot."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from commands import contents, run_impute
from polars.testing import assert_frame_equal

import vn2pl
from vn2pl import InputError, queries
from vn2pl.running import checkpoint, memory, shards, sql
from vn2pl.writing.artifacts import IMPUTE_OUTPUTS

STAGES = ("features", "prepare", "search", "published", "imputed_panel", "summary_figures")
ONCE = dict.fromkeys(STAGES, 1)


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each stage was planned."""
    seen: Counter[str] = Counter()

    def watch(name: str, stage: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: object, **options: object) -> object:
            seen[name] += 1
            return stage(*arguments, **options)

        return watched

    for name in STAGES:
        monkeypatch.setattr(queries, name, watch(name, getattr(queries, name)))
    return seen


@pytest.fixture
def ten_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some ten shards, all of them worth keeping."""
    monkeypatch.setattr(shards, "PAIRS_PER_SHARD", 2_000)
    monkeypatch.setattr(checkpoint, "WORTH_KEEPING", 0)


def test_nothing_is_computed_before_it_is_asked_for(
    small_panel: pl.DataFrame, small_config: vn2pl.Config, planned: Counter[str]
) -> None:
    run = vn2pl.impute(small_panel, small_config)
    assert not planned
    assert run.features.height == small_panel.height
    assert planned == {"features": 1}
    assert run.search.stockouts == (~small_panel["in_stock"]).sum()
    assert planned == {"features": 1, "prepare": 1}


def test_a_second_question_costs_no_second_search(
    small_panel: pl.DataFrame, small_config: vn2pl.Config, planned: Counter[str]
) -> None:
    run = vn2pl.impute(small_panel.lazy(), small_config)
    answers = [run.sips, run.imputed, run.summary, run.outcomes, run.features, run.figures]
    assert planned == ONCE
    again = [run.sips, run.imputed, run.summary, run.outcomes, run.features, run.figures]
    assert all(first is second for first, second in zip(answers, again, strict=True))
    assert planned == ONCE


@pytest.mark.parametrize("saved", [True, False], ids=["saved", "asked for first"])
def test_neighbours_come_with_the_search_where_they_are_wanted(
    small_panel: pl.DataFrame, small_config: vn2pl.Config, planned: Counter[str], *, saved: bool
) -> None:
    run = vn2pl.impute(small_panel, small_config, save_neighbours=saved)
    for name in ("sips", "neighbours", "imputed", "summary") if saved else ("neighbours", "sips", "imputed", "summary"):
        assert not getattr(run, name).is_empty()
    assert planned == ONCE


def test_neighbours_that_were_not_kept_cost_a_search_and_no_more(
    small_panel: pl.DataFrame, small_config: vn2pl.Config, planned: Counter[str]
) -> None:
    run = vn2pl.impute(small_panel, small_config)
    assert not run.summary.is_empty()
    found = run.neighbours
    assert (planned["features"], planned["prepare"], planned["search"]) == (1, 1, 2)
    assert run.neighbours is found
    assert planned["search"] == 2
    kept = vn2pl.impute(small_panel, small_config, save_neighbours=True)
    assert_frame_equal(found, kept.neighbours, check_exact=True)


@pytest.mark.parametrize("saved", [False, True], ids=["plain", "neighbours"])
def test_a_folder_gets_the_files_of_the_command(
    tmp_path: Path, small_panel: pl.DataFrame, small_config: vn2pl.Config, *, saved: bool
) -> None:
    (tmp_path / "config.yaml").write_text("n_neighbors: 20\nmin_candidates: 60\n")
    small_panel.write_parquet(tmp_path / "panel.parquet")
    options = ["--config", tmp_path / "config.yaml", "--quiet", *(["--save-neighbours"] if saved else [])]
    run_impute(tmp_path / "panel.parquet", tmp_path / "command", *options)
    run = vn2pl.impute(small_panel, small_config, out=tmp_path / "python", save_neighbours=saved)
    assert contents(tmp_path / "python") == contents(tmp_path / "command")
    facts, expected = (json.loads((tmp_path / name / "run.json").read_text()) for name in ("python", "command"))
    assert {*expected} == {*facts}
    assert facts["files"] == expected["files"]
    for output in IMPUTE_OUTPUTS:
        path = tmp_path / "python" / output.file
        assert path.exists() == (saved or not output.is_optional)
        if path.suffix == ".parquet" and path.exists():
            assert_frame_equal(pl.read_parquet(path), getattr(run, output.frame), check_exact=True)


def test_one_table_of_outputs_names_frames_and_sql_tables() -> None:
    assert all(hasattr(vn2pl.Run, output.frame) for output in IMPUTE_OUTPUTS)
    assert ("panel", *(output.frame for output in IMPUTE_OUTPUTS)) == sql.TABLES


def test_a_run_builds_on_the_one_before(
    tmp_path: Path, small_panel: pl.DataFrame, small_config: vn2pl.Config, planned: Counter[str]
) -> None:
    before = small_panel.filter(pl.col("week") <= pl.col("week").max().dt.offset_by("-8w"))
    first = vn2pl.impute(before, small_config, out=tmp_path)
    planned.clear()
    again = vn2pl.impute(before, small_config, out=tmp_path)
    assert again.earlier.is_current
    assert (again.computed, again.figures) == (0, first.figures)
    assert not planned
    assert_frame_equal(again.sips, first.sips, check_exact=True)
    assert_frame_equal(again.imputed, first.imputed, check_exact=True)
    assert not planned["search"]
    grown = vn2pl.impute(small_panel, small_config, out=tmp_path)
    assert 0 < grown.computed < (~small_panel["in_stock"]).sum()
    whole = vn2pl.impute(small_panel, small_config, out=tmp_path, full=True)
    assert whole.computed == whole.figures["n_stockouts"]
    for name in ("sips", "imputed", "summary", "neighbours"):
        assert_frame_equal(getattr(grown, name), getattr(whole, name), check_exact=True)
    # Its files are gone by now, and it is still the run of its panel.
    late = vn2pl.impute(small_panel, small_config, out=tmp_path)
    assert late.earlier.is_current
    vn2pl.impute(before, small_config, out=tmp_path)
    assert_frame_equal(late.sips, whole.sips, check_exact=True)


@pytest.mark.parametrize("into_folder", [True, False])
def test_a_run_that_will_not_fit_says_so(
    tmp_path: Path,
    small_panel: pl.DataFrame,
    small_config: vn2pl.Config,
    monkeypatch: pytest.MonkeyPatch,
    *,
    into_folder: bool,
) -> None:
    monkeypatch.setattr(memory, "BYTES_PER_PAIR", 10**9)
    out = tmp_path / "out" if into_folder else None
    with pytest.raises(InputError, match=r"a frame in memory: needs about .* --ignore-memory"):
        _ = vn2pl.impute(small_panel, small_config, out=out).sips
    assert not [*tmp_path.iterdir()]
    assert vn2pl.impute(small_panel, small_config, out=out, ignore_memory=True).sips.height


@pytest.mark.usefixtures("ten_shards")
@pytest.mark.parametrize("fresh", [False, True])
def test_a_run_that_was_stopped_goes_on(
    tmp_path: Path,
    small_panel: pl.DataFrame,
    small_config: vn2pl.Config,
    planned: Counter[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    fresh: bool,
) -> None:
    expected = vn2pl.impute(small_panel, small_config)
    assert len(expected.search.shards) > 6
    save, turn = checkpoint.KeptShards.save, count()

    def stopping(self: checkpoint.KeptShards, shard: shards.Shard, frames: Sequence[pl.DataFrame]) -> None:
        if next(turn) >= 3:
            raise KeyboardInterrupt
        save(self, shard, frames)

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint.KeptShards, "save", stopping)
        with pytest.raises(KeyboardInterrupt):
            vn2pl.impute(small_panel, small_config, out=tmp_path)
    planned.clear()
    run = vn2pl.impute(small_panel, small_config, out=tmp_path, fresh=fresh)
    assert planned["search"] == len(expected.search.shards) - (0 if fresh else 3)
    assert_frame_equal(run.sips, expected.sips, check_exact=True)


def test_what_is_for_a_folder_needs_one(small_panel: pl.DataFrame) -> None:
    with pytest.raises(ValueError, match="which out names"):
        vn2pl.impute(small_panel, full=True)
