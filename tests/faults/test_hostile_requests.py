"""Requests for missed events that are malformed, absurd or without end fill no memory, and others are served."""

import os
import time
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil
import zmq
from patience import PATIENCE_S, wait_until
from transport_messages import a_status, an_action

from hitrs_live.config import PublishConfig
from hitrs_live.messages import ActionEvent
from hitrs_live.transport.recorded_log import RecordedLog
from hitrs_live.transport.recorder import Recorder
from hitrs_live.transport.recoverable import RecoverablePublisher
from hitrs_live.transport.subscriber import subscribe
from hitrs_live.wire.recovery import RecoveryRequest, pack, unpack_reply
from hitrs_live.wire.zmq_sockets import connect_requester

MALFORMED = [
    b"", b"\xc1" * 100, b"GET / HTTP/1.1\r\n\r\n", b"\x91" * 400, msgspec.msgpack.encode({"number": 1, "first": -1}),
    msgspec.msgpack.encode({"number": 1, "first": 2**64 - 1}), msgspec.msgpack.encode({"number": 2**63, "first": 0}),
    msgspec.msgpack.encode({"number": 1, "first": "1"}), msgspec.msgpack.encode({"number": 1, "session_id": "s" * 200}),
]  # fmt: skip
MEMORY_BYTES = 64 * 2**20
"""Far less than the replies to the requests of a flood take together."""


def _publisher(folder: Path | None = None) -> RecoverablePublisher:
    publisher = RecoverablePublisher(PublishConfig(bind="tcp://127.0.0.1:*"), "s", recordings=folder)
    for _ in range(1000):
        publisher.publish(an_action(state="update"))
    return publisher


def _assert_serves(publisher: RecoverablePublisher) -> None:
    """An honest subscriber gets everything."""
    with subscribe(publisher.address, "action", reliable=True, after="s:-1") as subscription:
        numbers: list[int | None] = []

        def complete() -> bool:
            publisher.publish(a_status())
            numbers.extend(each.log_seq for each in subscription.read(0.05) if isinstance(each, ActionEvent))
            return len(numbers) >= 1000

        wait_until(complete, "every event")
    assert numbers == list(range(1000))


def test_malformed_requests_are_counted_and_get_no_reply() -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with _publisher() as publisher:
        peer = connect_requester(context, publisher.recovery_address)
        wait_until(lambda: peer.poll(0, zmq.POLLOUT), "a connection")
        for request in MALFORMED:
            peer.send(request)
        peer.send_multipart([b"two", b"parts"])
        wait_until(lambda: publisher.drops()["recovery"] == len(MALFORMED) + 1, "every refusal")
        for first in (0, 999, 1000, 2**63 - 1):
            peer.send(pack(RecoveryRequest(number=first, session_id="s", first=first)))
            reply = unpack_reply(peer.recv_multipart())
            assert (reply.number, reply.head, reply.until - len(reply.events)) == (first, 1000, first)
        _assert_serves(publisher)
        peer.close(0)
        context.term()


def test_floods_of_requests_with_replies_that_are_not_read_fill_no_memory_and_others_are_served() -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    request = pack(RecoveryRequest(number=1, session_id="s", first=0))
    process = psutil.Process()
    with _publisher() as publisher:
        peers = [connect_requester(context, publisher.recovery_address) for _ in range(5)]
        for peer in peers:
            peer.poll(int(PATIENCE_S * 1000), zmq.POLLOUT)
        before = process.memory_info().rss

        # Each sends until nothing more fits into any queue.
        for peer in peers:
            with suppress(zmq.Again):
                while True:
                    peer.send(request, zmq.NOBLOCK)
        _assert_serves(publisher)
        assert process.memory_info().rss - before < MEMORY_BYTES
        for peer in peers:
            peer.close(0)
        context.term()


def test_damaged_and_foreign_files_in_the_folder_of_recordings_hide_nothing_of_the_others(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "good.mcap", session_id="old", source_id="cam")
    with RecoverablePublisher(PublishConfig(bind="tcp://127.0.0.1:*"), "old") as publisher:
        for _ in range(20):
            recorder.publish(publisher.publish(an_action(state="update")))
            recorder._flush(time.monotonic_ns())
    recorder._flush(time.monotonic_ns())
    whole = (tmp_path / "good.mcap").read_bytes()
    (tmp_path / "cut.mcap").write_bytes(whole[: len(whole) * 2 // 3])
    (tmp_path / "zeros.mcap").write_bytes(whole[: len(whole) // 2] + bytes(5000))
    (tmp_path / "absurd.mcap").write_bytes(whole[: len(whole) // 2] + b"\x06" + b"\xff" * 8 + bytes(100))
    for seed in range(20):
        spoilt = bytearray(whole)
        for position in range(600 + seed, len(spoilt), 97):
            spoilt[position] ^= 0x55
        (tmp_path / f"spoilt{seed}.mcap").write_bytes(spoilt)
    (tmp_path / "text.mcap").write_text("dear diary")
    (tmp_path / "folder.mcap").mkdir()
    (tmp_path / "loop.mcap").symlink_to(tmp_path / "loop.mcap")
    os.mkfifo(tmp_path / "pipe.mcap")
    log = RecordedLog(tmp_path)
    found = log.find("old", 5)
    assert found is not None
    assert [event.log_seq for event in found.events] == list(range(5, 20))
    (tmp_path / "good.mcap").unlink()
    damaged = log.find("old", 5)
    assert damaged is not None
    assert [event.log_seq for event in damaged.events] == sorted({event.log_seq or 0 for event in damaged.events})
    assert log.find("another", 0) is None
    recorder.close()
