"""Named SQL over the published frames."""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest
from commands import run_impute
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from test_command import vn2pl as command

import vn2pl
from vn2pl.cli import query
from vn2pl.cli.main import parser
from vn2pl.running import sql
from vn2pl.writing.artifacts import IMPUTED_FILE, RUN_FILE, SIPS_FILE, SUMMARY_FILE, write_run

SHIPPED = sql.shipped()
EVERYTHING = {"top": "1000000", "deviations": "-9"}
ECHO = "-- Echo\n-- param said: text\nSELECT :said AS said, ':said' AS quoted -- :said\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, small_panel: pl.DataFrame) -> Path:
    """An earlier run's folder, with the panel and configuration it came from."""
    folder = tmp_path_factory.mktemp("run")
    panel, config = folder / "panel.parquet", folder / "config.yaml"
    small_panel.write_parquet(panel)
    config.write_text("n_neighbors: 20\nmin_candidates: 60\n")
    run_impute(panel, folder, "--config", config, "--quiet", "--save-neighbours")
    return folder


def _tables(*options: object) -> Mapping[str, pl.LazyFrame]:
    return query._tables(parser().parse_args(["query", "any", *map(str, options)]))


def _order(text: str) -> list[str]:
    """Columns of the outermost ORDER BY."""
    order = re.split(r"ORDER BY", text)[-1].partition("LIMIT")[0]
    return [column.split()[0] for column in order.split(",")]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_query_answers_in_a_total_order(run: Path, name: str) -> None:
    asked = SHIPPED[name]
    given = {
        parameter.name: EVERYTHING[parameter.name] for parameter in asked.parameters if parameter.name in EVERYTHING
    }
    tables = _tables("--run", run)
    told = sql.answer(asked, tables, given)
    assert told.height > 0 or name == "always_out_of_stock"
    assert told.select(_order(asked.text)).is_unique().all()
    shuffled = {
        table: frame.collect().sample(fraction=1, shuffle=True, seed=2).lazy() for table, frame in tables.items()
    }
    assert_frame_equal(sql.answer(asked, shuffled, given), told, check_exact=True)
    assert asked.title
    assert sql.answer(asked, tables).height <= told.height


def test_a_panel_gives_the_same_tables_as_its_run(run: Path) -> None:
    planned = _tables("--data", run / "panel.parquet", "--config", run / "config.yaml")
    scanned = _tables("--run", run)
    assert [*planned] == [*scanned] == ["panel", "imputed", "sips", "neighbours", "summary"]
    for name in ("panel", "imputed", "summary"):
        assert_frame_equal(planned[name], scanned[name], check_row_order=False)
    assert sql.answer(SHIPPED["flagged_sips"], planned).equals(sql.answer(SHIPPED["flagged_sips"], scanned))


def test_figures_of_a_known_panel() -> None:
    imputed = pl.LazyFrame(
        {
            "Store": [1, 1, 2],
            "sales": [5.0, 2.0, 1.0],
            "sales_observed": [0.0, 2.0, 1.0],
            "imputed": [True, False, False],
        }
    ).with_columns(week=pl.date(2024, 1, 1))
    told = sql.answer(SHIPPED["lift_by_store"], {"imputed": imputed})
    assert told.select("Store", "sold", "demand", "lift", "lift_percent").rows() == [
        (1, 2.0, 7.0, 5.0, 250.0),
        (2, 1.0, 1.0, 0.0, 0.0),
    ]
    assert sql.answer(SHIPPED["lift_by_store"], {"imputed": imputed}, {"since": "2024-01-02"}).is_empty()


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_stays_text(text: str) -> None:
    asked = sql.parse(ECHO, source="echo.sql")
    assert sql.answer(asked, {}, {"said": text}).rows() == [(text, ":said")]


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE imputed; --", "x' OR '1'='1", "\\' UNION SELECT 1 --", "a\0b", "$$", "'"]
)
def test_injection_finds_nothing(run: Path, text: str) -> None:
    tables = _tables("--run", run)
    assert sql.answer(SHIPPED["flagged_sips"], tables, {"flag": text}).is_empty()
    assert sql.answer(SHIPPED["figures"], tables, {"like": text}).is_empty()


