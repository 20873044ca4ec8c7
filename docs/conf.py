"""How Sphinx builds the site: `make docs`. No page of it loads anything from another host."""

import os
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config as GoogleStyle
from sphinx.ext.napoleon import GoogleDocstring

import hitrs_live

project = "hitrs_live"
author = "the authors of hitrs_live"
copyright = author
version = release = hitrs_live.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
# Every reference that leads nowhere is a warning, and `make docs` makes warnings errors.
nitpicky = True
nitpick_ignore_regex = [
    # Other packages: their pages are elsewhere, and the build reads nothing from the network.
    ("py:.*", r"(numpy|msgspec|torch|pathlib|collections|os|typing)\..*"),
    ("py:class", r"(Path|NDArray|optional)"),
    # Raised errors stand without their module in docstrings.
    ("py:exc", r"\w+"),
    # Not part of the interface: what is read from files or passed on as it is.
    ("py:class", r"hitrs_live\..*\.(Config|M|M_co|Checkpoint|HiTRS|_Delivery)"),
]

myst_heading_anchors = 4

highlight_language = "text"
# In docstrings `name` is code.
default_role = "code"
toc_object_entries_show_parents = "hide"
autodoc_member_order = "bysource"

html_theme = "furo"
html_title = f"hitrs_live {version}"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_show_sphinx = False
html_copy_source = False

DOCS = Path(__file__).parent
PAGES_FROM = {
    name: (DOCS / file).resolve()
    for name, file in {
        "CALIBRATION": "../calibration/README.md",
        "CHANGELOG": "../CHANGELOG.md",
        "CONTRIBUTING": "../CONTRIBUTING.md",
        "MODEL_CARD": "../hitrs_live/weights/MODEL_CARD.md",
    }.items()
}
"""Pages whose text is a file outside this folder; the files of these names here say so to readers of the repository."""
_LINK = re.compile(r"(\]\()([^)#:\s]+)(#[^)\s]*)?\)")


def _read_page(_: Sphinx, page: str, source: list[str]) -> None:
    """Take a page's text from where it is, and lead links to files that are pages of the site to those."""
    file = PAGES_FROM.get(page, DOCS / f"{page}.md")
    if page in PAGES_FROM:
        source[0] = file.read_text(encoding="utf-8")
    source[0] = _LINK.sub(lambda link: _relink(link, file.parent), source[0])


def _relink(link: re.Match[str], folder: Path) -> str:
    target = (folder / link[2]).resolve()
    page = next((name for name, file in PAGES_FROM.items() if file == target), None)
    path = f"{page}.md" if page else Path(os.path.relpath(target, DOCS)).as_posix()
    return f"{link[1]}{path}{link[3] or ''})"


def _read_docstring(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Read sections such as `Args:` in Google style; in an attribute's docstring a colon is just a colon."""
    if what in {"function", "class", "method", "exception"}:
        lines[:] = str(GoogleDocstring(lines[:], GoogleStyle(), app, what, name, thing, options)).splitlines()
    elif what == "module":
        # Drawings for readers of the source.
        lines.clear()


def setup(app: Sphinx) -> None:
    """Register what changes texts before they are parsed."""
    app.connect("source-read", _read_page)
    app.connect("autodoc-process-docstring", _read_docstring)
