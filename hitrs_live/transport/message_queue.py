"""Queue messages between the pipeline's thread and its readers in this process, with a bound."""

import threading
import time
from collections import deque

from hitrs_live.messages import ActionEvent, AnyMessage, SourceEvent

_KEPT_LONGEST = (ActionEvent, SourceEvent)
"""Rare messages whose loss matters most."""
_POLL_S = 0.1
_LONGEST_WAIT_S = 1.0


class MessageQueue:
    """Pass on messages, oldest first; one thread puts, any number of threads may get.

    A full queue either makes the putting thread wait, which suits files, or drops and counts a message, because live
    sources never wait: the oldest one that is neither an action nor a source state or, without such, the oldest.
    """

    def __init__(self, capacity: int, *, waits: bool, stop: threading.Event, has_reader: bool = True) -> None:
        """Create a queue for up to `capacity` messages.

        waits: whether `put` waits for room, until `stop` is set. has_reader: False if there may be no reader; until the
        first `get`, `put` does not wait and dropped messages do not count as lost.

        Raises ValueError if capacity is below 1.
        """
        if capacity < 1:
            raise ValueError(f"capacity: got {capacity}, expected at least 1 message")
        self.drops = 0
        """Messages lost because no reader took them in time."""
        self._capacity, self._waits, self._stop = capacity, waits, stop
        self._changed = threading.Condition()
        # Everything below is read and written only under the condition's lock.
        self._messages: deque[AnyMessage] = deque()
        self._finished = False
        self._discards = False
        self._has_reader = has_reader

    def put(self, message: AnyMessage) -> None:
        """Add a message."""
        with self._changed:
            while self._must_wait():
                # Setting `stop` does not notify this condition, so poll it.
                self._changed.wait(_POLL_S)
            if self._discards:
                return
            if len(self._messages) >= self._capacity:
                self._lose_one()
            self._messages.append(message)
            self._changed.notify_all()

    def get(self, timeout_s: float | None = None) -> AnyMessage | None:
        """Wait for the oldest message and take it; None if none came in time, or none can come any more."""
        deadline_s = float("inf") if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            self._has_reader = True
            while not self._messages:
                left_s = deadline_s - time.monotonic()
                if self._finished or self._discards or left_s <= 0:
                    return None
                # In slices: on Windows, Ctrl-C does not interrupt a wait without a timeout.
                self._changed.wait(min(left_s, _LONGEST_WAIT_S))
            message = self._messages.popleft()
            self._changed.notify_all()
            return message

    def finish(self) -> None:
        """Declare that no more messages will be put; those in the queue can still be taken."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def discard(self) -> None:
        """Drop all messages, now and later, because there is no reader any more."""
        with self._changed:
            self._discards = True
            self._messages.clear()
            self._changed.notify_all()

    @property
    def is_over(self) -> bool:
        """Whether the queue is empty and no message can come any more."""
        with self._changed:
            return self._discards or (self._finished and not self._messages)

    def _must_wait(self) -> bool:
        is_full = self._waits and len(self._messages) >= self._capacity
        return is_full and self._has_reader and not (self._stop.is_set() or self._discards)

    def _lose_one(self) -> None:
        self.drops += self._has_reader
        for index, message in enumerate(self._messages):
            if not isinstance(message, _KEPT_LONGEST):
                del self._messages[index]
                return
        self._messages.popleft()
