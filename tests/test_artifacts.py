"""Output files are whole, whatever happens while they are written."""

import random
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from vn2pl import InputError
from vn2pl.artifacts import TEMPORARY, find_damage, output_folder, replacing, write_parquet

ROOT = Path(__file__).parents[1]
KILLS = 20


def _command(panel: Path, out: Path) -> list[str]:
    config = panel.with_name("config.yaml")
    config.write_text("n_neighbors: 5\nmin_candidates: 20\n")
    words = ["-m", "vn2pl", "impute", "--full", "--data", panel, "--config", config, "--out", out, "--quiet"]
    return [sys.executable, *map(str, words)]


def test_a_run_killed_at_any_moment_leaves_every_file_old_or_new(tmp_path: Path, small_panel: pl.DataFrame) -> None:
    panel, out = tmp_path / "panel.parquet", tmp_path / "out"
    versions: dict[str, set[bytes]] = {}
    duration = float("inf")
    for doubled in (1, 2):
        small_panel.with_columns(pl.col("sales") * doubled).write_parquet(panel)
        start = time.perf_counter()
        subprocess.run(_command(panel, out), cwd=ROOT, check=True)
        duration = min(duration, time.perf_counter() - start)
        assert not find_damage(out)
        for path in out.glob("*.parquet"):
            versions.setdefault(path.name, set()).add(path.read_bytes())
    assert all(len(contents) == 2 for contents in versions.values())
    chance = random.Random(1)
    killed = 0
    for attempt in range(KILLS):
        small_panel.with_columns(pl.col("sales") * (1 + attempt % 2)).write_parquet(panel)
        process = subprocess.Popen(_command(panel, out), cwd=ROOT)
        time.sleep(duration * chance.uniform(0.3, 1.0))
        process.kill()
        killed += process.wait() != 0
        assert all(path.read_bytes() in versions[path.name] for path in out.glob("*.parquet"))
    assert killed >= KILLS // 4
    subprocess.run(_command(panel, out), cwd=ROOT, check=True)
    assert not find_damage(out)
    assert {path.suffix for path in out.iterdir()} == {".parquet", ".csv", ".json"}


def test_damage_is_told_by_file(tmp_path: Path, small_panel: pl.DataFrame) -> None:
    panel, out = tmp_path / "panel.parquet", tmp_path / "out"
    small_panel.write_parquet(panel)
    assert "no run has ended there" in find_damage(tmp_path)[0]
    subprocess.run(_command(panel, out), cwd=ROOT, check=True)
    sips, imputed = out / "imputed_sips.parquet", out / "demand_imputed.parquet"
    content = bytearray(sips.read_bytes())
    content[100] ^= 1
    sips.write_bytes(content)
    imputed.unlink()
    damage = find_damage(out)
    assert len(damage) == 2
    assert "demand_imputed.parquet: is missing" in damage[0]
    assert "imputed_sips.parquet: is not the file that the run wrote" in damage[1]
    (out / "run.json").write_text("{}")
    assert "expected the record of a run" in find_damage(out)[0]


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    leftover = tmp_path / f"imputed_sips.parquet{TEMPORARY}"
    with output_folder(tmp_path):
        leftover.touch()
        with pytest.raises(InputError, match="another run is writing there"), output_folder(tmp_path):
            pass
        assert leftover.exists()
    with output_folder(tmp_path):
        pass


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fill_the_disk() -> None:
        with replacing(path) as temporary:
            temporary.write_text("ne")
            raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="cannot be written: No space left"):
        fill_the_disk()
    assert path.read_text() == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


def test_a_disk_that_fills_up_leaves_the_old_file(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path, numbers = tmp_path / "file.parquet", pl.DataFrame({"a": range(50_000)})
    write_parquet(numbers.head(1), path)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(InputError, match=r"file\.parquet: cannot be written: File too large"):
            write_parquet(numbers, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["file.parquet"]


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    (tmp_path / "imputed_sips.parquet.temporary").touch()
    (tmp_path / "mine.txt").touch()
    with output_folder(tmp_path):
        pass
    assert [found.name for found in tmp_path.iterdir()] == ["mine.txt"]
