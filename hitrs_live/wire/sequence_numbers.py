"""What sequence numbers tell a receiver: which messages never came."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, TypeVar

from hitrs_live.messages import Message

V = TypeVar("V")

MAX_TOPICS: Final = 4096
"""Topics whose count is kept, the most recent ones. Every track makes topics of its own and tracks do not come
back, so the counts of those long gone are let go to keep memory flat over weeks."""


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Messages of one topic that never came."""

    topic: str
    expected_seq: int
    got_seq: int

    @property
    def missed(self) -> int:
        """Count the messages between."""
        return self.got_seq - self.expected_seq

    def __str__(self) -> str:
        return f"lost {self.missed} of {self.topic}: wanted seq {self.expected_seq}, got {self.got_seq}"


class SequenceTracker:
    """Compare the sequence numbers that arrive with those that should.

    A loss is a jump forward within one session and topic. The first message of a topic is never one, whatever
    its number: a receiver that joins late has missed nothing that it asked for. (So the loss of a topic's very
    first messages cannot be told.) A new session id is a sender that began anew; it counts as a restart.
    """

    def __init__(self, max_topics: int = MAX_TOPICS) -> None:
        self.missed = 0
        """Messages lost, all topics together."""
        self.restarts = 0
        """How often a source came back under a new session id."""
        self._max_topics = max_topics
        self._expected: OrderedDict[str, tuple[str, int, bool]] = OrderedDict()
        """By topic: session, next number, and whether its messages are subscribed to since the last one."""
        self._sessions: OrderedDict[str, str] = OrderedDict()

    def arrived(self, message: Message, *, of_snapshot: bool = False) -> Gap | None:
        """Take note of a message; return what was lost just before it, if anything.

        of_snapshot: it was published earlier, and what was published before and after it was not subscribed to.
        """
        topic = message.topic
        if self._sessions.get(message.source_id, message.session_id) != message.session_id:
            self.restarts += 1
        self._keep(self._sessions, message.source_id, message.session_id)
        session_id, expected_seq, followed = self._expected.get(topic, ("", 0, False))
        known = session_id == message.session_id and followed
        self._keep(self._expected, topic, (message.session_id, message.seq + 1, known or not of_snapshot))
        if not known or message.seq <= expected_seq:
            return None
        gap = Gap(topic=topic, expected_seq=expected_seq, got_seq=message.seq)
        self.missed += gap.missed
        return gap

    def has(self, message: Message) -> bool:
        """Tell whether this message, or a later one of its topic and session, has arrived already."""
        session_id, expected_seq, _ = self._expected.get(message.topic, ("", 0, False))
        return session_id == message.session_id and message.seq < expected_seq

    def _keep(self, table: OrderedDict[str, V], key: str, value: V) -> None:
        table[key] = value
        table.move_to_end(key)
        if len(table) > self._max_topics:
            table.popitem(last=False)
