"""Reply to requests for missed events and for the last minutes, in a thread of its own."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

import zmq

from hitrs_live.errors import MessageMalformed
from hitrs_live.transport.kept_minutes import KeptMinutes
from hitrs_live.transport.recovery_replies import RecoveryReplies
from hitrs_live.wire.addresses import show_address
from hitrs_live.wire.connection_guard import ConnectionGuard, RequesterLimit, most_connections
from hitrs_live.wire.connection_keys import ConnectionKeys
from hitrs_live.wire.curve import ServerKeys
from hitrs_live.wire.handshakes import DeniedPeers
from hitrs_live.wire.kept_minutes import KEPT, pack_kept, unpack_kept_request
from hitrs_live.wire.recovery import MAX_REQUEST_BYTES, pack, unpack_request
from hitrs_live.wire.zmq_sockets import bind_replier

REQUESTS_PER_S: Final = 200
"""Most requests of one peer in a second; a subscriber stays below half of that, further ones are refused."""
PEERS_PER_S: Final = 1024
"""Most peers that are replied to in one second; requests of further ones are refused."""
BUSY_SHARE: Final = 0.25
"""Share of its time that the thread works at most: a flood of requests must not take the pipeline's processor."""
_POLL_MS: Final = 100
_CLOSE_S: Final = 1.0
_log = logging.getLogger(__name__)


class RecoveryServer:
    """Receive requests and send the replies.

    Owns one socket and one thread. Nothing that a peer sends or omits delays the thread that publishes: requests wait
    in bounded queues of ZeroMQ, malformed and too frequent ones are dropped and counted, and a reply to a peer that
    does not read is dropped.
    """

    def __init__(
        self,
        url: str,
        replies: RecoveryReplies,
        *,
        kept: KeptMinutes,
        max_connections: int,
        keys: ServerKeys | None = None,
        insecure: bool = False,
    ) -> None:
        """Bind an address and start. Raises AddressUnavailable.

        kept: the last minutes. max_connections: at once; more are ended. keys, insecure: as for `bind_publisher`.
        """
        self._replies, self._kept = replies, kept
        self.refused = 0
        """Requests that were malformed, or too many."""
        self._second, self._requests = 0, Counter[bytes]()
        self._closing = threading.Event()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self._socket = bind_replier(
                self._context, url, max_request_bytes=MAX_REQUEST_BYTES, keys=keys, insecure=insecure
            )
        except BaseException:
            self._context.term()
            raise
        self._denied = DeniedPeers()
        self._connection_keys = None if keys is None else ConnectionKeys(keys)
        self._guard = ConnectionGuard(
            self._socket, RequesterLimit, most_connections=most_connections(max_connections),
            keys=self._connection_keys, handshakes=self._denied,
        )  # fmt: skip
        self.address = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        """The bound address; it has the real port if a free one was asked for."""
        self._thread = threading.Thread(target=self._run, name="recovery", daemon=True)
        self._thread.start()

    @property
    def disconnected(self) -> int:
        """Number of peers that were disconnected: there were too many, or they sent more than any request needs."""
        return self._guard.ended

    @property
    def denied(self) -> int:
        """Number of connections refused in their handshake."""
        return self._denied.count

    @property
    def notices(self) -> Sequence[str]:
        """A report that no request is replied to any more; empty while all is well."""
        if self._closing.is_set() or self._thread.is_alive():
            return ()
        return (f"missed events can no longer be asked for at {show_address(self.address)}; restart to repair it",)

    def close(self) -> None:
        """End the thread and release the address; safe at any time, and to repeat."""
        self._closing.set()
        self._thread.join(_CLOSE_S)

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                if self._socket.poll(_POLL_MS, zmq.POLLIN):
                    began_s = time.monotonic()
                    self._serve(self._receive())
                    took_s = time.monotonic() - began_s
                    self._closing.wait(took_s * (1 / BUSY_SHARE - 1))
        finally:
            self._socket.close(linger=0)
            self._context.term()
            self._guard.join()

    def _receive(self) -> Sequence[bytes]:
        if self._connection_keys is None:
            return self._socket.recv_multipart(zmq.NOBLOCK)
        frames = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
        self._connection_keys.observe(frames[-1])
        return [frame.bytes for frame in frames]

    def _serve(self, parts: Sequence[bytes]) -> None:
        peer, *request = parts
        try:
            if not self._admits(peer):
                self.refused += 1
                return
            # To a peer that is gone or does not read, ZeroMQ drops it; the peer asks again.
            self._socket.send_multipart((peer, self._reply(request)), zmq.NOBLOCK)
        except MessageMalformed:
            self.refused += 1
        except Exception:  # Whatever it is, it concerns this request alone.
            self.refused += 1
            _log.exception("a request failed")

    def _reply(self, request: Sequence[bytes]) -> bytes:
        if request[:1] == [KEPT]:
            return pack_kept(self._kept.reply(unpack_kept_request(request)))
        return pack(self._replies.reply(unpack_request(request)))

    def _admits(self, peer: bytes) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second = second
            self._requests.clear()
        if peer not in self._requests and len(self._requests) >= PEERS_PER_S:
            return False
        self._requests[peer] += 1
        return self._requests[peer] <= REQUESTS_PER_S
