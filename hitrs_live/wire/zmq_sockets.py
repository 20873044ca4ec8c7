"""Open ZeroMQ sockets with this package's options: bounded queues, reconnection, and clear errors for addresses."""

import errno
import re
import socket
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import zmq

from hitrs_live.errors import AddressUnavailable
from hitrs_live.wire.addresses import show_address
from hitrs_live.wire.client_authentication import ClientAuthenticator
from hitrs_live.wire.connection_guard import GUARDED_EVENTS
from hitrs_live.wire.curve import ClientKeys, ServerKeys

DEFAULT_HIGH_WATER_MARK: Final = 1000
MOST_WAITING: Final = 1_000_000_000
"""Largest high-water mark; libzmq has 32 bits for it."""
MAX_MESSAGE_BYTES: Final = 16 * 2**20
"""A sender of larger messages is disconnected; no message of this package comes near it."""
MAX_SUBSCRIPTION_BYTES: Final = 1024
"""A subscriber that sends longer ones is disconnected; topics are much shorter."""
SNAPSHOT: Final = "snapshot."
"""A subscriber to this prefix plus a word of its own is sent the current state under that topic only; apart from the
topic, each message is as it was published."""
SILENT_PEER_S: Final = 5
"""A connection that is silent for this long is probed; without probes a socket would wait for ever for a peer whose
cable was pulled. The system does it, not libzmq with its heartbeats: libzmq 4.3.5 ends the process where a heartbeat is
due on a connection that was broken while its messages waited (an assertion in its out_event)."""
_PROBE_S: Final = 2
_PROBES: Final = 3
HANDSHAKE_MS: Final = 10_000
"""Longest time in which a peer must have greeted."""
REQUESTS_WAITING: Final = 16
"""Most requests of one peer that wait to be read."""
_LOOPBACK: Final = re.compile(r"127(\.\d{1,3}){1,3}|localhost|\[::1\]|lo0?")
"""Hosts that only this machine can reach; `lo` and `lo0` are names of interfaces."""
SCHEMES: Final = "tcp://HOST:PORT or ipc://PATH"


def bind_publisher(
    context: zmq.Context[zmq.Socket[bytes]],
    url: str,
    *,
    high_water_mark: int,
    linger_ms: int,
    keys: ServerKeys | None = None,
    insecure: bool = False,
) -> zmq.Socket[bytes]:
    """Bind a socket that publishes, is notified of its subscribers, and is monitored for a `ConnectionGuard`.

    Args:
        url: tcp://HOST:PORT or ipc://PATH; port 0 or * takes a free one.
        high_water_mark: messages kept for each slow subscriber; beyond it that subscriber loses messages.
        linger_ms: longest time that closing waits for messages not yet sent, milliseconds.
        keys: whose clients alone may connect, encrypted; the context must have no other such socket. None for any.
        insecure: whether other machines may connect without keys.

    Raises:
        AddressUnavailable: if the address is taken, malformed, not of this machine, or may not be bound without keys.
        ValueError: for a high_water_mark out of range.
    """
    _check_high_water_mark(high_water_mark)
    _check_bound_address(url, protected=insecure or keys is not None)
    # XPUB is a PUB that can also be read: it reports subscriptions.
    publisher = context.socket(zmq.XPUB)
    publisher.sndhwm = high_water_mark
    # libzmq reads a peer's subscriptions until there are none left, within whatever call comes next. With one at a time
    # it is faster than its own network thread, so that a flood of them cannot keep it in that call.
    # After it has asked whether a client is allowed, libzmq 4.3.5 never reads at a mark of 1.
    publisher.rcvhwm = 1 if keys is None else 2
    if keys is not None:
        # Each subscription is reported, so that the key of each subscriber is known.
        publisher.setsockopt(zmq.XPUB_VERBOSE, 1)
    publisher.linger = linger_ms
    publisher.setsockopt(zmq.MAXMSGSIZE, MAX_SUBSCRIPTION_BYTES)
    _probe_silent_peers(publisher)
    return _bind(publisher, url, keys)


