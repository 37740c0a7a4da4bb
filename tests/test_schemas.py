"""What commands write is what the schemas declare."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl
import pytest

from vn2pl import schemas
from vn2pl.cli.main import main
from vn2pl.queries.imputed import FLAG_NAMES, INFERRED

FILES = {
    "imputed": "run/demand_imputed.parquet",
    "sips": "run/imputed_sips.parquet",
    "neighbours": "run/neighbours.parquet",
    "backtest_rows": "backtest/backtest_rows.parquet",
    "backtest_table": "backtest/backtest_table.parquet",
    "demo_demand": "demo/demand.parquet",
}
INFERRING = {"imputed": "inferred/demand_imputed.parquet"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of all commands that write frames, and one that infers stockouts of text keys."""
    folder = tmp_path_factory.mktemp("written")
    panel, unmarked = folder / "demo" / "panel.parquet", folder / "unmarked.parquet"
    run("demo", "--out", panel.parent, "--skus", 30, "--weeks", 70)
    pl.read_parquet(panel).drop("in_stock").cast({"Store": pl.String}).write_parquet(unmarked)
    run("impute", "--data", panel, "--save-neighbours", "--out", folder / "run", "--quiet")
    run("impute", "--data", unmarked, "--infer-stockouts", "--out", folder / "inferred", "--quiet")
    run("backtest", "--data", panel, "--seeds", 1, "--out", folder / "backtest")
    return folder


def run(*arguments: object) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vn2pl.running.cores.bound_threads", lambda _: 1)
        assert main([str(argument) for argument in arguments]) == 0


def declared(
    columns: Sequence[schemas.Column], written: Mapping[str, object], read: Mapping[str, object]
) -> Iterator[tuple[str, object]]:
    """The columns as they are declared, each placeholder as the columns that it stands for."""
    known = {column.name for column in columns}
    for name, dtype, *_, is_optional in columns:
        if name == "<attribute>":
            yield from ((other, read[other]) for other in written if other in read and other not in known)
        elif "<" in name:
            stem = name.partition("<")[0]
            yield from ((other, dtype) for other in written if re.fullmatch(rf"{stem}[\d.]+", other))
        elif not is_optional or name in written:
            yield name, dtype or read[name.replace("neighbour_", "").capitalize()]


@pytest.mark.parametrize(("files", "source"), [(FILES, "demo/panel.parquet"), (INFERRING, "unmarked.parquet")])
def test_files_have_the_columns_and_types_that_are_declared(
    folder: Path, files: Mapping[str, str], source: str
) -> None:
    read = pl.read_parquet_schema(folder / source)
    for frame, path in files.items():
        written = pl.read_parquet_schema(folder / path)
        assert list(declared(schemas.FRAMES[frame], written, read)) == list(written.items()), frame
    assert set(FILES) == set(schemas.FRAMES)


def test_a_run_has_the_figures_and_keys_that_are_declared(folder: Path) -> None:
    optional = {name for name, figure in schemas.FIGURES.items() if figure.is_optional}
    for name, left_out in (("run", optional), ("inferred", set[str]())):
        figures = pl.read_csv(folder / name / "imputation_summary.csv")["metric"].to_list()
        told = (figure for figure in schemas.FIGURES if figure not in left_out)
        assert figures == [each for figure in told for each in of_every_flag(figure)]
        assert set(json.loads((folder / name / "run.json").read_text())) == set(schemas.RUN_KEYS)


def of_every_flag(figure: str) -> list[str]:
    stem, placeholder, _ = figure.partition("<flag>")
    return [f"{stem}{flag}" for flag in FLAG_NAMES] if placeholder else [figure]


def test_every_flag_and_status_is_declared(folder: Path) -> None:
    assert list(schemas.FLAGS) == [*FLAG_NAMES, INFERRED]
    imputed = pl.concat(
        pl.read_parquet(folder / run / "demand_imputed.parquet", columns=["status"]) for run in ("run",)
    )
    assert set(imputed["status"]) == set(schemas.STATUSES)


def test_every_column_has_a_meaning_and_numbers_their_unit() -> None:
    for name, columns in schemas.FRAMES.items():
        names = [column.name for column in columns]
        assert len(set(names)) == len(names), name
        assert not [column.name for column in columns if column.dtype and not column.meaning], name
