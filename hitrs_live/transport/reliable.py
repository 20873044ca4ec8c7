"""Receive every event exactly once and in order, by asking for those that were lost."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

import zmq

from hitrs_live.errors import AddressUnavailable, MessageMalformed, TransportError
from hitrs_live.messages import AnyMessage, LoggedMessage, Message, Status
from hitrs_live.transport.log_follower import Delivered, LogFollower
from hitrs_live.transport.subscriber import LOOK_UP_MS, READ_AT_ONCE, Subscription
from hitrs_live.wire.addresses import show_address
from hitrs_live.wire.codec import decode
from hitrs_live.wire.curve import ClientKeys
from hitrs_live.wire.recovery import LogPosition, RecoveryReply, pack, unpack_reply
from hitrs_live.wire.sequence_numbers import Gap, LogGap
from hitrs_live.wire.zmq_sockets import DEFAULT_HIGH_WATER_MARK, check_subscribed_address, connect_requester

ASK_EVERY_S: Final = 1.0
"""Interval of requests while nothing is known to be missing: the newest event may have been lost without a trace. Also
the longest wait for a reply."""
RETRY_S: Final = 0.1
"""Pause after a reply without progress: the publisher is still searching its recordings."""
ASK_AGAIN_S: Final = 0.01
"""Shortest interval of requests."""
RECONNECT_S: Final = 10.0
"""Time without a reply after which the connection is made once more: libzmq never does so after a refusal."""
SILENT_AFTER: Final = 10
"""Number of requests in succession without a reply after which this is logged."""
_LOGGED_TOPICS: Final = ("action", "source", "status")
"""Needed on the wire whatever is asked for: numbers count over all topics, and the status names the address."""
_OPEN_HOSTS: Final = ("0.0.0.0", "[::]", "127.0.0.1", "[::1]", "localhost")
M_co = TypeVar("M_co", bound=Message, covariant=True)
_log = logging.getLogger(__name__)


class ReliableSubscription(Subscription[M_co]):
    """A subscription that returns each action and source state exactly once and in order; see `subscribe`.

    Events that arrive after a lost one wait for it, at most 1024 of them; more are asked for again. Messages of other
    kinds are returned as they arrive. Owns two sockets; use it from one thread.
    """

    def __init__(
        self,
        url: str,
        topics: str | Sequence[str] = (),
        *,
        timeout_s: float | None = None,
        on_gap: Callable[[Gap], None] | None = None,
        high_water_mark: int = DEFAULT_HIGH_WATER_MARK,
        kind: type[M_co] | None = None,
        after: str | None = None,
        recovery: str | None = None,
        keys: ClientKeys | None = None,
    ) -> None:
        """Connect; see `subscribe` and `Subscription`."""
        self._follower = LogFollower(None if after is None else LogPosition.parse(after))
        if recovery is not None:
            check_subscribed_address(recovery)
        super().__init__(
            url, topics, timeout_s=timeout_s, on_gap=on_gap, high_water_mark=high_water_mark, kind=kind, keys=keys,
        )  # fmt: skip
        self._keys = keys
        self._ready: deque[tuple[Any, str | None]] = deque()
        """Messages to return, each with the position after it."""
        self._position = after
        self._requester: zmq.Socket[bytes] | None = None
        self._recovery, self._announces = "", recovery is None
        self._unavailable = ""
        self._pending: RecoveryReply | None = None
        self._newest_session = ""
        self._asked_s = self._ask_from_s = self._replied_s = time.monotonic()
        self._waits = self._was_ahead = False
        self._unanswered = 0
        if recovery is not None:
            self._connect(recovery)

    @property
    def position(self) -> str | None:
        """Position of the last message returned, for `after`; None before the first one."""
        return self._position

    @property
    def missed(self) -> int:
        """Number of messages lost for good: events that could not be recovered, and messages of other topics."""
        return self._sequence.missed + self._follower.missed

    @property
    def restarts(self) -> int:
        """Number of times that the publisher came back with a new session."""
        return self._follower.restarts

    def read(self, timeout_s: float) -> Sequence[M_co]:
        """Return the messages received, oldest first; wait up to timeout_s for the first, then return ().

        Raises:
            TransportError: if the publisher has no socket for recovery, so that nothing can be promised.
        """
        if not self._ready:
            self._fill(timeout_s)
        messages = [message for message, _ in self._ready]
        if self._ready:
            self._position = self._ready[-1][1]
            self._ready.clear()
        return messages

    def __next__(self) -> M_co:
        """Wait for the next message.

        Raises:
            TimeoutError: if none came within timeout_s; the subscription stays usable.
            TransportError: as `read` does.
        """
        deadline = None if self._timeout_s is None else time.monotonic() + self._timeout_s
        while not self._ready:
            if self._socket.closed:
                raise StopIteration
            left_s = 1.0 if deadline is None else deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError(self._silence())
            self._fill(min(left_s, 1.0))
        message: M_co
        message, self._position = self._ready.popleft()
        return message

    def close(self) -> None:
        """Close the sockets; this ends an iteration. Safe at any time, and to repeat."""
        if self._requester is not None:
            self._requester.close(linger=0)
        super().close()

    def _prefixes(self) -> Sequence[str]:
        # The current state is asked for instead of a snapshot.
        return [*self._topics, *_LOGGED_TOPICS] if self._topics else [""]

    def _fill(self, timeout_s: float) -> None:
        """Receive until there is something to return, or for timeout_s."""
        if self._socket.closed:
            raise ValueError(f"subscription to {show_address(self.url)} is closed; subscribe again")
        deadline = time.monotonic() + timeout_s
        while not self._ready:
            if self._unavailable:
                raise TransportError(self._unavailable)
            now_s = time.monotonic()
            self._admission.retry(self._socket)
            self._maybe_ask(now_s)
            self._wait(max(0.0, min(deadline, self._next_request_s()) - now_s))
            self._take_published()
            self._take_reply()
            if time.monotonic() >= deadline:
                return

    def _wait(self, timeout_s: float) -> None:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        if self._requester is not None:
            poller.register(self._requester, zmq.POLLIN)
        poller.poll(min(int(timeout_s * 1000 + 0.999), LOOK_UP_MS))

    def _take_published(self) -> None:
        for _ in range(READ_AT_ONCE):
            try:
                parts = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            try:
                message = decode(parts)
            except MessageMalformed:
                self.malformed += 1
                continue
            self._newest_session = message.session_id
            self._follower.saw_session(message.session_id)
            if isinstance(message, LoggedMessage):
                self._add(self._follower.arrived(message))
                continue
            if isinstance(message, Status) and self._announces:
                self._hear(message)
            if self._is_subscribed(message.topic):
                gap = self._sequence.arrived(message)
                if gap is not None and self._on_gap is not None:
                    self._on_gap(gap)
                self._offer(message, self._ready[-1][1] if self._ready else self._position)

    def _take_reply(self) -> None:
        if self._pending is None and self._requester is not None:
            try:
                self._pending = unpack_reply(self._requester.recv_multipart(zmq.NOBLOCK))
            except zmq.Again:
                return
            except MessageMalformed:
                self.malformed += 1
                return
        reply = self._pending
        if reply is None:
            return
        # Events of a session that has ended may still wait in the socket; they come before what follows it.
        if reply.ended and self._newest_session == reply.of_session and self._socket.poll(0, zmq.POLLIN):
            return
        self._pending = None
        self._waits, self._unanswered, self._replied_s = False, 0, time.monotonic()
        before, malformed = self._follower.position, self._follower.malformed
        self._add(self._follower.replied(reply))
        self.malformed += self._follower.malformed - malformed
        pause_s = ASK_AGAIN_S if self._follower.position != before else RETRY_S
        self._ask_from_s = time.monotonic() + pause_s
        if self._follower.is_ahead and not self._was_ahead:
            _log.warning(
                "position %s is beyond the newest event of the publisher at %s: earlier events count as received",
                self._follower.position, show_address(self.url),
            )  # fmt: skip
        self._was_ahead = self._follower.is_ahead

    def _add(self, items: Iterable[Delivered | LogGap]) -> None:
        for item in items:
            if isinstance(item, LogGap):
                if self._on_gap is not None:
                    self._on_gap(item)
            elif self._is_subscribed(item.event.topic):
                self._offer(item.event, str(item.position))

    def _offer(self, message: AnyMessage, position: str | None) -> None:
        if isinstance(message, self._kind):
            self._ready.append((message, position))

    def _next_request_s(self) -> float:
        """When the next request is due: early while behind and not waiting for a reply, else after the interval."""
        if self._requester is None or self._pending is not None:
            return float("inf")
        if self._follower.behind and not self._waits:
            return self._ask_from_s
        return self._asked_s + ASK_EVERY_S

    def _maybe_ask(self, now_s: float) -> None:
        if self._requester is None or now_s < self._next_request_s():
            return
        if now_s - self._replied_s > RECONNECT_S:
            self._connect(self._recovery)
        self._unanswered += 1
        if self._unanswered == SILENT_AFTER:
            _log.warning("no reply from %s; events after a lost one wait for it", show_address(self._recovery))
        self._asked_s, self._waits = now_s, True
        try:
            self._requester.send(pack(self._follower.request()), zmq.NOBLOCK)
        except zmq.Again:  # Not connected.
            self._follower.behind, self._waits, self._ask_from_s = True, False, now_s + RETRY_S

    def _hear(self, status: Status) -> None:
        """Connect to the address for recovery that a status announces, unless it is connected already."""
        if not status.recovery:
            self._unavailable = (
                f"publisher at {show_address(self.url)} has no address for recovery; start it with another "
                "publish.recovery than none, or subscribe without reliable"
            )
            return
        self._unavailable = ""
        address = reachable(status.recovery, self.url)
        if address != self._recovery:
            try:
                check_subscribed_address(address)
            except AddressUnavailable:
                self.malformed += 1
                return
            self._connect(address)

    def _connect(self, address: str) -> None:
        if self._requester is not None:
            self._requester.close(linger=0)
        self._requester = connect_requester(self._context, address, keys=self._keys)
        self._recovery, self._pending, self._waits = address, None, False
        self._follower.behind = True
        self._ask_from_s = self._replied_s = time.monotonic()


def reachable(announced: str, url: str) -> str:
    """Return the announced address with the host of the publisher's url, if it names a host only its machine knows."""
    host, port = announced.removeprefix("tcp://").rpartition(":")[::2]
    if not (announced.startswith("tcp://") and url.startswith("tcp://") and host in _OPEN_HOSTS):
        return announced
    return f"tcp://{url.removeprefix('tcp://').rpartition(':')[0]}:{port}"
