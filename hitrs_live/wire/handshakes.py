"""Follow the handshakes of a socket's connections, by the events of its monitor."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

import zmq

from hitrs_live.wire.addresses import show_address
from hitrs_live.wire.curve import ClientKeys

HANDSHAKE_EVENTS: Final = int(
    zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_CONNECTED
    | zmq.EVENT_CONNECT_DELAYED
    | zmq.EVENT_CONNECT_RETRIED
    | zmq.EVENT_DISCONNECTED
)
RETRY_S: Final = 2.0
"""How long after a refusal it is tried again."""
_CUT_OFF_AFTER: Final = 3
"""Connections that end in their handshake, in succession, are a refusal: a publisher that restarts ends one at most."""
_GOES_ON: Final = (zmq.EVENT_CONNECTED, zmq.EVENT_CONNECT_DELAYED, zmq.EVENT_CONNECT_RETRIED)
_REASONS: Final[dict[int, str]] = {
    zmq.PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH: "it has no keys, or has some where none are used",
    zmq.PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC: "it expects another publisher's public key",
    zmq.PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND: "it expects another publisher's public key",
}
_log = logging.getLogger(__name__)


class Handshakes(Protocol):
    """Take the events of a socket's handshakes, in the thread of its monitor."""

    def observe(self, kind: int, value: int) -> None:
        """Take an event of HANDSHAKE_EVENTS and its value."""


class DeniedPeers:
    """Count the peers that a bound socket has denied; any thread may read it."""

    def __init__(self) -> None:
        self.count = 0
        self.last_reason = ""
        """Why the last one was denied; empty if none was."""

    def observe(self, kind: int, value: int) -> None:
        """As in Handshakes."""
        if kind == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            self.last_reason = "its key is not among the allowed ones"
        elif kind == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
            self.last_reason = _REASONS.get(value, "it does not speak ZeroMQ's protocol")
        else:
            return
        self.count += 1


class Admission:
    """Follow whether the other side admits a connecting socket, and try again where libzmq does not.

    libzmq connects again for ever after a connection is lost, but never after the other side has refused it: a key that
    is allowed later would never be noticed.
    """

    def __init__(self, url: str, keys: ClientKeys | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the address and the keys of the socket. clock: monotonic seconds."""
        self.refusal = ""
        """Why the other side refuses the connection, in one line; empty while it does not."""
        self._url, self._keys, self._clock = url, keys, clock
        self._cut_off = 0
        self._ended_s: float | None = None
        """When the last connection ended, unless another one is being made."""

    def observe(self, kind: int, value: int) -> None:
        """As in Handshakes."""
        if kind == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self.refusal, self._cut_off = "", 0
        elif kind == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            self._refuse("it does not allow this key; have your public key copied to its folder of allowed clients")
        elif kind == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
            mismatch = value == zmq.PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH
            self._refuse(self._mismatch() if mismatch else "it does not speak ZeroMQ's protocol; give another address")
        elif kind == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            self._cut_off += 1
            if self._cut_off >= _CUT_OFF_AFTER and not self.refusal:
                self._refuse(self._mismatch())
        elif kind == zmq.EVENT_DISCONNECTED:
            self._ended_s = self._clock()
        elif kind in _GOES_ON:
            self._ended_s = None

    def retry(self, endpoint: zmq.Socket[bytes]) -> None:
        """Connect again where libzmq gave up RETRY_S ago; call it regularly, in the thread that uses the socket."""
        ended_s = self._ended_s
        if ended_s is None or self._clock() - ended_s < RETRY_S:
            return
        self._ended_s = None
        with suppress(zmq.ZMQError):
            endpoint.disconnect(self._url)
        endpoint.connect(self._url)

    def _mismatch(self) -> str:
        if self._keys is None:
            return "it uses keys, or is no publisher; give your secret key and its public key (secret_key, server_key)"
        return "the server key is not its public key, or it uses no keys; give the publisher's own file NAME.key"

    def _refuse(self, reason: str) -> None:
        refusal = f"publisher at {show_address(self._url)} refused the connection: {reason}"
        if refusal != self.refusal:
            _log.warning("%s", refusal)
        self.refusal = refusal
