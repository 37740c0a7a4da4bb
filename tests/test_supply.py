"""What the package may not do: run code or open paths that its data name, unpickle, use the network."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from commands import run_impute

ROOT = Path(__file__).parents[1]
MODULES = sorted([*ROOT.glob("vn2pl/**/*.py"), *ROOT.glob("queries/**/*.py")])
FORBIDDEN_MODULES = {
    *("pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"),
    *("socket", "ssl", "urllib", "http", "ftplib", "smtplib", "requests", "httpx", "aiohttp"),
    *("subprocess", "ctypes", "runpy"),
}
# As a name of Python's own; methods may be called so: pl.Expr.list.eval evaluates expressions of Polars.
FORBIDDEN_NAMES = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_METHODS = {"unsafe_load", "full_load", "deserialize"}
# A run told of every attempt; events are those of sys.addaudithook.
WATCHED = """
import sys
from vn2pl.cli.main import main
WATCHED = ("socket.", "urllib.", "http.", "subprocess.", "os.exec", "os.system", "pickle.", "marshal.loads")
def watch(event, arguments):
    if event.startswith(WATCHED):
        import_of_bytecode = event == "marshal.loads" and "importlib" in sys._getframe(1).f_code.co_filename
        if not import_of_bytecode:
            print("attempted", event, file=sys.stderr)
sys.addaudithook(watch)
sys.exit(main(sys.argv[1:]))
"""


def _uses(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.Name) and node.id in FORBIDDEN_NAMES:
            yield node.id
        elif isinstance(node, ast.Attribute) and node.attr in FORBIDDEN_METHODS:
            yield node.attr


def test_no_module_unpickles_evaluates_or_reaches_out() -> None:
    assert len(MODULES) > 40
    used = {module.name: {*_uses(ast.parse(module.read_text(encoding="utf-8")))} for module in MODULES}
    bad = {name: names & (FORBIDDEN_MODULES | FORBIDDEN_NAMES | FORBIDDEN_METHODS) for name, names in used.items()}
    assert {name: names for name, names in bad.items() if names} == {}


def test_a_run_opens_no_connection_and_starts_no_process(tmp_path: Path, small_panel: pl.DataFrame) -> None:
    panel, config = tmp_path / "panel.parquet", tmp_path / "config.yaml"
    small_panel.write_parquet(panel)
    config.write_text("n_neighbors: 5\nmin_candidates: 20\n")
    words = ["impute", "--data", panel, "--config", config, "--out", tmp_path / "out", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out" / "run.json").exists()


def test_values_are_never_paths(
    tmp_path: Path, small_panel: pl.DataFrame, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "a" / "b"
    home.mkdir(parents=True)
    monkeypatch.chdir(home)
    paths = ["../../evil", str(tmp_path / "evil"), "*.parquet", "out/run.json", "evil.parquet", "\0", "C:\\evil", "~"]
    named = pl.col("Store").rank("dense") % len(paths)
    panel = small_panel.with_columns(
        pl.format("{}{}", pl.lit(pl.Series(paths)).gather(named.cast(pl.UInt32)), pl.col("Store")).alias("Store"),
        pl.lit("../../evil").alias("Department"),
    )
    panel.write_parquet("panel.parquet")
    run_impute(Path("panel.parquet"), Path("out"), "--n-neighbors", 20)
    assert "Traceback" not in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert sorted(path.name for path in home.iterdir()) == ["out", "panel.parquet"]
    assert len([*home.glob("out/**/*")]) == 4
