"""The command as users run it: a process."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

ROOT = Path(__file__).parents[1]
FILES = {"demand_imputed.parquet", "imputed_sips.parquet", "imputation_summary.csv", "run.json"}
QUICK = "n_neighbors: 20\nmin_candidates: 60\n"


def vn2pl(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "vn2pl", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def panel(tmp_path: Path, small_panel: pl.DataFrame) -> Path:
    path = tmp_path / "panel.parquet"
    small_panel.write_parquet(path)
    return path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(QUICK)
    return path


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "run.json"}


def test_the_old_invocation_works_word_for_word(tmp_path: Path, panel: Path) -> None:
    words = "impute --config configs/uncertainty.yaml --n-neighbors 20 --n-jobs -1"
    done = vn2pl(*words.split(), "--data", panel, "--processed", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["config"]["n_neighbors"] == 20
    assert run["threads"] == len(os.sched_getaffinity(0))
    assert "Stockouts" in done.stdout
    assert "stockouts searched" in done.stderr


def test_threads_are_bounded_and_change_no_byte(tmp_path: Path, panel: Path, config: Path) -> None:
    for jobs in (1, 2):
        done = vn2pl("impute", "--data", panel, "--config", config, "--n-jobs", jobs, "--out", tmp_path / f"{jobs}")
        assert done.returncode == 0, done.stderr
        assert json.loads((tmp_path / f"{jobs}" / "run.json").read_text())["threads"] == jobs
    assert _contents(tmp_path / "1") == _contents(tmp_path / "2")


def test_json_is_one_object_and_nothing_else(tmp_path: Path, panel: Path, config: Path) -> None:
    options = ["--out", tmp_path / "out", "--json", "--save-neighbours"]
    done = vn2pl("impute", "--data", panel, "--config", config, *options)
    assert (done.returncode, done.stderr) == (0, "")
    figures = json.loads(done.stdout)
    summary = dict(pl.read_csv(tmp_path / "out" / "imputation_summary.csv").iter_rows())
    assert figures["n_stockouts"] == figures["n_imputed"] + figures["n_not_imputed"] == summary["n_stockouts"]
    neighbours = pl.read_parquet(tmp_path / "out" / "neighbours.parquet")
    assert neighbours.columns[:4] == ["Store", "Product", "week", "rank"]


def test_a_pipe_gets_no_control_characters(tmp_path: Path, panel: Path, config: Path) -> None:
    done = vn2pl("impute", "--data", panel, "--config", config, "--out", tmp_path / "out", TERM="xterm-256color")
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["impute", "--n-jobs", "0"], "--n-jobs: expected a number of threads from 1, or -1 for all cores, got 0"),
        (["impute", "--n-neighbors", "0"], "--n-neighbors: expected a number from 1 to 1,000,000, got 0"),
        (["impute", "--data", "nowhere.parquet"], "nowhere.parquet"),
        (["impute", "--config", "nowhere.yaml"], "nowhere.yaml cannot be read"),
        (["impute", "--wrong"], "unrecognized arguments: --wrong"),
        (["impute", "--out", "README.md"], "README.md: expected a folder to write to"),
        (["demo", "--skus", "0"], "skus"),
        ([], "the following arguments are required: command"),
    ],
)
def test_bad_input_is_told_in_a_line_without_a_traceback(arguments: list[str], told: str) -> None:
    done = vn2pl(*arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_bad_input_leaves_earlier_output_alone(tmp_path: Path, panel: Path, config: Path) -> None:
    out = tmp_path / "out"
    assert vn2pl("impute", "--data", panel, "--config", config, "--out", out).returncode == 0
    before = _contents(out)
    pl.read_parquet(panel).with_columns(pl.col("sales") - 1).write_parquet(panel)
    done = vn2pl("impute", "--data", panel, "--config", config, "--out", out)
    assert done.returncode == 2
    assert "sales" in done.stderr
    assert _contents(out) == before


def test_the_output_may_not_be_the_input(tmp_path: Path, panel: Path) -> None:
    assert panel.parent == tmp_path
    done = vn2pl("impute", "--data", tmp_path, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "expected a folder outside the input" in done.stderr
    assert not (tmp_path / "out").exists()


def test_strict_tells_by_its_status(tmp_path: Path, panel: Path, config: Path) -> None:
    done = vn2pl("impute", "--data", panel, "--config", config, "--out", tmp_path / "out", "--strict", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_interrupted(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "vn2pl", "impute", "--out", str(tmp_path / "out")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("Reading")
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in told
    assert "Traceback" not in told


def test_demo_writes_a_panel_and_its_demand(tmp_path: Path) -> None:
    done = vn2pl("demo", "--out", tmp_path, "--skus", 20, "--weeks", 60)
    assert done.returncode == 0, done.stderr
    panel, demand = (pl.read_parquet(tmp_path / name) for name in ("panel.parquet", "demand.parquet"))
    assert panel.height == demand.height == 20 * 60


def test_help_does_not_wait_for_polars() -> None:
    code = (
        "import sys; from vn2pl.cli.main import parser; parser().format_help(); "
        "print({'polars', 'rich', 'yaml'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_quiet_run_imports_nothing_to_show_with(tmp_path: Path, panel: Path) -> None:
    code = "import sys; from vn2pl.cli.main import main; main(sys.argv[1:]); print({'rich', 'yaml'} & set(sys.modules))"
    arguments = ["impute", "--data", panel, "--out", tmp_path / "out", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no such device")
def test_output_that_cannot_be_written_is_told() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "vn2pl", "query", "--list"],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode != 0
    assert "No space left" in done.stderr


def test_a_dry_run_counts_the_work_and_writes_nothing(tmp_path: Path, panel: Path, config: Path) -> None:
    done = vn2pl("impute", "--data", panel, "--config", config, "--out", tmp_path / "out", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    work = json.loads(done.stdout)
    observed = pl.read_parquet(panel)
    assert sum(shard["stockouts"] for shard in work["shards"]) == (~observed["in_stock"]).sum()
    assert sum(shard["pairs"] for shard in work["shards"]) > 0
    assert work["candidates"] <= observed["in_stock"].sum()
    assert not (tmp_path / "out").exists()


def test_explain_shows_every_stage_that_runs(tmp_path: Path, panel: Path, config: Path) -> None:
    options = ("--data", panel, "--config", config, "--out", tmp_path / "out", "--save-neighbours")
    done = vn2pl("impute", *options, "--explain")
    assert done.returncode == 0, done.stderr
    stages = dict(told.split("\n", 1) for told in done.stdout.split("STAGE ")[1:])
    assert [name.partition(":")[0] for name in stages] == ["Features", "Match", "Search", *["Publish"] * 3]
    features, match, search, sips, imputed, summary = stages.values()
    assert all("ogical plan" in plan for plan in stages.values())
    assert all("Physical plan of " in plan for plan in (features, match, search, sips))
    for name in ("recipients", "donors", "blocks", "largest_sales"):
        assert f"Physical plan of {name}" in match
    assert "Physical plan of neighbours" in search
    assert "equi-join" in search
    assert "LEFT JOIN" in imputed
    assert "n_imputed" in summary
    assert not (tmp_path / "out").exists()
