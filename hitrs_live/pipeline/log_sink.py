"""A sink that logs what of the messages is worth a line."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from hitrs_live.messages import AnyMessage, SourceEvent, Status
from hitrs_live.process.log import ROOT, LogOutput, log_extra
from hitrs_live.views.log_lines import LogLine, PlainLog

LOG_DROP: Final = "log"
_KEPT_LINES: Final = 20


class LogSink:
    """Log messages that another sink has sent.

    Lines that the log could not take are the drop "log"; sources share a log, so the status of each has the same count.
    """

    name = "the log"
    notices: Sequence[str] = ()

    def __init__(
        self, log: PlainLog, *, output: LogOutput | None = None, is_needed: Callable[[], bool] | None = None
    ) -> None:
        """Take what turns messages into lines.

        output: counts what the log lost. is_needed: called at each status and change of a source until it returns True;
        before that the newest lines are kept, and logged once it does: for a view that may fail.
        """
        self._log, self._output = log, output
        self._is_needed = is_needed
        self._kept: deque[LogLine] = deque(maxlen=_KEPT_LINES)

    def drops(self) -> dict[str, int]:
        """Count the lines that the log could not take."""
        return {LOG_DROP: 0 if self._output is None else self._output.lost}

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Log a message; return it as it is."""
        lines: Sequence[LogLine] = [line for line in self._log.update(message) if not self._is_known(line)]
        # Rarely enough, and soon after something failed.
        if self._is_needed is not None and isinstance(message, (Status, SourceEvent)) and self._is_needed():
            self._is_needed = None
            lines = [*self._kept, *lines]
        if self._is_needed is not None:
            self._kept.extend(lines)
            return message
        for line in lines:
            _emit(line)
        return message

    def close(self) -> None:
        """Do nothing: the log is its owner's to close."""

    def _is_known(self, line: LogLine) -> bool:
        """Whether a notice repeats what was logged when it happened, as when an engine was chosen."""
        return line.subject == "notice" and self._output is not None and self._output.has_warned(line.detail)


def _emit(line: LogLine) -> None:
    fields = {"source_id": line.source_id, "source_time_s": round(line.time_s, 3)}
    # The message is encoded only where the log is JSON.
    extra = log_extra(monotonic_ns=line.publish_time_ns, fields=fields, event=line.message)
    logging.getLogger(f"{ROOT}.{line.subject}").log(line.level, "%s", line.text, extra=extra)
