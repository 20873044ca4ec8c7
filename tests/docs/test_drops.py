"""The table of dropped frames and messages names every cause that the package counts, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "OPERATING.md").read_text(encoding="utf-8")


def constants(tree: ast.AST) -> dict[str, str]:
    """Return the module's names for texts."""
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.AnnAssign | ast.Assign))
    return {
        target.id: node.value.value
        for node in nodes
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }


def causes(tree: ast.AST) -> Iterator[str]:
    """Yield the causes in a module: keys in its `drops` methods and `_drops` fields, and a `cause` that is passed."""
    names = constants(tree)
    counted: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in ("drops", "_drops"):
            counted.append(node)
        elif isinstance(node, ast.Assign) and any(getattr(each, "attr", "") == "_drops" for each in node.targets):
            counted.append(node.value)
        elif isinstance(node, ast.keyword) and node.arg == "cause" and isinstance(node.value, ast.Constant):
            yield from [node.value.value] if node.value.value else []
    for part in counted:
        for node in ast.walk(part):
            for key in node.keys if isinstance(node, ast.Dict) else ():
                if isinstance(key, ast.Constant):
                    yield key.value
                elif isinstance(key, ast.Name) and key.id in names:
                    yield names[key.id]


def test_the_table_of_drops_has_every_cause_and_no_other() -> None:
    table = PAGE.split("### Dropped frames")[1].split("\n### ")[0]
    listed = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    texts = [file.read_text(encoding="utf-8") for file in sorted((ROOT / "hitrs_live").rglob("*.py"))]
    # Parsing all of them would take two seconds.
    counted = {cause for text in texts if "drops" in text or "cause=" in text for cause in causes(ast.parse(text))}
    assert len(listed) == len(set(listed))
    assert set(listed) == counted
