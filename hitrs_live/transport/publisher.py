"""Publish messages over ZeroMQ, to whoever listens, waiting for nobody."""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Final

import zmq

from hitrs_live.config import PublishConfig
from hitrs_live.messages import ActionEvent, AnyMessage, SourceEvent
from hitrs_live.transport.sink import Clock, Stamper
from hitrs_live.wire.codec import encode
from hitrs_live.wire.zmq_sockets import SNAPSHOT, bind_publisher

READ_AT_ONCE: Final = 256
"""Subscriptions that are read before each message at most, so that a flood of them cannot hold publishing up."""
SNAPSHOTS_AT_ONCE: Final = 4
SNAPSHOTS_WAITING: Final = 256
"""Subscribers that wait for their snapshot at most; beyond them the one that waited longest goes without."""
MOST_CURRENT: Final = 1024
"""Messages that a snapshot holds at most, the newest ones."""
_LOOK_UP_S: Final = 0.1
"""How often a wait for a subscriber looks whether it should end."""


class Publisher:
    """Send messages to every subscriber of their topic.

    Owns one socket and ZeroMQ's one thread behind it; use it from one thread. A subscriber that reads too slowly
    is kept `high_water_mark` messages and then loses, which it sees by their numbers; publishing never waits.

    A late subscriber can ask for what holds now: the newest state of each source, and of each action that goes on its
    newest message (`sockets.SNAPSHOT`). It gets them as they were published, with their numbers, before the next
    message; nobody else does.
    """

    name = "the publisher"
    notices: Sequence[str] = ()

    def __init__(self, config: PublishConfig, session_id: str, clock: Clock = time.monotonic_ns) -> None:
        """Bind the address of the settings.

        Raises:
            AddressUnavailable: where it is taken, malformed or not this machine's, in one line.
        """
        self._unsent = 0
        self._stamper = Stamper(session_id, clock)
        self._subscriptions = 0
        self._current = _Current()
        self._asked: deque[bytes] = deque(maxlen=SNAPSHOTS_WAITING)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self._socket = bind_publisher(
                self._context, config.bind, high_water_mark=config.high_water_mark, linger_ms=config.linger_ms
            )
        except BaseException:
            self._context.term()
            raise
        self.address = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        """The address that is bound: the real port where a free one was asked for."""

    def drops(self) -> dict[str, int]:
        """Count the messages that could not even be handed to ZeroMQ, as "publish"."""
        return {"publish": self._unsent}

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Stamp a message and send it; return it as it went."""
        stamped = self._stamper.stamp(message)
        self._hear()
        parts = encode(stamped)
        if not self._send(parts):
            self._unsent += 1
        self._current.keep(stamped, parts)
        return stamped

    def has_subscriber(self) -> bool:
        """Tell whether anybody is subscribed to anything now."""
        self._hear()
        return self._subscriptions > 0

    def attend(self) -> None:
        """Look after those who subscribed meanwhile, for times in which nothing is published."""
        self._hear()

    def wait_for_subscriber(self, timeout_s: float, stop: threading.Event | None = None) -> bool:
        """Wait until somebody subscribes, at most timeout_s, or `stop` is set; return whether somebody did."""
        deadline = time.monotonic() + timeout_s
        while not self.has_subscriber():
            left_s = deadline - time.monotonic()
            if left_s <= 0 or (stop is not None and stop.is_set()):
                return False
            self._socket.poll(max(1, int(min(left_s, _LOOK_UP_S) * 1000)), zmq.POLLIN)
        return True

    def close(self) -> None:
        """Send what is left for at most the linger time of the settings, then let go of the address."""
        if not self._socket.closed:
            self._socket.close()
            self._context.term()

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hear(self) -> None:
        # ZeroMQ tells of the first subscriber to a prefix and of the last one gone, never of those between, so
        # counting the prefixes is enough. Read even where nobody asks: unread news would pile up.
        for _ in range(READ_AT_ONCE):
            if not int(self._socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
                break
            news = self._socket.recv(zmq.NOBLOCK)
            if news[:1] == b"\x01":
                self._subscriptions += 1
                if news[1:].startswith(SNAPSHOT.encode()):
                    self._asked.append(news[1:])
            elif news[:1] == b"\x00":
                self._subscriptions -= 1
        for _ in range(min(SNAPSHOTS_AT_ONCE, len(self._asked))):
            topic = self._asked.popleft()
            for _, payload in self._current.messages():
                self._send((topic, payload))

    def _send(self, parts: Sequence[bytes]) -> bool:
        try:
            self._socket.send_multipart(parts, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True


class _Current:
    """Keep what holds now: the newest message of each source's state and of each action that goes on."""

    def __init__(self) -> None:
        self._parts: OrderedDict[tuple[str, int | None], Sequence[bytes]] = OrderedDict()
        """By topic and, as an action of two has the first person's topic, the second person."""

    def keep(self, message: AnyMessage, parts: Sequence[bytes]) -> None:
        if not isinstance(message, (SourceEvent, ActionEvent)):
            return
        other = message.other_track_id if isinstance(message, ActionEvent) else None
        key = (message.topic, other)
        self._parts.pop(key, None)
        if message.state != "end":
            self._parts[key] = parts
            if len(self._parts) > MOST_CURRENT:
                self._parts.popitem(last=False)

    def messages(self) -> Sequence[Sequence[bytes]]:
        """Return each as its two parts, in the order in which they were published."""
        return tuple(self._parts.values())
