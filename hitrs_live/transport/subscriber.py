"""Receive a pipeline's messages, typed, and learn which ones were lost."""

import time
from collections.abc import Callable, Sequence
from typing import Final

import zmq

from hitrs_live.codec import decode
from hitrs_live.config import PublishConfig
from hitrs_live.errors import MessageMalformed
from hitrs_live.messages import AnyMessage
from hitrs_live.sequence import Gap, SequenceTracker
from hitrs_live.sockets import DEFAULT_HIGH_WATER_MARK, connect_subscriber

READ_AT_ONCE: Final = 256
"""Messages that one read takes at most, so that a flood cannot keep a reader from its other work."""


class Subscription:
    """Iterate over messages as they come; close it, or use it in a `with`.

    Owns one socket; use it from one thread. It reconnects by itself and may begin before the publisher does.
    """

    def __init__(
        self,
        url: str,
        topics: str | Sequence[str] = (),
        *,
        timeout_s: float | None = None,
        on_gap: Callable[[Gap], None] | None = None,
        high_water_mark: int = DEFAULT_HIGH_WATER_MARK,
    ) -> None:
        """Connect; see `subscribe`."""
        self.url = url
        self.malformed = 0
        """What came and was no message: skipped."""
        self._topics = [topic.rstrip(".") for topic in ([topics] if isinstance(topics, str) else topics)]
        self._timeout_s = timeout_s
        self._on_gap = on_gap
        self._sequence = SequenceTracker()
        self._waiting: list[AnyMessage] = []
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self._socket = connect_subscriber(self._context, url, self._topics or [""], high_water_mark=high_water_mark)
        except BaseException:
            self._context.term()
            raise

    @property
    def missed(self) -> int:
        """Messages of the subscribed topics that were lost since the subscription began."""
        return self._sequence.missed

    @property
    def restarts(self) -> int:
        """How often the publisher came back as a new session, which is no loss."""
        return self._sequence.restarts

    def read(self, timeout_s: float) -> Sequence[AnyMessage]:
        """Return the messages that came, oldest first; wait up to timeout_s for the first, then return ()."""
        if self._socket.closed:
            raise ValueError(f"subscription to {self.url} is closed; subscribe again")
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            return waiting
        deadline = time.monotonic() + timeout_s
        while True:
            left_ms = max(0, int((deadline - time.monotonic()) * 1000 + 0.999))
            messages = self._receive() if self._socket.poll(left_ms, zmq.POLLIN) else []
            # What was malformed or of a longer word than the topic asked for must not end the wait.
            if messages or time.monotonic() >= deadline:
                return messages

    def __iter__(self) -> "Subscription":
        return self

    def __next__(self) -> AnyMessage:
        """Wait for the next message.

        Raises:
            TimeoutError: where none came within timeout_s; the subscription lives on, ask again.
        """
        deadline = None if self._timeout_s is None else time.monotonic() + self._timeout_s
        while not self._waiting:
            if self._socket.closed:
                raise StopIteration
            left_s = 1.0 if deadline is None else deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError(
                    f"no message from {self.url} within {self._timeout_s:g} s; is a pipeline publishing there?"
                )
            self._waiting = list(self.read(min(left_s, 1.0)))
        return self._waiting.pop(0)

    def close(self) -> None:
        """Let go of the socket; an iteration over this ends. Safe at any time, also twice."""
        if not self._socket.closed:
            self._socket.close(linger=0)
            self._context.term()

    def __enter__(self) -> "Subscription":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _receive(self) -> list[AnyMessage]:
        messages: list[AnyMessage] = []
        for _ in range(READ_AT_ONCE):
            try:
                parts = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            try:
                message = decode(parts)
            except MessageMalformed:
                self.malformed += 1
                continue
            if not self._asked_for(message.topic):
                continue
            gap = self._sequence.arrived(message)
            if gap is not None and self._on_gap is not None:
                self._on_gap(gap)
            messages.append(message)
        return messages

    def _asked_for(self, topic: str) -> bool:
        # ZeroMQ compares letters, so "action.cam.1" would bring "action.cam.10" too.
        return not self._topics or any(
            topic == wanted or not wanted or topic.startswith(wanted + ".") for wanted in self._topics
        )


def subscribe(
    url: str = PublishConfig().bind,
    topics: str | Sequence[str] = (),
    timeout_s: float | None = None,
    on_gap: Callable[[Gap], None] | None = None,
) -> Subscription:
    """Receive the messages of a pipeline: `for message in subscribe(url, topics=("action",)): ...`.

    Args:
        url: where the pipeline publishes.
        topics: whole words from the front, such as "action", "action.cam" or "action.cam.3"; none for all.
        timeout_s: the longest wait for one message, after which TimeoutError is raised; None waits for ever.
        on_gap: called with each loss, just before the message that made it visible is handed out.

    Returns:
        An iterator of messages, each of its own class; also a context manager. Its `missed`, `restarts` and
        `malformed` count what went wrong.

    Raises:
        AddressUnavailable: where the address is malformed. Nobody needs to publish there yet.
    """
    return Subscription(url, topics, timeout_s=timeout_s, on_gap=on_gap)
