"""The table of faults names tests that are there, counts them, and leaves out no file of the fault suite."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "RELIABILITY.md").read_text(encoding="utf-8")
SUITE = PAGE.split("## The fault suite")[1].split("### The soak")[0]
LEAST_KINDS = 60


def kinds() -> list[tuple[str, str]]:
    """Return the file and the test of each row."""
    found, file = [], ""
    for line in SUITE.splitlines():
        if named := re.fullmatch(r"`(tests/\S+\.py)`", line):
            file = named[1]
        elif row := re.fullmatch(r"\| .* \| .* \| `(test_\w+)` \|", line):
            found.append((file, row[1]))
    return found


def test_every_kind_has_a_test_of_its_own_that_is_there() -> None:
    assert len(set(kinds())) == len(kinds())
    missing = [
        (file, test)
        for file, test in kinds()
        if not re.search(rf"^def {test}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert missing == []


def test_the_number_of_kinds_is_that_of_the_rows() -> None:
    assert f"cover {len(kinds())} kinds" in SUITE
    assert f"| hitrs_live | this page | {len(kinds())} kinds" in PAGE
    assert len(kinds()) >= LEAST_KINDS


def test_every_file_of_the_fault_suite_is_in_the_table() -> None:
    files = {f"tests/faults/{file.name}" for file in (ROOT / "tests" / "faults").glob("test_*.py")}
    assert files - {file for file, _ in kinds()} == set()
