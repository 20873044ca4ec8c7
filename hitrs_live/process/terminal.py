"""Whether a stream is a terminal that pictures of characters can be drawn on."""

import os
import sys
from collections.abc import Mapping
from typing import Final, TextIO

LEAST_COLUMNS: Final = 40
LEAST_LINES: Final = 10
_DUMB: Final = ("dumb", "unknown")


def why_not_drawable(stream: TextIO, environment: Mapping[str, str] = os.environ) -> str | None:
    """Say in a few words why nothing can be drawn on a stream; None where it is a terminal that can."""
    if not stream.isatty():
        return "it is no terminal"
    kind = environment.get("TERM", "").lower()
    if kind in _DUMB or (not kind and sys.platform != "win32"):
        return f"TERM is {kind}" if kind else "TERM is not set"
    columns, lines = _size(stream, environment)
    if columns == 0 or lines == 0:
        return "it does not say how large it is"
    if columns < LEAST_COLUMNS or lines < LEAST_LINES:
        return f"it has {columns} columns and {lines} lines, wanted {LEAST_COLUMNS} and {LEAST_LINES}"
    return None


def _size(stream: TextIO, environment: Mapping[str, str]) -> tuple[int, int]:
    """Read columns and lines; the environment's COLUMNS and LINES come first, as they do in rich."""
    try:
        found = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        found = os.terminal_size((0, 0))
    columns, lines = (environment.get(name, "") for name in ("COLUMNS", "LINES"))
    return (int(columns) if columns.isdigit() else found.columns, int(lines) if lines.isdigit() else found.lines)
