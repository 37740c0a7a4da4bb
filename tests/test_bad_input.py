"""Every bad input ends in an InputError whose message names the file, the place and the count."""

import gzip
import io
import json
import os
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
from commands import contents, run_impute

from vn2pl.errors import InputError
from vn2pl.reading import check_panel, read_panel, scan_panel

GOOD: dict[str, Any] = {
    "Store": [1, 1, 2],
    "Product": [10, 10, 20],
    "week": [date(2024, 4, 1), date(2024, 4, 8), date(2024, 4, 8)],
    "sales": [3.0, 0.0, 1.0],
    "in_stock": [True, False, True],
}
HEADER = "Store,Product,week,sales,in_stock"
SALES, IN_STOCK, MASTER = "Week 0 - 2024-04-08 - Sales.csv", "Week 0 - In Stock.csv", "Week 0 - Master.csv"
WIDE = {
    SALES: "Store,Product,2024-04-01,2024-04-08\n1,10,3.0,0.0\n2,20,1.0,2.0\n",
    IN_STOCK: "Store,Product,2024-04-01,2024-04-08\n1,10,True,False\n2,20,True,True\n",
    MASTER: "Store,Product,ProductGroup\n1,10,7\n2,20,8\n",
}

EARLIER = ("demand_imputed.parquet", "imputation_summary.csv", "imputed_sips.parquet")
Build = Callable[[Path], Path]


class Case(NamedTuple):
    """An input that is built below a folder, and fragments that must be in the message about it."""

    name: str
    build: Build
    fragments: tuple[str, ...]
    columns: Mapping[str, str] = {}
    settings: Mapping[str, Any] = {}


def panel(**changes: Any) -> Build:
    """A good Parquet panel with some columns changed, or left out with None."""
    return file("panel.parquet", parquet(**changes))


def parquet(**changes: Any) -> bytes:
    columns = {name: values for name, values in (GOOD | changes).items() if values is not None}
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_parquet(buffer)
    return buffer.getvalue()


def arrow() -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(GOOD).write_ipc(buffer)
    return buffer.getvalue()


def file(name: str, content: bytes | str) -> Build:
    return lambda folder: folder_of({name: content})(folder) / name


def csv(*lines: str) -> Build:
    return file("panel.csv", "".join(f"{line}\n" for line in lines))


def folder_of(contents: Mapping[str, bytes | str]) -> Build:
    def build(folder: Path) -> Path:
        place = folder / "input"
        for name, content in contents.items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        place.mkdir(exist_ok=True)
        return place

    return build


def matching(pattern: str, contents: Mapping[str, bytes | str]) -> Build:
    return lambda folder: folder_of(contents)(folder) / pattern


def wide(changes: Mapping[str, str | None] = {}) -> Build:
    """The good wide folder with some files replaced, or left out with None."""
    return folder_of({name: text for name, text in {**WIDE, **changes}.items() if text is not None})


def weekly(value: str, *, weeks: int) -> str:
    """A wide file of the good folder's SKUs, with so many weeks."""
    names = [str(date(1985, 1, 7) + timedelta(weeks=number)) for number in range(weeks)]
    lines = (",".join([key, *[value] * weeks]) for key in ("1,10", "2,20"))
    return "\n".join([",".join(["Store,Product", *names]), *lines])


def edited(name: str, old: str, new: str) -> Build:
    return wide({name: WIDE[name].replace(old, new)})


def link_to_itself(folder: Path) -> Path:
    path = folder / "loop.parquet"
    path.symlink_to(path)
    return path


def pipe(folder: Path) -> Path:
    path = folder / "pipe.csv"
    os.mkfifo(path)
    return path


def damaged_inside(content: bytes) -> bytes:
    """A file whose footer is whole and whose data are not."""
    return content[:4] + bytes(byte ^ 0xA5 for byte in content[4:300]) + content[300:]


# What only someone who knows the code would understand.
INTERNAL = (
    *("PlRefPath", "polars", "Polars", "panicked", ".rs:", "Traceback", "Schema", "dtype", "LazyFrame", "strict="),
    *("Int64", "Float64", "String", "Utf8", "Boolean", "Datetime", "List(", "Struct", "NoneType", "KeyError"),
)
LONG_PARQUET = parquet(**{name: values * 1000 for name, values in GOOD.items()})

