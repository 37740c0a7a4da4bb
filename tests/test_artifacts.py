"""Output files are whole, whatever happens while they are written."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from vn2pl import InputError
from vn2pl.writing.artifacts import find_damage, replacing, write_parquet
from vn2pl.writing.transactions import output_folder

ROOT = Path(__file__).parents[1]


def _command(panel: Path, out: Path) -> list[str]:
    config = panel.with_name("config.yaml")
    config.write_text("n_neighbors: 5\nmin_candidates: 20\n")
    words = ["-m", "vn2pl", "impute", "--full", "--data", panel, "--config", config, "--out", out, "--quiet"]
    return [sys.executable, *map(str, words)]


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
    assert find_damage(sips) == [f"{sips / 'run.json'}: cannot be read: Not a directory"]
    for record in ("{}", "[]", "", '{"files": {"a": {}}}', "[" * 100_000, '{"a": "\\ud800"'):
        (out / "run.json").write_text(record)
        assert find_damage(out) == [
            f"{out / 'run.json'}: expected the record of a run, with the size and checksum of each of its files"
        ]


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
