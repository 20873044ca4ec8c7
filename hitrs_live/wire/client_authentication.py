"""Decide which clients may connect, by the folder of their public keys (ZAP, ZeroMQ RFC 27)."""

import logging
import threading
from collections.abc import Sequence
from typing import Final

import zmq
from zmq.utils import z85

from hitrs_live.wire.allowed_clients import AllowedClients
from hitrs_live.wire.connection_keys import user_id
from hitrs_live.wire.curve import ServerKeys

_ADDRESS: Final = "inproc://zeromq.zap.01"
_KEY_BYTES: Final = 32
_log = logging.getLogger(__name__)


class ClientAuthenticator:
    """Reply to libzmq's requests whether a client is allowed, for every socket of one context.

    Owns one socket and one thread, which end with the context. libzmq asks once for each connection, in its handshake;
    the connections of a key that is removed later are ended by their socket's `ConnectionGuard`.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], keys: ServerKeys) -> None:
        """Begin; to be made before a socket of the context is bound."""
        self._clients = AllowedClients(keys)
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
        return version, number, b"200", b"OK", user_id(z85.encode(key), name), b""

    def _name_of(self, public_key: bytes) -> str | None:
        name, trouble = self._clients.name_of(public_key), self._clients.trouble
        if trouble and trouble != self._trouble:
            _log.warning("%s; until then no further client is allowed", trouble)
        self._trouble = trouble
        return name

    def _note_denied(self, address: bytes, key: bytes) -> None:
        self._denied += 1
        _log.log(
            logging.WARNING if self._denied == 1 else logging.DEBUG,
            "denied a client at %s: its public key %s is not in %s; further ones are counted in Status.drops as denied",
            address.decode(errors="replace") or "a local path", key.decode(), self._clients.folder,
        )  # fmt: skip
