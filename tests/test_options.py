"""Options mean the same in every command, and their old names still work."""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from test_command import vn2pl as command

from vn2pl.cli.main import main, parser
from vn2pl.queries import bounds

ROOT = Path(__file__).parents[1]
READS, WRITES = ("query", "export", "report", "why"), ("impute", "backtest", "demo")


def _commands() -> dict[str, argparse.ArgumentParser]:
    (actions,) = (action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    return dict(actions.choices)


def test_one_option_is_told_in_one_way() -> None:
    told: dict[str, set[str]] = defaultdict(set)
    for shown in _commands().values():
        for action in shown._actions:
            for name in action.option_strings:
                told[name].add(re.split(r" \(|; |:|,", str(action.help))[0])
    different = {
        name: texts for name, texts in told.items() if len(texts) > 1 and name not in {"--out", "--seed", "--to"}
    }
    assert different == {}


def test_what_is_read_is_run_and_what_is_written_is_out_or_to() -> None:
    visible = {
        name: {
            option for action in shown._actions if action.help != argparse.SUPPRESS for option in action.option_strings
        }
        for name, shown in _commands().items()
    }
    assert {name for name, options in visible.items() if "--run" in options} == set(READS)
    assert {name for name, options in visible.items() if "--out" in options} == set(WRITES)
    assert {name for name, options in visible.items() if "--to" in options} == {"query", "export", "report"}
    assert not [name for name, options in visible.items() if "--processed" in options]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["query", "figures", "--out", "{run}"], "--out is called --run here"),
        (["query", "figures", "--processed", "{run}"], "--processed is called --run here"),
        (["export", "--format", "csv", "--out", "{run}"], "--out is called --run here"),
        (["report", "--processed", "{run}", "--out", "{to}"], "--out is called --to here"),
        (["impute", "--data", "{run}/../panel.parquet", "--processed", "{to}"], "--processed is called --out here"),
    ],
)
def test_old_names_work_with_a_note(finished_run: Path, tmp_path: Path, words: list[str], told: str) -> None:
    done = command(*(word.format(run=finished_run, to=tmp_path / "to") for word in words))
    assert done.returncode == 0, done.stderr
    assert f"vn2pl: note: {told}\n" in done.stderr
    assert done.stderr.count("note:") == sum(word in {"--out", "--processed"} for word in words)


def test_old_and_new_names_are_not_both_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        main(["query", "figures", "--run", "a", "--out", "b"])
    assert "not allowed with argument --run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["impute", "--out", ""], "--out: expected the name of a file or folder, got an empty text"),
        (["impute", "--data", ""], "--data: expected the name"),
        (["query", "figures", "--run="], "--run: expected the name"),
        (["query", "figures", "--out", ""], "expected the name"),
        (["export", "--format", "csv", "--to", ""], "--to: expected the name"),
        (["verify", ""], "DIR: expected the name"),
        (["impute", "--n-jobs", "many"], "--n-jobs: expected a number from -1, got many"),
        (["impute", "--n-neighbors", "1000001"], "--n-neighbors: expected a number from 1 to 1,000,000, got 1000001"),
        (["backtest", "--seeds", "9" * 5000], "--seeds: expected a number from 1 to 1,000, got 9999"),
        (["export", "--format", "sipmath", "--trials", "0"], "--trials: expected a number from 1 to 1,000,000, got 0"),
        (["export", "--format", "sipmath", "--seed", "-1"], "--seed: expected a number from 0 to"),
        (["impute", "--out", "x" * 5000], "File name too long"),
    ],
)
def test_what_no_option_may_be_is_told(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vn2pl.running.cores.bound_threads", lambda _: 1)
        try:
            status = main(words)
        except SystemExit as ended:
            status = int(ended.code or 0)
    shown = capsys.readouterr().err
    assert status == 2
    assert told in shown
    assert not re.search(r"\bint\b|\bstr\b|Traceback", shown)


def test_bounds_of_an_option_are_those_of_its_setting() -> None:
    most = bounds.Neighbours.__metadata__[0].le  # type: ignore[attr-defined]
    assert parser().parse_args(["impute", "--n-neighbors", str(most)]).n_neighbors == most


@pytest.mark.skipif(
    not shutil.which("just", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}"), reason="no just"
)
def test_just_hands_arguments_on_as_they_are(finished_run: Path, tmp_path: Path) -> None:
    just = shutil.which("just", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    words = [
        str(just),
        "impute",
        "--data",
        str(finished_run.parent / "panel.parquet"),
        "--out",
        str(tmp_path / "a b $HOME '"),
        "--quiet",
    ]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a b $HOME '"]
