"""Extracts as systems write them: what is certain is read, and what was assumed is noted."""

import gzip
import json
import subprocess
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import vn2pl
from vn2pl import Config
from vn2pl.cli.inputs import configured
from vn2pl.cli.main import parser
from vn2pl.reading import read_counted
from vn2pl.running.fingerprint import fingerprint

KEYS = ["Store", "Product", "week"]
HEADER = "Store,Product,week,sales,in_stock"
SHARED = Path(__file__).parents[2] / "shared"
APRIL = [date(2024, 4, 1), date(2024, 4, 8), date(2024, 4, 15)]


def csv(folder: Path, *lines: str, header: str = HEADER, name: str = "panel.csv") -> Path:
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in (header, *lines)))
    return path


def parquet(folder: Path, **columns: Any) -> Path:
    """A panel of one SKU and three weeks in April, with some columns as given, or left out with None."""
    columns = {"Store": 1, "Product": 10, "week": APRIL, "sales": [3.0, 1.0, 2.0], "in_stock": True} | columns
    path = folder / "panel.parquet"
    pl.DataFrame({name: values for name, values in columns.items() if values is not None}).write_parquet(path)
    return path


def read(path: Path, **settings: Any) -> tuple[pl.DataFrame, Sequence[str]]:
    """The panel and the notes on it. What is scanned without being checked must be the same."""
    config = Config(**settings)
    counted = read_counted(path, config, step=config.demand_unit)
    panel = counted.panel.collect().sort(KEYS)
    assert counted.rows == panel.height
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        settings.pop("demand_unit", None)
        assert vn2pl.scan_panel(path, **settings).collect().sort(KEYS).equals(panel)
    return panel, counted.notes


def flags(path: Path, **settings: Any) -> list[bool]:
    return read(path, **settings)[0]["in_stock"].to_list()


# Flags


@pytest.mark.parametrize(
    "name", ["stockout", "is_stockout", "Out of Stock", "OOS", "is-oos", "stock_out", "sold_out", "STOCKOUT_FLAG"]
)
def test_a_flag_of_the_inverse_is_inverted_with_a_note(name: str, tmp_path: Path) -> None:
    path = csv(tmp_path, "1,10,2024-04-01,0,1", "1,10,2024-04-08,3,0", header=HEADER.replace("in_stock", name))
    panel, notes = read(path)
    assert panel["in_stock"].to_list() == [False, True]
    assert panel.columns == [*KEYS, "sales", "in_stock"]
    assert notes == [f"in_stock is read as the inverse of {name!r}: what is true there is a stockout"]


@pytest.mark.parametrize(
    ("name", "columns"), [("is_stockout", {"in_stock": "is_stockout"}), ("in_stock", {"stockout": "in_stock"})]
)
def test_a_flag_mapped_from_or_to_the_inverse_is_inverted(name: str, columns: dict[str, str], tmp_path: Path) -> None:
    path = parquet(tmp_path, **{"sales": [0.0, 3.0, 3.0], "in_stock": None, name: [True, False, False]})
    panel, notes = read(path, columns=columns)
    assert panel["in_stock"].to_list() == [False, True, True]
    assert "is read as the inverse of" in notes[0]


def test_beside_in_stock_a_flag_of_the_inverse_is_an_attribute(tmp_path: Path) -> None:
    panel, notes = read(parquet(tmp_path, in_stock=[True, False, True], oos=[5, 6, 7], sales=[3.0, 0.0, 1.0]))
    assert (panel["in_stock"].to_list(), panel["oos"].to_list(), notes) == ([True, False, True], [5, 6, 7], [])


@pytest.mark.parametrize(
    "values",
    [
        [1.0, 0.0, -0.0],
        ["Y", "n", "N"],
        ["yes", "No", "NO"],
        ["T", "f", "F"],
        ["TRUE", "false", "False"],
        ["1.0", "0.0", " 0 "],
    ],
)
def test_forms_of_flags(values: list[Any], tmp_path: Path) -> None:
    assert flags(parquet(tmp_path, in_stock=values, sales=[2.0, 0.0, 0.0])) == [True, False, False]


