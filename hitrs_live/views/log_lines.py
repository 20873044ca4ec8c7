"""Turn messages into log lines, for logs, pipes and terminals without a dashboard."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hitrs_live.messages import ActionEvent, AnyMessage, SourceEvent, SourceState, Status
from hitrs_live.process.line_writer import printable
from hitrs_live.views.formatting import REASONS, action_length_s, action_name, clock_time, drops_in_words
from hitrs_live.views.session_state import SessionState, SessionStates

_STATE_LEVELS: dict[SourceState, int] = {"stalled": logging.WARNING, "lost": logging.ERROR}


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One line of the log."""

    level: int
    """Level, as in `logging`."""
    subject: str
    """Kind of line: action, source, status, notice, note or session."""
    text: str
    detail: str
    """The text without time, source and subject."""
    source_id: str
    time_s: float
    """When its content became known: seconds since the source's first message, never decreasing."""
    publish_time_ns: int
    message: AnyMessage | None
    """The message of the line; None if the line reports only a part of one."""


class PlainLog:
    """Turn messages into lines: starts and ends of actions, changes of a source, and regular status lines.

    The time at the start of a line is when its content became known, counted from the source's first message, so lines
    are in the order of their times. The text of the line gives the times at which an action began and ended. With
    several sources, each line names its source.
    """

    def __init__(self, status_every_s: float = 10.0, *, several: bool = False) -> None:
        """Begin without messages.

        status_every_s: interval between the status lines of a source, seconds of the pipeline's uptime.
        several: name the source in every line from the first one on.
        """
        self._several = several
        self._sessions = SessionStates()
        self._status_every_s = status_every_s
        self._logs: dict[str, _SourceLog] = {}
        self._restarts_logged = 0

    def update(self, message: AnyMessage) -> Sequence[LogLine]:
        """Return the lines for a message."""
        session = self._sessions.update(message)
        lines: list[LogLine] = []
        if self._sessions.restarts > self._restarts_logged:
            self._restarts_logged = self._sessions.restarts
            self._logs.clear()
            lines.append(_SourceLog(session, 0.0).line("session", "session", "the publisher was restarted", message))
        for name in self._logs.keys() - self._sessions.by_source.keys():
            del self._logs[name]
        log = self._logs.setdefault(message.source_id, _SourceLog(session, self._status_every_s))
        lines += log.update(message)
        if self._several or len(self._logs) > 1:
            lines = [replace(line, text=f"{printable(line.source_id)}  {line.text}") for line in lines]
        return lines


class _SourceLog:
    """Build the lines of one source; keeps what was logged to avoid repetition."""

    def __init__(self, session: SessionState, status_every_s: float) -> None:
        self._session = session
        self._status_every_s = status_every_s
        self._status_due_s = 0.0
        self._state_logged: tuple[SourceState, str] | None = None
        self._logged: dict[str, tuple[str, ...]] = {}
        """Notices and information in the previous status."""

    def update(self, message: AnyMessage) -> list[LogLine]:
        if isinstance(message, ActionEvent):
            return self._action(message)
        if isinstance(message, SourceEvent):
            return self._state(message, message.state, message.detail)
        return self._status(message) if isinstance(message, Status) else []

    def line(
        self, subject: str, who: str, text: str, message: AnyMessage, *, level: int = logging.INFO, whole: bool = True
    ) -> LogLine:
        # The newest time of the source, not the message's own: a late report has a late time.
        time_s = self._session.since_start_s(self._session.now_ns)
        return LogLine(
            level=level,
            subject=subject,
            text=printable(f"{clock_time(time_s):>8}  {who:<10} {text}").rstrip(),
            detail=text,
            source_id=message.source_id,
            time_s=time_s,
            publish_time_ns=message.publish_time_ns,
            message=message if whole else None,
        )

    def _action(self, event: ActionEvent) -> list[LogLine]:
        if event.state == "update":
            return []
        length_s = action_length_s(event)
        if event.state == "start":
            remark = f"(since {self._clock(event.onset_time_ns)}, delay {event.detection_delay_s:.2f} s)"
        else:
            reason = (event.reason or "ended").replace("_", " ")
            remark = f"({reason})"
            if event.end_time_ns is not None and length_s is not None:
                began, end = self._clock(event.onset_time_ns), self._clock(event.end_time_ns)
                times = f", {event.count} times" if event.count is not None and event.count > 1 else ""
                remark = f"({began} to {end}, {length_s:.1f} s{times}, {reason})"
        others = "" if event.other_track_id is None else f"  with person {event.other_track_id}"
        what = f"{event.state:<6} {action_name(event.label):<19} {event.score:.2f}  {remark}{others}"
        return [self.line("action", f"person {event.track_id}", what, event)]

    def _clock(self, time_ns: int) -> str:
        return clock_time(self._session.since_start_s(time_ns))

    def _state(self, message: SourceEvent | Status, state: SourceState, detail: str) -> list[LogLine]:
        logged = self._state_logged
        if (state, detail) == logged or (logged and not detail and state == logged[0]):
            return []
        self._state_logged = (state, detail)
        fault = isinstance(message, SourceEvent) and message.fault
        level = logging.ERROR if fault else _STATE_LEVELS.get(state, logging.INFO)
        whole = isinstance(message, SourceEvent)
        return [self.line("source", "source", f"{state:<6} {detail}", message, level=level, whole=whole)]

    def _status(self, status: Status) -> list[LogLine]:
        changed = self._state_logged is None or status.state != self._state_logged[0]
        lines = self._state(status, status.state, status.detail) if changed else []
        lines += self._new("notice", status.notices, status, logging.WARNING)
        unclear = (f"person {one.track_id}: {REASONS[one.reason]}" for one in status.unclear_people)
        lines += self._new("note", (*status.information, *unclear), status, logging.INFO)
        # By uptime, which runs at real time even when a file is read faster than that.
        if changed or status.uptime_s >= self._status_due_s:
            self._status_due_s = status.uptime_s + self._status_every_s
            lines.append(self.line("status", "status", _summary(status), status))
        return lines

    def _new(self, subject: str, texts: tuple[str, ...], status: Status, level: int) -> list[LogLine]:
        """Log the texts that the previous status did not have."""
        logged, self._logged[subject] = self._logged.get(subject, ()), texts
        new = [text for text in texts if text not in logged]
        return [self.line(subject, subject, text, status, level=level, whole=False) for text in new]


def _summary(status: Status) -> str:
    people = len(status.people)
    parts = [
        f"{status.state:<6} {status.fps:.1f} fps",
        f"{people} {'person' if people == 1 else 'people'}",
        f"drops {drops_in_words(status.drops)}",
    ]
    if status.frame_age_ms is not None:
        parts.append(f"age {status.frame_age_ms:.0f} ms")
    parts += [f"{name} {stage.p50_ms:.1f}/{stage.p99_ms:.1f} ms" for name, stage in status.stages.items()]
    if status.memory_mb is not None:
        parts.append(f"{status.memory_mb:.0f} MB")
    if status.motion_error_mm is not None and status.motion_held_error_mm is not None:
        parts.append(f"prediction {status.motion_error_mm:.0f} mm, zero velocity {status.motion_held_error_mm:.0f} mm")
    return "  ".join(parts)
