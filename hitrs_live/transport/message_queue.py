"""A bounded queue of messages between the pipeline's thread and its readers in this process."""

import threading
import time
from collections import deque

from hitrs_live.messages import ActionEvent, AnyMessage, SourceEvent

_KEPT_LONGEST = (ActionEvent, SourceEvent)
"""What is rare, and missed most where it is lost."""
_LOOK_UP_S = 0.1
_LONGEST_WAIT_S = 1.0


class MessageQueue:
    """Hand messages over, oldest first; one thread puts, any number may get.

    Full, it either makes the putting thread wait, which suits files, or loses the oldest message that is neither of an
    action nor of a source's state, else the oldest, and counts it: live sources wait for nobody.
    """

    def __init__(self, capacity: int, *, waits: bool, stop: threading.Event, has_reader: bool = True) -> None:
        """Take how many messages are kept.

        waits: whether `put` waits for room, until `stop` is set. has_reader: False where perhaps nobody will read;
        until somebody does, `put` waits for nobody, and what is lost is no loss.

        Raises ValueError for less than one.
        """
        if capacity < 1:
            raise ValueError(f"capacity: got {capacity}, wanted at least 1 message")
        self.drops = 0
        """Messages lost because nobody took them in time."""
        self._capacity, self._waits, self._stop = capacity, waits, stop
        self._changed = threading.Condition()
        # All below are read and written under the condition's lock alone.
        self._messages: deque[AnyMessage] = deque()
        self._finished = False
        self._discards = False
        self._has_reader = has_reader

    def put(self, message: AnyMessage) -> None:
        """Add a message."""
        with self._changed:
            while self._must_wait():
                # The event that stops the wait belongs to others and wakes nobody here.
                self._changed.wait(_LOOK_UP_S)
            if self._discards:
                return
            if len(self._messages) >= self._capacity:
                self._lose_one()
            self._messages.append(message)
            self._changed.notify_all()

    def get(self, timeout_s: float | None = None) -> AnyMessage | None:
        """Take the oldest message, waiting for it; None where none came in time, or none can come any more."""
        deadline_s = float("inf") if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            self._has_reader = True
            while not self._messages:
                left_s = deadline_s - time.monotonic()
                if self._finished or self._discards or left_s <= 0:
                    return None
                # In slices: on Windows Ctrl-C does not interrupt a wait without an end.
                self._changed.wait(min(left_s, _LONGEST_WAIT_S))
            message = self._messages.popleft()
            self._changed.notify_all()
            return message

    def finish(self) -> None:
        """Say that nothing more is put; what is there can still be taken."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def discard(self) -> None:
        """Keep nothing from now on, for nobody reads any more."""
        with self._changed:
            self._discards = True
            self._messages.clear()
            self._changed.notify_all()

    @property
    def is_over(self) -> bool:
        """Whether nothing is there and nothing can come."""
        with self._changed:
            return self._discards or (self._finished and not self._messages)

    def _must_wait(self) -> bool:
        is_full = self._waits and len(self._messages) >= self._capacity
        return is_full and self._has_reader and not (self._stop.is_set() or self._discards)

    def _lose_one(self) -> None:
        self.drops += self._has_reader
        for at, message in enumerate(self._messages):
            if not isinstance(message, _KEPT_LONGEST):
                del self._messages[at]
                return
        self._messages.popleft()
