"""A stranger on the publisher's port neither stops nor bloats it, and is disconnected and counted."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count

import psutil
import pytest
from patience import PATIENCE_S, wait_until
from zmtp_peer import MORE, ZmtpPeer, connect, frame

from hitrs_live.config import PublishConfig
from hitrs_live.messages import SourceEvent
from hitrs_live.transport.publisher import Publisher
from hitrs_live.transport.subscriber import subscribe
from hitrs_live.wire.connection_guard import SubscriberLimit

_EVENT = SourceEvent(source_id="cam", capture_time_ns=1, state="up")
_MORE_THAN_MAY = 64 * SubscriberLimit.BURST_BYTES
_MUCH_BYTES = 600e6
_PUBLISHING = """
import sys, time
from hitrs_live.config import PublishConfig
from hitrs_live.messages import SourceEvent
from hitrs_live.process.signals import stop_on_signals
from hitrs_live.transport.publisher import Publisher
with stop_on_signals() as stop, Publisher(PublishConfig(bind="tcp://127.0.0.1:0"), "s") as publisher:
    print(publisher.address, flush=True)
    while not stop.is_set():
        publisher.publish(SourceEvent(source_id="cam", capture_time_ns=1, state="up"))
        time.sleep(0.01)
"""


def _subscriptions() -> Iterator[bytes]:
    """Yield different subscriptions of a kilobyte without end."""
    for number in count():
        yield b"".join(frame(b"\x01" + b"%08d" % (number * 16 + one) * 125) for one in range(16))


def _forever(data: bytes) -> Iterator[bytes]:
    while True:
        yield data


_FLOODS: dict[str, Callable[[], Iterator[bytes]]] = {
    "subscriptions": _subscriptions,
    "tiny messages": lambda: _forever(frame(b"\x05") * 4096),
    "a message of long parts without end": lambda: _forever(frame(b"x" * 1000, MORE) * 64),
    "a message of empty parts without end": lambda: _forever(frame(b"", MORE) * 16384),
}


@dataclass
class _Flood:
    sent: int = 0
    """Bytes, over all connections."""
    connections: int = 0


@contextmanager
def _flood(address: str, kind: str) -> Iterator[_Flood]:
    """Flood an address from a thread, over a new connection after each that is closed."""
    over, flood = threading.Event(), _Flood()

    def send() -> None:
        while not over.is_set():
            with suppress(OSError), ZmtpPeer(connect(address), "SUB") as peer:
                flood.connections += 1
                peer.connection.settimeout(0.5)
                for data in _FLOODS[kind]():
                    peer.connection.sendall(data)
                    flood.sent += len(data)
                    if over.is_set():
                        return

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield flood
    finally:
        over.set()
        thread.join(PATIENCE_S)


@pytest.mark.slow
@pytest.mark.parametrize("kind", _FLOODS)
def test_a_flood_neither_stops_publishing_nor_fills_the_memory(kind: str) -> None:
    with (
        Publisher(PublishConfig(bind="tcp://127.0.0.1:0"), "s") as publisher,
        subscribe(publisher.address, "source", timeout_s=PATIENCE_S) as friend,
    ):
        assert publisher.wait_for_subscriber(PATIENCE_S)
        before_bytes = psutil.Process().memory_info().rss
        published = 0
        with _flood(publisher.address, kind) as flood:
            # That it ends shows that no call of the publisher waits for the flood to end.
            while published < 40 or (flood.sent < _MUCH_BYTES and flood.connections < 8):
                publisher.publish(_EVENT)
                published += 1
                time.sleep(0.02)
        grown_bytes = psutil.Process().memory_info().rss - before_bytes
        assert [next(friend).seq for _ in range(published)] == list(range(published))
    # Without bounds, all that was sent is in the memory. A busy machine looks late, but sends late too.
    assert grown_bytes < max(_MUCH_BYTES, flood.sent) / 2


def test_a_message_without_end_is_cut_and_counted_and_its_sender_named() -> None:
    with Publisher(PublishConfig(bind="tcp://127.0.0.1:0"), "s") as publisher:
        with ZmtpPeer(connect(publisher.address), "SUB") as peer:
            port = peer.connection.getsockname()[1]
            sent = peer.send_until_refused(frame(b"x" * 200, MORE) * 64, most_bytes=100 * _MORE_THAN_MAY)
        assert sent < 100 * _MORE_THAN_MAY
        wait_until(lambda: publisher.drops()["peers"] == 1, "the count")
        (notice,) = publisher.notices
        assert f"127.0.0.1:{port}" in notice


@pytest.mark.slow
def test_a_subscriber_of_hundreds_of_topics_stays() -> None:
    with Publisher(PublishConfig(bind="tcp://127.0.0.1:0"), "s") as publisher:
        topics = [f"action.cam.{number}" for number in range(900)]
        with subscribe(publisher.address, topics, timeout_s=PATIENCE_S):
            wait_until(lambda: publisher.has_subscriber() and publisher._subscriptions == 901, "all subscriptions")
        assert publisher.drops()["peers"] == 0


def _is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        while connection.recv(4096):
            pass
    except BlockingIOError:
        return True
    except OSError:  # Reset, or no longer connected.
        pass
    return False


def test_connections_that_say_nothing_make_room_for_a_subscriber() -> None:
    with Publisher(PublishConfig(bind="tcp://127.0.0.1:0", max_connections=8), "s") as publisher:
        idle = [connect(publisher.address) for _ in range(50)]
        # On a busy machine some are ended because they did not greet in time, which is not counted.
        wait_until(lambda: sum(map(_is_open, idle)) <= 8, "the end of the idle ones beyond the limit")
        with subscribe(publisher.address, "source", timeout_s=PATIENCE_S) as friend:
            wait_until(publisher.has_subscriber, "the subscriber")
            publisher.publish(_EVENT)
            assert next(friend).topic == "source.cam"
        for connection in idle:
            connection.close()


def test_beyond_the_limit_of_connections_the_first_subscribers_stay() -> None:
    with Publisher(PublishConfig(bind="tcp://127.0.0.1:0", max_connections=2), "s") as publisher:
        peers = [ZmtpPeer(connect(publisher.address), "SUB") for _ in range(2)]
        # It ends where the publisher closes it, before or after it has greeted.
        with suppress(ConnectionError), ZmtpPeer(connect(publisher.address), "SUB") as late:
            late.connection.settimeout(PATIENCE_S)
            while late.connection.recv(1024):
                pass
        wait_until(lambda: publisher.drops()["peers"] == 1, "the count")
        for peer in peers:
            peer.connection.sendall(frame(b"\x01source"))
        wait_until(publisher.has_subscriber, "one of the first")
        for peer in peers:
            peer.connection.close()


@pytest.mark.slow
def test_a_process_under_a_flood_obeys_a_signal_to_end() -> None:
    with subprocess.Popen([sys.executable, "-c", _PUBLISHING], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        with _flood(address, "subscriptions"):
            time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
