"""The SIPs of a run for spreadsheets and simulations."""

import csv
import io
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import vn2pl
from vn2pl import queries
from vn2pl.cli import export as command
from vn2pl.cli.main import parser
from vn2pl.config import Config
from vn2pl.errors import InputError
from vn2pl.queries.names import KEY
from vn2pl.writing.artifacts import IMPUTED_FILE, RUN_FILE, SIPS_FILE, SUMMARY_FILE, write_run
from vn2pl.writing.sipmath import sip_name

Export = Callable[..., str]


def _run(*options: object) -> None:
    assert command.run(parser().parse_args(["export", *map(str, options)])) == 0


@pytest.fixture(scope="module")
def result(small_panel: pl.DataFrame, small_config: Config) -> vn2pl.Run:
    return vn2pl.impute(small_panel.lazy(), small_config)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, result: vn2pl.Run) -> Path:
    folder = tmp_path_factory.mktemp("run")
    result.imputed.write_parquet(folder / IMPUTED_FILE)
    result.sips.write_parquet(folder / SIPS_FILE)
    result.summary.write_csv(folder / SUMMARY_FILE)
    facts = {
        "finished": "2026-01-31T10:00:00+00:00",
        "data": "panel.parquet",
        "data_fingerprint": "abc",
        "config": msgspec.to_builtins(Config()),
        "profile_parameters": {},
        "versions": {},
        "threads": 1,
        "seconds": {},
    }
    write_run(folder, facts, files=[folder / name for name in (IMPUTED_FILE, SIPS_FILE, SUMMARY_FILE)])
    return folder


@pytest.fixture
def export(run: Path, tmp_path: Path) -> Export:
    def exported(form: str, *options: object) -> str:
        path = tmp_path / "exported"
        _run("--format", form, "--run", run, "--to", path, *options)
        return path.read_text(encoding="utf-8")

    return exported


def test_every_stockout_is_a_row_with_its_quantiles(export: Export, result: vn2pl.Run) -> None:
    text = export("csv")
    assert text.startswith("\ufeffStore,Product,week,")
    read = pl.read_csv(io.StringIO(text.removeprefix("\ufeff")), try_parse_dates=True, infer_schema_length=None)
    stockouts = result.imputed.filter(~pl.col("in_stock"))
    assert_frame_equal(read.select(KEY), stockouts.select(KEY))
    assert '""' not in text
    assert read["flags"].fill_null("").to_list() == stockouts["flags"].list.join(", ").to_list()
    levels = {f"P{percent}": percent / 100 for percent in (1, 5, *range(10, 91, 10), 95, 99)}
    long = read.unpivot([*levels], index=KEY, variable_name="quantile", value_name="value").drop_nulls("value")
    found = long.with_columns(pl.col("quantile").replace_strict(levels), pl.col("value").cast(pl.Float64))
    assert_frame_equal(found.sort(*KEY, "quantile"), result.sips)


def test_a_library_has_every_sip_as_the_trials_that_sample_draws(export: Export, result: vn2pl.Run) -> None:
    library = json.loads(export("sipmath", "--trials", 40, "--seed", 7))
    drawn = vn2pl.sample(result.sips.lazy(), 40, 7).sort(*KEY, "draw").collect()
    expected = drawn.group_by(KEY, maintain_order=True).agg("value")
    assert [sip["arguments"]["value"] for sip in library["sips"]] == expected["value"].to_list()
    assert [sip["name"] for sip in library["sips"]] == [sip_name(*key) for key in expected.select(KEY).iter_rows()]
    first = library["sips"][0]
    assert first["metadata"]["quantiles"] == dict(
        zip(map(str, vn2pl.Config().quantile_levels), result.sips["value"][:13], strict=True)
    )


def test_a_library_has_the_fields_of_the_published_schema(export: Export) -> None:
    library: dict[str, Any] = json.loads(export("sipmath", "--trials", 2))
    assert {name: library[name] for name in ("objectType", "libraryType", "dateCreated", "version")} == {
        "objectType": "sipModel",
        "libraryType": "SIPmath_3_0",
        "dateCreated": "2026-01-31",
        "version": "1",
    }
    assert "abc" in library["provenance"]
    (generator,) = library["U01"]["rng"]
    assert (generator["function"], generator["arguments"]) == ("Index", {"counter": "PM_Index"})
    for sip in library["sips"]:
        assert sip["ref"] == {"source": "rng", "name": generator["name"]}
        assert (sip["function"], sip["arguments"]["type"]) == ("SIP_Array", "array")
        assert len(sip["arguments"]["value"]) == 2
    assert len({sip["name"] for sip in library["sips"]}) == len(library["sips"])


