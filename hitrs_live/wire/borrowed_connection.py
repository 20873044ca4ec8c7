"""Look at a connection of libzmq's, and break it, by its descriptor."""

import ctypes
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, TypeAlias

_BYTES_RECEIVED_AT: Final = 128
"""Place of tcpi_bytes_received in Linux' struct tcp_info, from version 4.2 on."""
_TCP_INFO_BYTES: Final = 136
_SOCKADDR_BYTES: Final = 16

Ends: TypeAlias = tuple[object, object]
"""Own address and the peer's: the number of a closed connection's descriptor may be in use for another one."""


@contextmanager
def borrowed(descriptor: int) -> Iterator[socket.socket]:
    """Look at a connection of libzmq's without a descriptor of its own: there may be none left."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=descriptor)
    try:
        yield connection
    finally:
        connection.detach()


def ends_of(connection: socket.socket) -> Ends:
    """Return both addresses of a connection. Raises OSError where it is closed."""
    return connection.getsockname(), connection.getpeername()


def bytes_received(connection: socket.socket) -> int | None:
    """Return how many bytes the kernel has received on a connection; None where it does not count them."""
    if sys.platform != "linux":
        return None
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    except OSError:
        return None  # Not TCP.
    return int.from_bytes(info[_BYTES_RECEIVED_AT:], sys.byteorder) if len(info) == _TCP_INFO_BYTES else None


def abort(connection: socket.socket) -> None:
    """Break a connection at once, under libzmq, which then closes it, perhaps before this returns."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
        if sys.platform == "linux" and connection.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN) != socket.AF_UNIX:
            # A peer that goes on sending would still be read after a shutdown. To connect to no address
            # is to disconnect (connect(2)); Python's own `connect` takes no such address.
            ctypes.CDLL(None).connect(connection.fileno(), bytes(_SOCKADDR_BYTES), _SOCKADDR_BYTES)
