"""Every accepted form of a panel reads as the same frame."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from vn2pl.reading import check_panel, read_panel, scan_panel

KEYS = ["Store", "Product", "week"]
VN2 = Path(__file__).parents[1] / ".." / "shared" / "data" / "vn2"
needs_vn2 = pytest.mark.skipif(not VN2.is_dir(), reason="the VN2 files are not at ../shared/data/vn2")

PANEL = pl.DataFrame(
    {
        "Store": [1, 1, 2, 2],
        "Product": [10, 10, 20, 20],
        "week": [date(2024, 4, 1), date(2024, 4, 8)] * 2,
        "sales": [3.0, 0.0, 1.5, 2.0],
        "in_stock": [True, False, True, True],
        "ProductGroup": [7, 7, 8, 8],
    }
)
SALES = "Store,Product,2024-04-01,2024-04-08\n1,10,3.0,0\n2,20,1.5,2.0\n"
IN_STOCK = "Store,Product,2024-04-01,2024-04-08,2024-04-15\n1,10,True,FALSE,\n2,20,1,true,x\n"
MASTER = "Store,Product,ProductGroup\n1,10,7\n2,20,8\n3,30,9\n"
LONG = """Store,Product,week,sales,in_stock,ProductGroup
1,10,2024-04-01,3,True,7
1,10,2024-04-08,0,false,7
2,20,2024-04-01,1.5,1,8
2,20,2024-04-08,2.0,TRUE,8
"""
WRITERS: dict[str, Callable[[pl.DataFrame, Path], Any]] = {
    "panel.parquet": pl.DataFrame.write_parquet,
    "panel.PQ": pl.DataFrame.write_parquet,
    "panel.csv": pl.DataFrame.write_csv,
    "panel.arrow": pl.DataFrame.write_ipc,
    "panel.feather": pl.DataFrame.write_ipc,
    "panel.ipc": pl.DataFrame.write_ipc,
}


def assert_reads_as(path: Path, expected: pl.DataFrame = PANEL, **mapping: str) -> None:
    assert_frame_equal(read_panel(path, columns=mapping).collect().sort(KEYS), expected.sort(KEYS))


def write_wide(folder: Path, *, encode: Callable[[str], bytes] = str.encode, master: bool = True) -> Path:
    (folder / "Week 0 - 2024-04-08 - Sales.csv").write_bytes(encode(SALES))
    (folder / "Week 0 - In Stock.csv").write_bytes(encode(IN_STOCK))
    if master:
        (folder / "Week 0 - Master.csv").write_bytes(encode(MASTER))
    return folder


def as_saved_by_a_spreadsheet(text: str) -> bytes:
    return text.replace(",", ";").replace("\n", "\r\n").encode("utf-8-sig")


@pytest.mark.parametrize("name", WRITERS)
def test_long_file(name: str, tmp_path: Path) -> None:
    WRITERS[name](PANEL, tmp_path / name)
    assert_reads_as(tmp_path / name)
    assert_frame_equal(read_panel(str(tmp_path / name)).collect().sort(KEYS), PANEL)


@pytest.mark.parametrize("encode", [str.encode, as_saved_by_a_spreadsheet], ids=["plain", "spreadsheet"])
def test_long_csv(encode: Callable[[str], bytes], tmp_path: Path) -> None:
    path = tmp_path / "panel.csv"
    path.write_bytes(encode(LONG))
    assert_reads_as(path)


@pytest.mark.parametrize("encode", [str.encode, as_saved_by_a_spreadsheet], ids=["plain", "spreadsheet"])
def test_wide_folder(encode: Callable[[str], bytes], tmp_path: Path) -> None:
    assert_reads_as(write_wide(tmp_path, encode=encode))


def test_wide_folder_without_master_has_no_attributes(tmp_path: Path) -> None:
    assert_reads_as(write_wide(tmp_path, master=False), PANEL.drop("ProductGroup"))


def test_wide_folder_takes_the_newest_files_whatever_the_case_of_their_names(tmp_path: Path) -> None:
    write_wide(tmp_path)
    (tmp_path / "Week 0 - Submission Template.csv").write_text("not read")
    for name in ("Week 0 - 2024-04-08 - Sales.csv", "Week 0 - In Stock.csv"):
        (tmp_path / name).rename(tmp_path / name.upper().replace("WEEK 0", "week 10").replace("-04-08", "-06-17"))
    (tmp_path / "Week 9 - 2024-06-10 - Sales.csv").write_text("old")
    (tmp_path / "Week 2 - In Stock.csv").write_text("old")
    assert_reads_as(tmp_path)


def test_wide_folder_with_well_over_a_thousand_weeks(tmp_path: Path) -> None:
    weeks = [date(1995, 1, 2) + timedelta(weeks=number) for number in range(1700)]
    panel = pl.DataFrame({"Store": [1, 2], "Product": [10, 20]}).join(pl.DataFrame({"week": weeks}), how="cross")
    panel = panel.with_columns(pl.col("week").dt.day().cast(pl.Float64).alias("sales"), in_stock=pl.lit(value=True))
    for column, name in (("sales", "Week 0 - 2024-04-08 - Sales.csv"), ("in_stock", "Week 0 - In Stock.csv")):
        panel.pivot("week", index=["Store", "Product"], values=column).write_csv(tmp_path / name)
    assert_reads_as(tmp_path, panel)


def test_wide_folder_with_renamed_columns(tmp_path: Path) -> None:
    write_wide(tmp_path, encode=lambda text: text.replace("Store", "shop").replace("Group", "Line").encode())
    assert_reads_as(tmp_path, Store="shop", ProductGroup="ProductLine")


def test_wide_folder_ignores_blank_lines(tmp_path: Path) -> None:
    assert_reads_as(write_wide(tmp_path, encode=lambda text: f"{text}\n\n".encode()))


def test_long_csv_ignores_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "panel.csv"
    path.write_text(LONG.replace("\n2,20", "\n\n2,20") + "\n\n")
    assert_reads_as(path)


def test_quoted_values_may_hold_separators_and_line_ends(tmp_path: Path) -> None:
    notes = ["a,b", "c\nd", 'e"f', "ü;"]
    path = tmp_path / "panel.csv"
    PANEL.with_columns(note=pl.Series(notes)).write_csv(path)
    assert read_panel(path).collect().sort(KEYS)["note"].to_list() == notes


def test_columns_are_renamed_and_may_change_places(tmp_path: Path) -> None:
    path = tmp_path / "panel.parquet"
    PANEL.rename({"sales": "week", "week": "sales", "Store": "shop"}).write_parquet(path)
    assert_reads_as(path, sales="week", week="sales", Store="shop")


def test_columns_of_a_csv_keep_their_texts_when_renamed(tmp_path: Path) -> None:
    path = tmp_path / "panel.csv"
    path.write_text(LONG.replace("sales", "units").replace("in_stock", "available").replace("week", "date"))
    assert_reads_as(path, sales="units", in_stock="available", week="date")


def test_required_columns_come_first_and_attributes_keep_their_order(tmp_path: Path) -> None:
    path = tmp_path / "panel.parquet"
    PANEL.with_columns(a=1, Z=2).select("Z", "in_stock", "a", "sales", "week", "Product", "Store").write_parquet(path)
    assert read_panel(path).collect_schema().names() == [*KEYS, "sales", "in_stock", "Z", "a"]


def test_hive_partitions_and_hidden_files(tmp_path: Path) -> None:
    root = tmp_path / "run=3" / "panel"
    for (store,), part in PANEL.group_by("Store"):
        (root / f"Store={store}").mkdir(parents=True)
        part.drop("Store").write_parquet(root / f"Store={store}" / "part.parquet")
    (root / "_SUCCESS").touch()
    (root / ".part.crc").write_text("x")
    assert_reads_as(root)


@pytest.mark.parametrize("name", ["panel.parquet", "panel.csv", "panel.arrow"])
def test_patterns(name: str, tmp_path: Path) -> None:
    suffix = Path(name).suffix
    for number in range(4):
        WRITERS[name](PANEL[number : number + 1], tmp_path / f"part{number}{suffix}")
    assert_reads_as(tmp_path / f"part[0-9]{suffix}")
    assert_reads_as(tmp_path / "**" / f"*{suffix}")


def test_types_of_several_csv_files_are_inferred_from_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(LONG)
    (tmp_path / "b.csv").write_text(LONG.replace("2,20,", "2,20b,").replace("1,10,", "1,10b,"))
    panel = read_panel(tmp_path / "*.csv").collect()
    assert set(panel["Product"]) == {"10", "20", "10b", "20b"}


def test_a_name_with_pattern_characters_is_a_name_first(tmp_path: Path) -> None:
    folder = tmp_path / "a[1]"
    folder.mkdir()
    PANEL.write_parquet(folder / "b[2]*.parquet")
    assert_reads_as(folder / "b[2]*.parquet")
    assert_reads_as(folder)


@pytest.mark.parametrize(
    "keys",
    [
        pl.Series(["é", "ß" * 5000, "日本", " x"]),
        pl.Series(["b", "a", "c", "d"], dtype=pl.Categorical),
        pl.Series(["b", "a", "c", "d"], dtype=pl.Enum(["d", "c", "b", "a"])),
        pl.Series([0, 255, 1, 2], dtype=pl.UInt8),
        pl.Series([-(2**63), 2**63 - 1, 0, 1], dtype=pl.Int64),
    ],
    ids=["text", "categorical", "enum", "small", "large"],
)
def test_keys_keep_their_types(keys: pl.Series, tmp_path: Path) -> None:
    path = tmp_path / "panel.parquet"
    expected = PANEL.with_columns(keys.alias("Store"))
    expected.write_parquet(path)
    panel = read_panel(path).collect()
    assert panel.schema["Store"] == keys.dtype
    assert set(panel["Store"].cast(pl.String)) == set(keys.cast(pl.String))


@pytest.mark.parametrize(
    "weeks",
    [
        [datetime(2024, 4, 1), datetime(2024, 4, 8)] * 2,
        pl.Series([datetime(2024, 4, 1), datetime(2024, 4, 8)] * 2).dt.replace_time_zone("Europe/Brussels"),
        ["2024-04-01", "2024-04-08 00:00:00", "2024-04-01T00:00", "2024-04-08T00:00:00.000Z"],
        pl.Series(["2024-04-01", "2024-04-08"] * 2, dtype=pl.Categorical),
    ],
    ids=["midnight", "midnight in a zone", "text", "categorical"],
)
def test_forms_of_week(weeks: Any, tmp_path: Path) -> None:
    path = tmp_path / "panel.parquet"
    PANEL.with_columns(week=pl.Series(weeks)).write_parquet(path)
    assert_reads_as(path)


@pytest.mark.parametrize("flags", [[1, 0, 1, 1], ["true", "FALSE", " True ", "1"]], ids=["integers", "text"])
def test_forms_of_in_stock(flags: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "panel.parquet"
    PANEL.with_columns(in_stock=pl.Series(flags)).write_parquet(path)
    assert_reads_as(path)


@pytest.mark.parametrize(
    "sales",
    [
        pl.Series([1e9, 1e-300, 0.0, 5e-324]),
        pl.Series([0, 0, 0, 0], dtype=pl.UInt8),
        pl.Series([1, 2, 3, 4], dtype=pl.Int32),
        pl.Series([0.5, 0.25, 1, 2], dtype=pl.Float32),
        pl.Series([1, 2, 3, 4]).cast(pl.Decimal(10, 2)),
        pl.Series(["3.0", " 1e3", "0", "+4"]),
    ],
    ids=["extremes", "zero", "integers", "float32", "decimal", "text"],
)
def test_forms_of_sales(sales: pl.Series, tmp_path: Path) -> None:
    path = tmp_path / "panel.parquet"
    # The week out of stock must not sell more than the others, which would be noted.
    PANEL.with_columns(sales.alias("sales"), in_stock=True).write_parquet(path)
    expected = sales.str.strip_chars() if sales.dtype == pl.String else sales
    assert_reads_as(path, PANEL.with_columns(expected.cast(pl.Float64).alias("sales"), in_stock=True))


def test_a_late_decimal_in_a_long_csv_is_read(tmp_path: Path) -> None:
    path = tmp_path / "panel.csv"
    lines = [f"{store},1,2024-04-08,3,1" for store in range(5000)]
    path.write_text("\n".join(["Store,Product,week,sales,in_stock", *lines, "A1,1,2024-04-08,2.5,False"]))
    panel = read_panel(path).collect()
    assert panel.filter(pl.col("Store") == "A1")["sales"].to_list() == [2.5]


@pytest.mark.parametrize("rows", [PANEL[:1], PANEL[[0, 3]]], ids=["one SKU, one week", "gaps"])
def test_small_panels(rows: pl.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "panel.parquet"
    rows.write_parquet(path)
    assert_reads_as(path, rows)


def test_weeks_may_start_on_any_one_weekday_and_skip_weeks() -> None:
    weeks = [date(2023, 1, 4), date(2024, 4, 10), date(2020, 12, 30), date(2026, 12, 30)]
    check_panel(PANEL.with_columns(week=pl.Series(weeks)).lazy(), source="panel")


def test_a_panel_passes_the_check_before_and_after_its_types_are_published(tmp_path: Path) -> None:
    path = tmp_path / "panel.csv"
    path.write_text(LONG)
    check_panel(pl.scan_csv(path, schema_overrides={"in_stock": pl.String}), source="panel")
    check_panel(scan_panel(path), source="panel")


@needs_vn2
def test_vn2() -> None:
    panel = read_panel(VN2).collect()
    assert panel.schema == pl.Schema(
        {"Store": pl.Int64, "Product": pl.Int64, "week": pl.Date, "sales": pl.Float64, "in_stock": pl.Boolean}
        | dict.fromkeys(
            ["ProductGroup", "Division", "Department", "DepartmentGroup", "StoreFormat", "Format"], pl.Int64
        )
    )
    assert panel.height == 94_043
    assert panel.select(KEYS).n_unique() == 94_043
    assert (~panel["in_stock"]).sum() == 10_517
    assert panel.filter(~pl.col("in_stock"))["sales"].sum() == 0
    assert panel["week"].max() == date(2024, 4, 8)
    assert panel.null_count().sum_horizontal().item() == 0
    assert panel.filter(pl.col("in_stock"))["sales"].mean() == pytest.approx(3.31, abs=0.005)


@needs_vn2
def test_vn2_reads_the_same_from_long_files(tmp_path: Path) -> None:
    panel = read_panel(VN2).collect().sort(KEYS)
    panel.sample(fraction=1, shuffle=True, seed=1).write_csv(tmp_path / "vn2.csv")
    panel.write_parquet(tmp_path / "vn2.parquet")
    assert_reads_as(tmp_path / "vn2.csv", panel)
    assert_reads_as(tmp_path / "vn2.parquet", panel)