def test_flags_that_may_be_the_wrong_way_round_are_noted(tmp_path: Path) -> None:
    _, notes = read(parquet(tmp_path, in_stock=[True, False, False], sales=[1.0, 9.0, 8.0]))
    assert notes[0].startswith("weeks out of stock sell more than weeks in stock (8.50 and 1.00 on average)")
    assert notes[1].startswith("67 % of all weeks are out of stock")
    assert all(note.endswith("columns: {stockout: in_stock} in the config turns it round") for note in notes)
    turned, notes = read(tmp_path / "panel.parquet", columns={"stockout": "in_stock"})
    assert (turned["in_stock"].to_list(), len(notes)) == ([False, True, True], 1)


def test_a_flag_of_the_inverse_may_have_the_wrong_name(tmp_path: Path) -> None:
    _, notes = read(parquet(tmp_path, in_stock=None, oos=[0, 1, 1], sales=[1.0, 9.0, 8.0]))
    assert all(note.endswith("'oos' says when they were in stock, and needs another name") for note in notes[1:])


# Missing rows

GAPPY = pl.DataFrame(
    {
        "Store": [1, 1, 2, 2, 2],
        "Product": [10, 10, 10, 10, 20],
        "week": [date(2024, 4, 22), date(2024, 4, 1), date(2024, 4, 15), date(2024, 4, 1), date(2024, 4, 8)],
        "sales": [4.0, 1.0, 3.0, 1.0, 2.0],
        "in_stock": True,
        "Group": ["new", "old", None, "b", "c"],
    }
)


@pytest.mark.parametrize(
    ("assumed", "in_stock", "said"),
    [
        (
            "ignore",
            None,
            "left out; --missing-rows zero takes them for weeks in stock without sales, --missing-rows stock",
        ),
        ("zero", True, "taken for weeks in stock without sales"),
        ("stockout", False, "taken for weeks out of stock"),
    ],
)
def test_missing_rows(assumed: str, in_stock: bool | None, said: str, tmp_path: Path) -> None:
    GAPPY.write_parquet(path := tmp_path / "panel.parquet")
    panel, notes = read(path, missing_rows=assumed)
    added = panel.join(GAPPY, on=KEYS, how="anti")
    expected = [
        (1, 10, date(2024, 4, 8), 0.0, in_stock, "old"),
        (1, 10, date(2024, 4, 15), 0.0, in_stock, "old"),
        (2, 10, date(2024, 4, 8), 0.0, in_stock, "b"),
    ]
    assert added.rows() == (expected if in_stock is not None else [])
    assert panel.join(added, on=KEYS, how="anti").equals(GAPPY.sort(KEYS))
    (note,) = (note for note in notes if "no row" in note)
    assert note.startswith("no row for 3 SKU-weeks of 2 SKUs between the SKU's first and last one")
    assert "in 2 of them none for the whole store" in note
    assert said in note
    assert "first Store=1, Product=10, week=2024-04-08; Store=1, Product=10, week=2024-04-15; Store=2" in note


def test_a_panel_with_every_week_has_no_note(tmp_path: Path) -> None:
    assert read(parquet(tmp_path))[1] == []
    assert read(parquet(tmp_path), missing_rows="zero")[0].height == 3


def test_rows_weeks_apart_are_noted(tmp_path: Path) -> None:
    weeks = [date(2024, 4, 1) + timedelta(weeks=4 * number) for number in range(3)]
    assert read(parquet(tmp_path, week=weeks))[1][-1].startswith("rows of a SKU are mostly 4 weeks apart")


def test_missing_rows_are_filled_before_stockouts_are_inferred(tmp_path: Path) -> None:
    weeks = [date(2024, 1, 1) + timedelta(weeks=number) for number in (*range(10), 19)]
    path = parquet(tmp_path, week=weeks, sales=[5.0] * 11, in_stock=None)
    with pytest.warns(vn2pl.InputWarning, match="no row for 9 SKU-weeks of 1 SKU"):
        panel = vn2pl.read_panel(path, missing_rows="zero", infer_stockouts="all").collect()
    assert (panel.height, panel["stockout_inferred"].sum()) == (20, 9)
    with pytest.raises(vn2pl.InputError, match="--missing-rows stockout: is not for --infer-stockouts"):
        vn2pl.read_panel(path, missing_rows="stockout", infer_stockouts="all")


