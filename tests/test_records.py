"""A ``run.json`` that somebody else has written is refused in words, by every command that reads it."""

import json
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from commands import run_impute

import vn2pl
from vn2pl.cli.main import parser
from vn2pl.writing.artifacts import RUN_FILE

BROKEN = {
    "brackets": "[" * 100_000,
    "braces": '{"files":' * 100_000,
    "half of it": '{"files": {',
    "a list": "[]",
    "nothing of files": "{}",
    "files of another sort": '{"files": {"demand_imputed.parquet": {"bytes": "many", "sha256": 1}}}',
    "a size beyond numbers": '{"files": {"demand_imputed.parquet": {"bytes": 1e999, "sha256": ""}}}',
    "not text": "\udcff",
}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "config": ({"config": 5}, "config: expected keys with values, got 5"),
    "unit": ({"config": {"demand_unit": "1", "quantile_levels": [0.5]}}, "config.demand_unit: expected a number"),
    "finished": ({"finished": "yesterday"}, "finished: expected a time such as 2024-04-08T02:00:00+00:00"),
    "seconds": ({"seconds": [1]}, "seconds: expected keys with values, got [1]"),
    "threads": ({"threads": True}, "threads: expected a whole number, got true"),
}


@pytest.fixture
def folder(finished_run: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished_run, tmp_path / "run")


def _commands(folder: Path) -> dict[str, list[str]]:
    of_run = ["--run", str(folder)]
    return {
        "query": ["query", "figures", *of_run],
        "why": ["why", "--store", "0", "--product", "0", "--week", "2024-04-08", *of_run],
        "export": ["export", "--format", "csv", *of_run],
        "report": ["report", "--to", str(folder.parent / "report.html"), *of_run],
    }


def _refused(words: list[str]) -> str:
    parsed = parser().parse_args(words)
    with pytest.raises(vn2pl.InputError) as caught:
        import_module(f"vn2pl.cli.{parsed.command}").run(parsed)
    return str(caught.value)


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_record_is_refused_in_words(folder: Path, text: str) -> None:
    (folder / RUN_FILE).write_text(text, encoding="utf-8", errors="surrogateescape")
    pytest.importorskip("altair", reason="needs the extra: pip install 'vn2pl[report]'")
    for words in [*_commands(folder).values(), ["verify", str(folder)]]:
        told = _refused(words)
        assert told.startswith(f"{folder / RUN_FILE}: expected the record of a run")
        assert "Error" not in told


def test_a_run_builds_on_no_broken_record(finished_run: Path, folder: Path) -> None:
    for text in (BROKEN["brackets"], "{}", _with_weeks(finished_run, {}), _with_weeks(finished_run, {"soon": "0-0-0"})):
        (folder / RUN_FILE).write_text(text)
        assert run_impute(finished_run.parent / "panel.parquet", folder, "--quiet") == 0


def _with_weeks(folder: Path, weeks: dict[str, str]) -> str:
    facts = json.loads((folder / RUN_FILE).read_text())
    facts["fingerprint"] = {**facts["fingerprint"], "content": "", "weeks": weeks}
    return json.dumps(facts)


@pytest.mark.parametrize(("changed", "told"), WRONG.values(), ids=WRONG.keys())
def test_wrong_types_are_named(folder: Path, changed: dict[str, Any], told: str) -> None:
    facts = json.loads((folder / RUN_FILE).read_text())
    (folder / RUN_FILE).write_text(json.dumps({**facts, **changed}))
    pytest.importorskip("altair", reason="needs the extra: pip install 'vn2pl[report]'")
    for words in _commands(folder).values():
        assert f"{folder / RUN_FILE}: {told}" in _refused(words)
