"""Receive a pipeline's messages, typed, and detect lost ones."""

import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Generic, Literal, TypedDict, TypeVar, Unpack, overload

import zmq

from hitrs_live.config import PublishConfig
from hitrs_live.errors import MessageMalformed
from hitrs_live.messages import (
    ActionEvent,
    AnyMessage,
    JointsEvent,
    Message,
    MotionPrediction,
    PoseEvent,
    ScoreEvent,
    SourceEvent,
    Status,
)
from hitrs_live.wire.addresses import show_address
from hitrs_live.wire.codec import decode
from hitrs_live.wire.connection_guard import ConnectionGuard, Unread, UnreadLimit
from hitrs_live.wire.curve import ClientKeys
from hitrs_live.wire.handshakes import Admission
from hitrs_live.wire.sequence_numbers import Gap, SequenceTracker
from hitrs_live.wire.zmq_sockets import DEFAULT_HIGH_WATER_MARK, SNAPSHOT, connect_subscriber

LOOK_UP_MS: Final = 1000
"""Longest wait for messages before a look at whether the publisher refuses the connection."""
READ_AT_ONCE: Final = 256
"""Most messages that one read returns, so that a flood cannot keep a reader from its other work."""

M_co = TypeVar("M_co", bound=Message, covariant=True)
M = TypeVar("M", bound=Message)


class Subscription(Generic[M_co]):
    """Iterate over messages as they arrive; close it, or use it in a `with` statement.

    Owns one socket and the guard's thread; use it from one thread. It reconnects automatically and may start before the
    publisher. A late subscription first receives the state of every source and every running action, within its topics.
    """

    def __init__(
        self,
        url: str,
        topics: str | Sequence[str] = (),
        *,
        timeout_s: float | None = None,
        on_gap: Callable[[Gap], None] | None = None,
        high_water_mark: int = DEFAULT_HIGH_WATER_MARK,
        kind: type[M_co] | None = None,
        keys: ClientKeys | None = None,
    ) -> None:
        """Connect; see `subscribe`. keys: for a publisher that uses keys."""
        self.url = url
        self.malformed = 0
        """Number of items received and skipped because they were not messages."""
        self._topics = [topic.rstrip(".") for topic in ([topics] if isinstance(topics, str) else topics)]
        self._kind: type[Message] = kind or Message
        if kind is not None and not self._topics:
            self._topics = [str(kind.__struct_config__.tag)]
        self._timeout_s = timeout_s
        self._on_gap = on_gap
        self._sequence = SequenceTracker()
        self._unread = Unread()
        self._waiting: list[M_co] = []
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._snapshot_topic = (SNAPSHOT + uuid.uuid4().hex).encode()
        try:
            self._socket = connect_subscriber(
                self._context, url, self._prefixes(), high_water_mark=high_water_mark, monitored=True, keys=keys
            )
        except BaseException:
            self._context.term()
            raise
        self._admission = Admission(url, keys)
        self._guard = ConnectionGuard(
            self._socket, lambda: UnreadLimit(self._unread, high_water_mark), handshakes=self._admission
        )

    @property
    def position(self) -> str | None:
        """Position of the last message returned by a reliable subscription, for `after`; None for another one."""
        return None

    @property
    def connected(self) -> bool:
        """Whether a publisher is connected now."""
        return not self._socket.closed and self._guard.connected

    @property
    def refusal(self) -> str:
        """Why the publisher refuses the connection, as for a wrong key, in one line; empty while it does not.

        It is logged too, and tried again every few seconds.
        """
        return self._admission.refusal

    @property
    def disconnected(self) -> int:
        """Number of times that the publisher was disconnected because it sent without end what is no message."""
        return self._guard.ended

    @property
    def missed(self) -> int:
        """Number of messages of the subscribed topics lost since the subscription began."""
        return self._sequence.missed

    @property
    def restarts(self) -> int:
        """Number of times that the publisher came back with a new session, which is not a loss."""
        return self._sequence.restarts

    def read(self, timeout_s: float) -> Sequence[M_co]:
        """Return the messages received, oldest first; wait up to timeout_s for the first, then return ()."""
        if self._socket.closed:
            raise ValueError(f"subscription to {show_address(self.url)} is closed; subscribe again")
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            return waiting
        deadline = time.monotonic() + timeout_s
        while True:
            self._admission.retry(self._socket)
            left_ms = max(0, int((deadline - time.monotonic()) * 1000 + 0.999))
            messages = self._receive() if self._socket.poll(min(left_ms, LOOK_UP_MS), zmq.POLLIN) else []
            # A malformed message, or one of a longer word than the subscribed topic, must not end the wait.
            if messages or time.monotonic() >= deadline:
                return messages

    def __iter__(self) -> "Subscription[M_co]":
        return self

    def __next__(self) -> M_co:
        """Wait for the next message.

        Raises:
            TimeoutError: if none came within timeout_s; the subscription stays usable.
        """
        deadline = None if self._timeout_s is None else time.monotonic() + self._timeout_s
        while not self._waiting:
            if self._socket.closed:
                raise StopIteration
            left_s = 1.0 if deadline is None else deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError(self._silence())
            self._waiting = list(self.read(min(left_s, 1.0)))
        return self._waiting.pop(0)

    def close(self) -> None:
        """Close the socket; this ends an iteration. Safe at any time, and to repeat."""
        if not self._socket.closed:
            self._socket.close(linger=0)
            self._context.term()
            self._guard.join()

    def __enter__(self) -> "Subscription[M_co]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _silence(self) -> str:
        """Describe that no message came in time."""
        reason = self.refusal or "is a pipeline publishing there?"
        return f"no message from {show_address(self.url)} within {self._timeout_s:g} s; {reason}"

    def _prefixes(self) -> Sequence[str]:
        """Return what is subscribed to, in this order."""
        # The snapshot last, when the messages are subscribed to already, so that none is missed in between.
        return (*(self._topics or [""]), self._snapshot_topic.decode())

    def _receive(self) -> list[M_co]:
        messages: list[M_co] = []
        for taken in range(READ_AT_ONCE):
            try:
                parts = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                self._unread.emptied += 1 if taken else 0
                break
            self._unread.take(parts)
            message = self._decode(parts)
            if message is not None:
                messages.append(message)
        return messages

    def _decode(self, parts: Sequence[bytes]) -> Any:
        """Decode a message and count lost ones before it; None for a message that is not to be returned."""
        of_snapshot = parts[0].startswith(SNAPSHOT.encode())
        # A subscription to everything also receives the snapshots of other subscribers.
        if of_snapshot and parts[0] != self._snapshot_topic:
            return None
        try:
            message = decode(parts, under=self._snapshot_topic if of_snapshot else None)
        except MessageMalformed:
            self.malformed += 1
            return None
        if not self._is_subscribed(message.topic) or (of_snapshot and self._sequence.has(message)):
            return None
        gap = self._sequence.arrived(message, of_snapshot=of_snapshot)
        if gap is not None and self._on_gap is not None:
            self._on_gap(gap)
        return message if isinstance(message, self._kind) else None

    def _is_subscribed(self, topic: str) -> bool:
        # ZeroMQ compares prefixes of characters, so "action.cam.1" would match "action.cam.10" too.
        return not self._topics or any(
            topic == prefix or not prefix or topic.startswith(prefix + ".") for prefix in self._topics
        )


