"""Panels that tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from commands import run_impute
from stopped import Commands, commands

import vn2pl

# Where it is set, output is as narrow as the terminal of whoever runs the tests.
os.environ.pop("COLUMNS", None)

SHARED = Path(__file__).parents[2] / "shared"


def _needed(*parts: str) -> Path:
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs the files in shared/{'/'.join(parts)} beside the repository")
    return path


@pytest.fixture(scope="session")
def vn2_folder() -> Path:
    """The published VN2 files, where they are."""
    return _needed("data", "vn2")


@pytest.fixture(scope="session")
def vn2_panel(vn2_folder: Path) -> pl.DataFrame:
    return vn2pl.read_panel(vn2_folder).collect()


@pytest.fixture(scope="session")
def golden() -> Path:
    """Values of the system that vn2pl replaces, where they are."""
    return _needed("golden")


@pytest.fixture(scope="session")
def small_panel() -> pl.DataFrame:
    """40 SKUs, 120 weeks: quick, with launches, runs of stockouts and partial stockouts."""
    return vn2pl.demo_panel(skus=40, weeks=120, seed=5).panel


@pytest.fixture(scope="session")
def small_config() -> vn2pl.Config:
    return vn2pl.Config(n_neighbors=20, min_candidates=60)


@pytest.fixture(scope="module")
def vn2pl_command() -> Iterator[Commands]:
    """A place to run commands as processes of their own, which can be stopped at a chosen moment."""
    with commands() as place:
        yield place


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory, small_panel: pl.DataFrame) -> Path:
    """The output folder of a finished run, to read from or to copy."""
    folder = tmp_path_factory.mktemp("finished")
    small_panel.write_parquet(folder / "panel.parquet")
    (folder / "config.yaml").write_text("n_neighbors: 20\nmin_candidates: 60\n")
    run_impute(folder / "panel.parquet", folder / "out", "--config", folder / "config.yaml", "--quiet")
    return folder / "out"
