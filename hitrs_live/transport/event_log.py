"""Keep the newest events of a session for subscribers that missed them."""

import threading
from collections.abc import Sequence
from typing import Final

from hitrs_live.messages import AnyMessage, LoggedMessage
from hitrs_live.transport.publisher import CurrentState
from hitrs_live.wire.recovery import PAGE_BYTES, PAGE_EVENTS, Parts

MAX_BYTES: Final = 32 * 2**20
"""Most bytes of events that are kept, whatever their number."""


class EventLog:
    """A bounded log of the published events, by their `log_seq`; the oldest ones are dropped.

    One thread appends; any thread reads. Neither waits for more than the copying of one page.
    """

    def __init__(self, capacity: int, *, max_bytes: int = MAX_BYTES) -> None:
        """Begin empty. capacity: most events kept; max_bytes: most bytes of them."""
        self._capacity, self._max_bytes = capacity, max_bytes
        self._lock = threading.Lock()
        # Everything below is read and written only with the lock.
        self._events: dict[int, Parts] = {}
        """In order of their numbers, without a gap."""
        self._first = self._head = self._bytes = 0
        self._current = CurrentState()

    def append(self, message: AnyMessage, parts: Sequence[bytes]) -> None:
        """Keep a published message, if it is an event. parts: the message as it was sent."""
        if not isinstance(message, LoggedMessage) or message.log_seq is None:
            return
        topic, payload = parts
        with self._lock:
            self._current.keep(message, (topic, payload))
            self._events[message.log_seq] = (topic, payload)
            self._head = message.log_seq + 1
            self._bytes += len(topic) + len(payload)
            while len(self._events) > self._capacity or self._bytes > self._max_bytes:
                self._bytes -= sum(map(len, self._events.pop(self._first)))
                self._first += 1

    @property
    def span(self) -> tuple[int, int]:
        """The first number that is kept, and the next number to be given: equal if none is kept."""
        with self._lock:
            return self._first, self._head

    def page(self, first: int) -> Sequence[Parts]:
        """Return the events from a number on, up to the size of a page; none if that number is not kept."""
        page: list[Parts] = []
        size = 0
        with self._lock:
            for number in range(first, min(first + PAGE_EVENTS, self._head)):
                parts = self._events.get(number)
                if parts is None or size > PAGE_BYTES:
                    break
                page.append(parts)
                size += sum(map(len, parts))
        return page

    def state(self) -> tuple[int, Sequence[Parts]]:
        """Return the next number to be given, and the events that are the current state, in order of publication.

        The state is the newest event of every source and of every running action.
        """
        with self._lock:
            return self._head, [(topic, payload) for topic, payload in self._current.messages()]
