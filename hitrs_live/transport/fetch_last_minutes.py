"""Ask a running pipeline for the joints and events of its last minutes."""

import time
from contextlib import closing
from typing import Final

import zmq

from hitrs_live.errors import AddressUnavailable, MessageMalformed, TransportError
from hitrs_live.messages import Status
from hitrs_live.transport.last_minutes import LastMinutes
from hitrs_live.transport.reliable import reachable
from hitrs_live.transport.subscriber import Subscription
from hitrs_live.wire.addresses import show_address
from hitrs_live.wire.curve import ClientKeys
from hitrs_live.wire.kept_minutes import (
    KEPT,
    KeptMessage,
    KeptReply,
    KeptRequest,
    pack_kept,
    unpack_block,
    unpack_kept_reply,
)
from hitrs_live.wire.zmq_sockets import check_subscribed_address, connect_requester, refuse_silent_address

CONNECT_S: Final = 3.0
STATUS_S: Final = 10.0
"""Longest wait for a status, which names the address."""
ASK_AGAIN_S: Final = 1.0
REPLY_S: Final = 10.0
"""Longest wait for a reply that continues the ones before."""
MOST_BYTES: Final = 2**30
MOST_BLOCKS: Final = 100_000
"""Most bytes of messages, and blocks of them, that are taken: more than the largest settings keep."""


def fetch_last_minutes(url: str, *, keys: ClientKeys | None = None) -> LastMinutes:
    """Ask the pipeline that publishes at an address for what it keeps of its last minutes.

    keys: for a publisher that uses keys.

    Raises:
        AddressUnavailable: if the address is malformed, or no pipeline is there.
        TransportError: if it keeps nothing, refuses the connection or does not reply.
    """
    check_subscribed_address(url)
    try:
        refuse_silent_address(url, timeout_s=CONNECT_S)
    except AddressUnavailable as error:
        raise AddressUnavailable(f"{error}; start hitrs-live live there") from None
    began_s = time.monotonic()
    address = _recovery_address(url, keys)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        with closing(connect_requester(context, address, keys=keys)) as requester:
            return Fetch(requester, address).run(began_s)
    finally:
        context.term()


def _recovery_address(url: str, keys: ClientKeys | None) -> str:
    """Wait for a status, and return the address that it names."""
    until_s = time.monotonic() + STATUS_S
    with Subscription(url, "status", kind=Status, keys=keys) as subscription:
        while time.monotonic() < until_s:
            for status in subscription.read(0.1):
                if not status.recovery:
                    raise TransportError(
                        f"the pipeline at {show_address(url)} has no address to ask at, so it keeps nothing; start it "
                        "with another publish.recovery than none"
                    )
                address = reachable(status.recovery, url)
                check_subscribed_address(address)
                return address
            if subscription.refusal:
                break
        reason = subscription.refusal or "is hitrs-live live publishing there?"
    raise TransportError(f"no status from {show_address(url)}; {reason}")


class Fetch:
    """Ask for page after page, up to the block that was the last one at the first reply."""

    def __init__(
        self, requester: zmq.Socket[bytes], address: str, *, reply_s: float = REPLY_S, again_s: float = ASK_AGAIN_S
    ) -> None:
        """Take a connected socket. reply_s: longest wait for a reply; again_s: after how long to ask once more."""
        self._requester, self._address = requester, address
        self._reply_s, self._again_ms = reply_s, int(again_s * 1000)
        self._number, self._sent_s = 0, 0.0

    def run(self, began_s: float) -> LastMinutes:
        """Ask until everything is there. began_s: when the user asked. Raises TransportError."""
        reply = self._ask(0)
        if not reply.minutes:
            raise TransportError(
                "the pipeline keeps nothing of its last minutes: keep.minutes is 0; start it with another keep.minutes"
            )
        begin, last, size = reply, reply.last, 0
        if last - reply.first > MOST_BLOCKS:
            raise MessageMalformed(
                f"reply of {self._shown}: {last - reply.first} blocks, expected {MOST_BLOCKS} at most"
            )
        # The pipeline took its time once the request had been sent.
        asked_ns = reply.now_ns - round((self._sent_s - began_s) * 1e9)
        messages: list[KeptMessage] = []
        while True:
            for block in reply.blocks:
                found, expanded = unpack_block(block)
                size += expanded
                if size > MOST_BYTES:
                    raise MessageMalformed(f"more than {MOST_BYTES >> 20} MiB of messages from {self._shown}")
                messages += found
            following = reply.first + len(reply.blocks)
            if following > last:
                break
            reply = self._ask(following)
            if reply.session_id != begin.session_id:
                raise TransportError(f"the pipeline at {self._shown} was restarted meanwhile; ask again")
            if reply.first != following:
                # Dropped before they were asked for, so what is there begins later.
                messages.clear()
        return LastMinutes(
            session_id=begin.session_id, minutes=begin.minutes, asked_ns=asked_ns, utc_offset_ns=begin.utc_offset_ns,
            messages=messages,
        )  # fmt: skip

    @property
    def _shown(self) -> str:
        return show_address(self._address)

    def _ask(self, first: int) -> KeptReply:
        """Ask for the blocks from a number on, again while there is no reply. Raises TransportError."""
        until_s = time.monotonic() + self._reply_s
        while time.monotonic() < until_s:
            self._number += 1
            # There may be no connection yet.
            if not self._requester.poll(self._again_ms, zmq.POLLOUT):
                continue
            self._sent_s = time.monotonic()
            self._requester.send_multipart(
                (KEPT, pack_kept(KeptRequest(number=self._number, first=first))), zmq.NOBLOCK
            )
            while self._requester.poll(self._again_ms, zmq.POLLIN) and time.monotonic() < until_s:
                reply = unpack_kept_reply(self._requester.recv_multipart(zmq.NOBLOCK))
                # A reply to an earlier request may still come.
                if reply.number == self._number:
                    if reply.minutes and (not reply.blocks or reply.first < first):
                        raise MessageMalformed(f"reply of {self._shown}: no blocks from {first} on")
                    return reply
        raise TransportError(
            f"no reply from {self._shown} within {self._reply_s:g} s; is hitrs_live of this version there?"
        )
