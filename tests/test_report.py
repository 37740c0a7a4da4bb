"""A run as one HTML file that loads nothing, lies about nothing and lets nothing of the data run."""

import json
import re
import shutil
import sys
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from hashlib import sha256
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import vn2pl
from vn2pl.cli.main import parser
from vn2pl.running.runs import BACKTEST, IMPUTE, recorded, scanned
from vn2pl.writing.artifacts import IMPUTED_FILE, RUN_FILE
from vn2pl.writing.report import gathering

HOSTILE = "</script><script>alert(1)</script>"
HOSTILE_DEPARTMENT = '"><img src=https://example.org onerror=alert(1)>'
QUICK = "n_neighbors: 20\nmin_candidates: 60\n"


class Element(NamedTuple):
    tag: str
    attributes: dict[str, str | None]
    text: list[str]
    parents: tuple[str, ...]


class Page(HTMLParser):
    """Elements in their order, with the text directly within them."""

    VOID = frozenset({"meta", "br", "img", "input", "link", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attributes), [], tuple(parent.tag for parent in self._open))
        self.elements.append(element)
        if tag not in self.VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1].text.append(data)

    def all(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]

    def specs(self) -> dict[str, dict[str, object]]:
        scripts = [element for element in self.all("script") if element.attributes.get("type") == "application/json"]
        return {str(script.attributes["id"]): json.loads("".join(script.text)) for script in scripts}


