"""A folder holds the files of one command and, unless it is asked for, of no other panel than before."""

import json
import shutil
import signal
from pathlib import Path

import polars as pl
import pytest
from stopped import Commands, Ended

import vn2pl

IMPUTED_FILE, SIPS_FILE, SUMMARY_FILE = "demand_imputed.parquet", "imputed_sips.parquet", "imputation_summary.csv"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, vn2pl_command: Commands) -> Path:
    """A panel, its imputation, its backtest, and the demo panel's imputation."""
    folder = tmp_path_factory.mktemp("made")
    vn2pl.demo_panel(skus=12, weeks=60, seed=5).panel.write_parquet(folder / "panel.parquet")
    (folder / "config.yaml").write_text("n_neighbors: 5\nmin_candidates: 20\n")
    for name, words in {"impute": [], "backtest": ["--seeds", 1, "--json"]}.items():
        assert vn2pl_command.run(name, *_panel(folder), *words, "--out", folder / name).status == 0
    assert vn2pl_command.run("impute", "--out", folder / "demo", "--quiet").status == 0
    return folder


def _panel(made: Path) -> list[object]:
    return ["--data", made / "panel.parquet", "--config", made / "config.yaml"]


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _told(ended: Ended) -> str:
    """The one message of a command that refused."""
    assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)
    return ended.err


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "without run.json"])
@pytest.mark.parametrize(
    ("held", "name", "told"),
    [
        ("impute", "backtest", f"vn2pl backtest alone, found files of vn2pl impute ({IMPUTED_FILE}, {SIPS_FILE}, "),
        ("impute", "demo", "vn2pl demo alone, found files of vn2pl impute"),
        ("backtest", "impute", "vn2pl impute alone, found files of vn2pl backtest (backtest_rows.parquet, "),
        ("backtest", "demo", "vn2pl demo alone, found files of vn2pl backtest"),
    ],
)
def test_a_folder_of_another_command_is_refused_before_anything_is_read(
    made: Path, tmp_path: Path, vn2pl_command: Commands, held: str, name: str, told: str, *, recorded: bool
) -> None:
    out = shutil.copytree(made / held, tmp_path / "out")
    if not recorded:
        (out / "run.json").unlink()
    before = _contents(out)
    data = [] if name == "demo" else ["--data", tmp_path / "nowhere.parquet"]
    message = _told(vn2pl_command.run(name, *data, "--out", out))
    assert message.startswith(f"vn2pl: --out {out}: expected a folder for {told}")
    assert message.endswith("; choose another --out\n")
    assert _contents(out) == before


def test_files_of_two_commands_in_one_folder_are_no_run(made: Path, tmp_path: Path, vn2pl_command: Commands) -> None:
    """As versions that did not refuse left them."""
    out = shutil.copytree(made / "impute", tmp_path / "out")
    shutil.copytree(made / "backtest", out, dirs_exist_ok=True)
    readers: dict[str, list[object]] = {
        "verify": [out],
        "query": ["figures", "--run", out],
        "export": ["--format", "csv", "--run", out],
        "report": ["--run", out, "--to", tmp_path / "report.html"],
    }
    for name, words in readers.items():
        ended = vn2pl_command.run(name, *words)
        assert (ended.status, ended.out) == (2, "")
        assert ended.err.splitlines() == [
            f"vn2pl: {out / file}: is not of the run that run.json tells of"
            for file in (IMPUTED_FILE, SIPS_FILE, SUMMARY_FILE)
        ]


