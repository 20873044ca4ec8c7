"""Write lines to standard output or standard error, whatever stands behind them, and never wait for it.

A log's reader may be gone (EPIPE), may read nothing (a full pipe), may have stopped the terminal (XOFF), its disk may
be full (ENOSPC), its encoding may lack a letter. None of these may stop whoever has something to say.
"""

import codecs
import errno
import io
import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, TextIO

MAX_LINES: Final = 1000
MAX_BYTES: Final = 1 << 20
CLOSE_WAIT_S: Final = 1.0
_CHUNK_BYTES: Final = 4096
"""No more than a pipe takes at once where it takes anything at all, so that a write does not wait."""
_LONGEST_BEGUN: Final = 1 << 14
"""Letters of an unfinished line, such as a progress bar's, that are kept; more are written as a line."""
_LOOK_S: Final = 0.1
_GONE: Final = frozenset((errno.EPIPE, errno.EBADF))


def printable(text: str) -> str:
    """Make one line of a text that may hold anything, such as words from the network: nothing in it acts on a terminal.

    Ends of lines and other blanks become spaces; controls, directional marks and whatever else cannot be seen become
    U+FFFD.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text)


class NoStream(io.TextIOBase):
    """Stand in for a standard stream that was closed before the program began; it takes text and drops it."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        """Drop text."""
        return len(text)


def fill_standard_streams() -> None:
    """Put something harmless in the place of standard streams that are closed.

    Otherwise the next file or socket opened gets the number of standard output, and whoever writes there writes into
    it. Letters that a stream's encoding lacks are written as escapes from now on.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is given, and those below are taken by now.
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = NoStream()
    if sys.stderr is None:
        sys.stderr = NoStream()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def forget_stream(stream: TextIO) -> None:
    """Point a stream at nothing once its reader is gone, for the interpreter writes out what is left at its end."""
    descriptor = _descriptor_of(stream)
    if descriptor is not None:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, descriptor)
        os.close(nothing)


def forget_unless_writable(stream: TextIO) -> None:
    """Point a stream at nothing where it takes nothing now: writing out what is left would wait for ever."""
    descriptor = _descriptor_of(stream)
    if descriptor is not None and not _is_writable(descriptor, 0.0):
        forget_stream(stream)


