"""Commands run within the test's process, where starting a process for each would take too long."""

from pathlib import Path

from vn2pl.cli import impute
from vn2pl.cli.main import parser


def run_impute(data: Path, out: Path, *options: object) -> int:
    """``vn2pl impute --data DATA --out OUT OPTIONS``; raises what the command line would tell."""
    return impute.run(parser().parse_args(["impute", "--data", str(data), "--out", str(out), *map(str, options)]))


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of the data files in an output folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "run.json"}
