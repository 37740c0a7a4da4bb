"""The documentation says what is: commands run, output and references are current, links lead somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import generate
import pytest
import sessions

from vn2pl.queries.profiles import Profile

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "benchmarks" / "README.md", *sorted(DOCS.glob("*.md"))]


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


def first_cells(text: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", text, flags=re.MULTILINE)


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
    pages = {page.name for page in DOCS.glob("*.md")} - {"index.md"}
    assert [name for name in sorted(pages) if f"](docs/{name})" not in text] == []


def test_the_first_screen_of_the_readme_is_short_and_quotes_the_tables() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    assert len(re.findall(r"^```sh\n(.+\n)(.+\n)```$", text, flags=re.MULTILINE)) == text.count("```sh") == 1
    for page, quoted in (("accuracy", r"\*\*Accuracy\*\*(.*?)- \*\*"), ("performance", r"\*\*Speed\*\*(.*?)\(\[")):
        sentence = re.findall(quoted, text, flags=re.DOTALL)[0]
        table = (DOCS / f"{page}.md").read_text(encoding="utf-8").partition(":end -->")[0]
        figures = re.findall(r"\d[\d,]*\.\d+|\d+,\d+", sentence)
        assert figures, page
        assert [figure for figure in figures if figure not in table] == [], page