def test_the_same_run_gives_the_same_bytes(export: Export) -> None:
    assert export("sipmath", "--trials", 9) == export("sipmath", "--trials", 9)
    assert export("sipmath", "--trials", 9) != export("sipmath", "--trials", 9, "--seed", 1)


def test_a_chosen_sku_has_the_draws_that_it_has_among_all(export: Export, result: vn2pl.Run) -> None:
    store, product = result.sips.select("Store", "Product").row(-1)
    every = json.loads(export("sipmath", "--trials", 5))["sips"]
    chosen = json.loads(export("sipmath", "--trials", 5, "--store", store, "--product", product))["sips"]
    assert chosen == [sip for sip in every if sip["name"].startswith(f"{store}/{product}/")]
    assert 0 < len(chosen) < len(every)
    rows = export("csv", "--store", store, "--product", product).splitlines()[1:]
    assert all(row.startswith(f"{store},{product},") for row in rows)


def test_sip_names_are_unlike_where_keys_are() -> None:
    week = date(2024, 1, 1)
    assert len({sip_name(*keys, week) for keys in (("a/b", "c"), ("a", "b/c"), ("a%2Fb", "c"))}) == 3


def test_a_spreadsheet_runs_nothing_and_reads_numbers() -> None:
    texts = ["=1+1", "+1", "-1", "@x", "\tx", "\uff1dx", "a=b", "x"]
    frame = pl.LazyFrame({"=name": texts, "number": [-1.0, 2.5, 1e17, None, 0.0, 3.0, 4.0, float(2**40)]})
    cells = queries.for_spreadsheets(frame).collect()
    assert cells.columns == ["'=name", "number"]
    assert cells["'=name"].to_list() == [f"'{text}" for text in texts[:6]] + texts[6:]
    assert cells["number"].to_list() == ["-1", "2.5", "1e+17", None, "0", "3", "4", "1099511627776"]


def test_a_separator_for_countries_with_a_decimal_comma(export: Export) -> None:
    header, first, *_ = csv.reader(export("csv", "--separator", "semicolon").splitlines(), delimiter=";")
    assert len(header) == len(first) > 16


def test_standard_output_takes_no_byte_order_mark(run: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    _run("--format", "csv", "--run", run)
    assert capfdbinary.readouterr().out.startswith(b"Store,Product,week,")


def _refused(*options: object) -> str:
    with pytest.raises(InputError) as error:
        _run(*options)
    return "\n".join(error.value.problems)


def test_an_incomplete_folder_is_refused_and_named(run: Path, tmp_path: Path) -> None:
    told = _refused("--format", "csv", "--run", tmp_path)
    assert f"{tmp_path}: has no {IMPUTED_FILE}, {SIPS_FILE}, {SUMMARY_FILE}" in told
    for name in (IMPUTED_FILE, SIPS_FILE, SUMMARY_FILE):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    assert f"{tmp_path}: expected a {RUN_FILE}, found none" in _refused("--format", "csv", "--run", tmp_path)
    (tmp_path / RUN_FILE).write_bytes((run / RUN_FILE).read_bytes())
    (tmp_path / SIPS_FILE).write_bytes((tmp_path / IMPUTED_FILE).read_bytes())
    assert f"{tmp_path / SIPS_FILE}: expected" in _refused("--format", "csv", "--run", tmp_path)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--format", "csv", "--trials", 5, "--seed", 1], "--trials: is for --format sipmath"),
        (["--format", "sipmath", "--separator", "tab"], "--separator: is for --format csv"),
        (["--format", "csv", "--store", "no such"], "--store no such: "),
    ],
)
def test_options_that_make_no_sense_are_named(run: Path, options: list[object], told: str) -> None:
    assert told in _refused(*options, "--run", run)


@pytest.mark.parametrize("name", [SIPS_FILE, RUN_FILE])
def test_a_run_is_not_overwritten_by_its_export(run: Path, name: str) -> None:
    before = (run / name).read_bytes()
    assert "expected a file of its own" in _refused("--format", "csv", "--run", run, "--to", run / name)
    assert (run / name).read_bytes() == before