# Sales


def test_missing_sales_out_of_stock_are_none(tmp_path: Path) -> None:
    path = csv(tmp_path, "1,10,2024-04-01,,0", '1,10,2024-04-08,"",no', "1,10,2024-04-15,2,1", "1,10,2024-04-22,2,1")
    panel, notes = read(path)
    assert panel["sales"].to_list() == [0.0, 0.0, 2.0, 2.0]
    assert notes == ["sales are missing in 2 weeks out of stock and taken for 0"]


def test_returns_are_clipped_if_wanted(tmp_path: Path) -> None:
    panel, notes = read(parquet(tmp_path, sales=[-2.0, 1.0, -0.5]), returns="clip")
    assert panel["sales"].to_list() == [0.0, 1.0, 0.0]
    assert notes == ["sales are negative in 2 rows and taken for 0 (returns: clip)"]


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_decimal_commas_where_the_separator_is_another(separator: str, tmp_path: Path) -> None:
    weeks = zip(APRIL, ["3,5", "0,250", "2"], strict=True)
    lines = (f"1 10 {week} {sales} 1".replace(" ", separator) for week, sales in weeks)
    panel, notes = read(csv(tmp_path, *lines, header=HEADER.replace(",", separator)), demand_unit=0.25)
    assert panel["sales"].to_list() == [3.5, 0.25, 2.0]
    assert notes == ["sales have decimal commas, such as '0,250'"]


def test_decimal_commas_and_thousands_by_option(tmp_path: Path) -> None:
    sales = ["1.234,5", "1 234 567", "-0,5"]
    panel, _ = read(parquet(tmp_path, sales=sales), decimal_comma=True, returns="clip")
    assert panel["sales"].to_list() == [1234.5, 1234567.0, 0.0]


def test_dots_that_may_set_thousands_apart_are_noted(tmp_path: Path) -> None:
    path = csv(tmp_path, "1;10;2024-04-01;1.234;1", "1;10;2024-04-08;12;1", header=HEADER.replace(",", ";"))
    assert read(path)[1][0].startswith("sales such as '1.234' are read with a decimal dot; --decimal-comma takes dots")
    assert read(path, decimal_comma=True)[0]["sales"].to_list() == [1234.0, 12.0]


@pytest.mark.parametrize(
    ("sales", "fitting"), [([0.5, 1.0, 2.0], "0.5"), ([0.1, 0.3, 7.0], "0.1"), ([0.25, 1.0, 1.0], "0.01")]
)
def test_fractions_that_sips_cannot_have_are_noted(sales: list[float], fitting: str, tmp_path: Path) -> None:
    path = parquet(tmp_path, sales=sales)
    (note,) = read(path)[1]
    assert "but SIPs are rounded to multiples of 1;" in note
    assert f"demand_unit: {fitting} in the config keeps them" in note
    assert read(path, demand_unit=float(fitting))[1] == []


# Weeks


@pytest.mark.parametrize(
    "weeks",
    [
        ["01.04.2024", "8.4.2024", "15.04.2024 00:00"],
        ["20240401", "20240408", "20240415"],
        [20240401, 20240408, 20240415],
        ["2024/04/01", "2024/4/8", "2024/04/15"],
        ["2024-W14", "2024-W15", "2024-W16"],
        ["2024-04-01T00:00:00+02:00", "2024-04-08T00:00:00Z", "2024-04-15 00:00:00.000"],
        ["2024-04-01", "08.04.2024", "20240415"],
    ],
    ids=["dots", "digits", "numbers", "slashes, year first", "ISO weeks", "midnights", "mixed"],
)
def test_forms_of_dates_that_are_certain(weeks: list[Any], tmp_path: Path) -> None:
    panel, notes = read(parquet(tmp_path, week=weeks))
    assert (panel["week"].to_list(), notes) == (APRIL, [])


