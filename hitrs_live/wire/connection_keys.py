"""Know by which key each connection of a bound socket was admitted, and which of these keys were revoked since.

libzmq asks for a key once, in the handshake, without a word of the connection. But each message that comes over the
connection carries the connection's descriptor and the user's id, which has the key (`user_id`). A peer that
sends nothing has subscribed to nothing and asks for nothing, so it gets nothing either.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import zmq

from hitrs_live.wire.allowed_clients import AllowedClients
from hitrs_live.wire.borrowed_connection import Ends, borrowed, ends_of
from hitrs_live.wire.curve import ServerKeys

_MISSING_READINGS: Final = 2
"""How often in succession a key must be missing: a file that is being replaced is missing for a moment."""


@dataclass(frozen=True, kw_only=True)
class RevokedConnection:
    """A connection that was admitted by a key which is no longer allowed."""

    descriptor: int
    ends: Ends
    name: str
    """Name of the key when it was allowed."""


@dataclass(kw_only=True)
class _Admitted:
    ends: Ends
    key: bytes
    name: str
    missing: int = 0


def user_id(public_key: bytes, name: str) -> bytes:
    """Return the id by which libzmq names a client in each message of its connection. public_key: in Z85."""
    return public_key + b" " + name.encode(errors="replace")


class ConnectionKeys:
    """The key of each connection that has sent a message. One thread observes, another one looks for revoked keys.

    A folder that cannot be read revokes nothing.
    """

    def __init__(self, keys: ServerKeys, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the keys of the side that binds. clock: monotonic seconds."""
        self._clients = AllowedClients(keys, clock)
        self._readings = 0
        self._admitted: dict[int, _Admitted] = {}
        """By descriptor."""
        self._lock = threading.Lock()

    def observe(self, frame: zmq.Frame) -> None:
        """Take a message, or a part of one, as the socket received it."""
        try:
            user, descriptor = frame.get("User-Id"), frame.get(zmq.SRCFD)
            if not isinstance(user, str) or not isinstance(descriptor, int):
                return
            with borrowed(descriptor) as connection:
                ends = ends_of(connection)
        except (zmq.ZMQError, OSError):
            return  # It is no message of a connection, or the connection is closed again.
        key, _, name = user.partition(" ")
        with self._lock:
            known = self._admitted.get(descriptor)
            if known is None or (known.ends, known.key) != (ends, key.encode()):
                self._admitted[descriptor] = _Admitted(ends=ends, key=key.encode(), name=name)

    def forget(self, descriptor: int) -> None:
        """Take the end of a connection."""
        with self._lock:
            self._admitted.pop(descriptor, None)

    def revoked(self) -> Sequence[RevokedConnection]:
        """Return the connections whose key is no longer allowed; call it regularly."""
        with self._lock:
            admitted = tuple(self._admitted.items())
        if not admitted:
            return ()
        self._clients.refresh()
        if self._clients.readings == self._readings:
            return ()
        self._readings = self._clients.readings
        for _, connection in admitted:
            is_missing = self._clients.last_name_of(connection.key) is None
            connection.missing = connection.missing + 1 if is_missing else 0
        return [
            RevokedConnection(descriptor=descriptor, ends=connection.ends, name=connection.name)
            for descriptor, connection in admitted
            if connection.missing >= _MISSING_READINGS
        ]
