"""What commands print fits the terminal: no line is longer, no word is broken, and no record takes a page."""

import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from itertools import combinations
from pathlib import Path

import polars as pl
import pytest
from commands import run_impute
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from vn2pl.cli import layout
from vn2pl.cli.layout import Column
from vn2pl.cli.main import parser
from vn2pl.running import sql

Printed = Callable[..., str]

TERMINAL, NARROW, ANY = 80, 60, 10_000
MOST_LINES = {"usual": 3, "long keys": 5}
# What is told in other words where there is less room, and what is not the same in two runs.
OTHERWISE = re.compile(
    r"\(no room.*?\)|\(continued\)|Distance by|neighbours\S*|\(\S+\ss\)|\S+\sGB\savailable.", re.DOTALL
)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=30)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, small_panel: pl.DataFrame) -> Mapping[str, Path]:
    """Runs of panels with short and with long keys, that sell a hundred times as much as the demo's, and their panels
    beside them."""
    folder = tmp_path_factory.mktemp("runs")
    config = folder / "config.yaml"
    config.write_text("n_neighbors: 20\nmin_candidates: 60\n")
    large = small_panel.with_columns(pl.col("sales") * 100)
    store, product = pl.format("Zürich 🛒 {}", "Store"), pl.format("HOBBIES_1_{}_CA_validation", "Product")
    for name, panel in {"usual": large, "long keys": large.with_columns(Store=store, Product=product)}.items():
        panel.write_parquet(folder / f"{name}.parquet")
        options = ("--config", config, "--save-neighbours", "--quiet")
        run_impute(folder / f"{name}.parquet", folder / name, *options)
    return {name: folder / name for name in MOST_LINES}


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Printed:
    """What a command prints on a terminal of a width."""

    def run(width: int, *words: object) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        parsed = parser().parse_args([*map(str, words)])
        assert import_module(f"vn2pl.cli.{parsed.command}").run(parsed) == 0
        return capsys.readouterr().out

    return run


def _parts(text: str) -> Iterator[str]:
    """Words, and what is left of them where they are broken at marks."""
    for word in text.split():
        pieces = layout.MARKS.findall(word)
        yield from ("".join(pieces[first:last]) for first, last in combinations(range(len(pieces) + 1), 2))


def _refuse_broken(shown: str, whole: str) -> None:
    told, wanted = (OTHERWISE.sub("", text) for text in (shown, whole))
    assert set(told.split()) <= set(_parts(wanted))


@pytest.mark.parametrize("run", MOST_LINES)
@pytest.mark.parametrize("name", sql.shipped())
def test_every_shipped_query_fits(runs: Mapping[str, Path], printed: Printed, name: str, run: str) -> None:
    words = ["query", name, "--run", runs[run]]
    whole = printed(ANY, *words)
    for width in (TERMINAL, NARROW):
        shown = printed(width, *words)
        assert max(map(cell_len, shown.splitlines())) <= width
        _refuse_broken(shown, whole)
    records = max(1, len(whole.splitlines()) - 2)
    assert len(printed(TERMINAL, *words).splitlines()) < 10 + MOST_LINES[run] * records


@pytest.mark.parametrize("name", sql.shipped())
def test_at_80_columns_no_column_is_left_out(runs: Mapping[str, Path], printed: Printed, name: str) -> None:
    assert "no room" not in printed(TERMINAL, "query", name, "--run", runs["usual"])


@pytest.mark.parametrize("run", MOST_LINES)
@pytest.mark.parametrize("command", ["impute", "dry run", "backtest", "verify", "why", "list"])
def test_every_command_fits(runs: Mapping[str, Path], printed: Printed, tmp_path: Path, command: str, run: str) -> None:
    stockout = pl.read_parquet(runs[run] / "demand_imputed.parquet").filter(pl.col("own_weeks") > 9).row(0, named=True)
    given = ["--data", f"{runs[run]}.parquet", "--config", runs[run].parent / "config.yaml", "--out", tmp_path]
    every: dict[str, list[object]] = {
        "impute": ["impute", *given],
        "dry run": ["impute", *given, "--dry-run"],
        "backtest": ["backtest", *given, "--seeds", 1],
        "verify": ["verify", runs[run]],
        "why": [
            "why",
            "--run",
            runs[run],
            *(f"--{key.lower()}={stockout[key]}" for key in ("Store", "Product", "week")),
        ],
        "list": ["query", "--list"],
    }
    words = every[command]
    printed(ANY, *words)
    shown = printed(NARROW, *words)
    _refuse_broken(shown, printed(ANY, *words))
    assert [line for line in shown.splitlines() if cell_len(line) > NARROW and " " in line.strip()] == []


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(TEXT, st.lists(TEXT, min_size=2, max_size=2)), min_size=1, max_size=6),
    st.lists(st.sampled_from(["text", "date", "number"]), min_size=6, max_size=6),
    st.integers(20, 200),
)
def test_a_table_is_never_wider_than_the_terminal(
    cells: list[tuple[str, list[str]]], kinds: list[str], width: int
) -> None:
    columns = [Column(header, texts, kind) for (header, texts), kind in zip(cells, kinds, strict=False)]  # type: ignore[arg-type]
    shown = layout.table(columns, width=width)
    assert all(cell_len(line) <= width for line in shown.lines)
    assert len(shown.left_out) < len(columns)


def test_what_moves_the_cursor_is_not_printed(runs: Mapping[str, Path], printed: Printed, tmp_path: Path) -> None:
    query = tmp_path / "hostile.sql"
    query.write_text("-- \x1b[31mTitle\nSELECT 'a\x1b[2J\rb' AS \"x\x07\"")
    assert printed(TERMINAL, "query", query, "--run", runs["usual"]) == "?[31mTitle\nx?\na?[2J b\n"
