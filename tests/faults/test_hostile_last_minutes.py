"""Requests for the last minutes without end fill no memory; a pipeline that lies gives one line, not a hang."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec
import psutil
import pytest
import zmq
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from kept_messages import all_kept, keep_noise, keeping
from patience import PATIENCE_S, wait_until
from transport_messages import a_motion, a_status, an_action

from hitrs_live.config import PublishConfig
from hitrs_live.errors import HitrsLiveError, MessageMalformed, TransportError
from hitrs_live.transport.fetch_last_minutes import Fetch, fetch_last_minutes
from hitrs_live.transport.kept_minutes import KeptMinutes
from hitrs_live.transport.recoverable import RecoverablePublisher
from hitrs_live.wire.codec import encode
from hitrs_live.wire.kept_minutes import (
    KEPT,
    MAX_BLOCK_BYTES,
    KeptReply,
    KeptRequest,
    pack_block,
    pack_kept,
    unpack_block,
    unpack_kept_reply,
    unpack_kept_request,
)
from hitrs_live.wire.zmq_sockets import connect_requester

MALFORMED = [
    (KEPT,), (KEPT, b""), (KEPT, b"\xc1" * 100), (KEPT, b"\x91" * 500), (KEPT, b"x", b"y"),
    (KEPT, msgspec.msgpack.encode({"number": 1, "first": -1})), (KEPT, msgspec.msgpack.encode({"first": 2**64 - 1})),
    (b"Kept", pack_kept(KeptRequest(number=1))),
]  # fmt: skip
MEMORY_BYTES = 64 * 2**20
"""Far less than the replies to the requests of a flood take together."""
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
"""Of the fuzz test; a long run sets more."""
PAYLOAD = encode(an_action())[1]


@contextmanager
def _pipeline() -> Iterator[tuple[RecoverablePublisher, KeptMinutes]]:
    kept = keeping()
    keep_noise(kept, 3000)
    with RecoverablePublisher(PublishConfig(bind="tcp://127.0.0.1:*"), "s", kept=kept) as publisher:
        yield publisher, kept


@contextmanager
def _peers(publisher: RecoverablePublisher, count: int) -> Iterator[list["zmq.Socket[bytes]"]]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    peers = [connect_requester(context, publisher.recovery_address) for _ in range(count)]
    for peer in peers:
        peer.poll(int(PATIENCE_S * 1000), zmq.POLLOUT)
    try:
        yield peers
    finally:
        for peer in peers:
            peer.close(0)
        context.term()


def _assert_serves(publisher: RecoverablePublisher, kept: KeptMinutes) -> None:
    """An honest program gets everything, and the thread that publishes never waits for it."""
    found: list[object] = []

    def fetch() -> None:
        found.extend(fetch_last_minutes(publisher.address).messages)

    thread = threading.Thread(target=fetch)
    thread.start()
    wait_until(lambda: (publisher.publish(a_status()), not thread.is_alive())[1], "everything that is kept")
    thread.join()
    assert found == all_kept(kept)


def test_malformed_requests_for_the_last_minutes_are_counted_and_get_no_reply() -> None:
    with _pipeline() as (publisher, kept), _peers(publisher, 1) as (peer,):
        for parts in MALFORMED:
            peer.send_multipart(parts)
        wait_until(lambda: publisher.drops()["recovery"] == len(MALFORMED), "every refusal")
        peer.send_multipart((KEPT, pack_kept(KeptRequest(number=7, first=2**63 - 1))))
        reply = unpack_kept_reply(peer.recv_multipart())
        assert (reply.number, reply.blocks) == (7, ())
        _assert_serves(publisher, kept)


def test_floods_of_requests_for_the_last_minutes_that_are_not_read_fill_no_memory_and_others_are_served() -> None:
    process = psutil.Process()
    with _pipeline() as (publisher, kept), _peers(publisher, 5) as peers:
        before = process.memory_info().rss
        for peer in peers:
            with suppress(zmq.Again):
                while True:
                    peer.send_multipart((KEPT, pack_kept(KeptRequest(number=1))), zmq.NOBLOCK)
        _assert_serves(publisher, kept)
        assert process.memory_info().rss - before < MEMORY_BYTES


def test_a_block_that_expands_without_end_or_has_other_messages_is_refused() -> None:
    for block in (
        zstandard.ZstdCompressor().compress(bytes(MAX_BLOCK_BYTES * 20)),
        pack_block([b"\x91" * 2000]),
        pack_block([encode(a_motion())[1]]),
        pack_block([PAYLOAD])[:-5],
        pack_block([encode(msgspec.structs.replace(an_action(), source_id="../../cam"))[1]]),
        b"",
    ):
        with pytest.raises(MessageMalformed) as refused:
            unpack_block(block)
        assert "\n" not in str(refused.value)


@given(st.lists(st.binary(max_size=80), max_size=3), st.binary(max_size=60))
@settings(max_examples=EXAMPLES)
def test_any_request_reply_or_block_of_the_last_minutes_is_read_or_malformed(parts: list[bytes], some: bytes) -> None:
    good = pack_block([PAYLOAD])
    readers: list[Callable[[], object]] = [
        lambda: unpack_kept_request(parts), lambda: unpack_kept_request([KEPT, *parts]),
        lambda: unpack_kept_reply(parts), lambda: unpack_block(some), lambda: unpack_block(pack_block([some])),
        lambda: unpack_block(zstandard.compress(some)), lambda: unpack_block(good[: len(some)] + some),
    ]  # fmt: skip
    for read in readers:
        with suppress(MessageMalformed):
            read()


def _reply(request: KeptRequest, **fields: object) -> bytes:
    values: dict[str, object] = {
        "number": request.number, "session_id": "s", "minutes": 10.0, "now_ns": 5, "utc_offset_ns": 0,
        "first": request.first, "last": 3, "blocks": (pack_block([PAYLOAD]),),
    }  # fmt: skip
    return pack_kept(KeptReply(**{**values, **fields}))  # type: ignore[arg-type]


LIES: dict[str, tuple[Callable[[KeptRequest], bytes | None], str]] = {
    "silence": (lambda request: None, "no reply from"),
    "garbage": (lambda request: b"\xc1", "reply: "),
    "another number": (lambda request: _reply(request, number=request.number + 1), "no reply from"),
    "no blocks": (lambda request: _reply(request, blocks=()), "no blocks from"),
    "blocks that it had already": (lambda request: _reply(request, first=0), "no blocks from"),
    "blocks without end": (lambda request: _reply(request, last=2**62), "expected 100000"),
    "another session": (lambda request: _reply(request, session_id=f"s{request.first}"), "was restarted meanwhile"),
    "a block that is none": (lambda request: _reply(request, blocks=(b"no",)), "block: "),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_pipeline_that_lies_about_its_last_minutes_gives_one_line(lie: str) -> None:
    make, reason = LIES[lie]
    with (
        _liar(make) as address,
        _connected(address) as requester,
        pytest.raises(HitrsLiveError, match=reason) as refused,
    ):
        # What is waited for never comes.
        Fetch(requester, address, reply_s=0.5, again_s=0.2).run(0.0)
    assert isinstance(refused.value, TransportError)
    assert "\n" not in str(refused.value)


def test_what_was_dropped_while_it_was_asked_for_leaves_no_gap_in_the_middle() -> None:
    """The pipeline has dropped blocks 1 and 2 after it gave block 0: what is returned begins with block 3."""

    def forgetful(request: KeptRequest) -> bytes:
        action = encode(an_action(log_seq=request.first or 0))[1]
        return _reply(request, first=3 if request.first else 0, last=4, blocks=(pack_block([action]),))

    def honest(request: KeptRequest) -> bytes:
        return _reply(request, last=4) if request.first == 4 else forgetful(request)

    with _liar(honest) as address, _connected(address) as requester:
        found = Fetch(requester, address).run(0.0)
    assert len(found.messages) == 2


@contextmanager
def _liar(make: Callable[[KeptRequest], bytes | None]) -> Iterator[str]:
    """Reply to requests as `make` does; None for no reply."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    over = threading.Event()
    replier = context.socket(zmq.ROUTER)
    replier.bind("tcp://127.0.0.1:*")
    address = replier.getsockopt_string(zmq.LAST_ENDPOINT)

    def reply() -> None:
        while not over.is_set():
            if replier.poll(20):
                peer, *parts = replier.recv_multipart()
                made = make(unpack_kept_request(parts))
                if made is not None:
                    replier.send_multipart((peer, made))

    thread = threading.Thread(target=reply)
    thread.start()
    try:
        yield address
    finally:
        over.set()
        thread.join()
        replier.close(0)
        context.term()


@contextmanager
def _connected(address: str) -> Iterator["zmq.Socket[bytes]"]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    requester = connect_requester(context, address)
    try:
        yield requester
    finally:
        requester.close(0)
        context.term()
