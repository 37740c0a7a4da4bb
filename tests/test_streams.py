"""Standard output and error as scripts leave them: closed, full, read by nobody, interrupted, unable to encode."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from commands import run_impute

ROOT = Path(__file__).parents[1]
VN2PL = [sys.executable, "-m", "vn2pl"]
FULL = Path("/dev/full")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, small_panel: pl.DataFrame) -> Path:
    """A finished run of stores with an accent, and the panel that it came from."""
    folder = tmp_path_factory.mktemp("run")
    small_panel.with_columns(pl.format("Zürich {}", "Store").alias("Store")).write_parquet(folder / "panel.parquet")
    (folder / "config.yaml").write_text("n_neighbors: 20\nmin_candidates: 60\n")
    run_impute(folder / "panel.parquet", folder / "out", "--config", folder / "config.yaml", "--quiet")
    return folder


@pytest.fixture
def asked(run: Path, tmp_path: Path) -> Mapping[str, list[str]]:
    """Commands of every sort of output."""
    out = str(run / "out")
    return {
        "table": ["query", "worst_stockouts", "--run", out],
        "data": ["query", "worst_stockouts", "--run", out, "--format", "csv"],
        "export": ["export", "--format", "sipmath", "--trials", "100", "--run", out],
        "screen": ["verify", out],
        "help": ["query", "--help"],
        "figures": ["impute", "--data", str(run / "panel.parquet"), "--out", str(tmp_path / "out"), "--json"],
    }


KINDS = ("table", "data", "export", "screen", "help", "figures")


def _ended(words: list[str], **settings: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*VN2PL, *words], cwd=ROOT, check=False, **{"stderr": subprocess.PIPE, **settings})


@pytest.mark.skipif(not FULL.exists(), reason="this system has no such device")
@pytest.mark.parametrize("kind", KINDS)
def test_output_that_is_full_is_told(asked: Mapping[str, list[str]], kind: str) -> None:
    with FULL.open("wb") as full:
        done = _ended(asked[kind], stdout=full)
    assert done.stderr == b"vn2pl: standard output: cannot be written: No space left on device\n"
    assert done.returncode == 2


@pytest.mark.parametrize("kind", KINDS)
def test_output_that_is_closed_is_told(asked: Mapping[str, list[str]], kind: str) -> None:
    done = _ended(asked[kind], preexec_fn=lambda: os.close(1))
    assert done.stderr == b"vn2pl: standard output: cannot be written: it is closed\n"
    assert done.returncode == 2


def test_a_closed_output_writes_nothing_into_files(run: Path, tmp_path: Path) -> None:
    words = ["impute", "--data", run / "panel.parquet", "--out", tmp_path / "out", "--config", run / "config.yaml"]
    _ended([*map(str, words)], preexec_fn=lambda: os.closerange(1, 3))
    for name in ("demand_imputed.parquet", "imputed_sips.parquet"):
        assert (tmp_path / "out" / name).read_bytes() == (run / "out" / name).read_bytes()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("with_messages", [False, True])
def test_a_reader_that_leaves_is_no_error(asked: Mapping[str, list[str]], kind: str, *, with_messages: bool) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = _ended(asked[kind], stdout=writing, stderr=writing if with_messages else subprocess.PIPE)
    os.close(writing)
    assert done.returncode == 0
    assert b"Traceback" not in (done.stderr or b"")


def test_a_run_whose_messages_nobody_reads_is_finished(run: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    words = ["impute", "--data", str(run / "panel.parquet"), "--out", str(tmp_path / "out"), "--strict"]
    done = _ended(words, stdout=writing, stderr=writing)
    os.close(writing)
    assert done.returncode == 1, "stockouts are left without a SIP"
    assert (tmp_path / "out" / "run.json").exists()


@pytest.mark.parametrize("kind", ["table", "data", "export"])
def test_a_name_that_cannot_be_encoded(asked: Mapping[str, list[str]], kind: str) -> None:
    done = _ended(asked[kind], stdout=subprocess.PIPE, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, b"")
    # A table escapes it; data are UTF-8 whatever the terminal is.
    assert (rb"Z\xfcrich" if kind == "table" else "Zürich".encode()) in done.stdout


def test_an_engine_of_the_environment_is_not_used(asked: Mapping[str, list[str]]) -> None:
    done = _ended(asked["figures"], stdout=subprocess.PIPE, env={**os.environ, "POLARS_ENGINE_AFFINITY": "gpu"})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["n_imputed"] > 0


def test_a_query_is_interrupted(run: Path, tmp_path: Path) -> None:
    endless = tmp_path / "endless.sql"
    endless.write_text(
        "SELECT COUNT(*) FROM sips AS a CROSS JOIN sips AS b CROSS JOIN sips AS c WHERE a.value < c.value"
    )
    words = [*VN2PL, "query", str(endless), "--run", str(run / "out")]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.startswith("vn2pl: interrupted")
    assert told.count("\n") == 1


STUBBORN = """
import os, signal, sys, time
from vn2pl.cli import main

def run(parsed):
    while True:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
        except KeyboardInterrupt:
            pass

main.PATIENCE, main._command = 0.2, lambda name: run
sys.argv = ["vn2pl", "query", "--list"]
main.entry()
"""


def test_ctrl_c_ends_what_does_not_stop_by_itself() -> None:
    words = [sys.executable, "-c", STUBBORN]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "vn2pl: interrupted; earlier output files are as they were\n"
