"""The documentation says what is: commands run, output and references are current, links lead somewhere."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import generate
import polars as pl
import pytest
import sessions

from vn2pl.queries.profiles import Profile

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "benchmarks" / "README.md", *sorted(DOCS.glob("*.md"))]
ROW = re.compile(r"^\| `(?P<name>[^`]+)` \| (?P<dtype>[\w()]+) \|", re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("docs")


@pytest.fixture(scope="module")
def made(folder: Path) -> dict[Path, str]:
    """Every generated file, and in the folder what the commands of all pages wrote."""
    return generate.made(folder)


def test_what_is_generated_is_current(made: dict[Path, str]) -> None:
    stale = [path.name for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    assert stale == [], "run `just docs`"
    assert {path.name for path in DOCS.glob("pictures/*")} == {path.name for path in made if path.suffix == ".svg"}


def test_every_page_with_commands_is_run() -> None:
    with_commands = {path.stem for path in DOCS.glob("*.md") if "```sh\n" in path.read_text(encoding="utf-8")}
    assert with_commands <= set(sessions.PAGES)


def sections(page: Path) -> dict[str, str]:
    """Text of the page by second-level heading."""
    _, *parts = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {title: text for title, _, text in (part.partition("\n") for part in parts)}


def expanded(name: str, columns: list[str]) -> list[str]:
    """``pinball_<level>`` as the columns that it stands for."""
    stem, placeholder, _ = name.partition("<")
    return [column for column in columns if re.fullmatch(rf"{stem}[\d.]+", column)] if placeholder else [name]


@pytest.mark.parametrize(
    "path",
    [
        "processed/demand_imputed.parquet",
        "processed/imputed_sips.parquet",
        "processed/neighbours.parquet",
        "backtest/backtest_rows.parquet",
        "backtest/backtest_table.parquet",
        "demo/demand.parquet",
    ],
)
@pytest.mark.usefixtures("made")
def test_the_output_reference_has_every_column_and_type(folder: Path, path: str) -> None:
    schema = {name: str(dtype) for name, dtype in pl.read_parquet_schema(folder / path).items()}
    told = [
        (name, row["dtype"])
        for row in ROW.finditer(sections(DOCS / "output.md")[Path(path).name])
        for name in expanded(row["name"], list(schema))
    ]
    assert dict(told) == schema
    assert len(told) == len(schema)


def first_cells(text: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", text, flags=re.MULTILINE)


@pytest.mark.usefixtures("made")
def test_the_output_reference_has_every_figure_flag_and_key(folder: Path) -> None:
    told = sections(DOCS / "output.md")
    figures = pl.read_csv(folder / "processed" / "imputation_summary.csv")["metric"].to_list()
    assert first_cells(told["imputation_summary.csv"]) == figures
    run = json.loads((folder / "processed" / "run.json").read_text())
    assert sorted(first_cells(told["run.json"])) == sorted(run)
    flags = first_cells(told["demand_imputed.parquet"].partition("### Flags")[2])
    by_flag = [f"{figure}_{flag}" for figure in ("n", "lift") for flag in flags]
    assert by_flag == figures[-len(by_flag) :]


def test_the_guide_to_profiles_has_every_method() -> None:
    members = [name for name in vars(Profile) if not name.startswith("_")]
    assert first_cells(sections(DOCS / "contributing.md")["A profile of your own"]) == members


def test_tasks_that_pages_name_exist() -> None:
    tasks = set(re.findall(r"^(\w+)(?: [^:=]*)?:", (ROOT / "Justfile").read_text(), flags=re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"(?:`|^)just (\w+)", page.read_text(encoding="utf-8"), flags=re.MULTILINE))
        assert named <= tasks, page


def anchors(page: Path) -> Iterator[str]:
    """Anchors of the headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for heading in re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!\w+:)([^)#]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8"))
    for path, anchor in links:
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


def test_every_page_is_linked_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in DOCS.glob("*.md") if f"](docs/{page.name})" not in text] == []
