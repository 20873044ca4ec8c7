"""The documents build as a site without a warning, and no page of it loads anything from elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LOADED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["'](?:https?:)?//|<link\b[^>]*\bhref=["'](?:https?:)?//"""
)
LOADED_BY_STYLE = re.compile(r"""(?:url\(\s*["']?|@import\s+["'])(?:https?:)?//""")


def build(folder: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """Build a site as `make docs` does."""
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", str(out / "trees")]
    return subprocess.run([*command, str(folder), str(out / "site")], cwd=ROOT, capture_output=True, text=True)


def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    done = build(ROOT / "docs", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert {page.name for page in pages} >= {f"{file.stem}.html" for file in (ROOT / "docs").glob("*.md")}
    for page in pages:
        assert not LOADED.search(page.read_text(encoding="utf-8")), page
    for style in (tmp_path / "site").rglob("*.css"):
        assert not LOADED_BY_STYLE.search(style.read_text(encoding="utf-8")), style


def test_a_link_that_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "conf.py").write_text((ROOT / "docs" / "conf.py").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "index.md").write_text("# A page\n\n[to a heading](#nothing)\n", encoding="utf-8")
    done = build(folder, tmp_path)
    assert done.returncode != 0
    assert "nothing" in done.stderr


@pytest.mark.parametrize(
    "page", ['<script src="https://cdn.example/a.js">', '<link rel="x" href="//fonts.example/a.css">']
)
def test_what_a_page_loads_from_elsewhere_is_seen(page: str) -> None:
    assert LOADED.search(page)
    assert not LOADED.search('<a href="https://mcap.dev">a link</a>')
    assert LOADED_BY_STYLE.search("src: url(https://fonts.example/a.woff)")