class LineWriter:
    """Own a thread that writes lines to a stream, and a bounded queue before it.

    What finds no room there, or cannot be written, is lost and counted. Once lines are taken again, `describe_loss`
    says in their place how many are missing.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        max_lines: int = MAX_LINES,
        max_bytes: int = MAX_BYTES,
        describe_loss: Callable[[int], str] | None = None,
        paused: bool = False,
    ) -> None:
        """Start the thread. paused: keep lines until `resume`, the oldest making room where there are too many."""
        self._stream = stream
        self._descriptor = _descriptor_of(stream)
        self._encode = codecs.getincrementalencoder(stream.encoding or "utf-8")("backslashreplace").encode
        self._max_lines, self._max_bytes, self._describe_loss = max_lines, max_bytes, describe_loss
        self._changed = threading.Condition()
        # All below are read and written under the condition's lock alone.
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._lost = 0
        self._lost_untold = 0
        self._gone = isinstance(stream, NoStream)
        self._paused = paused
        self._writing = False
        self._deadline_s: float | None = None
        self._midway = False
        self._thread = threading.Thread(target=self._run, name="line-writer", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """How many lines could not be written so far."""
        with self._changed:
            return self._lost

    def write(self, line: str) -> None:
        """Add a line, given without its end. Never waits, never raises for what the stream does."""
        with self._changed:
            if self._gone or self._deadline_s is not None:
                self._lost += 1
                return
            while self._paused and self._lines and self._is_full(len(line)):
                self._bytes -= len(self._lines.popleft())
                self._lost += 1
            if self._is_full(len(line)):
                self._count_lost(1)
                return
            if self._lost_untold and self._describe_loss is not None:
                self._append(self._describe_loss(self._lost_untold))
            self._lost_untold = 0
            self._append(line)
            self._changed.notify_all()

    def resume(self) -> None:
        """Write what was kept while paused, and from now on each line at once."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def flush(self, timeout_s: float) -> bool:
        """Wait until all is written, at most timeout_s. Returns whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._lines and not self._writing, timeout_s)

    def close(self, timeout_s: float = CLOSE_WAIT_S) -> int:
        """Write what is left, for at most timeout_s; return how many lines were lost in all. Safe twice."""
        with self._changed:
            self._paused = False
            self._deadline_s = self._deadline_s or time.monotonic() + timeout_s
            self._changed.notify_all()
        # A thread that hangs in a write all the same is left behind: it is a daemon.
        self._thread.join(timeout_s + 2 * _LOOK_S)
        with self._changed:
            self._give_up()
            # One that hangs in a write counts too, once.
            return self._lost + self._writing

    def _append(self, line: str) -> None:
        data = self._encode(line + "\n")
        self._lines.append(data)
        self._bytes += len(data)

    def _is_full(self, more: int) -> bool:
        # One line is taken in any case, however long.
        return bool(self._lines) and (len(self._lines) >= self._max_lines or self._bytes + more > self._max_bytes)

    def _count_lost(self, lines: int) -> None:
        self._lost += lines
        self._lost_untold += lines

    def _run(self) -> None:
        while True:
            with self._changed:
                self._writing = False
                self._changed.notify_all()
                self._changed.wait_for(
                    lambda: (self._lines and not self._paused) or (self._deadline_s is not None and not self._lines)
                )
                if not self._lines:
                    return
                line = self._lines.popleft()
                self._bytes -= len(line)
                self._writing = True
            try:
                self._write(b"\n" + line if self._midway else line)
            except (OSError, ValueError) as error:
                self._take_fault(error)

    def _take_fault(self, error: OSError | ValueError) -> None:
        """Count a line that could not be written; and all others, where none ever will be."""
        with self._changed:
            self._count_lost(1)
            # A stream that was closed raises ValueError.
            self._gone = not isinstance(error, OSError) or error.errno in _GONE
            if self._gone or self._is_overdue():
                self._give_up()

    def _give_up(self) -> None:
        self._lost += len(self._lines)
        self._lines.clear()
        self._bytes = 0

    def _is_overdue(self) -> bool:
        return self._deadline_s is not None and time.monotonic() >= self._deadline_s

    def _write(self, data: bytes) -> None:
        """Write all of it. Raises OSError where that fails or the time to close is over."""
        if self._descriptor is None:
            self._stream.write(data.decode(self._stream.encoding or "utf-8"))
            self._stream.flush()
            return
        rest = memoryview(data)
        while rest:
            if not _is_writable(self._descriptor, _LOOK_S):
                if self._is_overdue():
                    raise BlockingIOError(errno.EAGAIN, "nobody reads")
                continue
            try:
                written = os.write(self._descriptor, rest[:_CHUNK_BYTES])
            except BlockingIOError:
                # Somebody made it non-blocking, and it says that it takes something but not all of this.
                time.sleep(_LOOK_S)
                if self._is_overdue():
                    raise
                continue
            rest = rest[written:]
            self._midway = bool(rest)


class LineStream(io.TextIOBase):
    """A text stream over a `LineWriter`: for what is printed by whoever knows of no writer. Any thread may write."""

    encoding = "utf-8"

    def __init__(self, writer: LineWriter) -> None:
        """Take the writer; it is the caller's to close."""
        self._writer = writer
        self._lock = threading.Lock()
        self._begun = ""

    def write(self, text: str) -> int:
        """Hand on whole lines, keep the rest for the next call."""
        with self._lock:
            *lines, self._begun = (self._begun + text).split("\n")
            if len(self._begun) > _LONGEST_BEGUN:
                lines.append(self._begun)
                self._begun = ""
            for line in lines:
                self._writer.write(line)
        return len(text)

    def finish(self) -> None:
        """Hand on what is left of a line that was begun."""
        with self._lock:
            line, self._begun = self._begun, ""
            if line:
                self._writer.write(line)


def say(line: str, stream: TextIO, timeout_s: float = CLOSE_WAIT_S) -> None:
    """Write one line to a stream now; give up after timeout_s and where it cannot be written."""
    writer = LineWriter(stream)
    writer.write(line)
    writer.close(timeout_s)


def _descriptor_of(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None


def _is_writable(descriptor: int, timeout_s: float) -> bool:
    if sys.platform == "win32":  # There it can only be asked of sockets.
        return True
    return bool(select.select([], [descriptor], [], timeout_s)[1])