@pytest.mark.parametrize(
    ("weeks", "order"),
    [
        (["01/04/2024", "8/4/2024", "15/04/2024"], "day first, as '15/04/2024' shows"),
        (
            ["4/1/2024 12:00:00 AM", "4/8/2024 12:00:00 AM", "4/15/2024 12:00:00 AM"],
            "month first, as '4/15/2024' shows",
        ),
        (["01-04-2024", "08-04-2024", "15-04-2024"], "day first, as '15-04-2024' shows"),
    ],
)
def test_the_order_of_day_and_month_where_one_date_shows_it(weeks: list[str], order: str, tmp_path: Path) -> None:
    panel, notes = read(parquet(tmp_path, week=weeks))
    assert (panel["week"].to_list(), notes) == (APRIL, [f"week is written {order}"])


@pytest.mark.parametrize(
    ("weeks", "date_format"),
    [
        (["01/04/2024", "08/04/2024", "15/04/2024"], "%d/%m/%Y"),
        (["04/01/24", "04/08/24", "04/15/24"], "%m/%d/%y"),
        (["1 April 2024", "8 April 2024", "15 April 2024"], "%d %B %Y"),
    ],
)
def test_a_given_date_format(weeks: list[str], date_format: str, tmp_path: Path) -> None:
    panel, notes = read(parquet(tmp_path, week=weeks), date_format=date_format)
    assert (panel["week"].to_list(), notes) == (APRIL, [])


UTC = [datetime(2024, 3, 24, 23), datetime(2024, 3, 31, 22), datetime(2024, 4, 7, 22)]


@pytest.mark.parametrize(
    "weeks",
    [UTC, pl.Series(UTC).dt.replace_time_zone("UTC"), ["2024-03-24T23:00:00Z", "2024-03-31 22:00:00", "2024-04-08"]],
    ids=["without a zone", "UTC", "text"],
)
def test_timestamps_are_midnight_where_the_option_says(weeks: Any, tmp_path: Path) -> None:
    panel, _ = read(parquet(tmp_path, week=weeks), time_zone="Europe/Berlin")
    assert panel["week"].to_list() == [date(2024, 3, 25), date(2024, 4, 1), date(2024, 4, 8)]


# Columns


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "__index_level_0__"])
def test_row_numbers_are_left_out_with_a_note(name: str, tmp_path: Path) -> None:
    panel, notes = read(csv(tmp_path, "0,1,10,2024-04-01,3,1", "1,1,10,2024-04-08,3,1", header=f"{name},{HEADER}"))
    assert panel.columns == [*KEYS, "sales", "in_stock"]
    assert notes == [f"column {name!r} left out: it numbers the rows"]


def test_an_empty_last_column_is_left_out(tmp_path: Path) -> None:
    panel, _ = read(csv(tmp_path, "1,10,2024-04-01,3,1,", "1,10,2024-04-08,3,1,", header=f"{HEADER},"))
    assert panel.columns == [*KEYS, "sales", "in_stock"]


NIXTLA = ("unique_id,ds,y,in_stock", "s1_p7,2024-04-01,3,1", "s2_p7,2024-04-01,1,1")


@pytest.mark.parametrize(
    ("sku_format", "skus"),
    [
        (None, [("all", "s1_p7"), ("all", "s2_p7")]),
        ("Store_Product", [("s1", "p7"), ("s2", "p7")]),
        ("Product_Store", [("p7", "s1"), ("p7", "s2")]),
    ],
)
def test_unique_id_ds_and_y(sku_format: str | None, skus: list[tuple[str, str]], tmp_path: Path) -> None:
    header, *lines = NIXTLA
    panel, notes = read(csv(tmp_path, *lines, header=header), sku_format=sku_format)
    assert panel.select("Store", "Product").rows() == skus
    assert panel.sort("unique_id").select("week", "sales", "in_stock", "unique_id").rows() == [
        (APRIL[0], 3.0, True, "s1_p7"),
        (APRIL[0], 1.0, True, "s2_p7"),
    ]
    assert [note.startswith("unique_id is taken as one key") for note in notes] == ([] if sku_format else [True])


def test_beside_store_and_product_unique_id_is_an_attribute(tmp_path: Path) -> None:
    panel, notes = read(csv(tmp_path, "a,1,10,2024-04-01,3,1", header="unique_id,Store,Product,ds,y,in_stock"))
    assert (panel.rows(), notes) == ([(1, 10, APRIL[0], 3.0, True, "a")], [])


