"""Find the reply to a request for missed events: in the log, then in the recordings."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from hitrs_live.transport.event_log import EventLog
from hitrs_live.transport.found_events import FoundEvents, number_of
from hitrs_live.wire.codec import INT64_MAX, encode
from hitrs_live.wire.recovery import Parts, RecoveryReply, RecoveryRequest

if TYPE_CHECKING:
    from hitrs_live.transport.recorded_log import RecordedLog

READING_SHARE: Final = 0.2
"""Share of its time that the thread reads recordings at most."""


class RecoveryReplies:
    """Reply with the events of the log or, where it no longer has them, of the recordings; use it from one thread."""

    def __init__(self, log: EventLog, session_id: str, recordings: "RecordedLog | None") -> None:
        """Take the log of the session that is running, and the recordings, if there are any."""
        self._log, self._session_id, self._recordings = log, session_id, recordings
        self._may_read_s = 0.0

    def reply(self, request: RecoveryRequest) -> RecoveryReply:
        """Return the page that was asked for."""
        if not request.session_id:
            head, events = self._log.state()
            return RecoveryReply(
                number=request.number, session_id=self._session_id, head=head, of_session=self._session_id, until=head,
                events=tuple(events),
            )  # fmt: skip
        if request.session_id == self._session_id:
            return self._of_this_session(request)
        return self._of_earlier_session(request)

    def _of_this_session(self, request: RecoveryRequest) -> RecoveryReply:
        kept_from, head = self._log.span
        events = self._log.page(request.first)
        until = request.first + len(events)
        if not events and request.first < kept_from:
            found = self._recorded(request, kept_from) or FoundEvents(events=(), until=kept_from)
            events, until = _parts(found), found.until
        return RecoveryReply(
            number=request.number, session_id=self._session_id, head=head, of_session=self._session_id, until=until,
            events=tuple(events),
        )  # fmt: skip

    def _of_earlier_session(self, request: RecoveryRequest) -> RecoveryReply:
        found = self._recorded(request, INT64_MAX)
        page = found or FoundEvents(events=(), until=INT64_MAX)
        ended = page.until == INT64_MAX
        last = max(map(number_of, page.events), default=request.first - 1)
        complete, following = False, ""
        if ended and found is not None and self._recordings is not None:
            complete = self._recordings.is_complete(request.session_id)
            following = self._recordings.session_after(request.session_id)
        return RecoveryReply(
            number=request.number, session_id=self._session_id, head=self._log.span[1], of_session=request.session_id,
            until=last + 1 if ended else page.until, events=tuple(_parts(page)), ended=ended, complete=complete,
            next_session=following or self._session_id if ended else "",
        )  # fmt: skip

    def _recorded(self, request: RecoveryRequest, until: int) -> FoundEvents | None:
        """Read a page from the recordings; None if there are none of the session.

        It reaches no farther than to the requested number where the recordings may not be read at this moment.
        """
        if self._recordings is None:
            return None
        began_s = time.monotonic()
        if began_s < self._may_read_s:
            return FoundEvents(events=(), until=request.first)
        found = self._recordings.find(request.session_id, request.first, until)
        ended_s = time.monotonic()
        self._may_read_s = ended_s + (ended_s - began_s) * (1 / READING_SHARE - 1)
        return found


def _parts(found: FoundEvents) -> Sequence[Parts]:
    return [(topic, payload) for topic, payload in map(encode, found.events)]
