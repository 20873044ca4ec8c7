"""Where messages go, and the stamp that they get on the way."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import msgspec

from hitrs_live.messages import AnyMessage, Message
from hitrs_live.wire.sequence_numbers import MAX_TOPICS

Clock = Callable[[], int]
"""Gives monotonic nanoseconds."""

M = TypeVar("M", bound=Message)


class Stamper:
    """Give every message its session id, its number within its topic, and its time of publishing.

    Numbers of a topic count from 0. Those of the `max_topics` topics that were published last are remembered; a
    topic that rests for longer than that begins again at 0, which no track does, for tracks never come back.
    """

    def __init__(self, session_id: str, clock: Clock = time.monotonic_ns, *, max_topics: int = MAX_TOPICS) -> None:
        self.session_id = session_id
        self._clock = clock
        self._max_topics = max_topics
        self._next_seq: OrderedDict[str, int] = OrderedDict()

    def stamp(self, message: M) -> M:
        """Return the message, stamped."""
        topic = message.topic
        seq = self._next_seq.get(topic, 0)
        self._next_seq[topic] = seq + 1
        self._next_seq.move_to_end(topic)
        if len(self._next_seq) > self._max_topics:
            self._next_seq.popitem(last=False)
        return msgspec.structs.replace(message, session_id=self.session_id, seq=seq, publish_time_ns=self._clock())


class Sink(Protocol):
    """Take messages and pass them on. Use it from one thread."""

    name: str
    """How notices name it, such as "the recording"."""

    @property
    def notices(self) -> Sequence[str]:
        """Say what is wrong with it, a line each, for `Status.notices`."""

    def drops(self) -> dict[str, int]:
        """Count the messages that were lost since the start, by cause, for `Status.drops`; no count ever falls."""

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Send a message; return it as it was sent: stamped, by a sink that numbers messages.

        Never blocks, unless the class says for how long.
        """

    def close(self) -> None:
        """Close everything; safe at any time, also twice."""


class ListSink:
    """Keep every message in a list: for tests, and for programs that want the events and no network."""

    name = "the list"
    notices: Sequence[str] = ()

    def __init__(self, session_id: str = "", clock: Clock = time.monotonic_ns) -> None:
        self.messages: list[AnyMessage] = []
        self._stamper = Stamper(session_id, clock)

    def drops(self) -> dict[str, int]:
        """Return nothing: a list loses no message."""
        return {}

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Stamp a message and keep it; return it stamped."""
        stamped = self._stamper.stamp(message)
        self.messages.append(stamped)
        return stamped

    def close(self) -> None:
        """Do nothing: what was kept stays."""