# Files


@pytest.mark.parametrize("name", ["panel.csv.gz", "panel.tsv", "panel.txt", "panel.TSV.GZ", "zipped.csv"])
def test_text_files_of_other_names(name: str, tmp_path: Path) -> None:
    text = f"\ufeff{HEADER}\n1,10,2024-04-01,3,1\n".replace(",", "\t" if "tsv" in name.lower() else ",").encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if "z" in name.lower() else text)
    assert read(tmp_path / name)[0].rows() == [(1, 10, APRIL[0], 3.0, True)]


@pytest.mark.parametrize("suffix", [".csv", ".arrow"])
def test_a_folder_of_files_of_one_kind(suffix: str, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "_SUCCESS").touch()
    frame = pl.DataFrame({"Store": [1], "Product": [10], "sales": [3.0], "in_stock": ["true"]})
    for number, week in enumerate(APRIL):
        part = frame.with_columns(week=pl.lit(week))
        path = tmp_path / ("more" if number else "") / f"{number}{suffix}"
        part.write_csv(path) if suffix == ".csv" else part.write_ipc(path)
    assert read(tmp_path)[0]["week"].to_list() == APRIL


def test_wide_files_as_a_spreadsheet_writes_them(tmp_path: Path) -> None:
    (tmp_path / "Week 0 - Sales.csv").write_text(";Store;Product;2024-04-01;2024-04-08\n0;1;10;3,5;\n1;2;20;0,0;-1\n")
    (tmp_path / "Week 0 - In Stock.csv").write_text(";Store;Product;2024-04-01;2024-04-08\n0;1;10;1;N\n1;2;20;1;Y\n")
    (tmp_path / "Week 0 - Master.csv").write_text(";Store;Product;Group\n0;1;10;7\n1;2;20;8\n")
    panel, notes = read(tmp_path, returns="clip", demand_unit=0.5)
    assert panel.columns == [*KEYS, "sales", "in_stock", "Group"]
    assert panel["sales"].to_list() == [3.5, 0.0, 0.0, 0.0]
    assert panel["in_stock"].to_list() == [True, False, True, True]
    assert notes == [
        "sales have decimal commas, such as '0,0'",
        "sales are missing in 1 week out of stock and taken for 0",
        "sales are negative in 1 row and taken for 0 (returns: clip)",
    ]


# The command


