"""Every link between the documents leads to a file that is there and, with an anchor, to one of its headings."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [
    ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "calibration" / "README.md", ROOT / "engines" / "README.md",
    ROOT / "hitrs_live" / "weights" / "MODEL_CARD.md",
]  # fmt: skip
LINK = re.compile(r"\]\(([^)\s]+)\)")
ELSEWHERE = re.compile(r"[a-z]+:")


def prose(file: Path) -> str:
    """Return a document without its code blocks."""
    return re.sub(r"^(```+|~~~+).*?^\1\s*$", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """Name the headings as GitHub and the site do: lower case, hyphens for blanks, a number from the second one on."""
    found: dict[str, int] = {}
    names = set()
    for heading in re.findall(r"^#+ +(.*?)\s*$", text, re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        names.add(name if name not in found else f"{name}-{found[name]}")
        found[name] = found.get(name, 0) + 1
    return names


def broken(file: Path, text: str) -> list[str]:
    """List the links of a document that lead nowhere."""
    faults = []
    for link in LINK.findall(text):
        if ELSEWHERE.match(link):
            continue
        path, _, anchor = link.partition("#")
        target = (file.parent / path) if path else file
        if not target.exists():
            faults.append(f"{link}: no such file")
        elif anchor and anchor not in anchors(prose(target)):
            faults.append(f"{link}: no such heading")
    return faults


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(file: Path) -> None:
    assert broken(file, prose(file)) == []


def test_links_that_lead_nowhere_are_found() -> None:
    file = ROOT / "README.md"
    assert broken(file, "[a](nowhere.md) [b](docs/PAPER.md#nothing) [c](#nothing) ![d](docs/none.png)") == [
        "nowhere.md: no such file", "docs/PAPER.md#nothing: no such heading", "#nothing: no such heading",
        "docs/none.png: no such file",
    ]  # fmt: skip
    assert broken(file, "[a](https://mcap.dev) [b](docs/PAPER.md#ntu-60-x-sub-10--of-labels) [c](LICENSE)") == []


def test_headings_are_named_as_github_names_them() -> None:
    assert anchors("# A 10 % of `labels`\n## Same\n## Same\n### A window for `--show`\n") == {
        "a-10--of-labels", "same", "same-1", "a-window-for---show",
    }  # fmt: skip