_URL: Final = PublishConfig().bind
_Seconds = float | None
_OnGap = Callable[[Gap], None] | None
_Topics = str | Sequence[str]
_Action = Literal["action"] | tuple[Literal["action"]]
_Motion = Literal["motion"] | tuple[Literal["motion"]]
_Scores = Literal["scores"] | tuple[Literal["scores"]]
_Pose = Literal["pose"] | tuple[Literal["pose"]]
_Joints = Literal["joints"] | tuple[Literal["joints"]]
_Source = Literal["source"] | tuple[Literal["source"]]
_Status = Literal["status"] | tuple[Literal["status"]]


class _Delivery(TypedDict, total=False):
    reliable: bool
    after: str | None
    recovery: str | None
    secret_key: str | Path | None
    server_key: str | Path | None


# One overload per topic, so that type checkers know the class of its messages. fmt: off
@overload
def subscribe(
    url: str = ...,
    topics: _Topics = ...,
    timeout_s: _Seconds = ...,
    on_gap: _OnGap = ...,
    *,
    kind: type[M],
    **delivery: Unpack[_Delivery],
) -> Subscription[M]: ...
@overload
def subscribe(
    url: str, topics: _Action, timeout_s: _Seconds = ..., on_gap: _OnGap = ..., **delivery: Unpack[_Delivery]
) -> Subscription[ActionEvent]: ...
@overload
def subscribe(
    *, topics: _Action, timeout_s: _Seconds = ..., on_gap: _OnGap = ..., **delivery: Unpack[_Delivery]
) -> Subscription[ActionEvent]: ...
@overload
def subscribe(
    url: str, topics: _Motion, timeout_s: _Seconds = ..., on_gap: _OnGap = ..., **delivery: Unpack[_Delivery]
) -> Subscription[MotionPrediction]: ...
@overload
def subscribe(
    *, topics: _Motion, timeout_s: _Seconds = ..., on_gap: _OnGap = ..., **delivery: Unpack[_Delivery]
) -> Subscription[MotionPrediction]: ...
@overload
def subscribe(
    url: str, topics: _Scores, timeout_s: _Seconds = ..., on_gap: _OnGap = ..., **delivery: Unpack[_Delivery]
) -> Subscription[ScoreEvent]: ...
@overload
def subscribe(
    *, topics: _Scores, timeout_s: _Seconds = ..., on_gap: _OnGap = ..., **delivery: Unpack[_Delivery]
) -> Subscription[ScoreEvent]: ...
@overload
def subscribe(
    url: str, topics: _Pose, timeout_s: _Seconds = ..., on_gap: _OnGap = ..., **delivery: Unpack[_Delivery]
) -> Subscription[PoseEvent]: ...
@overload
def subscribe(
    *, topics: _Pose, timeout_s: _Seconds = ..., on_gap: _OnGap = ..., **delivery: Unpack[_Delivery]
) -> Subscription[PoseEvent]: ...
@overload
def subscribe(
    url: str, topics: _Joints, timeout_s: _Seconds = ..., on_gap: _OnGap = ..., **delivery: Unpack[_Delivery]
) -> Subscription[JointsEvent]: ...
@overload
def subscribe(
    *, topics: _Joints, timeout_s: _Seconds = ..., on_gap: _OnGap = ..., **delivery: Unpack[_Delivery]
) -> Subscription[JointsEvent]: ...
@overload
def subscribe(
    url: str, topics: _Source, timeout_s: _Seconds = ..., on_gap: _OnGap = ..., **delivery: Unpack[_Delivery]
) -> Subscription[SourceEvent]: ...
@overload
def subscribe(
    *, topics: _Source, timeout_s: _Seconds = ..., on_gap: _OnGap = ..., **delivery: Unpack[_Delivery]
) -> Subscription[SourceEvent]: ...
@overload
def subscribe(
    url: str, topics: _Status, timeout_s: _Seconds = ..., on_gap: _OnGap = ..., **delivery: Unpack[_Delivery]
) -> Subscription[Status]: ...
@overload
def subscribe(
    *, topics: _Status, timeout_s: _Seconds = ..., on_gap: _OnGap = ..., **delivery: Unpack[_Delivery]
) -> Subscription[Status]: ...
@overload
def subscribe(
    url: str = ...,
    topics: _Topics = ...,
    timeout_s: _Seconds = ...,
    on_gap: _OnGap = ...,
    **delivery: Unpack[_Delivery],
) -> Subscription[AnyMessage]: ...
# fmt: on
def subscribe(
    url: str = _URL,
    topics: _Topics = (),
    timeout_s: _Seconds = None,
    on_gap: _OnGap = None,
    *,
    kind: type[Message] | None = None,
    reliable: bool = False,
    after: str | None = None,
    recovery: str | None = None,
    secret_key: str | Path | None = None,
    server_key: str | Path | None = None,
) -> Subscription[Any]:
    """Receive the messages of a pipeline: `for event in subscribe(url, topics="action"): ...`.

    Args:
        url: address that the pipeline publishes on.
        topics: topic prefixes of whole words, such as "action", "action.cam" or "action.cam.3"; none for all. From a
            single first word, a type checker infers the class of the messages.
        timeout_s: longest wait for one message, seconds, after which TimeoutError is raised; None waits for ever.
        on_gap: called with each loss, just before the message after it is returned.
        kind: class of the messages to return, such as ActionEvent; others are skipped, and a type checker knows.
        reliable: return each action and source state exactly once and in the order of publication, also those lost on
            the way or published while there was no connection; what cannot be recovered is reported to on_gap as a
            `LogGap`. Other messages may be lost as usual. See docs/RELIABILITY.md.
        after: with reliable, continue after this `position` of an earlier subscription; None begins with the current
            state, as without reliable.
        recovery: with reliable, address to ask for missed events; None for the one that the publisher announces.
        secret_key, server_key: for a publisher that uses keys, the file of your own secret key and that of the
            publisher's public key, as `hitrs-live keys` writes them. A publisher that refuses them is logged, and
            stands in `refusal`.

    Returns:
        An iterator of messages, each of its own class; also a context manager. Its `missed`, `restarts` and
        `malformed` count lost messages, restarts of the publisher and malformed messages. The first messages give the
        current state: the state of each source and the newest message of each running action.

    Raises:
        AddressUnavailable: if an address is malformed. The publisher need not exist yet.
        KeyUnusable: if a file of keys cannot be used, or only one is given.
        ValueError: if `after` is no position, or is given without `reliable`.
    """
    keys = ClientKeys.load(secret_key, server_key)
    if reliable:
        from hitrs_live.transport.reliable import ReliableSubscription

        return ReliableSubscription(
            url, topics, timeout_s=timeout_s, on_gap=on_gap, kind=kind, after=after, recovery=recovery, keys=keys
        )
    if after is not None or recovery is not None:
        raise ValueError("subscribe: after and recovery are for reliable subscriptions; give reliable=True")
    return Subscription(url, topics, timeout_s=timeout_s, on_gap=on_gap, kind=kind, keys=keys)
