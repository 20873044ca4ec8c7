"""A line an event: for logs, pipes and terminals that cannot be drawn on."""

from hitrs_live.messages import ActionEvent, AnyMessage, SourceEvent, SourceState, Status
from hitrs_live.views.board import Board, Boards
from hitrs_live.views.wording import action_length_s, action_name, clock_time, drops_in_words, printable


class PlainLog:
    """Turn messages into lines: starts and ends of actions, changes of a source, and now and then a status.

    Times count from the first message of their source, in the source's own time. Once there are several sources,
    each line names its own.
    """

    def __init__(self, status_every_s: float = 10.0, *, several: bool = False) -> None:
        """Take the pause between status lines of a source, in seconds of the pipeline's uptime.

        several: name sources from the first line on, for there will be more than one.
        """
        self._several = several
        self._boards = Boards()
        self._status_every_s = status_every_s
        self._told: dict[str, _SourceLog] = {}
        self._restarts_told = 0

    def update(self, message: AnyMessage) -> str | None:
        """Return the line or lines, without a final newline, that this message is worth; None for none."""
        board = self._boards.update(message)
        lines: list[str] = []
        if self._boards.restarts > self._restarts_told:
            self._restarts_told = self._boards.restarts
            self._told.clear()
            lines.append(_line(board, message, "session", "the publisher was started anew"))
        for name in self._told.keys() - self._boards.by_source.keys():
            del self._told[name]
        told = self._told.setdefault(message.source_id, _SourceLog(board, self._status_every_s))
        lines += told.update(message)
        if self._several or len(self._told) > 1:
            lines = [f"{printable(message.source_id)}  {line}" for line in lines]
        return "\n".join(lines) or None


class _SourceLog:
    """What was told of one source."""

    def __init__(self, board: Board, status_every_s: float) -> None:
        self._board = board
        self._status_every_s = status_every_s
        self._status_due_s = 0.0
        self._state_told: tuple[SourceState, str] | None = None
        self._notices_told: tuple[str, ...] = ()

    def update(self, message: AnyMessage) -> list[str]:
        if isinstance(message, ActionEvent):
            return self._action(message)
        if isinstance(message, SourceEvent):
            return self._state(message, message.state, message.detail)
        return self._status(message) if isinstance(message, Status) else []

    def _line(self, message: AnyMessage, subject: str, text: str) -> str:
        return _line(self._board, message, subject, text)

    def _action(self, event: ActionEvent) -> list[str]:
        if event.state == "update":
            return []
        length_s = action_length_s(event)
        if event.state == "start":
            remark = f"(delay {event.detection_delay_s:.2f} s)"
        else:
            reason = (event.reason or "ended").replace("_", " ")
            remark = reason if length_s is None else f"({length_s:.1f} s, {reason})"
        others = "" if event.other_track_id is None else f"  with person {event.other_track_id}"
        what = f"{event.state:<6} {action_name(event.label):<19} {event.score:.2f}  {remark}{others}"
        return [self._line(event, f"person {event.track_id}", what)]

    def _state(self, message: AnyMessage, state: SourceState, detail: str) -> list[str]:
        if (state, detail) == self._state_told or (self._state_told and not detail and state == self._state_told[0]):
            return []
        self._state_told = (state, detail)
        return [self._line(message, "source", f"{state:<6} {detail}")]

    def _status(self, status: Status) -> list[str]:
        changed = self._state_told is None or status.state != self._state_told[0]
        lines = self._state(status, status.state, status.detail) if changed else []
        new = [notice for notice in status.notices if notice not in self._notices_told]
        self._notices_told = status.notices
        lines += [self._line(status, "notice", notice) for notice in new]
        # By uptime, which runs at one pace also where a file is read faster than it was taken.
        if changed or status.uptime_s >= self._status_due_s:
            self._status_due_s = status.uptime_s + self._status_every_s
            lines.append(self._line(status, "status", _summary(status)))
        return lines


def _line(board: Board, message: AnyMessage, subject: str, text: str) -> str:
    time = clock_time(board.since_start_s(message.capture_time_ns))
    return printable(f"{time:>8}  {subject:<10} {text}".replace("\n", " ")).rstrip()


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
        parts.append(f"prediction {status.motion_error_mm:.0f} mm, held still {status.motion_held_error_mm:.0f} mm")
    return "  ".join(parts)
