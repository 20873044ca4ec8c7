"""A sink that also logs what is worth a line."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from hitrs_live.messages import AnyMessage, SourceEvent, Status
from hitrs_live.process.log import ROOT, LogOutput, log_extra
from hitrs_live.transport.sink import Sink
from hitrs_live.views.log_lines import LogLine, PlainLog

LOG_DROP: Final = "log"
_KEPT_LINES: Final = 20


class LoggedSink:
    """Pass messages on, and log what of them is worth a line.

    Lines that the log could not take are published as the status's drop "log"; those of one log stand in the status of
    every source.
    """

    def __init__(
        self,
        sink: Sink,
        log: PlainLog,
        *,
        output: LogOutput | None = None,
        is_needed: Callable[[], bool] | None = None,
    ) -> None:
        """Take what is behind.

        output: counts what the log lost. is_needed: asked now and then until it says True; before that, lines are
        kept, the newest few, and logged once it does: for a view that may fail.
        """
        self._sink, self._log, self._output = sink, log, output
        self._is_needed = is_needed
        self._kept: deque[LogLine] = deque(maxlen=_KEPT_LINES)

    @property
    def drops(self) -> int:
        """Count what the sink behind could not send."""
        return self._sink.drops

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Publish, then log."""
        if isinstance(message, Status) and self._output is not None and (lost := self._output.lost):
            message = msgspec.structs.replace(message, drops={**message.drops, LOG_DROP: lost})
        stamped = self._sink.publish(message)
        lines: Sequence[LogLine] = [line for line in self._log.update(stamped) if not self._is_known(line)]
        # Rarely enough, and soon after something failed.
        if self._is_needed is not None and isinstance(stamped, (Status, SourceEvent)) and self._is_needed():
            self._is_needed = None
            lines = [*self._kept, *lines]
        if self._is_needed is not None:
            self._kept.extend(lines)
            return stamped
        for line in lines:
            _emit(line)
        return stamped

    def _is_known(self, line: LogLine) -> bool:
        """Tell whether a notice repeats what was logged when it happened, as when an engine was chosen."""
        return line.subject == "notice" and self._output is not None and self._output.has_warned(line.detail)

    def close(self) -> None:
        """Close what is behind."""
        self._sink.close()


def _emit(line: LogLine) -> None:
    fields = {"source_id": line.source_id, "source_time_s": round(line.time_s, 3)}
    # Encoded by whoever writes JSON, and for no other log.
    extra = log_extra(monotonic_ns=line.publish_time_ns, fields=fields, event=line.message)
    logging.getLogger(f"{ROOT}.{line.subject}").log(line.level, "%s", line.text, extra=extra)
