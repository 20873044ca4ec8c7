"""Disconnect peers that send more than they may, or are too many.

ZeroMQ bounds a message's parts and the number of complete messages, but neither the parts of one message nor the
subscriptions of one subscriber: a peer that never ends a message fills the memory. So each connection is limited by the
bytes that the kernel has received on it, which count whatever they are.
"""

import logging
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import zmq
from zmq.utils.monitor import recv_monitor_message

from hitrs_live.wire.borrowed_connection import Ends, abort, borrowed, bytes_received, ends_of
from hitrs_live.wire.connection_keys import ConnectionKeys
from hitrs_live.wire.handshakes import HANDSHAKE_EVENTS, Handshakes

GUARDED_EVENTS: Final = int(zmq.EVENT_ACCEPTED | zmq.EVENT_MONITOR_STOPPED | HANDSHAKE_EVENTS)
"""Events that the socket's monitor must report."""
_LOOK_MS: Final = 100
_IDLE_MS: Final = 1000
_GREETING_BYTES: Final = 64
"""What every peer sends first; a peer that has sent less has no use of its connection yet."""
_CURVE_GREETING_BYTES: Final = 64 + 202 + 259
"""Likewise where keys are used: greeting, HELLO and the shortest INITIATE, which only an allowed client passes."""
_log = logging.getLogger(__name__)


class InboundLimit(Protocol):
    """Limit what one connection may send. A new one is made for each connection."""

    def is_exceeded(self, received: int, elapsed_s: float) -> bool:
        """Take the bytes received since the connection began and the seconds since the last call."""


class RateLimit:
    """Limit a connection to so many bytes a second, after a burst."""

    def __init__(self, *, burst_bytes: int, bytes_per_s: int) -> None:
        """Take what may come at once, and what may come for ever."""
        self._burst_bytes, self._bytes_per_s = burst_bytes, bytes_per_s
        self._left = float(burst_bytes)
        self._received = 0

    def is_exceeded(self, received: int, elapsed_s: float) -> bool:
        """As in InboundLimit."""
        self._left = min(self._left + elapsed_s * self._bytes_per_s, self._burst_bytes) - (received - self._received)
        self._received = received
        return self._left < 0


class SubscriberLimit(RateLimit):
    """Limit a subscriber, which only subscribes and shows that it is alive: a burst at first, and little afterwards."""

    BURST_BYTES: Final = 256 * 1024
    """Enough for thousands of subscriptions."""
    BYTES_PER_S: Final = 4096

    def __init__(self) -> None:
        super().__init__(burst_bytes=self.BURST_BYTES, bytes_per_s=self.BYTES_PER_S)


class RequesterLimit(RateLimit):
    """Limit a peer that asks for something in small requests, a few hundred a second at most."""

    BURST_BYTES: Final = 4 * 2**20
    BYTES_PER_S: Final = 256 * 1024

    def __init__(self) -> None:
        super().__init__(burst_bytes=self.BURST_BYTES, bytes_per_s=self.BYTES_PER_S)


class Unread:
    """Count the bytes of the messages that a reader has taken; any thread may read it."""

    def __init__(self) -> None:
        self.taken = 0
        """Bytes taken, without the protocol's own."""
        self.emptied = 0
        """Number of times that the reader took messages until there was none left."""

    def take(self, parts: Sequence[bytes]) -> None:
        """Count the parts of one message."""
        self.taken += sum(map(len, parts))


class UnreadLimit:
    """Limit what has been received on a connection, but not taken by the reader: complete messages and parts of one."""

    MOST_BYTES: Final = 64 * 2**20
    MESSAGE_BYTES: Final = 64 * 1024
    """More than any message of this package needs; a reader that wants more than a thousand of them may."""

    def __init__(self, unread: Unread, high_water_mark: int) -> None:
        """Take the number of messages that may wait; 0 for any number."""
        self._unread = unread
        self._most_bytes = max(self.MOST_BYTES, high_water_mark * self.MESSAGE_BYTES) if high_water_mark else None
        self._begin_bytes = -unread.taken
        self._emptied = unread.emptied

    def is_exceeded(self, received: int, elapsed_s: float) -> bool:
        """As in InboundLimit."""
        waiting = received - self._unread.taken
        if self._emptied != self._unread.emptied:
            # Nothing complete is left, so that the difference so far is what the protocol itself has sent.
            self._emptied, self._begin_bytes = self._unread.emptied, waiting
        return self._most_bytes is not None and waiting - self._begin_bytes > self._most_bytes


@dataclass(kw_only=True)
class _Connection:
    ends: Ends
    limit: InboundLimit
    received: int | None = 0
    """None where the system does not count."""


