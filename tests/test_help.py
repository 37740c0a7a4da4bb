"""What the command says of itself, and completion in a shell."""

import argparse
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import shtab

import vn2pl
from vn2pl.cli import completion
from vn2pl.cli.main import main, parser

TERMINAL = 80


def _commands() -> dict[str, argparse.ArgumentParser]:
    (actions,) = (action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    return dict(actions.choices)


COMMANDS = _commands()


def _examples(text: str) -> list[list[str]]:
    """Words of every example, without what explains it to the right or takes its output."""
    block = re.search(r"examples:\n((?:  .*\n)+)", text)
    assert block, text
    lines = [re.split(r" {3,}", line.strip())[0] for line in block[1].splitlines()]
    return [shlex.split(re.split(r" [|>] ", line)[0]) for line in lines]


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_a_terminal_and_ends_with_examples_and_statuses(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(TERMINAL))
    text = (COMMANDS[name] if name else parser()).format_help()
    assert [line for line in text.splitlines() if len(line) > TERMINAL] == []
    examples = _examples(text)
    assert examples
    assert "exit status:" in text[text.index("examples:") :]
    for program, *words in examples:
        assert program == "vn2pl"
        parsed = parser().parse_args(words)
        assert parsed.command == (name or parsed.command)


def test_an_unknown_option_is_told_with_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        main(["impute", "--candidate-week", "all"])
    told = capsys.readouterr().err
    assert told.startswith("usage: vn2pl impute")
    assert "vn2pl impute: error: unrecognized arguments: --candidate-week all; did you mean --candidate-weeks?" in told


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name: str) -> None:
    assert [action.dest for action in COMMANDS[name]._actions if not action.help] == []


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["--version"])
    assert capsys.readouterr().out == f"vn2pl {vn2pl.__version__}\n"


def _script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert completion.run(parser().parse_args(["completion", shell])) == 0
    return capsys.readouterr().out


def test_every_shell_that_is_offered_has_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    (action,) = (action for action in COMMANDS["completion"]._actions if action.dest == "shell")
    assert set(action.choices or ()) <= set(shtab.SUPPORTED_SHELLS)
    for shell in action.choices or ():
        assert "infer-stockouts" in _script(shell, capsys)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["exp"], {"export"}),
        (["export", "--format", ""], {"csv", "sipmath"}),
        (["impute", "--infer"], {"--infer-stockouts"}),
        (["impute", "--data", "pan"], {"panel.parquet"}),
        (["verify", "pro"], {"processed"}),
    ],
)
def test_bash_completes(
    words: list[str], offered: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bash = shutil.which("bash")
    if not bash:
        pytest.skip("needs bash")
    (tmp_path / "panel.parquet").touch()
    (tmp_path / "processed").mkdir()
    line = ["vn2pl", *words]
    asked = (
        f"{_script('bash', capsys)}\nCOMP_WORDS=({shlex.join(line)}); COMP_CWORD={len(line) - 1}\n"
        f"COMP_LINE={shlex.quote(' '.join(line))}; COMP_POINT=${{#COMP_LINE}}\n"
        'compopt() { :; }\n_shtab_vn2pl vn2pl "${COMP_WORDS[COMP_CWORD]}"; printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run([bash, "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert set(done.stdout.split()) == offered, done.stderr


def test_help_and_completion_do_not_wait_for_polars() -> None:
    asked = (
        "import sys; from vn2pl.cli.main import main; main(sys.argv[1:]); "
        "print('polars' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked, "completion", "bash"], capture_output=True, text=True, check=True
    )
    assert done.stderr == "False\n"
