"""Decide which clients may connect, by the folder of their public keys (ZAP, ZeroMQ RFC 27)."""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Final

import zmq
from zmq.utils import z85

from hitrs_live.errors import KeyUnusable
from hitrs_live.wire.curve import ServerKeys
from hitrs_live.wire.key_files import load_public_keys

READ_EVERY_S: Final = 1.0
"""Shortest interval at which the folder is read, so that a flood of connections does not read it without end."""
_ADDRESS: Final = "inproc://zeromq.zap.01"
_KEY_BYTES: Final = 32
_log = logging.getLogger(__name__)


class ClientAuthenticator:
    """Reply to libzmq's requests whether a client is allowed, for every socket of one context.

    Owns one socket and one thread, which end with the context. libzmq asks once for each connection, in its handshake:
    a key that is removed from the folder ends no connection, but is refused at the next one.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], keys: ServerKeys) -> None:
        """Begin; to be made before a socket of the context is bound."""
        self._keys = keys
        self._allowed: dict[bytes, str] = {}
        self._read_s = float("-inf")
        self._trouble = ""
        self._denied = 0
        self._socket = context.socket(zmq.REP)
        self._socket.linger = 0
        self._socket.bind(_ADDRESS)
        threading.Thread(target=self._run, name="client authentication", daemon=True).start()

    def _run(self) -> None:
        try:
            while True:
                self._socket.send_multipart(self._reply(self._socket.recv_multipart()))
        except zmq.ContextTerminated:
            pass
        finally:
            self._socket.close(linger=0)

    def _reply(self, request: Sequence[bytes]) -> Sequence[bytes]:
        # version, request, domain, address, identity, mechanism, credentials
        version, number, _, address, _, mechanism, *credentials = (*request, *[b""] * (7 - len(request)))
        key = credentials[0] if credentials else b""
        is_key = mechanism == b"CURVE" and len(key) == _KEY_BYTES
        name = self._name_of(z85.encode(key)) if is_key else None
        if name is None:
            self._note_denied(address, z85.encode(key) if is_key else b"no key")
            return version, number, b"400", b"not allowed", b"", b""
        return version, number, b"200", b"OK", name.encode(errors="replace"), b""

    def _name_of(self, public_key: bytes) -> str | None:
        """Return the name of an allowed key, None for another one."""
        if public_key == self._keys.own.public:
            return "the publisher itself"
        if time.monotonic() - self._read_s >= READ_EVERY_S:
            self._read()
        return self._allowed.get(public_key)

    def _read(self) -> None:
        try:
            self._allowed, trouble = load_public_keys(self._keys.allowed_clients), ""
        except KeyUnusable as error:
            self._allowed, trouble = {}, str(error)
        if trouble and trouble != self._trouble:
            _log.warning("%s; until then no client is allowed", trouble)
        self._trouble, self._read_s = trouble, time.monotonic()

    def _note_denied(self, address: bytes, key: bytes) -> None:
        self._denied += 1
        _log.log(
            logging.WARNING if self._denied == 1 else logging.DEBUG,
            "denied a client at %s: its public key %s is not in %s; further ones are counted in Status.drops as denied",
            address.decode(errors="replace") or "a local path", key.decode(), self._keys.allowed_clients,
        )  # fmt: skip
