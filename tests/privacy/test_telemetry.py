"""No file of this repository imports ONNX Runtime before its telemetry is turned off."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import hitrs_live
from hitrs_live.telemetry import VARIABLE

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "hitrs_live"
FILES = sorted(
    [ROOT / "run_live.py", *(f for d in ("benchmarks", "examples", "docs", "tests") for f in ROOT.glob(f"{d}/**/*.py"))]
)


def test_the_variable_is_set_in_this_process_and_its_child_processes() -> None:
    assert hitrs_live.__file__ is not None
    assert os.environ[VARIABLE] == "1"
    code = f"import os; print(os.environ[{VARIABLE!r}])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "1"


def imported(node: ast.AST) -> Iterator[str]:
    """Return the packages that a statement imports."""
    if isinstance(node, ast.Import):
        yield from (name.name.split(".")[0] for name in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module.split(".")[0]


def loaded_too_early(source: str) -> bool:
    """Return whether a file imports onnxruntime before hitrs_live, when it is loaded or in one of its functions."""
    tree = ast.parse(source)
    for statement in tree.body:
        if (
            isinstance(statement, ast.If)
            and isinstance(statement.test, ast.Name)
            and statement.test.id == "TYPE_CHECKING"
        ):
            continue
        if isinstance(statement, ast.Import | ast.ImportFrom):
            names = list(imported(statement))
            if "onnxruntime" in names:
                return True
            if "hitrs_live" in names:
                return False
    return any("onnxruntime" in imported(node) for node in ast.walk(tree))


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_outside_the_package_imports_it_first(path: Path) -> None:
    assert not loaded_too_early(path.read_text(encoding="utf-8")), "import hitrs_live above onnxruntime"


@pytest.mark.parametrize(
    ("source", "early"),
    [
        ("import onnxruntime", True),
        ("import onnxruntime\nimport hitrs_live", True),
        ("from onnxruntime import quantization\nfrom hitrs_live.config import Config", True),
        ("def f():\n    import onnxruntime", True),
        ("import hitrs_live\nimport onnxruntime", False),
        ("from hitrs_live.config import Config\ndef f():\n    import onnxruntime", False),
        ("import numpy", False),
    ],
)
def test_an_import_that_comes_too_early_is_detected(source: str, early: bool) -> None:
    assert loaded_too_early(source) is early