def test_numbers_and_dates_are_bound_as_such() -> None:
    head = "-- Typed\n-- param n: integer\n-- param x: number\n-- param d: date = 2024-02-29\n"
    asked = sql.parse(head + "SELECT 1-:n AS n, :x AS x, :d AS d, 2::INT AS two", source="typed.sql")
    told = sql.answer(asked, {}, {"n": "-3", "x": "2.5"})
    assert told.with_columns(pl.col("d").cast(pl.String)).rows() == [(4, 2.5, "2024-02-29", 2)]
    assert told.schema["x"] == pl.Float64
    assert told.schema["d"] == pl.Date


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, ["needs the parameter n: --param n=INTEGER", "needs the parameter d"]),
        ({"n": "1", "d": "2024-02-30"}, ["parameter d: expected a date such as 2024-04-08, got '2024-02-30'"]),
        ({"n": "1; DROP", "d": "2024-02-01"}, ["parameter n: expected a whole number, got '1; DROP'"]),
        ({"n": "9" * 30, "d": "2024-02-01"}, ["parameter n"]),
        ({"n": "1", "d": "2024-02-01", "x": "nan"}, ["parameter x: expected a number"]),
        ({"n": "1", "d": "2024-02-01", "m": "1"}, ["has no parameter 'm'; expected one of n, d, x"]),
    ],
)
def test_wrong_parameters_are_told_all_at_once(values: dict[str, str], told: list[str]) -> None:
    head = "-- Typed\n-- param n: integer\n-- param d: date\n-- param x: number = 1\n"
    asked = sql.parse(head + "SELECT :n, :d, :x", source="typed.sql")
    with pytest.raises(vn2pl.InputError) as caught:
        sql.bind(asked, values)
    assert len(caught.value.problems) == len(told)
    assert all(part in str(caught.value) for part in told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("DROP TABLE imputed", "mine.sql: expected a query that starts with SELECT or WITH"),
        ("-- only a title", "expected a query that starts with SELECT or WITH"),
        ("SELECT 1; DELETE FROM imputed", "expected one statement, got several"),
        ("SELECT :top", "uses :top, which no '-- param top: TYPE' declares"),
        ("-- T\n-- param top: integer = 1\nSELECT 1", "declares the parameter top, but does not use it"),
        ("-- T\n-- param top: whole = 1\nSELECT :top", "top: expected one of integer, number, date, text, got 'whole'"),
        ("-- T\n-- param top\nSELECT 1", "expected -- param NAME: TYPE = DEFAULT  what it is, got -- param top"),
        ("SELECT 1\n/* a /* b */ :x */", "mine.sql:2: /* has no counterpart"),
        ("SELECT 'open", "mine.sql:1: ' has no counterpart"),
    ],
)
def test_malformed_files(text: str, told: str) -> None:
    with pytest.raises(vn2pl.InputError, match=re.escape(told)):
        sql.parse(text, source="mine.sql")


def test_wrong_sql_names_the_file(run: Path) -> None:
    tables = _tables("--run", run)
    for text, told in {
        "SELECT nope FROM imputed": 'mine.sql: unable to find column "nope"',
        "SELECT 1 FROM nope": "relation 'nope' was not found; expected one of panel, imputed, sips",
        "SELECT (FROM imputed": "mine.sql: sql parser error",
        "WITH x AS (SELECT 1) DELETE FROM imputed": "mine.sql: 'DELETE FROM imputed' operation",
    }.items():
        with pytest.raises(vn2pl.InputError, match=re.escape(told)):
            sql.answer(sql.parse(text, source="mine.sql"), tables)
    with pytest.raises(vn2pl.InputError, match="did you mean lift_by_store"):
        sql.load("lift_by_stores")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM read_csv('{}')",
        "SELECT * FROM READ_CSV ('{}')",
        "SELECT * FROM \"read_csv\"('{}')",
        "SELECT * FROM 'read_csv' ('{}')",
        "SELECT * FROM `read_csv`('{}')",
        "SELECT * FROM read_csv/* a */ -- b\n('{}')",
        "SELECT * FROM panel, read_csv('{}')",
        "SELECT * FROM panel JOIN read_csv('{}') AS r ON true",
        "WITH x AS (SELECT * FROM read_csv('{}')) SELECT * FROM x",
        "WITH x AS (FROM read_csv('{}')) SELECT * FROM x",
        "SELECT (SELECT MAX(secret) FROM read_csv('{}'))",
        "SELECT 1 AS secret UNION ALL SELECT secret FROM read_csv('{}')",
        "SELECT E'\\'', secret FROM read_csv('{}') --'",
        "SELECT 1 AS a$q$, * FROM read_csv('{}') --$q$",
    ],
)
def test_a_query_reads_no_file(run: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "secret.csv").write_text("secret\n1\n")
    with pytest.raises(vn2pl.InputError, match="reads a file, which a query may not; expected the tables panel"):
        sql.answer(sql.parse(text.format(tmp_path / "secret.csv"), source="mine.sql"), _tables("--run", run))


