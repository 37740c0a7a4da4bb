"""A run that will not fit into memory says so before it begins."""

import json
from pathlib import Path

import polars as pl
import pytest
from commands import run_impute

from vn2pl import InputError
from vn2pl.cli import query
from vn2pl.cli.main import parser
from vn2pl.cli.statuses import DONE
from vn2pl.running import memory

GIGABYTE = 10**9


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A made-up machine with 8 GB left, one of which this process holds, and no control groups yet."""
    root = tmp_path / "machine"
    monkeypatch.setattr(memory, "PROCESS", root / "self")
    monkeypatch.setattr(memory, "MACHINE", root / "meminfo")
    monkeypatch.setattr(memory, "GROUPS", root / "groups")
    monkeypatch.setattr(memory, "_page_size", lambda: 1)
    _file(root / "meminfo", f"MemTotal: 9 kB\nMemAvailable: {8 * GIGABYTE // 1024} kB\n")
    _file(root / "self" / "statm", f"{2 * GIGABYTE} {GIGABYTE} 0 0 0 0 0")
    return root


def _file(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _group(root: Path, path: str, *, limit: object, used: int, reclaimable: int) -> None:
    folder = root / "groups" / path
    _file(folder / "memory.max", str(limit))
    _file(folder / "memory.current", str(used))
    _file(folder / "memory.stat", f"anon 5\ninactive_file {reclaimable}\n")


@pytest.mark.usefixtures("machine")
def test_what_is_available_is_what_the_machine_has_left() -> None:
    assert memory.available() == 8 * GIGABYTE // 1024 * 1024
    assert memory.resident() == GIGABYTE


def test_the_closest_limit_of_the_control_groups_counts(machine: Path) -> None:
    _file(machine / "self" / "cgroup", "1:cpu:/a\n0::/a/b\n")
    _group(machine, "a/b", limit="max", used=1, reclaimable=0)
    _group(machine, "a", limit=3 * GIGABYTE, used=2 * GIGABYTE, reclaimable=GIGABYTE)
    _group(machine, "", limit=20 * GIGABYTE, used=GIGABYTE, reclaimable=0)
    assert memory.available() == 2 * GIGABYTE


def test_older_control_groups_count_too(machine: Path) -> None:
    _file(machine / "self" / "cgroup", "7:cpu,memory:/not/visible/here\n0::/\n")
    folder = machine / "groups" / "memory"
    _file(folder / "memory.limit_in_bytes", str(2 * GIGABYTE))
    _file(folder / "memory.usage_in_bytes", str(GIGABYTE))
    _file(folder / "memory.stat", "inactive_file 7\ntotal_inactive_file 0\n")
    assert memory.available() == GIGABYTE


@pytest.mark.usefixtures("machine")
def test_the_address_space_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (22 * GIGABYTE, -1))
    assert memory.available() == 5 * GIGABYTE


def test_a_system_that_does_not_tell_stops_nothing(machine: Path) -> None:
    (machine / "meminfo").unlink()
    (machine / "self" / "statm").unlink()
    assert memory.available() is None
    memory.require(memory.estimate(rows=10**12), source="panel")


@pytest.mark.usefixtures("machine")
def test_what_this_process_holds_already_is_not_needed_again() -> None:
    memory.require(memory.Estimate(9 * GIGABYTE - memory.BASE - 10**6, 0, 0), source="panel")
    with pytest.raises(InputError, match=r"panel: needs about 9\.1 GB of memory, 9\.0 GB are available"):
        memory.require(memory.Estimate(9 * GIGABYTE - memory.BASE + 10**8, 0, 0), source="panel")


@pytest.mark.usefixtures("machine")
def test_what_would_help_is_named() -> None:
    with pytest.raises(InputError) as caught:
        memory.require(memory.Estimate(GIGABYTE, 4 * GIGABYTE, 9 * GIGABYTE), source="panel")
    for remedy in ("--save-neighbours takes 9.0 GB", "cell_candidates", "min_candidates", "SKUs", "--ignore-memory"):
        assert remedy in str(caught.value)
    with pytest.raises(InputError) as caught:
        memory.require(memory.Estimate(20 * GIGABYTE, 0, 0), source="panel")
    assert "--save-neighbours" not in str(caught.value)


@pytest.fixture
def panel(tmp_path: Path, small_panel: pl.DataFrame) -> Path:
    (tmp_path / "config.yaml").write_text("n_neighbors: 20\nmin_candidates: 60\n")
    small_panel.write_parquet(tmp_path / "panel.parquet")
    return tmp_path / "panel.parquet"


# Too little for the panel alone; enough for the panel, but not for its pairs; enough for both, but not for neighbours.
@pytest.mark.parametrize(("short", "options"), [("ROW", []), ("PAIR", []), ("NEIGHBOUR", ["--save-neighbours"])])
def test_a_run_that_will_not_fit_writes_nothing(
    panel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short: str, options: list[str]
) -> None:
    monkeypatch.setattr(memory, f"BYTES_PER_{short}", 10**9)
    options = ["--config", str(tmp_path / "config.yaml"), "--quiet", *options]
    with pytest.raises(InputError, match="--ignore-memory"):
        run_impute(panel, tmp_path / "out", *options)
    assert not list(tmp_path.glob("out/*"))
    run_impute(panel, tmp_path / "out", *options, "--ignore-memory")
    assert (tmp_path / "out" / "run.json").exists()


@pytest.mark.parametrize("short", ["ROW", "PAIR"])
def test_a_question_that_will_not_fit_is_not_answered(
    panel: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], short: str
) -> None:
    monkeypatch.setattr(memory, f"BYTES_PER_{short}", 10**9)
    asked = ["query", "figures", "--data", str(panel), "--config", str(panel.with_name("config.yaml"))]
    with pytest.raises(InputError, match="--ignore-memory"):
        query.run(parser().parse_args(asked))
    assert query.run(parser().parse_args([*asked, "--ignore-memory"])) == DONE
    assert "n_imputed" in capsys.readouterr().out


def test_a_dry_run_tells_what_there_is(panel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--config", tmp_path / "config.yaml", "--dry-run", "--json"]
    run_impute(panel, tmp_path / "out", *options)
    without = json.loads(capsys.readouterr().out)
    run_impute(panel, tmp_path / "out", *options, "--save-neighbours")
    assert json.loads(capsys.readouterr().out)["peak_bytes"] > without["peak_bytes"]
    assert without["available_bytes"] == pytest.approx(memory.available(), rel=0.5)
    for shard in without["shards"]:
        assert 0 < shard["pair_bytes"] < without["peak_bytes"]