@pytest.fixture(scope="module")
def extract(small_panel: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small panel with some rows missing and the inverse of its flag."""
    path = tmp_path_factory.mktemp("extract") / "panel.csv"
    kept = small_panel.filter(pl.struct(KEYS).hash(seed=0) % 20 != 0)
    kept.with_columns(stockout=~pl.col("in_stock")).drop("in_stock").write_csv(path)
    return path


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "vn2pl", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_notes_go_to_standard_error_and_into_the_record(extract: Path, tmp_path: Path) -> None:
    given = ("impute", "--data", extract, "--out", tmp_path, "--missing-rows", "stockout")
    done = run(*given, "--json")
    record = json.loads((tmp_path / "run.json").read_text())
    inverse, missing = record["notes"]
    assert inverse.startswith("in_stock is read as the inverse of 'stockout'")
    assert "no row for" in missing
    assert done.stderr.splitlines() == [f"vn2pl: note: {note}" for note in (inverse, missing)]
    assert json.loads(done.stdout)["n_rows"] == record["rows"]["panel"] > pl.read_csv(extract).height
    assert record["config"]["missing_rows"] == "stockout"
    quiet = run(*given, "--quiet")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "command",
    [
        ("backtest", "--seeds", "1", "--json", "--out", "backtest"),
        ("query", "lift_by_store"),
        ("why", "--store", "nowhere", "--product", "0", "--week", "2024-04-01"),
    ],
    ids=lambda command: command[0],
)
def test_every_command_that_reads_a_panel_prints_its_notes(
    command: tuple[str, ...], extract: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    with suppress(vn2pl.InputError):
        import_module(f"vn2pl.cli.{command[0]}").run(parser().parse_args([*command, "--data", str(extract)]))
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("vn2pl: note: ")]
    assert len(told) == 2
    if command[0] == "backtest":
        notes = json.loads(Path("backtest/run.json").read_text())["notes"]
        assert told == [f"vn2pl: note: {note}" for note in notes]


def settings_of(*options: str) -> Config:
    return configured(parser().parse_args(["impute", *options]))[0]


def test_options_of_reading_stand_in_the_file_and_come_before_it_on_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("missing_rows: zero\nreturns: clip\ndate_format: '%d/%m/%Y'\n")
    assert settings_of("--config", str(path)) == Config(missing_rows="zero", returns="clip", date_format="%d/%m/%Y")
    options = (
        "--missing-rows",
        "ignore",
        "--date-format",
        "%m/%d/%Y",
        "--decimal-comma",
        "--sku-format",
        "Store/Product",
    )
    assert settings_of("--config", str(path), *options) == Config(
        returns="clip", date_format="%m/%d/%Y", decimal_comma=True, sku_format="Store/Product"
    )


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("date_format", "%d.%m", "expected day, month and year"),
        ("date_format", "%d.%m.%Y %H:%M", "without a time of day"),
        ("date_format", "%Y-%m-%d%", "such as %d.%m.%Y"),
        ("time_zone", "Mars/Olympus", "expected a time zone such as Europe/Berlin"),
        ("sku_format", "Store", "expected Store and Product with a separator between"),
    ],
)
def test_an_option_that_means_nothing_is_refused(key: str, value: Any, expected: str, tmp_path: Path) -> None:
    path, flag = tmp_path / "config.yaml", f"--{key.replace('_', '-')}"
    path.write_text(json.dumps({key: value}))
    with pytest.raises(vn2pl.InputError) as in_file:
        vn2pl.load_config(path)
    with pytest.raises(vn2pl.InputError) as on_command_line:
        settings_of(flag, value)
    options: dict[str, Any] = {key: value}
    with pytest.raises(ValueError, match=expected):
        vn2pl.scan_panel(tmp_path, **options)
    assert f"config.yaml:1:2 {key}: expected" in str(in_file.value)
    assert str(on_command_line.value).startswith(f"{flag}: expected")
    assert all(part in str(error.value) for error in (in_file, on_command_line) for part in (expected, repr(value)))


def test_options_of_reading_need_a_panel(tmp_path: Path) -> None:
    done = run("impute", "--returns", "clip", "--date-format", "%d.%m.%Y", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-2:] == [
        "vn2pl: --returns: is for a panel given with --data",
        "vn2pl: --date-format: is for a panel given with --data",
    ]
    done = run("query", "lift_by_store", "--missing-rows", "zero")
    assert (done.returncode, done.stderr.split(";")[0]) == (2, "vn2pl: --missing-rows: is for --data")


def test_how_a_panel_was_read_does_not_change_the_settings_of_a_run(small_panel: pl.DataFrame) -> None:
    read_otherwise = Config(missing_rows="zero", returns="clip", decimal_comma=True, date_format="%d.%m.%Y")
    assert fingerprint(small_panel, read_otherwise) == fingerprint(small_panel, Config())


def test_python_is_warned(tmp_path: Path) -> None:
    path = csv(tmp_path, "1,10,2024-04-01,-1,0", "1,10,2024-04-08,3,0", header=HEADER.replace("in_stock", "oos"))
    with pytest.warns(vn2pl.InputWarning) as warned:
        vn2pl.read_panel(path, returns="clip")
    assert [str(warning.message)[:20] for warning in warned] == ["in_stock is read as ", "sales are negative i"]
    assert {warning.filename for warning in warned} == {__file__}


@pytest.mark.parametrize("name", ["frat", "m5_sample"])
def test_nothing_is_noted_of_panels_that_are_as_they_should_be(name: str) -> None:
    path = SHARED / "data" / "panels" / f"{name}.parquet"
    if not path.exists():
        pytest.skip("needs the panels in shared/data/panels beside the repository")
    assert read(path)[1] == []


def test_nothing_is_noted_of_vn2(vn2_folder: Path) -> None:
    assert read(vn2_folder)[1] == []