def connect_subscriber(
    context: zmq.Context[zmq.Socket[bytes]],
    url: str,
    prefixes: Sequence[str],
    *,
    high_water_mark: int = DEFAULT_HIGH_WATER_MARK,
    monitored: bool = False,
    keys: ClientKeys | None = None,
) -> zmq.Socket[bytes]:
    """Connect a socket that receives topics starting with one of the prefixes; it reconnects automatically for ever.

    The publisher need not exist yet.

    Args:
        monitored: monitor it for a `ConnectionGuard`, which must then be made.
        keys: for a publisher that uses keys.

    Raises:
        AddressUnavailable: if the address is malformed.
        ValueError: for a high_water_mark out of range.
    """
    _check_form(url, wild=False)
    _check_high_water_mark(high_water_mark)
    subscriber = context.socket(zmq.SUB)
    subscriber.set_hwm(high_water_mark)
    subscriber.linger = 0
    subscriber.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
    _probe_silent_peers(subscriber)
    for prefix in prefixes:
        subscriber.subscribe(prefix)
    if monitored:
        subscriber.get_monitor_socket(GUARDED_EVENTS)
    try:
        _connect(subscriber, url, keys)
    except AddressUnavailable:
        if monitored:
            _stop_monitor(subscriber)
        subscriber.close(linger=0)
        raise
    return subscriber


def bind_replier(
    context: zmq.Context[zmq.Socket[bytes]],
    url: str,
    *,
    max_request_bytes: int,
    keys: ServerKeys | None = None,
    insecure: bool = False,
) -> zmq.Socket[bytes]:
    """Bind a socket that receives requests from many peers, each with the peer's name, and replies to them.

    It is monitored for a `ConnectionGuard`, which must then be made.
    url, keys, insecure: as for `bind_publisher`. Of each peer, few requests and one reply wait; one that sends a longer
    request is disconnected. Raises AddressUnavailable.
    """
    _check_bound_address(url, protected=insecure or keys is not None)
    replier = context.socket(zmq.ROUTER)
    replier.setsockopt(zmq.RCVHWM, REQUESTS_WAITING)
    replier.setsockopt(zmq.SNDHWM, 1)
    replier.linger = 0
    replier.setsockopt(zmq.MAXMSGSIZE, max_request_bytes)
    _probe_silent_peers(replier)
    return _bind(replier, url, keys)


def connect_requester(
    context: zmq.Context[zmq.Socket[bytes]], url: str, *, keys: ClientKeys | None = None
) -> zmq.Socket[bytes]:
    """Connect a socket that sends requests and receives replies; it reconnects automatically for ever.

    Sending raises zmq.Again while there is no connection. Raises AddressUnavailable if the address is malformed.
    """
    _check_form(url, wild=False)
    requester = context.socket(zmq.DEALER)
    requester.set_hwm(REQUESTS_WAITING)
    requester.linger = 0
    requester.setsockopt(zmq.IMMEDIATE, 1)
    requester.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
    _probe_silent_peers(requester)
    try:
        _connect(requester, url, keys)
    except AddressUnavailable:
        requester.close(linger=0)
        raise
    return requester


def check_subscribed_address(url: str) -> None:
    """Check an address as `connect_subscriber` does, without connecting. Raises AddressUnavailable."""
    _check_form(url, wild=False)


def refuse_silent_address(url: str, *, timeout_s: float) -> None:
    """Check that something listens at a well-formed address. Raises AddressUnavailable if not."""
    try:
        if url.startswith("ipc://"):
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(timeout_s)
                probe.connect(url.removeprefix("ipc://"))
        else:
            host, _, port = url.removeprefix("tcp://").rpartition(":")
            socket.create_connection((host.strip("[]"), int(port)), timeout_s).close()
    except (OSError, UnicodeError) as error:
        # A host name with an empty or overlong part raises UnicodeError.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise AddressUnavailable(f"no publisher at {show_address(url)} ({reason})") from None


