"""The page on benchmarks names every script and every report that is there, and none that is not."""

import re
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks"
PAGE = (FOLDER / "README.md").read_text(encoding="utf-8")


def test_every_script_is_named_and_every_named_one_is_there() -> None:
    scripts = {str(file.relative_to(FOLDER)) for file in FOLDER.glob("*/*.py")}
    named = set(re.findall(r"\b((?:speed|studies|card|peers|soak)/\w+\.py)", PAGE))
    assert named == scripts


def test_every_report_is_named_and_every_named_one_is_there() -> None:
    reports = {file.name for file in (ROOT / "reports").glob("*.json")}
    patterns = set(re.findall(r"`(?:reports/)?([\w*]+\.json)`", PAGE))
    assert {report for report in reports if not any(fnmatch(report, pattern) for pattern in patterns)} == set()
    assert {pattern for pattern in patterns if not any(fnmatch(report, pattern) for report in reports)} == set()
