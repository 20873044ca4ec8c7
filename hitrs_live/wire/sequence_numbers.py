"""Detect lost messages by their sequence numbers."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, TypeVar

from hitrs_live.messages import Message

V = TypeVar("V")

MAX_TOPICS: Final = 4096
"""Number of topics whose count is kept, the most recent ones. Every track has topics of its own and tracks never come
back, so old counts are dropped to keep memory constant over weeks."""


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Messages of one topic that were lost."""

    topic: str
    expected_seq: int
    got_seq: int

    @property
    def missed(self) -> int:
        """Number of messages lost."""
        return self.got_seq - self.expected_seq

    def __str__(self) -> str:
        return f"lost {self.missed} of {self.topic}: expected seq {self.expected_seq}, got {self.got_seq}"


class SessionOrder:
    """Refuse messages of one topic that were sent before: copies, and those of an earlier session of the sender.

    A new session replaces the one before at once, because a sender that was restarted has a new one. An earlier session
    is taken again only with later numbers, and once the present one has been silent for long: two senders of one name
    would otherwise alternate. Messages that are all numbered 0 are not numbered.
    """

    MOST_SESSIONS: Final = 64
    """Number of sessions that are remembered, the most recent ones."""

    def __init__(self, silence_ns: int) -> None:
        """Take the silence after which the present session counts as over."""
        self.refused = 0
        """Messages refused."""
        self._silence_ns = silence_ns
        self._last_seq: OrderedDict[str, int] = OrderedDict()
        """By session, the present one last."""
        self._newest_ns = 0

    def accept(self, message: Message, now_ns: int) -> bool:
        """Return whether a message is newer than those before it, and count it if not."""
        session_id = message.session_id
        last = self._last_seq.get(session_id)
        if last is not None:
            is_copy = message.seq <= last and (message.seq, last) != (0, 0)
            is_over = session_id != next(reversed(self._last_seq))
            if is_copy or (is_over and now_ns - self._newest_ns < self._silence_ns):
                self.refused += 1
                return False
        self._last_seq[session_id] = message.seq
        self._last_seq.move_to_end(session_id)
        if len(self._last_seq) > self.MOST_SESSIONS:
            self._last_seq.popitem(last=False)
        self._newest_ns = now_ns
        return True


@dataclass(frozen=True, kw_only=True)
class LogGap(Gap):
    """Events of a session's log that are lost for good: the publisher has them neither in memory nor recorded."""

    session_id: str
    open_ended: bool = False
    """Whether it is unknown how many there were, none at all perhaps: a publisher ended without a trace of its last
    events. `missed` is 0 then."""

    def __str__(self) -> str:
        if self.open_ended:
            return (
                f"events of session {self.session_id} from number {self.expected_seq} on can no longer be recovered; "
                "whether there were any is unknown"
            )
        if self.missed == 1:
            return f"lost an event of session {self.session_id}: number {self.expected_seq}"
        return (
            f"lost {self.missed} events of session {self.session_id}: numbers {self.expected_seq} to {self.got_seq - 1}"
        )


class SequenceTracker:
    """Compare received sequence numbers with the expected ones.

    A loss is a jump forward within one session and topic. The first message of a topic is never a loss, whatever its
    number: a receiver that joins late has missed nothing that it asked for. (So the loss of the very first messages of
    a topic cannot be detected.) A new session id means that the sender was restarted, and counts as a restart.
    """

    def __init__(self, max_topics: int = MAX_TOPICS) -> None:
        self.missed = 0
        """Messages lost, over all topics."""
        self.restarts = 0
        """Number of times that a source appeared with a new session id."""
        self._max_topics = max_topics
        self._expected: OrderedDict[str, tuple[str, int, bool]] = OrderedDict()
        """By topic: session, next number, and whether the topic has been subscribed to since its last message."""
        self._sessions: OrderedDict[str, str] = OrderedDict()

    def arrived(self, message: Message, *, of_snapshot: bool = False) -> Gap | None:
        """Record a message; return the gap just before it, if there is one.

        of_snapshot: the message was published before the subscription began, so its neighbours were not subscribed to.
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
        """Return whether this message, or a later one of its topic and session, has arrived already."""
        session_id, expected_seq, _ = self._expected.get(message.topic, ("", 0, False))
        return session_id == message.session_id and message.seq < expected_seq

    def _keep(self, table: OrderedDict[str, V], key: str, value: V) -> None:
        table[key] = value
        table.move_to_end(key)
        if len(table) > self._max_topics:
            table.popitem(last=False)
