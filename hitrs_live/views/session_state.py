"""Collect the state of a pipeline's sources from its messages, for the terminal views."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from hitrs_live.messages import (
    ActionEvent,
    AnyMessage,
    MotionPrediction,
    ScoreEvent,
    SourceEvent,
    SourceState,
    Status,
    UnclearReason,
)

EVENTS_KEPT = 40
SOURCES_KEPT = 64
_GONE_AFTER_NS = 1_500_000_000
"""A person is removed after this long without a message, unless the status lists them."""


@dataclass(kw_only=True)
class PersonState:
    """One tracked person."""

    track_id: int
    seen_ns: int
    action: ActionEvent | None = None
    """The newest message of the running action."""
    last_end_ns: int | None = None
    scores: tuple[tuple[str, float], ...] = ()
    """(label, score), highest first."""
    unclear: UnclearReason | None = None
    """Why no action can start, by the newest status."""
    motion: MotionPrediction | None = None
    """The newest prediction, with the errors of earlier ones."""


@dataclass(kw_only=True)
class ActionRow:
    """One action from its start to its end; `end` is None while it continues."""

    start: ActionEvent
    latest: ActionEvent
    end: ActionEvent | None = None


@dataclass(kw_only=True)
class SessionState:
    """The state of one source, updated from its messages in order of arrival. Its size is bounded."""

    restarts: int = 0
    """Number of times that the publisher came back with a new session."""
    first_ns: int | None = None
    """Capture time of the source's first message: the views' 00:00."""
    now_ns: int = 0
    """The newest capture time received."""
    source_id: str = ""
    state: SourceState = "connecting"
    detail: str = ""
    status: Status | None = None
    people: dict[int, PersonState] = field(default_factory=dict)
    actions: deque[ActionRow] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))
    actions_received: int = 0
    """Number of actions of the session, including those no longer kept."""

    def update(self, message: AnyMessage) -> None:
        """Update the state from one message."""
        self.source_id = message.source_id
        # A status from before the first frame has no capture time yet.
        if not (isinstance(message, Status) and message.frames == 0):
            self.first_ns = message.capture_time_ns if self.first_ns is None else self.first_ns
            self.now_ns = max(self.now_ns, message.capture_time_ns)
        if isinstance(message, Status):
            self._take_status(message)
        elif isinstance(message, SourceEvent):
            self.state, self.detail = message.state, message.detail
        elif isinstance(message, ActionEvent):
            self._take_action(message)
        elif isinstance(message, ScoreEvent):
            self._person(message.track_id).scores = tuple(zip(message.labels, message.scores, strict=False))
        elif isinstance(message, MotionPrediction):
            self._person(message.track_id).motion = message
        if self.state == "ended":
            # No one can be in view of a source that gives no more frames.
            self.people.clear()

    def since_start_s(self, time_ns: int) -> float:
        """Return the time since the source's first message, seconds."""
        return 0.0 if self.first_ns is None else (time_ns - self.first_ns) / 1e9

    def _person(self, track_id: int) -> PersonState:
        person = self.people.setdefault(track_id, PersonState(track_id=track_id, seen_ns=self.now_ns))
        person.seen_ns = self.now_ns
        return person

    def _take_status(self, status: Status) -> None:
        self.status = status
        self.state, self.detail = status.state, status.detail
        for track_id in status.people:
            self._person(track_id).unclear = None
        for one in status.unclear_people:
            self._person(one.track_id).unclear = one.reason
        for track_id in [t for t, p in self.people.items() if p.seen_ns + _GONE_AFTER_NS < self.now_ns]:
            del self.people[track_id]

    def _take_action(self, event: ActionEvent) -> None:
        person = self._person(event.track_id)
        row = next((row for row in reversed(self.actions) if _same_action(row, event)), None)
        if row is None:
            # A subscriber that joins in the middle of an action receives an update first.
            row = ActionRow(start=event, latest=event)
            self.actions.append(row)
            self.actions_received += 1
        row.latest = event
        if event.state == "end":
            row.end = event
            person.last_end_ns = event.end_time_ns or event.capture_time_ns
            person.action = None
        else:
            person.action = event


@dataclass(kw_only=True)
class SessionStates:
    """The state of each source of one publisher. Beyond `SOURCES_KEPT` sources, the one received first is dropped."""

    session_id: str | None = None
    restarts: int = 0
    """Number of times that the publisher came back with a new session."""
    by_source: dict[str, SessionState] = field(default_factory=dict)

    def update(self, message: AnyMessage) -> SessionState:
        """Update from one message, starting again if it is of another session; return its source's state."""
        if self.session_id is not None and message.session_id != self.session_id:
            self.restarts += 1
            self.by_source.clear()
        self.session_id = message.session_id
        session = self.by_source.setdefault(message.source_id, SessionState(restarts=self.restarts))
        if len(self.by_source) > SOURCES_KEPT:
            del self.by_source[next(iter(self.by_source))]
        session.update(message)
        return session

    def all(self) -> Sequence[SessionState]:
        """Return every source's state in order of their names; an empty state before the first message."""
        return [self.by_source[name] for name in sorted(self.by_source)] or [SessionState()]


def _same_action(row: ActionRow, event: ActionEvent) -> bool:
    start = row.start
    return (
        row.end is None
        and (start.track_id, start.label) == (event.track_id, event.label)
        and (event.state != "start" or start.onset_time_ns == event.onset_time_ns)
    )
