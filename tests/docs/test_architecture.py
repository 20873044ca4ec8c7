"""The page on the architecture names files, functions, packages and layers that exist, and its example runs."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import tiny_onnx
from patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "hitrs_live"
PAGE = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
PLACE = re.compile(r"`([\w./]*(?:/|\.py|\.md))`(?:: (`[\w.]+`(?:, `[\w.]+`)*))?")
"""A file or folder and, after a colon, what is in it."""


def section(heading: str) -> str:
    """Return the text under a heading, with the headings below it."""
    marks = heading.split()[0]
    after = PAGE.split(f"\n{heading}\n", 1)[1]
    return re.split(rf"^#{{1,{len(marks)}}} ", after, maxsplit=1, flags=re.MULTILINE)[0]


def places(text: str) -> list[tuple[Path, list[str]]]:
    """List the files that a text names, each with the names that should be in it."""
    return [
        (path if (path := PACKAGE / name).exists() else ROOT / name, re.findall(r"[\w.]+", names))
        for name, names in PLACE.findall(text)
    ]


def defines(body: list[ast.stmt], name: str) -> bool:
    """Whether a module or class body defines `name`, or `Class.name`; an import does not."""
    first, _, rest = name.partition(".")
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name == first:
            return not rest or defines(node.body, rest)
        if rest:
            continue
        if isinstance(node, ast.FunctionDef) and node.name == first:
            return True
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == first for target in targets):
            return True
    return False


def missing(text: str) -> list[str]:
    """List the files that a text names and that do not exist, and the names that are not in their file."""
    faults = []
    for path, names in places(text):
        if not path.exists():
            faults.append(str(path))
        elif names:
            body = ast.parse(path.read_text(encoding="utf-8")).body
            faults += [f"{path}: {name}" for name in names if not defines(body, name)]
    return faults


def test_where_to_look_names_files_that_exist_and_what_is_in_them() -> None:
    text = section("## Where to look")
    assert len(places(text)) > 40
    assert sum(len(names) for _, names in places(text)) > 30
    assert missing(text) == []


def test_the_tests_named_under_the_streaming_law_exist() -> None:
    text = section("## The streaming law")
    assert len(places(text)) >= 3
    assert missing(text) == []


def test_a_file_or_a_name_that_is_gone_is_found() -> None:
    text = "`config.py`: `Config`, `load_config` `config.py`: `Settings` `messages.py`: `ActionEvent.topic`, `Box.left`"
    assert missing(text) == [f"{PACKAGE}/config.py: Settings", f"{PACKAGE}/messages.py: Box.left"]
    assert missing("`run_live.py`: `main` `nowhere.py` `docs/DATA.md`") == [
        f"{ROOT}/run_live.py: main", f"{ROOT}/nowhere.py",
    ]  # fmt: skip


def test_the_layers_listed_are_those_that_are_checked() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    checked = next(each for each in settings["tool"]["importlinter"]["contracts"] if each["type"] == "layers")
    listed = re.findall(r"^(\d+)\. (.+)$", section("## Packages"), re.MULTILINE)
    assert [int(number) for number, _ in listed] == list(range(1, len(listed) + 1))
    assert [[f"hitrs_live.{name}" for name in re.findall(r"`(\w+)`", names)] for _, names in listed] == [
        layer.split(" | ") for layer in checked["layers"]
    ]


@pytest.mark.slow
def test_the_example_with_a_model_of_ones_own_runs(tmp_path: Path) -> None:
    example = section("## Other pose estimators and action models").split("```python\n")[1].split("```")[0]
    tiny_onnx.write_onnx(tmp_path / "my_model.onnx", tiny_onnx.METADATA)
    command = [sys.executable, "-W", "error", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{example}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S)
    assert (done.returncode, done.stderr) == (0, "")
    count, word = done.stdout.split()
    assert word == "messages"
    assert int(count) > 1