def _bind(endpoint: zmq.Socket[bytes], url: str, keys: ServerKeys | None) -> zmq.Socket[bytes]:
    """Bind a socket that is monitored for a `ConnectionGuard`; close it where that fails. Raises AddressUnavailable."""
    endpoint.setsockopt(zmq.IPV6, int("[" in url))
    endpoint.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
    if keys is not None:
        keys.apply_to(endpoint)
        ClientAuthenticator(endpoint.context, keys)
    endpoint.get_monitor_socket(GUARDED_EVENTS)
    try:
        endpoint.bind(url)
    except zmq.ZMQError as error:
        _stop_monitor(endpoint)
        endpoint.close(linger=0)
        raise AddressUnavailable(f"cannot bind {show_address(url)}: {_why_not_bound(error)}") from None
    return endpoint


def _connect(endpoint: zmq.Socket[bytes], url: str, keys: ClientKeys | None) -> None:
    endpoint.setsockopt(zmq.RECONNECT_IVL_MAX, 2000)
    endpoint.setsockopt(zmq.IPV6, int("[" in url))
    if keys is not None:
        keys.apply_to(endpoint)
    try:
        endpoint.connect(url)
    except zmq.ZMQError as error:
        raise AddressUnavailable(
            f"cannot connect to {show_address(url)!r}: {error.strerror}; expected {SCHEMES}"
        ) from None


def _check_high_water_mark(high_water_mark: int) -> None:
    if not 0 <= high_water_mark <= MOST_WAITING:
        raise ValueError(
            f"high_water_mark: got {high_water_mark}, expected 0 for no limit, up to {MOST_WAITING} messages"
        )


def _probe_silent_peers(endpoint: zmq.Socket[bytes]) -> None:
    endpoint.setsockopt(zmq.TCP_KEEPALIVE, 1)
    endpoint.setsockopt(zmq.TCP_KEEPALIVE_IDLE, SILENT_PEER_S)
    endpoint.setsockopt(zmq.TCP_KEEPALIVE_INTVL, _PROBE_S)
    endpoint.setsockopt(zmq.TCP_KEEPALIVE_CNT, _PROBES)
    # What was sent and not acknowledged is not probed.
    endpoint.setsockopt(zmq.TCP_MAXRT, (SILENT_PEER_S + _PROBE_S * _PROBES) * 1000)


def _stop_monitor(monitored: zmq.Socket[bytes]) -> None:
    events = monitored.get_monitor_socket(GUARDED_EVENTS)
    monitored.disable_monitor()
    events.close(linger=0)


def _check_form(url: str, *, wild: bool) -> None:
    tcp = re.fullmatch(r"tcp://(?P<host>[^\s:/]+|\[[^\s\]]+\]):(?P<port>\d{1,5}|\*)", url)
    if tcp is None and not re.fullmatch(r"ipc://\S+", url):
        raise AddressUnavailable(
            f"address {show_address(url)!r} is malformed; expected {SCHEMES}, such as tcp://127.0.0.1:5556"
        )
    if tcp is None:
        return
    port = 0 if tcp["port"] == "*" else int(tcp["port"])
    # ZeroMQ itself silently reads 70000 as 4464.
    if port > 65535 or (not wild and (port == 0 or tcp["host"] == "*")):
        expected = "0 to 65535" if wild else "1 to 65535, and the host by name"
        raise AddressUnavailable(f"address {show_address(url)!r}: expected a port from {expected}")


def _check_bound_address(url: str, *, protected: bool) -> None:
    _check_form(url, wild=True)
    if url.startswith("ipc://"):
        _check_ipc_path(url)
    elif not protected and not _LOOPBACK.fullmatch(url.removeprefix("tcp://").rpartition(":")[0]):
        raise AddressUnavailable(
            f"cannot bind {show_address(url)} without keys: other machines could connect; give publish.secret_key and "
            "publish.allowed_clients (hitrs-live keys new), or --insecure in a network that you trust"
        )


def _check_ipc_path(url: str) -> None:
    # ZeroMQ deletes whatever is at the path, even the socket of a running publisher or an ordinary file.
    path = Path(url.removeprefix("ipc://"))
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise AddressUnavailable(f"cannot bind {url}: a file that is not a socket is there; give another path")
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
    return f"{error.strerror}; expected {SCHEMES}"