class ConnectionGuard:
    """Watch the connections of one socket and end those that exceed their limit, or are beyond the number allowed.

    Owns one thread, so that it works while the socket's own thread is busy, even with what a peer sends. What a
    connection has received is known for TCP on Linux alone; elsewhere only their number is limited.
    """

    def __init__(
        self,
        guarded: zmq.Socket[bytes],
        new_limit: Callable[[], InboundLimit],
        *,
        most_connections: int | None = None,
        keys: ConnectionKeys | None = None,
        handshakes: Handshakes | None = None,
    ) -> None:
        """Take a socket that is monitored for GUARDED_EVENTS, in the thread that uses it.

        Args:
            new_limit: makes the limit of a new connection.
            most_connections: beyond it, those that have not greeted yet are ended first, then the newest; None for any.
            keys: of the peers, where they must show one to have greeted; a connection whose key is no longer allowed is
                ended. None where no keys are used.
            handshakes: gets the events of handshakes, in the guard's thread.
        """
        self.ended = 0
        """Connections ended."""
        self.last_reason = ""
        """Why the last one was ended; empty if none was."""
        self.connected = False
        """Whether a connecting socket has a peer that speaks ZeroMQ's protocol now."""
        self._new_limit, self._most = new_limit, most_connections
        self._keys = keys
        self._greeting_bytes = _GREETING_BYTES if keys is None else _CURVE_GREETING_BYTES
        self._handshakes = handshakes
        self._events = guarded.get_monitor_socket(GUARDED_EVENTS)
        self._connections: dict[int, _Connection] = {}
        """By descriptor, in the order in which they were made."""
        self._looked_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="connection guard", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait for its end, which comes with that of the socket's context.

        It works while the socket is being closed too, because libzmq reads from its peers until then.
        """
        self._thread.join()

    def _run(self) -> None:
        try:
            while self._read_events():
                self._end_those_beyond_their_limits()
                self._end_those_no_longer_allowed()
        except zmq.ContextTerminated:
            pass
        finally:
            self._events.close(linger=0)

    def _read_events(self) -> bool:
        """Wait for events, and register them; return False once there can be no more."""
        wait_ms = _LOOK_MS if self._connections else _IDLE_MS
        while self._events.poll(wait_ms, zmq.POLLIN):
            event = recv_monitor_message(self._events)
            kind, descriptor = event["event"], event["value"]
            if kind == zmq.EVENT_MONITOR_STOPPED:
                return False
            if kind in (zmq.EVENT_ACCEPTED, zmq.EVENT_CONNECTED):
                self._register(descriptor)
                self._end_those_too_many()
            elif kind == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self.connected = True
            elif kind == zmq.EVENT_DISCONNECTED:
                self.connected = False
                self._connections.pop(descriptor, None)
                if self._keys is not None:
                    self._keys.forget(descriptor)
            if self._handshakes is not None:
                self._handshakes.observe(kind, descriptor)
            wait_ms = 0
        return True

    def _register(self, descriptor: int) -> None:
        try:
            with borrowed(descriptor) as connection:
                ends = ends_of(connection)
        except OSError:
            return  # It is closed again.
        self._connections[descriptor] = _Connection(ends=ends, limit=self._new_limit())

    def _end_those_beyond_their_limits(self) -> None:
        now_s = time.monotonic()
        elapsed_s, self._looked_s = now_s - self._looked_s, now_s
        for descriptor, connection in tuple(self._connections.items()):
            received = connection.received = self._received(descriptor, connection)
            if received is not None and connection.limit.is_exceeded(received, elapsed_s):
                self._end(descriptor, f"it had sent {received / 1e6:.1f} MB, more than it may")

    def _end_those_no_longer_allowed(self) -> None:
        for revoked in () if self._keys is None else self._keys.revoked():
            connection = self._connections.get(revoked.descriptor)
            if connection is not None and connection.ends == revoked.ends:
                self._end(revoked.descriptor, f"the key of {revoked.name} is no longer allowed")

    def _end_those_too_many(self) -> None:
        while self._most is not None and len(self._connections) > self._most:
            self._end(self._least_wanted(), f"there were more than {self._most} connections")

    def _least_wanted(self) -> int:
        """Return the descriptor of the oldest connection that has not greeted or, without such, of the newest."""
        for descriptor, connection in self._connections.items():
            if (connection.received or 0) < self._greeting_bytes:
                # Greetings take a moment, and looks are seldom.
                connection.received = self._received(descriptor, connection)
                if (connection.received or 0) < self._greeting_bytes:
                    return descriptor
        return next(reversed(self._connections))

    def _received(self, descriptor: int, connection: _Connection) -> int | None:
        try:
            with borrowed(descriptor) as open_one:
                return bytes_received(open_one) if ends_of(open_one) == connection.ends else None
        except OSError:
            return connection.received

    def _end(self, descriptor: int, reason: str) -> None:
        connection = self._connections.pop(descriptor)
        try:
            with borrowed(descriptor) as open_one:
                if ends_of(open_one) != connection.ends:
                    return
                abort(open_one)
        except OSError:
            return  # It is closed already.
        peer = connection.ends[1]
        self.last_reason = f"{':'.join(map(str, peer[:2])) if isinstance(peer, tuple) else 'a local peer'}: {reason}"
        _log.log(
            logging.DEBUG if self.ended else logging.WARNING,
            "disconnected %s; further ones are counted in Status.drops as peers", self.last_reason,
        )  # fmt: skip
        # Last: who reads a higher count finds its reason.
        self.ended += 1


def most_connections(wanted: int) -> int:
    """Return the number of connections to allow, so that files, cameras and child processes can still be opened."""
    if sys.platform == "win32":
        return wanted
    import resource

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if files == resource.RLIM_INFINITY else max(1, min(wanted, files // 4))
