"""A hash of the code that a model's graphs are traced from: a built graph is current while it stays the same.

The syntax tree is hashed, not the text: comments, docstrings, type hints of arguments and layout change no graph, so
they do not change the hash. It is the same in every version of Python that this package supports.
"""

import ast
import hashlib
import importlib.util
from functools import cache
from pathlib import Path

from torch import nn

from hitrs_live.config import Precision

_EXPORT = ("submodules", "folded_motion_head", "export")
_INT8 = ("quantise", "int8_ranges", "probe_streams")
_NO_EFFECT = frozenset(("annotation", "returns", "type_comment", "type_params", "kind", "ctx"))
"""Fields of the syntax tree that no graph depends on; `type_params` came with Python 3.12."""


def graph_sources(model: nn.Module, precision: Precision = "fp32") -> str:
    """Compute the SHA-256 of the code that a model's graphs are traced from: of its modules and of the exporter."""
    parts = {type(part).__module__ for part in model.modules()}
    ours = sorted(name for name in parts if name.startswith("hitrs_live."))
    exporter = (*_EXPORT, *(_INT8 if precision == "int8" else ()))
    sums = "".join(_module_sum(name) for name in (*ours, *(f"hitrs_live.inference.{name}" for name in exporter)))
    return hashlib.sha256(sums.encode()).hexdigest()


def code_sum(source: str) -> str:
    """Compute the SHA-256 of a module's code. Raises SyntaxError where it is not Python."""
    parts: list[str] = []
    _write(ast.parse(source), parts)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@cache
def _module_sum(module: str) -> str:
    """Compute a module's hash, once: a process keeps running the code that it loaded."""
    found = importlib.util.find_spec(module)
    assert found is not None
    assert found.origin is not None
    return code_sum(Path(found.origin).read_text(encoding="utf-8"))


def _write(node: object, parts: list[str]) -> None:
    """Write out a syntax tree. Empty fields are left out: newer versions of Python have more of them."""
    if isinstance(node, ast.AST):
        parts.append(f"({type(node).__name__}")
        for name, value in ast.iter_fields(node):
            if value is None or value == [] or name in _NO_EFFECT:
                continue
            parts.append(name)
            _write(_without_docstrings(value) if name == "body" and isinstance(value, list) else value, parts)
        parts.append(")")
    elif isinstance(node, list):
        parts.append(f"[{len(node)}")
        for item in node:
            _write(item, parts)
    else:
        parts.append(repr(node))


def _without_docstrings(body: list[ast.stmt]) -> list[ast.stmt]:
    """Leave out docstrings, those of attributes included."""
    return [
        line
        for line in body
        if not (
            isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str)
        )
    ]
