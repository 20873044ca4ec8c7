"""Write lines to standard output or standard error without ever blocking the caller.

The reader of a log may be gone (EPIPE), may not read (a full pipe) or may have stopped the terminal (XOFF); the disk
may be full (ENOSPC); the encoding may lack a character. None of these may stop the program that writes.
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
"""At most what a writable pipe accepts at once, so that a write does not block."""
_LONGEST_BEGUN: Final = 1 << 14
"""Characters kept of an unfinished line, such as a progress bar; a longer one is written as a line."""
_POLL_S: Final = 0.1
_GONE: Final = frozenset((errno.EPIPE, errno.EBADF))


def printable(text: str) -> str:
    """Make one harmless line of an untrusted text, such as one from the network, so that it cannot control a terminal.

    Line breaks and other white space become spaces; control characters, directional marks and other invisible
    characters become U+FFFD.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text)


class NoStream(io.TextIOBase):
    """Replacement for a standard stream that was closed before the program began; it drops all text."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        """Drop text; return its length."""
        return len(text)


def fill_standard_streams() -> None:
    """Replace closed standard streams by harmless ones.

    Otherwise the next file or socket opened gets the descriptor of standard output, and everything printed is written
    into it. From now on, characters that a stream's encoding lacks are written as escapes.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The system gives the lowest free number, and all lower ones are taken by now.
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = NoStream()
    if sys.stderr is None:
        sys.stderr = NoStream()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def redirect_to_devnull(stream: TextIO) -> None:
    """Redirect a stream to the null device once its reader is gone, since the interpreter flushes it at exit."""
    descriptor = _descriptor_of(stream)
    if descriptor is not None:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, descriptor)
        os.close(null)


def forget_unless_writable(stream: TextIO) -> None:
    """Redirect a stream to the null device if it is not writable now, since a flush would block for ever."""
    descriptor = _descriptor_of(stream)
    if descriptor is not None and not _is_writable(descriptor, 0.0):
        redirect_to_devnull(stream)


class LineWriter:
    """Write lines to a stream from a thread of its own, through a bounded queue.

    Lines that do not fit into the queue or cannot be written are lost and counted. Once lines can be written again, the
    text of `describe_loss` replaces the lost ones.
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
        """Start the thread. paused: keep lines until `resume`; the oldest ones are dropped if there are too many."""
        self._stream = stream
        self._descriptor = _descriptor_of(stream)
        self._encode = codecs.getincrementalencoder(stream.encoding or "utf-8")("backslashreplace").encode
        self._max_lines, self._max_bytes, self._describe_loss = max_lines, max_bytes, describe_loss
        self._changed = threading.Condition()
        # Everything below is read and written only under the condition's lock.
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._lost = 0
        self._lost_unreported = 0
        self._gone = isinstance(stream, NoStream)
        self._paused = paused
        self._writing = False
        self._deadline_s: float | None = None
        self._midway = False
        self._thread = threading.Thread(target=self._run, name="line-writer", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """Number of lines that could not be written so far."""
        with self._changed:
            return self._lost

    def write(self, line: str) -> None:
        """Add a line, given without a line feed. Never blocks, and never raises for a fault of the stream."""
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
            if self._lost_unreported and self._describe_loss is not None:
                self._append(self._describe_loss(self._lost_unreported))
            self._lost_unreported = 0
            self._append(line)
            self._changed.notify_all()

    def resume(self, first: str = "") -> None:
        """Write the lines kept while paused, and every later line at once. first: written before all of them."""
        with self._changed:
            self._paused = False
            if first:
                data = self._encode(first)
                self._lines.appendleft(data)
                self._bytes += len(data)
            self._changed.notify_all()

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything is written, for at most timeout_s; return whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._lines and not self._writing, timeout_s)

    def close(self, timeout_s: float = CLOSE_WAIT_S) -> int:
        """Write the remaining lines, for at most timeout_s; return the total number of lost lines. Safe to repeat."""
        with self._changed:
            self._paused = False
            self._deadline_s = self._deadline_s or time.monotonic() + timeout_s
            self._changed.notify_all()
        # A thread that still hangs in a write is abandoned: it is a daemon.
        self._thread.join(timeout_s + 2 * _POLL_S)
        with self._changed:
            self._give_up()
            # A line that hangs in a write counts as lost, once.
            return self._lost + self._writing

    def _append(self, line: str) -> None:
        data = self._encode(line + "\n")
        self._lines.append(data)
        self._bytes += len(data)

    def _is_full(self, more: int) -> bool:
        # An empty queue accepts a line of any length.
        return bool(self._lines) and (len(self._lines) >= self._max_lines or self._bytes + more > self._max_bytes)

    def _count_lost(self, lines: int) -> None:
        self._lost += lines
        self._lost_unreported += lines

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
                self._on_write_error(error)

    def _on_write_error(self, error: OSError | ValueError) -> None:
        """Count the line as lost, and all waiting lines too if the stream is gone or the time to close is over."""
        with self._changed:
            self._count_lost(1)
            # A closed stream raises ValueError.
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
        """Write all of the data. Raises OSError if that fails or the time to close is over."""
        if self._descriptor is None:
            self._stream.write(data.decode(self._stream.encoding or "utf-8"))
            self._stream.flush()
            return
        rest = memoryview(data)
        while rest:
            if not _is_writable(self._descriptor, _POLL_S):
                if self._is_overdue():
                    raise BlockingIOError(errno.EAGAIN, "the reader does not read")
                continue
            try:
                written = os.write(self._descriptor, rest[:_CHUNK_BYTES])
            except BlockingIOError:
                # A non-blocking descriptor that accepts some bytes but not all of these.
                time.sleep(_POLL_S)
                if self._is_overdue():
                    raise
                continue
            rest = rest[written:]
            self._midway = bool(rest)


class LineStream(io.TextIOBase):
    """A text stream over a `LineWriter`, for code that prints to a stream. Any thread may write."""

    encoding = "utf-8"

    def __init__(self, writer: LineWriter) -> None:
        """Use a writer, which the caller closes."""
        self._writer = writer
        self._lock = threading.Lock()
        self._begun = ""

    def write(self, text: str) -> int:
        """Pass on whole lines; keep the rest for the next call."""
        with self._lock:
            *lines, self._begun = (self._begun + text).split("\n")
            if len(self._begun) > _LONGEST_BEGUN:
                lines.append(self._begun)
                self._begun = ""
            for line in lines:
                self._writer.write(line)
        return len(text)

    def finish(self) -> None:
        """Pass on an unfinished line."""
        with self._lock:
            line, self._begun = self._begun, ""
            if line:
                self._writer.write(line)


def write_line(line: str, stream: TextIO, timeout_s: float = CLOSE_WAIT_S) -> None:
    """Write one line to a stream now; give up after timeout_s or if it cannot be written."""
    writer = LineWriter(stream)
    writer.write(line)
    writer.close(timeout_s)


def _descriptor_of(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None


def _is_writable(descriptor: int, timeout_s: float) -> bool:
    if sys.platform == "win32":  # There, select works on sockets only.
        return True
    return bool(select.select([], [descriptor], [], timeout_s)[1])
