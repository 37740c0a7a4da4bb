"""The documentation builds as a site, without a warning and without a network."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import vn2pl

pytest.importorskip("sphinx")
pytest.importorskip("furo")
pytest.importorskip("myst_parser")

DOCS = Path(__file__).parents[1] / "docs"
LOADED = re.compile(
    r'<(?:script|img|iframe)[^>]* src="(?:https?:)?//|<link[^>]* href="(?:https?:)?//|url\([^)]?https?:'
)


def test_the_site_has_every_page_and_public_name_and_loads_nothing(tmp_path: Path) -> None:
    site = tmp_path / "site"
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "--quiet",
        "--fail-on-warning",
        "-d",
        str(tmp_path / "kept"),
        str(DOCS),
        str(site),
    ]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    pages = {page.stem: page.read_text(encoding="utf-8") for page in site.glob("*.html")}
    assert {page.stem for page in DOCS.glob("*.md")} <= set(pages)
    assert set(vn2pl.__all__) <= set(re.findall(r'id="vn2pl\.(\w+)"', pages["api"]))
    assert [name for name, page in pages.items() if LOADED.search(page)] == []
    assert [sheet.name for sheet in site.glob("_static/**/*.css") if LOADED.search(sheet.read_text())] == []
