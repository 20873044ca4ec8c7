"""Publish messages over ZeroMQ without waiting for any subscriber."""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Final

import zmq
from zmq.backend import zmq_poll

from hitrs_live.config import PublishConfig
from hitrs_live.messages import ActionEvent, AnyMessage, SourceEvent
from hitrs_live.transport.sink import Clock, Stamper
from hitrs_live.wire.codec import encode
from hitrs_live.wire.connection_guard import ConnectionGuard, SubscriberLimit, most_connections
from hitrs_live.wire.connection_keys import ConnectionKeys
from hitrs_live.wire.curve import ServerKeys
from hitrs_live.wire.handshakes import DeniedPeers
from hitrs_live.wire.zmq_sockets import SNAPSHOT, bind_publisher

READ_AT_ONCE: Final = 256
"""Most subscriptions read before each message, so that a flood of them cannot delay publishing."""
READ_WITHIN_S: Final = 0.005
"""Longest time in which they are read: long ones take libzmq longer."""
SNAPSHOTS_AT_ONCE: Final = 4
SNAPSHOTS_WAITING: Final = 256
"""Most subscribers that wait for a snapshot; beyond them, the one that has waited longest gets none."""
MOST_CURRENT: Final = 1024
"""Most messages of a snapshot, the newest ones."""
_NEXT_MS: Final = 1
"""Wait for a subscriber's next subscription: libzmq takes them from the network one by one."""
_POLL_S: Final = 0.1
"""Interval at which a wait for a subscriber checks whether it should end."""


