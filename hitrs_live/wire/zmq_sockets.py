"""ZeroMQ sockets set the way this package wants them: bounded, healing, and plain about what an address lacks."""

import errno
import re
import socket
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import zmq
from zmq.utils.monitor import recv_monitor_message

from hitrs_live.errors import AddressUnavailable
from hitrs_live.wire.addresses import show_address

DEFAULT_HIGH_WATER_MARK: Final = 1000
MAX_MESSAGE_BYTES: Final = 16 * 2**20
"""A sender of more is cut off: no message of ours comes near it."""
MAX_SUBSCRIPTION_BYTES: Final = 4096
SNAPSHOT: Final = "snapshot."
"""Whoever subscribes to this with a word of its own behind it is sent what holds now, under that topic alone, each
message otherwise as it was published."""
HEARTBEAT_MS: Final = 2000
"""A peer whose cable was pulled says no goodbye; without a beat its socket would wait for ever."""
_PEER_EVENTS: Final = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
SCHEMES: Final = "tcp://HOST:PORT or ipc://PATH"


def bind_publisher(
    context: zmq.Context[zmq.Socket[bytes]], url: str, *, high_water_mark: int, linger_ms: int
) -> zmq.Socket[bytes]:
    """Bind a socket that publishes and hears of its subscribers.

    Args:
        url: tcp://HOST:PORT or ipc://PATH; port 0 or * takes a free one.
        high_water_mark: messages kept for each slow subscriber; beyond it that subscriber loses.
        linger_ms: how long closing waits for messages not yet sent.

    Raises:
        AddressUnavailable: where the address is taken, malformed or not this machine's.
    """
    _check_form(url, wild=True)
    if url.startswith("ipc://"):
        _check_ipc_path(url)
    # XPUB, a PUB that can be read from: only so is it known that somebody listens.
    publisher = context.socket(zmq.XPUB)
    publisher.set_hwm(high_water_mark)
    publisher.linger = linger_ms
    publisher.setsockopt(zmq.MAXMSGSIZE, MAX_SUBSCRIPTION_BYTES)
    publisher.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
    publisher.setsockopt(zmq.IPV6, int("[" in url))
    try:
        publisher.bind(url)
    except zmq.ZMQError as error:
        publisher.close(linger=0)
        raise AddressUnavailable(f"cannot bind {show_address(url)}: {_why_not_bound(error)}") from None
    return publisher


def connect_subscriber(
    context: zmq.Context[zmq.Socket[bytes]],
    url: str,
    prefixes: Sequence[str],
    *,
    high_water_mark: int = DEFAULT_HIGH_WATER_MARK,
    monitored: bool = False,
) -> zmq.Socket[bytes]:
    """Connect a socket that receives what starts with one of the prefixes; it reconnects by itself for ever.

    Nobody needs to be there yet.

    Args:
        monitored: note connections made and lost, for `PeerMonitor`, which has to be asked now and then.

    Raises:
        AddressUnavailable: where the address is malformed.
    """
    _check_form(url, wild=False)
    subscriber = context.socket(zmq.SUB)
    subscriber.set_hwm(high_water_mark)
    subscriber.linger = 0
    subscriber.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
    subscriber.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
    subscriber.setsockopt(zmq.RECONNECT_IVL_MAX, 2000)
    subscriber.setsockopt(zmq.IPV6, int("[" in url))
    for prefix in prefixes:
        subscriber.subscribe(prefix)
    if monitored:
        subscriber.get_monitor_socket(int(_PEER_EVENTS))
    try:
        subscriber.connect(url)
    except zmq.ZMQError as error:
        if monitored:
            PeerMonitor(subscriber).close()
        subscriber.close(linger=0)
        raise AddressUnavailable(
            f"cannot connect to {show_address(url)!r}: {error.strerror}; wanted {SCHEMES}"
        ) from None
    return subscriber


def check_subscribed_address(url: str) -> None:
    """Raise AddressUnavailable where `connect_subscriber` would, without connecting."""
    _check_form(url, wild=False)


def refuse_silent_address(url: str, *, timeout_s: float) -> None:
    """Raise AddressUnavailable where nobody listens at an address of the right form."""
    try:
        if url.startswith("ipc://"):
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(timeout_s)
                probe.connect(url.removeprefix("ipc://"))
        else:
            host, _, port = url.removeprefix("tcp://").rpartition(":")
            socket.create_connection((host.strip("[]"), int(port)), timeout_s).close()
    except (OSError, UnicodeError) as error:
        # A host name with an empty or over-long part is a UnicodeError.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise AddressUnavailable(f"nobody publishes at {show_address(url)} ({reason})") from None


class PeerMonitor:
    """Know whether anybody is at the other end of a monitored socket."""

    def __init__(self, subscriber: zmq.Socket[bytes]) -> None:
        """Take a socket that was connected as `monitored`."""
        self._subscriber = subscriber
        self._news = subscriber.get_monitor_socket(int(_PEER_EVENTS))
        self._connected = False

    @property
    def connected(self) -> bool:
        """Whether a publisher that speaks ZeroMQ's protocol is there now."""
        while self._news.poll(0, zmq.POLLIN):
            event = recv_monitor_message(self._news)["event"]
            self._connected = event == zmq.EVENT_HANDSHAKE_SUCCEEDED
        return self._connected

    def close(self) -> None:
        """End the monitoring, before the socket is closed."""
        self._subscriber.disable_monitor()
        self._news.close(linger=0)


def _check_form(url: str, *, wild: bool) -> None:
    tcp = re.fullmatch(r"tcp://(?P<host>[^\s:/]+|\[[^\s\]]+\]):(?P<port>\d{1,5}|\*)", url)
    if tcp is None and not re.fullmatch(r"ipc://\S+", url):
        raise AddressUnavailable(
            f"address {show_address(url)!r} is malformed; wanted {SCHEMES}, such as tcp://127.0.0.1:5556"
        )
    if tcp is None:
        return
    port = 0 if tcp["port"] == "*" else int(tcp["port"])
    # ZeroMQ itself takes 70000 for 4464 without a word.
    if port > 65535 or (not wild and (port == 0 or tcp["host"] == "*")):
        wanted = "0 to 65535" if wild else "1 to 65535, and the host by name"
        raise AddressUnavailable(f"address {show_address(url)!r}: wanted a port from {wanted}")


def _check_ipc_path(url: str) -> None:
    # ZeroMQ deletes whatever lies at the path, be it a living publisher's socket or somebody's file.
    path = Path(url.removeprefix("ipc://"))
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise AddressUnavailable(f"cannot bind {url}: a file that is no socket is there; give another path")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        if probe.connect_ex(str(path)) == 0:
            raise AddressUnavailable(f"cannot bind {url}: it is taken; is another pipeline running? give another path")


def _why_not_bound(error: zmq.ZMQError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "it is taken; is another pipeline running? --bind tcp://127.0.0.1:0 takes a free port"
    if error.errno in (errno.EADDRNOTAVAIL, errno.ENODEV):
        return "this machine has no such address; 127.0.0.1 is itself, 0.0.0.0 is all of its networks"
    if error.errno == errno.EACCES:
        return "not permitted; ports below 1024 are the system's, give a higher one"
    return f"{error.strerror}; wanted {SCHEMES}"
