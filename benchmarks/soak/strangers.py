"""Abuse an address of the pipeline from a process of its own: `python benchmarks/soak/strangers.py KIND tcp://HOST:PORT`.

It goes on until it is ended. The kinds are the keys of `KINDS`.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "faults"))
from zmtp_peer import MORE, ZmtpPeer, connect, frame


def _flood(address: str, kind: str, data: Iterator[bytes]) -> None:
    """Send as fast as the other side reads, over a new connection after each that it ends."""
    while True:
        with suppress(OSError), ZmtpPeer(connect(address), kind) as peer:
            for each in data:
                peer.connection.sendall(each)
        time.sleep(0.01)


def _forever(data: bytes) -> Iterator[bytes]:
    while True:
        yield data


def tiny_messages(address: str) -> None:
    """Send messages of one byte."""
    _flood(address, "SUB", _forever(frame(b"\x05") * 4096))


def subscriptions(address: str) -> None:
    """Subscribe to other topics of a kilobyte each."""
    _flood(address, "SUB", (frame(b"\x01" + b"%08d" % number * 125) for number in count()))


def endless_message(address: str) -> None:
    """Send one message of parts without end."""
    _flood(address, "SUB", _forever(frame(b"x" * 1000, MORE) * 64))


def idle_connections(address: str) -> None:
    """Keep 400 connections open that say nothing."""
    connections = []
    while True:
        with suppress(OSError):
            connections.append(connect(address))
        connections = connections[-400:]
        time.sleep(0.02)


def requests(address: str) -> None:
    """Ask the address for missed events for nonsense, without reading a reply."""
    _flood(address, "DEALER", (frame(os.urandom(random.randrange(1, 400))) for _ in count()))


def nuisance(address: str) -> None:
    """Do a little of everything without pause, as a scanner or a broken client does, several times a second."""
    while True:
        with suppress(OSError):
            connection = connect(address)
            connection.settimeout(1.0)
            match random.randrange(4):
                case 0:
                    connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
                case 1:
                    connection.sendall(os.urandom(200))
                case 2:
                    ZmtpPeer(connection, "SUB").connection.sendall(frame(b"\x01") + frame(b"\x07" * 900, MORE))
                case 3:
                    ZmtpPeer(connection, "PUB").connection.sendall(frame(b"action.door.1", MORE) + frame(b"\xc1" * 99))
            time.sleep(0.1)
            connection.close()
        time.sleep(0.1)


KINDS: dict[str, Callable[[str], None]] = {
    each.__name__: each
    for each in (tiny_messages, subscriptions, endless_message, idle_connections, requests, nuisance)
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("address")
    given = parser.parse_args()
    print("begun", flush=True)
    KINDS[given.kind](given.address)
