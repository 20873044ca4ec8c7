"""Pass on what native libraries write to standard error, without their ever waiting for its reader.

libjpeg writes a line for each damaged picture of a camera, with plain C calls. Where no one reads standard error, such
a call would block the thread that decodes; in a terminal it would write over the dashboard.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from hitrs_live.process.line_writer import LineWriter, printable

MOST_LINES: Final = 20
PERIOD_S: Final = 60.0
"""A camera that sends damage gives tens of lines a second; so many of a period are passed on, the others counted."""
_STDERR: Final = 2
_LONGEST_LINE: Final = 1000
_JOIN_S: Final = 0.2


@contextmanager
def own_descriptor(stream: TextIO) -> Iterator[TextIO]:
    """Give a stream to standard error that stays there while `native_errors_to` takes its descriptor."""
    if not _is_standard_error(stream):
        yield stream
        return
    with open(os.dup(_STDERR), "w", encoding=stream.encoding or "utf-8", errors="backslashreplace") as own:
        yield own


@contextmanager
def native_errors_to(stream: TextIO, writer: LineWriter) -> Iterator[None]:
    """Pass lines on to a writer until the block ends, if the stream is standard error itself."""
    if not _is_standard_error(stream):
        yield
        return
    before = os.dup(_STDERR)
    reading, writing = os.pipe()
    os.dup2(writing, _STDERR)
    os.close(writing)
    thread = threading.Thread(target=_pass_on, args=(reading, LineLimit(writer.write)), name="stderr", daemon=True)
    thread.start()
    try:
        yield
    finally:
        # The pipe's last writing end is closed, unless a child process has one too.
        os.dup2(before, _STDERR)
        os.close(before)
        thread.join(_JOIN_S)


class LineLimit:
    """Pass on at most MOST_LINES lines of a period, and how many others there were."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        """Take what writes a line. clock: monotonic seconds."""
        self._write, self._clock = write, clock
        self._began_s = clock()
        self._passed = self._left_out = 0

    def write(self, line: str) -> None:
        """Pass on a line, or count it."""
        if self._clock() - self._began_s >= PERIOD_S:
            self.finish()
            self._began_s, self._passed = self._clock(), 0
        if self._passed < MOST_LINES:
            self._passed += 1
            self._write(line)
        else:
            self._left_out += 1

    def finish(self) -> None:
        """Write how many lines were left out, if any were."""
        if self._left_out:
            self._write(f"hitrs-live: {self._left_out} more lines of native libraries were left out")
            self._left_out = 0


def _pass_on(reading: int, limit: LineLimit) -> None:
    begun = b""
    # Closed when nothing is left to be read, also where the block has ended before.
    with open(reading, "rb", buffering=0) as pipe:
        while data := pipe.read(1 << 16):
            *lines, begun = (begun + data).split(b"\n")
            if len(begun) > _LONGEST_LINE:
                lines.append(begun)
                begun = b""
            for line in lines:
                if line.strip():
                    limit.write(printable(line[:_LONGEST_LINE].decode(errors="replace").rstrip()))
    if begun.strip():
        limit.write(printable(begun.decode(errors="replace").rstrip()))
    limit.finish()


def _is_standard_error(stream: TextIO) -> bool:
    if sys.platform == "win32":
        return False
    try:
        return stream.fileno() == _STDERR
    except (OSError, ValueError):
        return False
