"""Every benchmark script can be started, and the list of them is complete."""

import re
import runpy
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
FILES = sorted(FOLDER.glob("*/*.py"))
SCRIPTS = [file for file in FILES if '__name__ == "__main__"' in file.read_text(encoding="utf-8")]
EXTRAS = {"matplotlib": "plots", "continual": "peers", "PIL": "test", "psutil": "test"}
"""Packages of extras that scripts import, by the extra."""


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the modules of benchmark folders afterwards, and undo changes of the path: names repeat in folders."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith((str(FOLDER), str(FOLDER.parent / "docs"))):
            del sys.modules[name]


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: f"{script.parent.name}/{script.stem}")
def test_a_script_finds_all_that_it_imports_and_describes_its_flags(
    script: Path, alone: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if script.parent.name == "peers":
        pytest.importorskip("continual", reason="the peer is built with the extra `peers`, which is not installed")
    monkeypatch.syspath_prepend(script.parent)
    monkeypatch.setattr(sys, "argv", [str(script), "--help"])
    try:
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(script), run_name="__main__")
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in EXTRAS:
            raise
        pytest.skip(f"{error.name} is not installed")
    if (missing := re.match(r"(\w+) is not installed", str(end.value.code))) and missing[1] in EXTRAS:
        pytest.skip(f"{missing[1]} is not installed")
    assert end.value.code == 0
    assert f"usage: {script.name}" in capsys.readouterr().out


def test_the_readme_lists_every_file_and_names_only_files_that_exist() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\b(?:speed|studies|card|peers|soak)/\w+\.py\b", readme))
    assert named == {f"{file.parent.name}/{file.name}" for file in FILES}


def test_the_readme_names_every_report_and_only_those_that_exist() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    reports = {file.name for file in (FOLDER.parent / "reports").glob("*.json")}
    patterns = set(re.findall(r"\b[\w*]+\.json\b", readme))
    matched = {
        pattern: {name for name in reports if re.fullmatch(pattern.replace("*", r"\w*"), name)} for pattern in patterns
    }
    assert [pattern for pattern, names in matched.items() if not names] == []
    assert reports - set().union(*matched.values()) == set()
