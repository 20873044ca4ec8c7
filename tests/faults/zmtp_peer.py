"""A peer that speaks ZeroMQ's wire protocol (ZMTP 3.0, no security) byte by byte, so that it can break its rules."""

import socket
from types import TracebackType
from typing import Final

_GREETING: Final = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
MORE: Final = 1
_LONG, _COMMAND = 2, 4


def frame(body: bytes, flags: int = 0) -> bytes:
    """Return one part of a message as it is on the wire. flags: MORE if another part follows."""
    if len(body) > 255:
        return bytes([flags | _LONG]) + len(body).to_bytes(8, "big") + body
    return bytes([flags, len(body)]) + body


def connect(url: str) -> socket.socket:
    """Open a connection to tcp://HOST:PORT that has said nothing yet."""
    host, _, port = url.removeprefix("tcp://").rpartition(":")
    return socket.create_connection((host, int(port)))


class ZmtpPeer:
    """One connection, after its handshake."""

    def __init__(self, connection: socket.socket, kind: str) -> None:
        """Greet the other side as a socket of a kind, such as SUB. Raises OSError where it does not."""
        self.connection = connection
        try:
            self._greet(kind)
        except BaseException:
            connection.close()
            raise

    def send_until_refused(self, data: bytes, *, most_bytes: int) -> int:
        """Send the same bytes again and again until the other side disconnects; return how many were taken."""
        sent = 0
        try:
            while sent < most_bytes:
                self.connection.sendall(data)
                sent += len(data)
        except OSError:
            pass
        return sent

    def _greet(self, kind: str) -> None:
        ready = b"\x05READY\x0bSocket-Type" + len(kind).to_bytes(4, "big") + kind.encode()
        self.connection.sendall(_GREETING + frame(ready, _COMMAND))
        self._receive(64)
        flags, length = self._receive(2)
        self._receive(int.from_bytes(bytes([length]) + self._receive(7), "big") if flags & _LONG else length)

    def _receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.connection.recv(size - len(data))
            if not part:
                raise ConnectionError("the other side closed the connection")
            data += part
        return data

    def __enter__(self) -> "ZmtpPeer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.connection.close()
