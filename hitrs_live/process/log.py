"""The program's log: Python's `logging` under the name hitrs_live, one line per record, in UTC, as text or JSON."""

import logging
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from typing import Any, Literal, TextIO

import msgspec

from hitrs_live.messages import AnyMessage
from hitrs_live.process.line_writer import CLOSE_WAIT_S, LineStream, LineWriter, printable
from hitrs_live.process.native_errors import native_errors_to, own_descriptor
from hitrs_live.wire.json_codec import to_json
from hitrs_live.wire.utc import SessionClock, utc_text

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
ROOT = "hitrs_live"
_WARNINGS_KEPT = 20
_LEAST_WAIT_S = 0.1
_LAST_WORDS_S = 0.5


def log_extra(
    *, monotonic_ns: int | None = None, fields: Mapping[str, Any] | None = None, event: AnyMessage | None = None
) -> dict[str, Any]:
    """Build the `extra` argument of a log call.

    monotonic_ns: time of the record; None for now. fields, event: additional content of JSON lines.
    """
    return {"monotonic_ns": monotonic_ns or None, "fields": fields or {}, "event": event}


class TextFormatter(logging.Formatter):
    """Format a record as a line for people: UTC, level, text."""

    def __init__(self, session: SessionClock) -> None:
        """Use the clock that dates the session's messages."""
        super().__init__()
        self._session = session

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        when = utc_text(_utc_ns(self._session, record))
        return f"{when}  {record.levelname.lower():<7}  {printable(_text(self, record))}"


class JsonFormatter(logging.Formatter):
    """Format a record as one JSON object: time, level, logger, message, and the record's own fields."""

    def __init__(self, session: SessionClock) -> None:
        """Use the clock that dates the session's messages."""
        super().__init__()
        self._session = session

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": utc_text(_utc_ns(self._session, record), digits=6),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": " ".join(_text(self, record).split()),
            **getattr(record, "fields", {}),
        }
        if (event := getattr(record, "event", None)) is not None:
            line["event"] = msgspec.Raw(to_json(event, omit_none=True))
        return msgspec.json.encode(line).decode()


class LineHandler(logging.Handler):
    """Pass formatted records to a `LineWriter`, so that logging never blocks and never fails."""

    def __init__(self, stream: TextIO, formatter: logging.Formatter, *, paused: bool = False) -> None:
        """Write to a stream with a formatter. paused: keep lines until the writer resumes."""
        super().__init__()
        self.setFormatter(formatter)
        self.writer = LineWriter(stream, describe_loss=self._describe_loss, paused=paused)
        self.warnings: deque[str] = deque(maxlen=_WARNINGS_KEPT)
        """The newest texts of warnings and worse."""

    def emit(self, record: logging.LogRecord) -> None:
        """Queue one record."""
        try:
            if record.levelno >= logging.WARNING:
                self.warnings.append(record.getMessage())
            self.writer.write(self.format(record))
        except Exception:
            # A record whose arguments do not fit its text must not stop the program.
            self.handleError(record)

    def _describe_loss(self, lines: int) -> str:
        text = f"{lines} {'line was' if lines == 1 else 'lines were'} lost here: standard output did not accept them"
        record = logging.LogRecord(f"{ROOT}.log", logging.WARNING, __file__, 0, text, None, None)
        return self.format(record)


class LogOutput:
    """Control the output of a running log."""

    def __init__(
        self, handler: LineHandler, level: LogLevel, *, paused: bool, errors: LineWriter, stderr: TextIO
    ) -> None:
        """Set the level. While paused, only warnings and errors are kept; `level` applies once it resumes.

        errors: writes to standard error. stderr: standard error itself, for other programs.
        """
        self._handler, self._level, self._errors = handler, level.upper(), errors
        self.stderr = stderr
        logging.getLogger(ROOT).setLevel(max(logging.WARNING, getattr(logging, self._level)) if paused else self._level)

    @property
    def lost(self) -> int:
        """Number of lines that could not be written so far."""
        return self._handler.writer.lost

    def last_words(self, text: str, restore: str = "") -> None:
        """Write an error, and what was kept before it, because the process is about to end. restore: see `resume`."""
        self._handler.writer.resume(restore)
        logging.getLogger(ROOT).error("%s", text)
        self._handler.writer.flush(_LAST_WORDS_S)
        self._errors.close(_LEAST_WAIT_S)

    def has_warned(self, text: str) -> bool:
        """Return whether one of the newest warnings ends with a text."""
        return any(warning.endswith(text) for warning in tuple(self._handler.warnings))

    def resume(self, first: str = "") -> None:
        """Write the lines kept so far, and every later line at once. first: written before all of them."""
        self._handler.writer.resume(first)
        self._errors.resume()
        logging.getLogger(ROOT).setLevel(self._level)


@contextmanager
def logging_to(
    stream: TextIO,
    *,
    format: LogFormat = "text",
    level: LogLevel = "info",
    paused: bool = False,
    session: SessionClock | None = None,
    close_wait_s: float = CLOSE_WAIT_S,
) -> Iterator[LogOutput]:
    """Write everything logged under hitrs_live to a stream until the block ends, without ever blocking.

    Text printed to standard error in the block is written without blocking too, by native libraries as well. At the
    end, lines that cannot be written within close_wait_s are given up, and their number is written to standard error.

    paused: keep warnings and errors until the end or until `resume`, for a terminal with a dashboard on it.
    session: the clock that dates the run's messages; None for one that begins now.
    """
    session = session or SessionClock.begin()
    formatter = JsonFormatter(session) if format == "json" else TextFormatter(session)
    handler = LineHandler(stream, formatter, paused=paused)
    with own_descriptor(sys.stderr) as stderr:
        errors = LineWriter(stderr, paused=paused and stderr.isatty())
        printed = LineStream(errors)
        root = logging.getLogger(ROOT)
        before = root.level
        root.addHandler(handler)
        try:
            with native_errors_to(sys.stderr, errors), redirect_stderr(printed):
                yield LogOutput(handler, level, paused=paused, errors=errors, stderr=stderr)
        finally:
            root.removeHandler(handler)
            root.setLevel(before)
            printed.finish()
            began_s = time.monotonic()
            lost = handler.writer.close(close_wait_s)
            if lost:
                errors.write(f"hitrs-live: {lost} log lines could not be written to standard output")
            errors.close(max(_LEAST_WAIT_S, close_wait_s - (time.monotonic() - began_s)))


def _utc_ns(session: SessionClock, record: logging.LogRecord) -> int:
    return session.utc_offset_ns + (getattr(record, "monotonic_ns", None) or time.monotonic_ns())


def _text(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    text = record.getMessage()
    if record.exc_info:
        text += ": " + formatter.formatException(record.exc_info)
    return text
