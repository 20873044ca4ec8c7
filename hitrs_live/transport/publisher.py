"""Publish messages over ZeroMQ, to whoever listens, waiting for nobody."""

import time

import zmq

from hitrs_live.codec import encode
from hitrs_live.config import PublishConfig
from hitrs_live.messages import AnyMessage
from hitrs_live.sockets import bind_publisher
from hitrs_live.transport.sink import Clock, Stamper


class Publisher:
    """Send messages to every subscriber of their topic.

    Owns one socket and ZeroMQ's one thread behind it; use it from one thread. A subscriber that reads too slowly
    is kept `high_water_mark` messages and then loses, which it sees by their numbers; publishing never waits.
    """

    def __init__(self, config: PublishConfig, session_id: str, clock: Clock = time.monotonic_ns) -> None:
        """Bind the address of the settings.

        Raises:
            AddressUnavailable: where it is taken, malformed or not this machine's, in one line.
        """
        self.drops = 0
        """Messages that could not even be handed to ZeroMQ."""
        self._stamper = Stamper(session_id, clock)
        self._subscriptions = 0
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self._socket = bind_publisher(
                self._context, config.bind, high_water_mark=config.high_water_mark, linger_ms=config.linger_ms
            )
        except BaseException:
            self._context.term()
            raise
        self.address = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        """The address that is bound: the real port where a free one was asked for."""

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Stamp a message and send it; return it as it went."""
        stamped = self._stamper.stamp(message)
        self._hear()
        try:
            self._socket.send_multipart(encode(stamped), zmq.NOBLOCK)
        except zmq.Again:
            self.drops += 1
        return stamped

    def has_subscriber(self) -> bool:
        """Tell whether anybody is subscribed to anything now."""
        self._hear()
        return self._subscriptions > 0

    def wait_for_subscriber(self, timeout_s: float) -> bool:
        """Wait until somebody subscribes, at most timeout_s; return whether somebody did."""
        deadline = time.monotonic() + timeout_s
        while not self.has_subscriber():
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return False
            self._socket.poll(max(1, int(left_s * 1000)), zmq.POLLIN)
        return True

    def close(self) -> None:
        """Send what is left for at most the linger time of the settings, then let go of the address."""
        if not self._socket.closed:
            self._socket.close()
            self._context.term()

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hear(self) -> None:
        # ZeroMQ tells of the first subscriber to a prefix and of the last one gone, never of those between, so
        # counting the prefixes is enough. Read even where nobody asks: unread news would pile up.
        while int(self._socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            news = self._socket.recv(zmq.NOBLOCK)
            if news[:1] == b"\x01":
                self._subscriptions += 1
            elif news[:1] == b"\x00":
                self._subscriptions -= 1
