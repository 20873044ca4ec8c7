"""A timeline of one sender's times that does not go back when the sender restarts."""

from hitrs_live.messages import MAX_TIME_NS, JointsEvent


class SenderTimeline:
    """Map a sender's times to a timeline that does not go back when the sender restarts.

    Where the timeline would exceed the times that a message can carry, it restarts at the sender's own time.
    """

    def __init__(self) -> None:
        self.ahead_ns = 0
        """How far the timeline is ahead of this machine's clock, by the last frame."""
        self._session_id = ""
        self._moved_ns = 0
        self._last_ns: int | None = None

    def place(self, event: JointsEvent, received_ns: int) -> int:
        """Return the capture time of a message on the timeline. received_ns: its arrival, this machine's clock."""
        if event.session_id != self._session_id:
            self._session_id = event.session_id
            self._moved_ns = 0
            if self._last_ns is not None and event.capture_time_ns <= self._last_ns:
                self._moved_ns = received_ns + self.ahead_ns - event.capture_time_ns
        if abs(event.capture_time_ns + self._moved_ns) > MAX_TIME_NS:
            self._moved_ns = 0
        self._last_ns = event.capture_time_ns + self._moved_ns
        self.ahead_ns = self._last_ns - received_ns
        return self._last_ns
