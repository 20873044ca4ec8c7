"""Put events into the order of their log, each once, and find out what to ask for."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hitrs_live.errors import MessageMalformed
from hitrs_live.messages import LoggedMessage, SourceEvent, SourceState
from hitrs_live.wire.recovery import LogPosition, RecoveryReply, RecoveryRequest, unpack_event
from hitrs_live.wire.sequence_numbers import LogGap

MOST_AHEAD: Final = 1024
"""Most events kept that have arrived before an earlier one; further ones are dropped, and asked for later."""
MOST_SOURCES: Final = 4096
LOG_TOPIC: Final = "action, source"
"""Stands for the topics of the log in a gap."""


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """An event in its turn."""

    event: LoggedMessage
    position: LogPosition
    """Where to continue after it."""


class LogFollower:
    """Follow the event log of one publisher, through its restarts.

    Events arrive published, in order but with losses, and in replies to requests. `arrived` and `replied` return what
    is next in order: events, and gaps for those that can no longer be had. Without a position to continue after, it
    begins with the current state: the newest event of every source and of every running action.
    """

    def __init__(self, after: LogPosition | None = None) -> None:
        """Begin. after: position of the last event that was processed before; None to begin now."""
        self.behind = True
        """Whether there is something to ask for at once."""
        self.restarts = 0
        """Number of times that another session began."""
        self.missed = 0
        """Number of events that are lost for good, as far as it is known."""
        self.malformed = 0
        """Number of events in replies that were malformed."""
        self.is_ahead = False
        """Whether the log has not reached the position yet, so that its events count as received already."""
        self._session_id = after.session_id if after is not None else ""
        self._next = after.log_seq + 1 if after is not None else 0
        self._number = self._asked_first = 0
        self._ahead_of = ""
        self._ahead: dict[int, LoggedMessage] = {}
        self._sources: dict[str, SourceState] = {}

    @property
    def position(self) -> LogPosition | None:
        """Where the last event returned is; None before the first reply."""
        if not self._session_id:
            return None
        return LogPosition(session_id=self._session_id, log_seq=self._next - 1)

    def request(self) -> RecoveryRequest:
        """Return the next request; the reply to an earlier one is ignored from then on."""
        self._number += 1
        self._asked_first = self._next
        self.behind = False
        return RecoveryRequest(number=self._number, session_id=self._session_id, first=self._next)

    def arrived(self, event: LoggedMessage) -> Iterator[Delivered | LogGap]:
        """Take a published event; yield it if it is the next one, and those that follow it."""
        if event.log_seq is None or (event.session_id == self._session_id and event.log_seq < self._next):
            return
        if event.session_id != self._ahead_of:
            self._ahead_of = event.session_id
            self._ahead.clear()
        if len(self._ahead) < MOST_AHEAD:
            self._ahead[event.log_seq] = event
        yield from self._in_turn()

    def saw_session(self, session_id: str) -> None:
        """Take note of the session of another message: a new one is asked for."""
        self.behind = self.behind or session_id != self._session_id

    def replied(self, reply: RecoveryReply) -> Iterator[Delivered | LogGap]:
        """Take a reply; yield its events and gaps, then those that arrived ahead of them."""
        if reply.number != self._number or reply.of_session != (self._session_id or reply.session_id):
            return
        begins = not self._session_id
        if begins:
            self._session_id, self._next = reply.session_id, reply.head
        for parts in reply.events:
            try:
                event = unpack_event(parts)
            except MessageMalformed:
                self.malformed += 1
                continue
            if event.session_id != self._session_id or event.log_seq is None:
                self.malformed += 1
            elif begins:
                yield self._deliver(event)
            elif self._next <= event.log_seq < reply.until:
                yield from self._skip_to(event.log_seq)
                self._next = event.log_seq + 1
                yield self._deliver(event)
        yield from self._skip_to(reply.until)
        if reply.ended:
            yield from self._end_session(reply)
        elif reply.session_id == self._session_id:
            self.behind = self.behind or reply.head > self._next
            # What was published since the reply was made may have arrived before it.
            self.is_ahead = reply.head < self._asked_first
        else:
            self.behind = True
        yield from self._in_turn()

    def _in_turn(self) -> Iterator[Delivered | LogGap]:
        """Yield the events that are next and have arrived already."""
        if self._ahead_of != self._session_id:
            self.behind = self.behind or bool(self._ahead)
            return
        while self._next in self._ahead:
            event = self._ahead.pop(self._next)
            self._next += 1
            yield self._deliver(event)
        if self._ahead:
            self._ahead = {number: event for number, event in self._ahead.items() if number > self._next}
            self.behind = self.behind or bool(self._ahead)

    def _skip_to(self, number: int) -> Iterator[LogGap]:
        if number > self._next:
            gap = self._gap(number)
            self.missed += gap.missed
            self._next = number
            yield gap

    def _end_session(self, reply: RecoveryReply) -> Iterator[LogGap]:
        # Nothing follows the end of the last source but the ends of actions before it.
        over = bool(self._sources) and all(state == "ended" for state in self._sources.values())
        if not (reply.complete or over):
            yield self._gap(self._next, open_ended=True)
        self._session_id, self._next = reply.next_session or reply.session_id, 0
        self._sources.clear()
        self.restarts += 1
        self.behind = True

    def _gap(self, until: int, *, open_ended: bool = False) -> LogGap:
        return LogGap(
            topic=LOG_TOPIC, expected_seq=self._next, got_seq=until, session_id=self._session_id, open_ended=open_ended
        )

    def _deliver(self, event: LoggedMessage) -> Delivered:
        if isinstance(event, SourceEvent) and (event.source_id in self._sources or len(self._sources) < MOST_SOURCES):
            self._sources[event.source_id] = event.state
        position = self.position
        assert position is not None
        return Delivered(event=event, position=position)
