"""Write the generated parts of the documents: tables of figures out of reports/, and MESSAGES.md out of messages.py.

    python docs/generate.py            rewrite README.md and docs/*.md where they differ
    python docs/generate.py --check    change nothing; exit 1 and name every table that differs

A table stands between two lines of its own, `<!-- table: NAME -->` and `<!-- end table -->`, NAME being a key of
`report_tables.TABLES`. What stands around it is left as it is.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from message_page import message_page
from report_tables import TABLES
from report_tables.reports import Reports, ReportUnreadable

BEGIN = re.compile(r"<!-- table: (.*?) -->")
END = "<!-- end table -->"
MESSAGES = "MESSAGES.md"
ROOT = Path(__file__).resolve().parents[1]


class PageMalformed(Exception):
    """Markers of a page cannot be followed. The text names the page and the line."""


@dataclass(frozen=True)
class Difference:
    """A generated part that a page has otherwise."""

    page: str
    part: str
    has: str
    generated: str


def main(arguments: list[str] | None = None) -> int:
    """Rewrite or check the pages; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 where a page differs")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of README.md, docs/ and reports/")
    options = parser.parse_args(arguments)
    try:
        differences = generate(options.root, write=not options.check)
    except (PageMalformed, ReportUnreadable, OSError) as error:
        print(f"generate: {error}", file=sys.stderr)
        return 2
    for each in differences:
        print(f"{each.page}: {each.part} {'differs' if options.check else 'rewritten'}")
        if options.check:
            print(f"  page:      {each.has}\n  generated: {each.generated}")
    if differences and options.check:
        print("run `python docs/generate.py`, and look at what changed", file=sys.stderr)
    return int(bool(differences) and options.check)


def generate(root: Path, *, write: bool) -> list[Difference]:
    """Generate every part of every page, and write the pages that differ if asked to; return what differed.

    Raises PageMalformed or ReportUnreadable, before anything is written.
    """
    reports = Reports(root / "reports")
    texts = {page: page.read_text(encoding="utf-8") for page in pages(root)}
    made = {page: fill(text, page.relative_to(root).as_posix(), reports) for page, text in texts.items()}
    whole = root / "docs" / MESSAGES
    before, after = whole.read_text(encoding="utf-8") if whole.exists() else "", message_page()
    texts[whole], made[whole] = before, (after, list(_differences(f"docs/{MESSAGES}", "the page", before, after)))
    for page, (text, _) in made.items():
        if write and text != texts[page]:
            page.write_text(text, encoding="utf-8")
    return [difference for _, differences in made.values() for difference in differences]


def pages(root: Path) -> list[Path]:
    """List the pages that may have tables."""
    return [root / "README.md", *(page for page in sorted((root / "docs").glob("*.md")) if page.name != MESSAGES)]


def fill(text: str, page: str, reports: Reports) -> tuple[str, list[Difference]]:
    """Put the generated tables between a page's markers; return the text, and what differed before."""
    filled: list[str] = []
    differences: list[Difference] = []
    rest = iter(enumerate(text.splitlines(), start=1))
    fenced = False
    for at, line in rest:
        filled.append(line)
        fenced ^= line.lstrip().startswith("```")
        if fenced:
            continue
        if line.strip() == END:
            raise PageMalformed(f"{page}, line {at}: {END} without a <!-- table: NAME --> before it")
        begin = BEGIN.fullmatch(line.strip())
        if begin is None:
            continue
        name = begin[1]
        has = _until_end(rest, f"{page}, line {at}: table {name}")
        generated = _make(name, f"{page}, line {at}", reports)
        differences += _differences(page, f"table {name}", has.strip("\n"), generated)
        filled += ["", generated, "", END]
    return "\n".join(filled) + "\n", differences


def _until_end(rest: Iterator[tuple[int, str]], where: str) -> str:
    between: list[str] = []
    for _, line in rest:
        if line.strip() == END:
            return "\n".join(between)
        if BEGIN.fullmatch(line.strip()):
            break
        between.append(line)
    raise PageMalformed(f"{where} has no {END}; write it on a line of its own below the table")


def _make(name: str, where: str, reports: Reports) -> str:
    if name not in TABLES:
        raise PageMalformed(f"{where}: no table {name!r}; there are {', '.join(sorted(TABLES))}")
    try:
        return TABLES[name](reports)
    except KeyError as error:
        raise PageMalformed(
            f"{where}: table {name}: a report has no {error}; measure it again, or alter the table"
        ) from None


def _differences(page: str, part: str, has: str, generated: str) -> Iterator[Difference]:
    """Give the first line that differs, if any does."""
    for old, new in zip_longest(has.splitlines(), generated.splitlines(), fillvalue="(nothing)"):
        if old != new:
            yield Difference(page, part, old, new)
            return


if __name__ == "__main__":
    sys.exit(main())