class Publisher:
    """Send messages to every subscriber of their topic.

    Owns one socket, ZeroMQ's background thread, the guard's and, with keys, one that checks the clients' keys; use it
    from one thread. For a subscriber that reads too slowly, `high_water_mark` messages are kept; later ones are lost,
    which it detects by the sequence numbers. Publishing never waits. Peers that flood it or are too many are
    disconnected (`ConnectionGuard`).

    A late subscriber can ask for the current state: the newest state of each source, and the newest message of each
    running action (`zmq_sockets.SNAPSHOT`). Only this subscriber receives them, before the next message, as they were
    published and with their sequence numbers.
    """

    name = "the publisher"

    def __init__(self, config: PublishConfig, session_id: str, clock: Clock = time.monotonic_ns) -> None:
        """Bind the address of the settings.

        Raises:
            AddressUnavailable: if it is taken, malformed, not of this machine, or may not be bound without keys.
            KeyUnusable: if the keys of the settings cannot be used.
        """
        self._unsent = 0
        self._stamper = Stamper(session_id, clock)
        self._subscribed: set[bytes] = set()
        self._current = CurrentState()
        self._snapshot_topics: deque[bytes] = deque(maxlen=SNAPSHOTS_WAITING)
        self._keys = ServerKeys.load(config.secret_key, config.allowed_clients)
        self._connection_keys = None if self._keys is None else ConnectionKeys(self._keys)
        self._denied = DeniedPeers()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self._socket = bind_publisher(
                self._context, config.bind, high_water_mark=config.high_water_mark, linger_ms=config.linger_ms,
                keys=self._keys, insecure=config.insecure,
            )  # fmt: skip
        except BaseException:
            self._context.term()
            raise
        self._pollable = [(self._socket, zmq.POLLIN)]
        self._guard = ConnectionGuard(
            self._socket, SubscriberLimit, most_connections=most_connections(config.max_connections),
            keys=self._connection_keys, handshakes=self._denied,
        )  # fmt: skip
        self.address = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        """The bound address; it has the real port if the settings asked for a free one."""

    def drops(self) -> dict[str, int]:
        """Count messages that could not be passed to ZeroMQ, as "publish", and subscribers disconnected, as "peers".

        Also connections refused in their handshake, as "denied".
        """
        return {"publish": self._unsent, "peers": self._guard.ended, "denied": self._denied.count}

    @property
    def notices(self) -> Sequence[str]:
        """Report subscribers that were disconnected or denied: their number and the last one; empty without any."""
        ended, denied = self._guard.ended, self._denied.count
        return (
            *([f"disconnected {ended} subscribers, last {self._guard.last_reason}"] if ended else []),
            *([f"denied {denied} connections, last one: {self._denied.last_reason}"] if denied else []),
        )

    @property
    def _subscriptions(self) -> int:
        """Number of prefixes that have a subscriber."""
        return len(self._subscribed)

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Stamp a message and send it; return it stamped."""
        stamped = self._stamper.stamp(message)
        self._read_subscriptions()
        parts = encode(stamped)
        if not self._send(parts):
            self._unsent += 1
        self._keep(stamped, parts)
        return stamped

    def has_subscriber(self) -> bool:
        """Return whether there is a subscriber to any topic now."""
        self._read_subscriptions()
        return self._subscriptions > 0

    def serve_subscribers(self) -> None:
        """Serve new subscribers; call it regularly while nothing is published."""
        self._read_subscriptions()

    def wait_for_subscriber(self, timeout_s: float, stop: threading.Event | None = None) -> bool:
        """Wait for a subscriber, until timeout_s is over or `stop` is set; return whether there is one."""
        deadline = time.monotonic() + timeout_s
        while not self.has_subscriber():
            left_s = deadline - time.monotonic()
            if left_s <= 0 or (stop is not None and stop.is_set()):
                return False
            self._socket.poll(max(1, int(min(left_s, _POLL_S) * 1000)), zmq.POLLIN)
        return True

    def close(self) -> None:
        """Send the remaining messages for at most the linger time of the settings, then release the address."""
        if not self._socket.closed:
            # No peer connects any more, and those that are connected have only their linger time.
            self._socket.unbind(self.address)
            self._socket.close()
            self._context.term()
            self._guard.join()

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _keep(self, message: AnyMessage, parts: Sequence[bytes]) -> None:
        """Keep a message that was sent, for subscribers that ask for it later. parts: the message as it was sent."""
        self._current.keep(message, parts)

    def _read_subscriptions(self) -> None:
        # ZeroMQ reports the first subscriber to a prefix (with keys each one) and the departure of the last one. They
        # are always read, since unread reports would accumulate.
        # A poll, because it lets other threads run, the guard too, whatever libzmq has to do in it; asking for the
        # socket's events does not.
        until_s = time.monotonic() + READ_WITHIN_S
        for read in range(READ_AT_ONCE):
            if time.monotonic() > until_s or not zmq_poll(self._pollable, _NEXT_MS if read else 0):
                break
            report = self._receive_report()
            if report[:1] == b"\x01":
                self._subscribed.add(report[1:])
                if report[1:].startswith(SNAPSHOT.encode()):
                    self._snapshot_topics.append(report[1:])
            elif report[:1] == b"\x00":
                self._subscribed.discard(report[1:])
        for _ in range(min(SNAPSHOTS_AT_ONCE, len(self._snapshot_topics))):
            topic = self._snapshot_topics.popleft()
            for _, payload in self._current.messages():
                self._send((topic, payload))

    def _receive_report(self) -> bytes:
        if self._connection_keys is None:
            return self._socket.recv(zmq.NOBLOCK)
        frame = self._socket.recv(zmq.NOBLOCK, copy=False)
        self._connection_keys.observe(frame)
        return frame.bytes

    def _send(self, parts: Sequence[bytes]) -> bool:
        try:
            self._socket.send_multipart(parts, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True


class CurrentState:
    """Keep the current state: the newest message of each source's state and of each running action."""

    def __init__(self) -> None:
        self._parts: OrderedDict[tuple[str, int | None], Sequence[bytes]] = OrderedDict()
        """By topic and second person: an action of two people has the topic of the first one."""

    def keep(self, message: AnyMessage, parts: Sequence[bytes]) -> None:
        """Replace what the message makes outdated. parts: the message as it is sent."""
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
        """Return the two parts of each message, in order of publication."""
        return tuple(self._parts.values())