CASES = [
    # paths and files
    Case("missing path", lambda folder: folder / "nowhere.parquet", ("nowhere.parquet", "does not exist")),
    Case("impossible path", lambda folder: folder / "a\0b.csv", ("does not exist",)),
    Case("too long a name", lambda folder: folder / ("x" * 5000), ("does not exist",)),
    Case("empty folder", folder_of({}), ("input", "empty folder")),
    Case("folder of other files", folder_of({"a.xlsx": HEADER}), ("input", "found 'a.xlsx'", "*.csv", "VN2")),
    Case(
        "folder named as a csv",
        lambda folder: folder_of({})(folder).rename(folder / "x.csv"),
        ("x.csv", "folder"),
    ),
    Case("link to itself", link_to_itself, ("loop.parquet", "symbolic links")),
    Case("pipe", pipe, ("pipe.csv", "neither a file nor a folder")),
    Case("unknown extension", file("panel.xlsx", "x"), ("panel.xlsx", "extension '.xlsx'", ".parquet")),
    Case("no extension", file("panel", "x"), ("unknown extension ''",)),
    Case("no extension but .gz", file("panel.parquet.gz", "x"), ("unknown extension '.gz'",)),
    Case(
        "gzip cut short", file("p.csv.gz", gzip.compress(HEADER.encode() * 99)[:40]), ("p.csv.gz", "cut short", "gzip")
    ),
    Case("gzip of nothing", file("p.csv.gz", gzip.compress(b"")), ("p.csv.gz", "blank first line")),
    Case("empty csv", file("panel.csv", b""), ("panel.csv", "empty (0 bytes)")),
    Case("empty parquet", file("panel.parquet", b""), ("panel.parquet", "empty (0 bytes)")),
    Case("text named parquet", file("panel.parquet", HEADER), ("panel.parquet", "cannot be read")),
    Case(
        "parquet cut in half",
        file("p.parquet", LONG_PARQUET[: len(LONG_PARQUET) // 2]),
        ("p.parquet", "cannot"),
    ),
    Case(
        "parquet damaged inside",
        file("p.parquet", damaged_inside(LONG_PARQUET)),
        ("p.parquet", "cannot be read"),
    ),
    Case("text named arrow", file("panel.arrow", HEADER), ("panel.arrow", "cannot be read")),
    Case("arrow cut in half", file("p.feather", arrow()[:400]), ("p.feather", "cannot be read")),
    Case("binary named csv", file("panel.csv", parquet()), ("panel.csv", "not UTF-8 text")),
    Case("utf-16 csv", file("panel.csv", HEADER.encode("utf-16")), ("panel.csv", "not UTF-8 text")),
    Case(
        "latin-1 in a value",
        file("panel.csv", f"{HEADER},n\n1,2,2024-04-08,3,1,\xe9\n".encode("latin-1")),
        ("panel.csv",),
    ),
    Case("blank first line", csv("", HEADER), ("panel.csv", "blank first line")),
    Case("header only", csv(HEADER), ("panel.csv", "has no rows")),
    Case(
        "parquet without rows",
        panel(**{name: pl.Series(values).clear() for name, values in GOOD.items()}),
        ("no rows",),
    ),
    Case("one wide file", matching(SALES, WIDE), (SALES, "one of the VN2 files", "folder")),
    # patterns and folders of files
    Case("nothing matches", matching("*.parquet", {"a.csv": HEADER}), ("*.parquet", "no file matches")),
    Case(
        "kinds mixed",
        matching("*", {"a.csv": HEADER, "b.parquet": parquet()}),
        ("several kinds (CSV, Parquet)",),
    ),
    Case(
        "headers differ",
        matching("*.csv", {"a.csv": f"{HEADER}\n", "b.csv": "Store,x\n"}),
        ("b.csv", "'x'", "a.csv"),
    ),
    Case(
        "columns in another order",
        folder_of({"a.csv": "Store,Product", "b.csv": "Product,Store"}),
        ("b.csv: has the columns of", "in another order"),
    ),
    Case(
        "partitions of CSVs",
        folder_of({"Store=1/a.csv": HEADER}),
        ("has folders such as 'Store=1', whose values are read with Parquet files only",),
    ),
    Case(
        "separators differ",
        matching("*.csv", {"a.csv": HEADER, "b.csv": HEADER.replace(",", ";")}),
        ("b.csv", "';'"),
    ),
    Case(
        "types differ",
        folder_of({"a.parquet": parquet(), "b.parquet": parquet(sales=[1, 2, 3])}),
        ("b.parquet", "'sales'"),
    ),
    Case(
        "one is empty",
        folder_of({"a.parquet": parquet(), "b.parquet": b""}),
        ("b.parquet", "empty (0 bytes)"),
    ),
    Case(
        "one is text",
        folder_of({"a.parquet": parquet(), "b.parquet": HEADER}),
        ("b.parquet", "cannot be read"),
    ),
    Case(
        "one is damaged inside",
        folder_of({"a.parquet": LONG_PARQUET, "b.parquet": damaged_inside(LONG_PARQUET)}),
        ("b.parquet", "cannot be read"),
    ),
    Case(
        "folder mixes kinds",
        folder_of({"a.parquet": parquet(), "notes.txt": "x"}),
        ("'notes.txt'", "nothing but"),
    ),
    # columns
    Case(
        "columns missing",
        csv("Store,Product,week,units,Sales ", "1,10,2024-04-08,3,x"),
        ("no column 'sales'", "did you mean 'Sales '", "columns:", "no column 'in_stock'", "'units'"),
    ),
    Case(
        "synonyms",
        csv("Store,sku,date,qty,in_stock", "1,1,2024-04-08,3,1"),
        ("'sku'", "'date'", "{sales: 'qty'}"),
    ),
    Case("wrong separator", csv("Store:Product:week", "1:2:3"), ("no column 'Store'", "Store:Product:week")),
    Case(
        "all types wrong",
        panel(Store=[1.0] * 3, week=[1.5] * 3, sales=[True] * 3, in_stock=[date(2024, 4, 1)] * 3),
        (
            "'Store' holds numbers with fractions",
            "'week' holds numbers with fractions",
            "2024-04-08",
            "'sales' holds True/False",
            "'in_stock' holds dates, expected True/False, 1/0 or yes/no",
        ),
    ),
    Case(
        "list as a key",
        panel(Product=[[1], [2], [3]]),
        ("'Product' holds lists or records", "whole numbers or text"),
    ),
    Case("struct as a key", panel(Store=[{"a": 1}] * 3), ("'Store' holds lists or records",)),
    Case("nulls only", panel(sales=[None] * 3), ("'sales' holds nothing", "expected numbers")),
    Case(
        "columns of the output",
        panel(imputed=[1] * 3, quantile=[1] * 3),
        ("'imputed' would collide", "'quantile' would"),
    ),
    Case("blanks around a name", panel(**{" Group": [1, 2, 3]}), ("' Group'", "blanks around it")),
    Case("no name", csv(f",{HEADER}", "a,1,10,2024-04-08,3,1"), ("''", "is empty")),
    Case(
        "repeated column",
        csv(f"{HEADER},Store", "1,10,2024-04-08,3,1,1"),
        ("panel.csv", "repeats the columns 'Store'"),
    ),
    Case(
        "mapped column missing",
        panel(),
        ("maps 'sales' to 'units'", "not there", "'in_stock'"),
        {"sales": "units"},
    ),
    Case(
        "mapped twice",
        panel(sales=None, u=[1] * 3),
        ("maps 'sales' to 'u'", "maps 'x' to 'u'"),
        {"sales": "u", "x": "u"},
    ),
    Case(
        "mapped onto another",
        panel(units=[1] * 3),
        ("maps 'sales' to 'units'", "already"),
        {"sales": "units"},
    ),
    Case("mapped to an output column", panel(x=[1] * 3), ("'flags' would collide",), {"flags": "x"}),
    Case(
        "two flags of the inverse",
        panel(in_stock=None, oos=[0] * 3, is_stockout=[0] * 3),
        ("no column 'in_stock'", "'oos', 'is_stockout' say the inverse", "columns: {in_stock: 'oos'}"),
    ),
    Case(
        "a date of the inverse's name",
        panel(in_stock=None, stockout=[date(2024, 4, 1)] * 3),
        ("no column 'in_stock'", "columns: {in_stock: 'stockout'}"),
    ),
    Case(
        "stockouts as suggested",
        panel(in_stock=None, stockout=[date(2024, 4, 1)] * 3),
        ("'in_stock' holds dates",),
        {"in_stock": "stockout"},
    ),
    Case(
        "unique_id alone", csv("unique_id,ds,y", "a,2024-04-08,3"), ("no column 'in_stock'", "'unique_id', 'ds', 'y'")
    ),
    # values
    Case(
        "negative sales",
        panel(sales=[-1.0, 0.0, -2.5]),
        (
            "sales is negative in 2 rows",
            "Store=1, Product=10, week=2024-04-01: found -1.0",
            "Store=2",
            "0 or more (--returns clip",
        ),
    ),
    Case(
        "negative zero is fine, minus one not",
        panel(sales=[-0.0, -1, 0]),
        ("in 1 row,", "week=2024-04-08: found -1.0"),
    ),
    Case(
        "null sales",
        panel(sales=[None, 0.0, 1.0]),
        ("sales is missing", "1 row", "in stock: 0 where nothing was sold", "week=2024-04-01: found nothing"),
    ),
    Case(
        "NaN sales",
        panel(sales=[1.0, float("nan"), 1.0]),
        ("sales is not finite in 1 row", "2024-04-08: found NaN"),
    ),
    Case(
        "enormous sales",
        panel(sales=[1e300, 0.0, 9007199254740994.0]),
        ("sales is too large in 2 rows", "found 9007199254740994.0", "2^53"),
    ),
    Case(
        "infinite sales",
        panel(sales=[float("inf"), float("-inf"), 1.0]),
        ("not finite in 2 rows", "found inf", "found -inf"),
    ),
    Case(
        "text sales",
        csv(HEADER, "1,10,2024-04-08,3,1", '1,10,2024-04-15,"3,5",1', "1,10,2024-04-22,N/A,1"),
        (
            "panel.csv",
            "sales is not a number in 2 rows",
            "week=2024-04-15: found '3,5'",
            "found 'N/A'",
            "--decimal-comma reads '3,5' as 3.5",
        ),
    ),
    Case(
        "thousands",
        csv(HEADER, '1,10,2024-04-08,"1,234.5",1'),
        ("sales is not a number", "found '1,234.5'; commas between thousands are to be left out"),
    ),
    Case(
        "thousands or decimals",
        csv(HEADER.replace(",", ";"), "1;10;2024-04-08;1,234;1"),
        ("sales is not a number", "--decimal-comma reads '1,234' as 1.234; commas between thousands"),
    ),
    Case(
        "late text sales",
        csv(HEADER, *["1,10,2024-04-08,3,1"] * 3000, "1,11,2024-04-08,x,1"),
        ("Product=11", "found 'x'"),
    ),
    Case(
        "null store",
        panel(Store=[None, 1, 2]),
        ("Store is missing", "Product=10, week=2024-04-01: found nothing"),
    ),
    Case("null product", panel(Product=[10, 10, None]), ("Product is missing", "1 row", "Store=2")),
    Case(
        "null week",
        panel(week=[None, date(2024, 4, 8), date(2024, 4, 8)]),
        ("week is missing", "Store=1, Product=10"),
    ),
    Case(
        "null in_stock",
        panel(in_stock=[True, None, None]),
        ("in_stock is missing", "2 rows", "week=2024-04-08"),
    ),
    Case(
        "flag neither",
        csv(HEADER, "1,10,2024-04-08,3,maybe", "1,10,2024-04-15,3,2"),
        ("in_stock is neither true nor false in 2 rows", "found 'maybe'", "found '2'", "1/0"),
    ),
    Case(
        "flag of 2",
        panel(in_stock=[1, 2, 0]),
        ("neither true nor false in 1 row", "week=2024-04-08: found 2"),
    ),
    Case(
        "share",
        panel(in_stock=[1.0, 0.25, 0.5]),
        ("in_stock is neither true nor false in 2 rows", "found 0.25", "looks like a share", "make it a flag first"),
    ),
    Case(
        "share in per cent",
        csv(HEADER, "1,10,2024-04-08,3,100", "1,10,2024-04-15,3,62.5"),
        ("in_stock is neither true nor false", "found '62.5'", "looks like a number", "make it a flag first"),
    ),
    Case(
        "flag of the inverse that is none",
        csv("Store,Product,week,sales,stockout", "1,10,2024-04-08,3,often"),
        ("in_stock is read as the inverse of 'stockout' and is neither true nor false in 1 row", "found 'often'"),
    ),
    Case(
        "day or month",
        csv(HEADER, "1,10,01/04/2024,3,1", "1,10,08/04/2024,3,1"),
        (
            "week is not a date in 2 rows",
            "'01/04/2024' is 2024-04-01 with --date-format %d/%m/%Y and 2024-01-04 with --date-format %m/%d/%Y",
        ),
    ),
    Case(
        "day and month",
        csv(HEADER, "1,10,15/04/2024,3,1", "1,10,04/22/2024,3,1"),
        ("week is not a date in 2 rows", "--date-format %d/%m/%Y or %m/%d/%Y says whether day or month comes first"),
    ),
    Case(
        "unique_id of other parts",
        csv(
            "unique_id,ds,y,in_stock",
            "a/1/2,2024-04-08,3,1",
            "b,2024-04-08,3,1",
            "c/,2024-04-08,3,1",
            "d/4,2024-04-08,3,1",
        ),
        (
            "unique_id is not of the form Store/Product in 3 rows, expected Store and Product with one '/' between",
            "first week=2024-04-08: found 'a/1/2'",
        ),
        settings={"sku_format": "Store/Product"},
    ),
    Case(
        "no unique_id to split",
        csv(HEADER, "1,10,2024-04-08,3,1"),
        ("--sku-format is for a column unique_id in place of Store and Product",),
        settings={"sku_format": "Store/Product"},
    ),
    Case(
        "decimal dots among commas",
        csv(HEADER, "1,10,2024-04-08,12.5,1"),
        ("sales is not a number", "found '12.5'; decimal commas are expected here, as in 3,5 or 1.234,5"),
        settings={"decimal_comma": True},
    ),
    Case(
        "another date format",
        csv(HEADER, "1,10,2024-04-08,3,1"),
        ("week is not a date in 1 row, expected a date of the form %d.%m.%Y", "found '2024-04-08'"),
        settings={"date_format": "%d.%m.%Y"},
    ),
    Case(
        "midnight in another zone",
        panel(week=[datetime(2024, 3, 24, 23), datetime(2024, 3, 31, 22), datetime(2024, 4, 7, 22)]),
        (
            "week has a time of day in 3 rows, expected a date, or 00:00 in America/New_York",
            "--time-zone Europe/Berlin",
        ),
        settings={"time_zone": "America/New_York"},
    ),
    Case("two digits of a year", csv(HEADER, "1,10,08.04.24,3,1"), ("found '08.04.24'; --date-format says how",)),
    Case(
        "midnight elsewhere",
        panel(week=[datetime(2024, 3, 24, 23), datetime(2024, 3, 31, 22), datetime(2024, 4, 7, 22)]),
        ("week has a time of day in 3 rows", "midnight in Europe/Berlin, for example: --time-zone Europe/Berlin"),
    ),
    Case(
        "midnight elsewhere, as text",
        csv(HEADER, "1,10,2024-04-08T05:00:00Z,3,1", "1,10,2024-01-01T06:00:00Z,3,1"),
        ("week is not a date in 2 rows", "--time-zone America/Chicago"),
    ),
    Case(
        "days",
        csv(HEADER, *(f"1,10,2024-04-{day:02},3,1" for day in range(1, 31)), "2,10,2024-04-01,3,1"),
        ("looks daily (30 consecutive days from 2024-04-01)", "docs/reading.md"),
    ),
    Case(
        "months",
        csv(HEADER, *(f"1,10,2024-{month:02}-01,3,1" for month in range(1, 13))),
        ("looks monthly (12 months from 2024-01-01)", "docs/reading.md"),
    ),
    Case(
        "ends of months",
        csv(HEADER, "1,10,2024-01-31,3,1", "1,10,2024-02-29,3,1", "1,10,2024-03-31,3,1"),
        ("looks monthly (3 months from 2024-01-31)",),
    ),
    Case(
        "week is no date",
        csv(HEADER, "1,10,2024-13-01,3,1", "2,10,08/04/2024,3,1"),
        ("week is not a date in 2 rows", "Store=1, Product=10: found '2024-13-01'", "'08/04/2024'"),
    ),
    Case("week is a number", csv(HEADER, "1,10,202415,3,1"), ("week is not a date", "found '202415'", "--date-format")),
    Case(
        "week text with a time",
        csv(HEADER, "1,10,2024-04-08 13:00,3,1"),
        ("not a date", "13:00", "time of day", "--time-zone"),
    ),
    Case(
        "week with a time",
        panel(week=[datetime(2024, 4, 1), datetime(2024, 4, 8, 13), datetime(2024, 4, 8)]),
        ("week has a time of day in 1 row", "Store=1, Product=10: found 2024-04-08 13:00:00"),
    ),
    Case(
        "week beyond the calendar",
        panel(week=pl.Series([2**31 - 1, 7, 14], dtype=pl.Int32).cast(pl.Date)),
        ("week is out of range in 1 row", "found 2147483647"),
    ),
    Case(
        "weeks beyond the calendar and on several days",
        panel(week=pl.Series([2**31 - 1, 7, 15], dtype=pl.Int32).cast(pl.Date), Product=[None, 10, 10]),
        ("week is out of range in 1 row", "weeks start on different weekdays"),
    ),
    Case(
        "no day of a month",
        csv(HEADER, "1,10,00/04/2024,3,1", "1,10,01/02/0000,3,1"),
        ("week is not a date in 2 rows", "--date-format %d/%m/%Y or %m/%d/%Y"),
    ),
    Case(
        "duplicates",
        panel(Store=[1, 1, 1], Product=[10] * 3, week=[date(2024, 4, 8)] * 3),
        (
            "(Store, Product, week) is repeated for 1 key",
            "Store=1, Product=10, week=2024-04-08: found 3 rows",
        ),
    ),
    Case(
        "duplicates as text and time",
        csv(HEADER, "1,10,2024-04-08,3,1", "1,10,2024-04-08 00:00,3,1"),
        ("found 2 rows",),
    ),
    Case(
        "weekdays",
        panel(week=[date(2024, 4, 1), date(2024, 4, 8), date(2024, 4, 9)]),
        ("different weekdays: Monday 2 rows", "Tuesday 1 row", "Store=2, Product=20, week=2024-04-09"),
    ),
    Case(
        "a date that stands for none",
        panel(week=[date(1900, 1, 1), date(2024, 4, 8), date(2024, 4, 8)]),
        (
            "the panel spans 6,485 weeks, expected 1,800 at most",
            "week=1900-01-01 and Store=1, Product=10, week=2024-04-08",
        ),
    ),
    Case(
        "as many weeks as there may be, and one",
        csv(HEADER, "1,10,1990-01-01,3,1", "2,20,2024-07-01,3,1"),
        (
            "the panel spans 1,801 weeks",
            "Store=1, Product=10, week=1990-01-01 and Store=2, Product=20, week=2024-07-01",
        ),
    ),
    Case(
        "ten days apart",
        panel(week=[date(2024, 4, 1), date(2024, 4, 11), date(2024, 4, 1)]),
        ("Thursday 1 row",),
    ),
    Case(
        "ragged, too many",
        csv(HEADER, "1,10,2024-04-08,3,1", "1,10,2024-04-15,3,1,9,9"),
        ("1 line", "line 3: found 7"),
    ),
    Case("ragged, too few", csv(HEADER, "1,10,2024-04-08,3,1", "1,10", ""), ("line 3: found 2", "expected 5")),
    Case(
        "ragged between quotes",
        csv(HEADER, '"1",10,2024-04-08,3,1,9'),
        ("panel.csv", "cannot be read: a line has more values than the header"),
    ),
    Case(
        "quote left open",
        csv(f"{HEADER},note", '1,10,2024-04-08,3,1,"abc', "1,10,2024-04-15,3,1,x"),
        ("panel.csv", "is a quote left open?"),
    ),
    Case(
        "all told at once",
        panel(Store=[None, 1, 2], sales=[-1.0, None, 1.0], in_stock=[True, True, None]),
        ("Store is missing", "sales is negative", "sales is missing", "in_stock is missing"),
    ),
    # the wide folder
    Case("no in-stock file", wide({IN_STOCK: None}), ("input", "has no 'Week N - In Stock.csv'")),
    Case("no sales file", wide({SALES: None}), ("input", "has no 'Week N - DATE - Sales.csv'")),
    Case("only the master", wide({SALES: None, IN_STOCK: None}), ("Sales.csv", "In Stock.csv")),
    Case("wide file empty", wide({SALES: ""}), (SALES, "empty (0 bytes)")),
    Case(
        "wide header only",
        wide({SALES: "Store,Product,2024-04-01\n", IN_STOCK: "Store,Product,2024-04-01\n"}),
        ("no rows",),
    ),
    Case(
        "wide key missing",
        edited(SALES, "Product", "Item"),
        (SALES, "no column 'Product'", "did you mean 'Item'"),
    ),
    Case("wide without weeks", wide({SALES: "Store,Product\n1,10\n"}), (SALES, "found none")),
    Case("wide column no date", edited(SALES, "2024-04-08", "Total"), (SALES, "ISO dates", "'Total'")),
    Case("wide impossible date", edited(IN_STOCK, "2024-04-08", "2024-04-31"), (IN_STOCK, "'2024-04-31'")),
    Case(
        "wide week twice",
        edited(SALES, "2024-04-08", "2024-04-01"),
        (SALES, "repeats the columns '2024-04-01'"),
    ),
    Case(
        "wide on a Tuesday",
        edited(SALES, "2024-04-08", "2024-04-09"),
        (SALES, "'2024-04-09' (8 days after '2024-04-01')"),
    ),
    Case("wide week left out", edited(SALES, "2024-04-08", "2024-04-15"), (SALES, "1 week column", "14 days")),
    Case(
        "wide flags for fewer weeks",
        wide({SALES: "Store,Product,2024-04-01,2024-04-08,2024-04-15\n1,10,1,1,1\n2,20,1,1,1\n"}),
        (IN_STOCK, "lacks 1 week", "2024-04-15"),
    ),
    Case(
        "wide flag neither",
        edited(IN_STOCK, "2,20,True", "2,20,perhaps"),
        (IN_STOCK, "in 1 row", "week=2024-04-01, line 3: found 'perhaps'"),
    ),
    Case("wide sales missing", edited(SALES, "10,3.0", "10,"), (SALES, "sales is missing", "week=2024-04-01")),
    Case(
        "wide days",
        edited(SALES, "2024-04-08", "2024-04-02"),
        (SALES, "looks daily (2 consecutive days from 2024-04-01)"),
    ),
    Case("wide flag missing", edited(IN_STOCK, "10,True", "10,"), (IN_STOCK, "in_stock is missing", "line 2")),
    Case("wide sales no number", edited(SALES, "3.0", "three"), (SALES, "line 2: found 'three'")),
    Case("wide sales negative", edited(SALES, "3.0", "-3"), (SALES, "is negative", "line 2: found '-3'")),
    Case("wide key empty", edited(SALES, "1,10", ",10"), (SALES, "Store is missing", "1 row", "line 2")),
    Case(
        "wide SKU only sold",
        edited(IN_STOCK, "2,20,True,True\n", ""),
        (IN_STOCK, "lacks 1 SKU", "Store=2, Product=20"),
    ),
    Case(
        "wide SKU only in stock",
        edited(SALES, "2,20,1.0,2.0\n", ""),
        (SALES, "lacks 1 SKU", "Store=2, Product=20"),
    ),
    Case(
        "wide SKU not in master",
        edited(MASTER, "1,10,7\n", ""),
        (MASTER, "lacks 1 SKU", "Store=1, Product=10"),
    ),
    Case("wide SKU twice", edited(IN_STOCK, "2,20", "1,10"), (IN_STOCK, "repeats 1 SKU", "Store=1, Product=10")),
    Case("master repeats", edited(MASTER, "2,20,8", "1,10,8"), (MASTER, "repeats 1 SKU", "lacks 1 SKU")),
    Case(
        "wide key types differ",
        edited(IN_STOCK, "2,20", "B,20"),
        (IN_STOCK, "Store holds text", "expected whole numbers"),
    ),
    Case(
        "wide, too many weeks",
        wide({SALES: weekly("3", weeks=1801), IN_STOCK: weekly("True", weeks=1801)}),
        (SALES, "has 1,801 week columns, expected 1,800 at most"),
    ),
    Case("wide ragged", edited(SALES, "1,10,3.0,0.0", "1,10,3.0"), (SALES, "line 2: found 3", "expected 4")),
    Case("wide collision", edited(MASTER, "ProductGroup", "status"), ("'status' would collide",)),
    Case("master with a week", edited(MASTER, "ProductGroup", "week"), (MASTER, "'week' is no attribute")),
    Case("wide sales mapped", wide(), ("maps 'sales' to 'units'", "a column per week"), {"sales": "units"}),
    Case("wide key mapped", wide(), (SALES, IN_STOCK, "maps 'Store' to 'shop'"), {"Store": "shop"}),
    Case("wide attribute mapped", wide(), (MASTER, "maps 'Group' to 'group'"), {"Group": "group"}),
    Case("mapped without master", wide({MASTER: None}), ("'Week N - Master.csv'",), {"Group": "ProductGroup"}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_is_told_in_one_message_and_leaves_earlier_output_alone(case: Case, tmp_path: Path) -> None:
    path = case.build(tmp_path)
    config, out = tmp_path / "config.yaml", tmp_path.with_name(f"{tmp_path.name}_out")
    config.write_text(json.dumps({"columns": dict(case.columns), **case.settings}))
    out.mkdir()
    for name in (*EARLIER, "run.json"):
        (out / name).write_text("earlier")
    with pytest.raises(InputError) as caught:
        run_impute(path, out, "--config", config)
    assert contents(out) == dict.fromkeys(EARLIER, b"earlier")
    message = str(caught.value)
    assert [fragment for fragment in case.fragments if fragment not in message] == [], message
    assert not any(internal in message for internal in INTERNAL), message
    assert all("\n" not in problem for problem in caught.value.problems)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
@pytest.mark.parametrize("build", [panel(), wide()], ids=["file", "folder"])
def test_unreadable_input_is_told(build: Build, tmp_path: Path) -> None:
    path = build(tmp_path)
    path.chmod(0)
    with pytest.raises(InputError, match="Permission denied"):
        read_panel(path)
    path.chmod(0o700)


def test_first_places_do_not_depend_on_row_order() -> None:
    weeks = pl.date_range(date(2024, 1, 1), date(2024, 12, 30), "1w", eager=True)
    bad = pl.DataFrame({"Store": 1, "Product": 10, "week": weeks, "sales": -1.0, "in_stock": True})
    for seed in range(5):
        with pytest.raises(InputError) as caught:
            check_panel(bad.sample(fraction=1, shuffle=True, seed=seed).lazy(), source="panel")
        first = "week=2024-01-01: found -1.0; Store=1, Product=10, week=2024-01-08: found -1.0"
        assert first in str(caught.value)


def test_long_keys_are_shortened_and_line_ends_are_escaped() -> None:
    bad = pl.LazyFrame(GOOD | {"Store": ["x" * 10_000, "a\nb", "é"], "sales": [-1.0] * 3})
    with pytest.raises(InputError) as caught:
        check_panel(bad, source="panel")
    (problem,) = caught.value.problems
    assert "'a\\nb'" in problem
    assert "'é'" in problem
    assert len(problem) < 500


def test_a_panel_of_other_origin_is_checked_too() -> None:
    with pytest.raises(InputError, match="demo: sales is missing"):
        check_panel(pl.LazyFrame(GOOD | {"sales": [1.0, None, 2.0]}), source="demo")


def test_scan_panel_tells_columns_but_reads_no_values(tmp_path: Path) -> None:
    assert scan_panel(panel(sales=[-1.0] * 3)(tmp_path)).collect().height == 3
    with pytest.raises(InputError, match="no column 'sales'"):
        scan_panel(csv("Store,Product,week,in_stock", "1,10,2024-04-08,1")(tmp_path))


@pytest.mark.parametrize(
    "line",
    [
        "1,10,2024-04-08,x,1",
        "1,10,8 April,3,1",
        "1,10,1/4/2024,3,1",
        "1,10,2024-04-08,3,maybe",
        "1,10,2024-04-08,3,0.5",
    ],
)
def test_an_unchecked_text_fails_and_never_becomes_a_null(line: str, tmp_path: Path) -> None:
    unchecked = scan_panel(csv(HEADER, line)(tmp_path))
    with pytest.raises(pl.exceptions.PolarsError):
        unchecked.collect()
    with pytest.raises(InputError, match="cannot be read"):
        check_panel(unchecked, source="panel.csv")


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"sku_format": "Store/Product"}, "a/1/2,2024-04-08,3,1"),
        ({"decimal_comma": True, "sku_format": "Store/Product"}, "a/1,2024-04-08,12.5,1"),
        ({"date_format": "%d.%m.%Y", "sku_format": "Store/Product"}, "a/1,2024-04-08,3,1"),
        ({"time_zone": "Europe/Berlin", "sku_format": "Store/Product"}, "a/1,2024-04-08T22:30:00Z,3,1"),
    ],
)
def test_nor_does_one_that_an_option_says_how_to_read(settings: Any, line: str, tmp_path: Path) -> None:
    unchecked = scan_panel(csv("unique_id,ds,y,in_stock", line)(tmp_path), **settings)
    with pytest.raises(pl.exceptions.PolarsError):
        unchecked.collect()
