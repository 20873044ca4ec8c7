"""Define the sinks of messages, and the stamp that every message gets there."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import msgspec

from hitrs_live.messages import AnyMessage, LoggedMessage, Message
from hitrs_live.wire.sequence_numbers import MAX_TOPICS

Clock = Callable[[], int]
"""Gives monotonic nanoseconds."""

M = TypeVar("M", bound=Message)


class Stamper:
    """Set each message's session id, sequence number within its topic, and time of publishing.

    A message of the event log also gets its number there, which counts over all topics.

    Numbers of a topic count from 0. Those of the `max_topics` most recently published topics are kept; a topic that was
    dropped begins again at 0. Tracks never come back, so no track is affected.
    """

    def __init__(self, session_id: str, clock: Clock = time.monotonic_ns, *, max_topics: int = MAX_TOPICS) -> None:
        self.session_id = session_id
        self._clock = clock
        self._max_topics = max_topics
        self._next_seq: OrderedDict[str, int] = OrderedDict()
        self._next_log_seq = 0

    def stamp(self, message: M) -> M:
        """Return the stamped message."""
        topic = message.topic
        seq = self._next_seq.get(topic, 0)
        self._next_seq[topic] = seq + 1
        self._next_seq.move_to_end(topic)
        if len(self._next_seq) > self._max_topics:
            self._next_seq.popitem(last=False)
        logged = {}
        if isinstance(message, LoggedMessage):
            logged["log_seq"] = self._next_log_seq
            self._next_log_seq += 1
        return msgspec.structs.replace(
            message, session_id=self.session_id, seq=seq, publish_time_ns=self._clock(), **logged
        )


class Sink(Protocol):
    """Take messages and pass them on. Use it from one thread."""

    name: str
    """Name in notices, such as "the recording"."""

    @property
    def notices(self) -> Sequence[str]:
        """Current problems of the sink, one line each, for `Status.notices`."""

    def drops(self) -> dict[str, int]:
        """Return the number of messages lost since the start, by cause, for `Status.drops`; counts never decrease."""

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Send a message; return it as sent, stamped if the sink numbers messages.

        Never blocks, unless the class says for how long.
        """

    def close(self) -> None:
        """Release all resources; safe at any time, and to repeat."""


class ListSink:
    """Keep every message in a list: for tests, and for programs that need the events but no network."""

    name = "the list"
    notices: Sequence[str] = ()

    def __init__(self, session_id: str = "", clock: Clock = time.monotonic_ns) -> None:
        self.messages: list[AnyMessage] = []
        self._stamper = Stamper(session_id, clock)

    def drops(self) -> dict[str, int]:
        """Return an empty dict: a list loses no message."""
        return {}

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Stamp a message and keep it; return it stamped."""
        stamped = self._stamper.stamp(message)
        self.messages.append(stamped)
        return stamped

    def close(self) -> None:
        """Do nothing: the messages stay."""