@pytest.mark.parametrize("form", ["csv", "parquet", "ipc", "json", "ndjson", "avro", "delta", "database", "excel"])
@pytest.mark.parametrize("verb", ["read", "scan"])
def test_no_function_that_polars_may_know_reads_a_file(form: str, verb: str) -> None:
    with pytest.raises(vn2pl.InputError, match=f"mine.sql:2: {verb}_{form} reads a file"):
        sql.parse(f"-- Title\nSELECT * FROM {verb}_{form}('x')", source="mine.sql")


def test_a_file_is_no_table(run: Path) -> None:
    path = run / IMPUTED_FILE
    for quote in "'\"`":
        with pytest.raises(vn2pl.InputError, match=r"was not found; expected one of panel, imputed"):
            sql.answer(sql.parse(f"SELECT * FROM {quote}{path}{quote}", source="mine.sql"), _tables("--run", run))


def test_a_run_and_a_panel_are_not_read_together(run: Path) -> None:
    both = ["query", "figures", "--run", str(run), "--data", str(run / "panel.parquet")]
    with pytest.raises(vn2pl.InputError, match="expected a finished run or a panel, got --data"):
        query.run(parser().parse_args(both))
    of_panel = ["--config", "c.yaml", "--infer-stockouts", "--n-neighbors", "5", "--candidate-weeks", "all"]
    with pytest.raises(vn2pl.InputError) as caught:
        query.run(parser().parse_args(["query", "figures", "--run", str(run), *of_panel]))
    assert [told.split()[0] for told in caught.value.problems] == [f"{word}:" for word in of_panel if word[0] == "-"]


def test_the_command(run: Path, tmp_path: Path) -> None:
    options = ["--param", "top=3", "--run", run]
    done = command("query", "worst_stockouts", *options, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    rows = json.loads(done.stdout)
    assert len(rows) == 3
    assert rows[0]["lost"] >= rows[1]["lost"] > 0
    done = command("query", "worst_stockouts", *options, "--param", "top=x")
    assert done.returncode == 2
    assert "expected each name once" in done.stderr
    mine = tmp_path / "mine.sql"
    mine.write_text("SELECT Store, Product, week, flags FROM imputed WHERE imputed ORDER BY Store, Product, week")
    done = command("query", mine, "--data", run / "panel.parquet", "--to", tmp_path / "flags.csv")
    assert done.returncode == 0, done.stderr
    assert pl.read_csv(tmp_path / "flags.csv")["flags"].dtype == pl.String


def test_forms(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)

    def asked(*options: object) -> str:
        assert query.run(parser().parse_args(["query", *map(str, options)])) == 0
        return capsys.readouterr().out

    assert "worst_stockouts\n" in asked("--list")
    wanted = sql.answer(SHIPPED["lift_by_month"], _tables("--run", run))
    asked("lift_by_month", "--run", run, "--to", tmp_path / "lift.parquet")
    assert pl.read_parquet(tmp_path / "lift.parquet").equals(wanted)
    assert pl.read_csv(asked("lift_by_month", "--run", run, "--format", "csv").encode()).equals(wanted)
    shown = asked("lift_by_month", "--run", run)
    monkeypatch.setenv("COLUMNS", "40")
    assert wanted["month"][0] in shown
    assert max(map(len, asked("lift_by_month", "--run", run).splitlines())) <= 40 < max(map(len, shown.splitlines()))
    for wrong in (
        ["--to", run / IMPUTED_FILE],
        ["--format", "parquet"],
        ["--to", "lift.txt"],
        ["--config", run / "config.yaml"],
        ["--run", tmp_path],
    ):
        with pytest.raises(vn2pl.InputError):
            asked("lift_by_month", *(wrong if "--run" in wrong else ["--run", run, *wrong]))


def test_a_run_that_is_not_whole_is_refused(run: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run, tmp_path / "run[1]*")
    assert sql.answer(SHIPPED["figures"], _tables("--run", folder)).height
    (folder / SUMMARY_FILE).write_text("metric,value\n")
    with pytest.raises(vn2pl.InputError, match=f"{SUMMARY_FILE}: expected .* bytes, found 13"):
        _tables("--run", folder)
    (folder / RUN_FILE).unlink()
    with pytest.raises(vn2pl.InputError, match=r"expected a run\.json, found none"):
        _tables("--run", folder)


def test_a_run_without_neighbours_says_how_to_get_them(run: Path, tmp_path: Path) -> None:
    files = [Path(shutil.copy(run / name, tmp_path)) for name in (IMPUTED_FILE, SIPS_FILE, SUMMARY_FILE)]
    write_run(tmp_path, json.loads((run / RUN_FILE).read_text()), files=files)
    with pytest.raises(vn2pl.InputError, match=r"relation 'neighbours' was not found; run vn2pl impute with --save"):
        query.run(parser().parse_args(["query", "most_used_candidates", "--run", str(tmp_path)]))