def _run(*arguments: object) -> int:
    """The command within this process, whose threads are set."""
    parsed = parser().parse_args([*map(str, arguments)])
    return int(import_module(f"vn2pl.cli.{parsed.command}").run(parsed))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A panel with hostile names, imputed and backtested; ``other`` claims to be the backtest of something else."""
    folder = tmp_path_factory.mktemp("report")
    names = pl.format("{}{}", pl.lit(HOSTILE), "Store"), pl.format("{}{}", pl.lit(HOSTILE_DEPARTMENT), "Department")
    panel = vn2pl.demo_panel(skus=24, weeks=80, seed=5).panel
    panel.with_columns(Store=names[0], Department=names[1]).write_parquet(folder / "panel.parquet")
    (folder / "config.yaml").write_text(QUICK)
    given = ("--data", folder / "panel.parquet", "--config", folder / "config.yaml")
    assert _run("impute", *given, "--out", folder / "processed", "--quiet") == 0
    assert _run("backtest", *given, "--out", folder / "backtest", "--seeds", 1, "--json") == 0
    shutil.copytree(folder / "backtest", folder / "other")
    facts = json.loads((folder / "other" / RUN_FILE).read_text())
    facts |= {"data_fingerprint": "", "config": {**facts["config"], "n_neighbors": 7}}
    (folder / "other" / RUN_FILE).write_text(json.dumps(facts))
    # Charts are what takes time.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gathering, "MOST_AFFECTED", 2)
        yield folder


@pytest.fixture(scope="module")
def extra() -> None:
    for name in ("altair", "great_tables", "jinja2", "vl_convert"):
        pytest.importorskip(name, reason="needs the extra: pip install 'vn2pl[report]'")


@pytest.fixture(scope="module")
def report(folder: Path, extra: None) -> str:  # noqa: ARG001
    out = folder / "report.html"
    backtests = ("--backtest", folder / "backtest", "--backtest", folder / "other")
    assert _run("report", "--run", folder / "processed", *backtests, "--to", out) == 0
    return out.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(report: str) -> Page:
    return Page(report)


def test_it_loads_nothing(page: Page) -> None:
    links = [
        element.attributes[name] for element in page.elements for name in ("src", "href") if name in element.attributes
    ]
    assert all(str(link).startswith("#") for link in links)
    assert not {"link", "iframe", "img", "object", "base"} & {element.tag for element in page.elements}
    [style] = page.all("style")
    assert not re.search(r"url\(|@import", "".join(style.text))
    [policy] = [meta for meta in page.all("meta") if meta.attributes.get("http-equiv") == "Content-Security-Policy"]
    [script] = [script for script in page.all("script") if "type" not in script.attributes]
    digest = b64encode(sha256("".join(script.text).encode()).digest()).decode()
    content = str(policy.attributes["content"])
    assert content.startswith("default-src 'none';")
    assert content.endswith(f"script-src 'sha256-{digest}'")


def test_the_data_cannot_leave_its_place(page: Page, report: str) -> None:
    assert HOSTILE not in report
    assert HOSTILE_DEPARTMENT not in report
    texts = ["".join(element.text) for element in page.elements]
    assert any(text.startswith(f"Store {HOSTILE}") for text in texts)
    assert any(text.startswith(HOSTILE_DEPARTMENT) for text in texts)
    drawn = page.specs()["lift-department"]["datasets"]
    assert HOSTILE_DEPARTMENT in json.dumps(drawn, ensure_ascii=False).replace('\\"', '"')


def test_headline_figures_are_those_of_the_summary(page: Page, folder: Path) -> None:
    summary = dict(pl.read_csv(folder / "processed" / "imputation_summary.csv").iter_rows())
    shown = ["".join(element.text) for element in page.all("dd") if element.attributes["class"] == "value"]
    assert shown == [
        f"{summary['n_imputed']:,.0f}",
        f"{summary['volume_lift']:,.0f}",
        f"{summary['mean_imputed_sales']:,.2f}",
        f"{summary['n_cold_start'] - summary['n_no_candidates']:,.0f}",
        f"{summary['n_not_imputed']:,.0f}",
    ]
    [drawn] = page.specs()["lift-month"]["datasets"].values()  # type: ignore[attr-defined]
    assert sum(month["lift"] for month in drawn) == pytest.approx(summary["volume_lift"])


def test_everyone_can_read_it(page: Page) -> None:
    assert [len(page.all(tag)) for tag in ("h1", "main", "header", "footer", "nav", "title")] == [1] * 6
    assert page.all("html")[0].attributes["lang"] == "en"
    ids = Counter(element.attributes["id"] for element in page.elements if "id" in element.attributes)
    assert max(ids.values()) == 1
    meant = [
        *(str(link.attributes["href"]).removeprefix("#") for link in page.all("a")),
        *(
            str(element.attributes["aria-labelledby"])
            for element in page.elements
            if "aria-labelledby" in element.attributes
        ),
        *(name for cell in page.all("td") for name in str(cell.attributes.get("headers") or "").split()),
    ]
    assert meant
    assert set(meant) <= set(ids)
    assert all(header.attributes.get("scope") in {"row", "col"} for header in page.all("th"))
    charts = [element for element in page.elements if "data-chart" in element.attributes]
    assert [element.attributes["data-chart"] for element in charts] == list(page.specs())
    assert all(element.attributes["role"] == "img" and element.attributes["aria-label"] for element in charts)
    assert len(page.all("figure")) == len(page.all("figcaption")) == len(charts)
    assert len(page.all("table")) == len(page.all("caption"))


def test_every_chart_is_one_that_vega_draws_in_the_colours_of_the_page(page: Page) -> None:
    import vl_convert

    [style] = page.all("style")
    known = set(re.findall(r"(--[\w-]+):", "".join(style.text)))
    for spec in page.specs().values():
        drawn = json.dumps(vl_convert.vegalite_to_vega(spec))
        colours = set(re.findall(r"var\((--[\w-]+)\)", drawn))
        assert colours
        assert colours <= known
        assert not re.search(r'"#[0-9a-f]{3,8}"', drawn)
    fan = page.specs()["sku-0-fan"]
    [weeks] = fan["datasets"].values()  # type: ignore[attr-defined]
    marks = Counter(re.findall(r'(?:fill|stroke)="var\(--([\w-]+)\)"', vl_convert.vegalite_to_svg(fan)))
    assert marks["sold"] == len(weeks)
    assert marks["shade"] == sum(not week["in_stock"] for week in weeks)
    assert marks["band-50"] == marks["band-80"] == marks["median"] == sum(week["imputed"] for week in weeks)


def test_the_same_run_gives_the_same_bytes_whatever_the_order_of_its_rows(folder: Path, report: str) -> None:
    from vn2pl.writing.report.page import page

    kinds = {"processed": IMPUTE, "backtest": BACKTEST, "other": BACKTEST}
    facts = recorded({folder / name: command for name, command in kinds.items()})
    tables = scanned(folder / "processed")
    for name in ("imputed", "sips"):
        tables[name] = tables[name].collect().sample(fraction=1, shuffle=True, seed=3).lazy()
    table = pl.read_parquet(folder / "backtest" / "backtest_table.parquet")
    backtests = [gathering.Calibration(facts[folder / name], table) for name in ("backtest", "other")]
    assert page(gathering.gather(tables, facts[folder / "processed"]), backtests) == report


def test_chosen_skus_in_the_order_of_their_choice(folder: Path) -> None:
    [facts] = recorded({folder / "processed": IMPUTE}).values()
    tables = scanned(folder / "processed")
    every = gathering.gather(tables, facts).skus
    last, first = every["name"][-1], every["name"][0]
    chosen = gathering.gather(tables, facts, chosen=[last, first, last]).fans
    assert [fan.sku["name"] for fan in chosen] == [last, first]
    with pytest.raises(vn2pl.InputError) as caught:
        gathering.choose(every, [f"{last}9", "nowhere", first])
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [f"--sku {last}9", "--sku nowhere"]
    assert last in caught.value.problems[0]
    with pytest.raises(vn2pl.InputError, match="at most 24 SKUs, got 25"):
        gathering.choose(every, [first] * 25)


def _weeks(store: int, product: int, sales: Sequence[float | None]) -> list[dict[str, object]]:
    """None is a stockout, which gets 5."""
    return [
        {
            "Store": store,
            "Product": product,
            "week": date(2024, 1, 1) + timedelta(weeks=number),
            "sales": 5.0 if sold is None else sold,
            "in_stock": sold is not None,
            "sales_observed": sold or 0.0,
            "imputed": sold is None,
        }
        for number, sold in enumerate(sales)
    ]


def test_aggregates_of_a_known_panel() -> None:
    rows = [*_weeks(1, 1, [9, 9, None]), *_weeks(1, 2, [0, None, None]), *_weeks(2, 1, [None, None, None])]
    imputed = pl.LazyFrame(rows)
    told = gathering.skus(imputed).collect()
    assert told.select("name", "weeks", "stockouts", "imputed_weeks", "sold", "lost").rows() == [
        ("2/1", 3, 3, 3, 0.0, 15.0),
        ("1/2", 3, 2, 2, 0.0, 10.0),
        ("1/1", 3, 1, 1, 18.0, 5.0),
    ]
    shares = gathering.stockout_shares(imputed).collect()
    assert shares.select("volume_class", "intermittency_class", "skus", "stockouts", "class_skus").rows() == [
        *[("high", "smooth", 1, number, 1) for number in (0, 0, 1)],
        *[("middle", "no_sales", 1, number, 1) for number in (0, 1, 1)],
        *[(None, None, 1, 1, 1)] * 3,
    ]


def test_intervals_are_linear_between_levels_and_stop_at_the_outermost() -> None:
    levels = (0.2, 0.3, 0.75)
    key = {"Store": [1] * 3, "Product": [1] * 3, "week": [date(2024, 1, 1)] * 3}
    sips = pl.LazyFrame({**key, "quantile": levels, "value": [2.0, 4.0, 7.0]})
    told = gathering.bands(sips, levels=levels).drop("Store", "Product", "week").collect()
    wanted = pl.DataFrame({"low_80": [None], "low_50": [3.0], "high_50": [7.0], "high_80": [None]}, strict=False)
    assert_frame_equal(told, wanted.cast(pl.Float64))


@pytest.mark.usefixtures("extra")
def test_a_panel_without_stockouts_and_departments(tmp_path: Path, small_panel: pl.DataFrame) -> None:
    full = small_panel.drop("Department").with_columns(pl.lit(True).alias("in_stock"))
    full.write_parquet(tmp_path / "panel.parquet")
    assert _run("impute", "--data", tmp_path / "panel.parquet", "--out", tmp_path / "out", "--quiet") == 0
    assert _run("report", "--run", tmp_path / "out", "--to", tmp_path / "report.html") == 0
    text = (tmp_path / "report.html").read_text()
    for told in ("no column Department", "Imputation adds nothing to any SKU", "No backtest was given"):
        assert told in text


def test_a_backtest_of_something_else_is_called_so(page: Page) -> None:
    told = ["".join(element.text) for element in page.all("p") if element.parents[-1] == "div"]
    panel, configuration = (text for text in told if text.startswith("This backtest"))
    assert panel.startswith("This backtest is of another panel (")
    assert configuration == "This backtest has another configuration than the run: n_neighbors."


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("altair", "great_tables"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(vn2pl.InputError, match=r"needs altair, great_tables: pip install 'vn2pl\[report\]'"):
        _run("report")


@pytest.mark.usefixtures("extra")
def test_what_is_incomplete_or_read_from_is_refused(folder: Path, tmp_path: Path) -> None:
    def refused(processed: Path, *, backtest: Path | None = None, out: Path = tmp_path / "report.html") -> str:
        with pytest.raises(vn2pl.InputError) as caught:
            _run("report", "--run", processed, *(("--backtest", backtest) if backtest else ()), "--to", out)
        return str(caught.value)

    whole, broken, nowhere = folder / "processed", tmp_path / "broken", tmp_path / "nowhere"
    shutil.copytree(whole, broken)
    (broken / IMPUTED_FILE).write_bytes(b"cut short")
    told = refused(broken, backtest=nowhere)
    assert f"{broken / IMPUTED_FILE}: expected" in told
    assert f"{nowhere}: expected a run.json" in told
    assert "expected the record of vn2pl impute, found nothing of" in refused(folder / "backtest")
    assert "expected the record of vn2pl backtest, found nothing of" in refused(whole, backtest=whole)
    assert "expected a folder that exists" in refused(whole, out=nowhere / "report.html")
    for name in (RUN_FILE, IMPUTED_FILE):
        assert "read from" in refused(whole, out=folder / "backtest" / ".." / "processed" / name)


@pytest.mark.usefixtures("extra")
def test_a_report_that_fails_leaves_the_earlier_one(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    out.write_text("an earlier report")
    with pytest.raises(vn2pl.InputError, match="--sku nowhere: expected STORE/PRODUCT of the panel"):
        _run("report", "--run", folder / "processed", "--sku", "nowhere", "--to", out)
    assert [*tmp_path.iterdir()] == [out]
    assert out.read_text() == "an earlier report"