def test_a_query_reads_the_complete_files_of_one_imputation(
    made: Path, tmp_path: Path, vn2pl_command: Commands
) -> None:
    out = shutil.copytree(made / "impute", tmp_path / "out")
    asked = ["query", "figures", "--run", out]
    assert vn2pl_command.run(*asked).status == 0
    (out / "neighbours.parquet").write_bytes((made / "panel.parquet").read_bytes())
    assert "neighbours.parquet: is not of the run" in _told(vn2pl_command.run(*asked))
    (out / "neighbours.parquet").unlink()
    record = json.loads((out / "run.json").read_text())
    backtest = json.loads((made / "backtest" / "run.json").read_text())
    (out / "run.json").write_text(json.dumps({**backtest, "files": record["files"]}))
    assert "expected the record of vn2pl impute" in _told(vn2pl_command.run(*asked))


@pytest.mark.parametrize("name", ["impute", "backtest"])
@pytest.mark.parametrize("record", ["whole", "missing", "damaged", "nested"])
def test_the_demo_does_not_replace_results_of_another_panel(
    made: Path, tmp_path: Path, vn2pl_command: Commands, name: str, record: str
) -> None:
    out = shutil.copytree(made / name, tmp_path / "out")
    panel = str(made / "panel.parquet")
    if record == "missing":
        (out / "run.json").unlink()
    elif record != "whole":
        (out / "run.json").write_text(
            {"damaged": '{"data": "demo panel"', "nested": '{"data":' + "[" * 100_000}[record]
        )
    before = _contents(out)
    for dry in [[], ["--dry-run"]] if name == "impute" else [[]]:
        message = _told(vn2pl_command.run(name, *dry, "--out", out))
        whose = panel if record == "whole" else "an unknown panel ("
        assert message.startswith(f"vn2pl: --out {out}: holds results of {whose}")
        assert message.endswith(", which those of the demo panel would replace; give --data PATH, or another --out\n")
    assert _contents(out) == before
    assert vn2pl_command.run(name, *_panel(made), "--out", out, *(["--json"] * (name == "backtest"))).status == 0


def test_the_demo_builds_on_its_own_run_and_gives_way_to_a_panel(
    made: Path, tmp_path: Path, vn2pl_command: Commands
) -> None:
    out = shutil.copytree(made / "demo", tmp_path / "out")
    before = _contents(out)
    ended = vn2pl_command.run("impute", "--out", out)
    assert (ended.status, _contents(out)) == (0, before)
    assert "Nothing changed since the run of" in ended.out
    assert vn2pl_command.run("impute", *_panel(made), "--out", out, "--quiet").status == 0
    shared = (IMPUTED_FILE, SIPS_FILE, SUMMARY_FILE)
    assert [_contents(out)[file] for file in shared] == [_contents(made / "impute")[file] for file in shared]


@pytest.mark.parametrize("file", ["panel.parquet", "demand.parquet"])
def test_a_panel_of_ones_own_is_not_replaced_by_a_generated_one(
    tmp_path: Path, vn2pl_command: Commands, file: str
) -> None:
    own = tmp_path / file
    pl.DataFrame({"precious": [1]}).write_parquet(own)
    before = own.read_bytes()
    small = ["--skus", 12, "--weeks", 60]
    assert f"without a {file} that is not from vn2pl demo" in _told(
        vn2pl_command.run("demo", *small, "--out", tmp_path)
    )
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]
    for _ in range(2):
        assert vn2pl_command.run("demo", *small, "--out", tmp_path / "demo").status == 0


def test_a_run_that_ends_before_it_writes_leaves_no_folder_that_it_made(
    made: Path, tmp_path: Path, vn2pl_command: Commands
) -> None:
    (tmp_path / "there").mkdir()
    for out in (tmp_path / "a" / "b" / "out", tmp_path / "there" / "out"):
        for moment in range(3, 9):
            ended = vn2pl_command.run(
                "impute", *_panel(made), "--out", out, inside=tmp_path, fault=signal.SIGINT, at=moment
            )
            assert ended.status == 130
            assert "earlier output files are as they were" in ended.err
            assert [path.name for path in tmp_path.rglob("*")] == ["there"]
    assert _told(vn2pl_command.run("demo", "--skus", 2**31 - 1, "--out", tmp_path / "a" / "b"))
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]
