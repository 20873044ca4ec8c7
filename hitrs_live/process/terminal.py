"""Check whether a stream is a terminal that the dashboard can be drawn on, and restore one that was drawn on."""

import contextlib
import os
import sys
from collections.abc import Mapping
from typing import Final, TextIO

if sys.platform != "win32":
    import termios

LEAST_COLUMNS: Final = 40
LEAST_LINES: Final = 10
RESTORE: Final = "\x1b[?1049l\x1b[?25h\x1b[0m"
"""Leave the alternate screen, show the cursor, end colours: what a dashboard that was killed could not do itself."""
_DUMB: Final = ("dumb", "unknown")


def why_not_drawable(stream: TextIO, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return a short reason why nothing can be drawn on a stream; None if it is a suitable terminal."""
    if not stream.isatty():
        return "it is not a terminal"
    kind = environment.get("TERM", "").lower()
    if kind in _DUMB or (not kind and sys.platform != "win32"):
        return f"TERM is {kind}" if kind else "TERM is not set"
    columns, lines = _size(stream, environment)
    if columns == 0 or lines == 0:
        return "it does not report its size"
    if columns < LEAST_COLUMNS or lines < LEAST_LINES:
        return f"it has {columns} columns and {lines} lines, expected {LEAST_COLUMNS} and {LEAST_LINES} at least"
    return None


def discard_output(stream: TextIO) -> None:
    """Discard what a terminal has not shown yet, and let it accept output again after XOFF; never blocks.

    Otherwise nothing can be written to a terminal that a killed program left full.
    """
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError, ValueError, termios.error):
        termios.tcflush(stream.fileno(), termios.TCOFLUSH)
        termios.tcflow(stream.fileno(), termios.TCOON)


def _size(stream: TextIO, environment: Mapping[str, str]) -> tuple[int, int]:
    """Return columns and lines; COLUMNS and LINES of the environment take precedence, as in rich."""
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        size = os.terminal_size((0, 0))
    columns, lines = (environment.get(name, "") for name in ("COLUMNS", "LINES"))
    return (int(columns) if columns.isdigit() else size.columns, int(lines) if lines.isdigit() else size.lines)
