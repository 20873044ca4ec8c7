"""Encrypt a socket's connections and authenticate both sides, with CURVE (ZeroMQ RFC 26).

The side that binds has a key pair and a folder of the public keys of clients that it allows; the side that connects has
a key pair of its own and the public key of the other side. Settings name files alone, so that no key is in them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import zmq

from hitrs_live.errors import KeyUnusable
from hitrs_live.wire.key_files import KeyPair, load_key_pair, load_public_key, load_public_keys

ZAP_DOMAIN: Final = b"hitrs-live"


@dataclass(frozen=True, kw_only=True)
class ServerKeys:
    """Keys of a side that binds."""

    own: KeyPair
    allowed_clients: Path
    """Folder of files NAME.key. The own public key is always allowed."""

    @classmethod
    def load(cls, secret_key: str, allowed_clients: str) -> Self | None:
        """Read the file and look into the folder; None if both names are empty.

        Raises KeyUnusable where one is missing or cannot be used.
        """
        if not secret_key and not allowed_clients:
            return None
        if not secret_key or not allowed_clients:
            given, missing = ("secret_key", "allowed_clients") if secret_key else ("allowed_clients", "secret_key")
            raise KeyUnusable(
                f"publish.{given} needs publish.{missing}: the file of the publisher's own secret key, and the folder "
                "of the public keys of its clients; give both"
            )
        keys = cls(own=load_key_pair(secret_key), allowed_clients=Path(allowed_clients))
        load_public_keys(keys.allowed_clients)
        return keys

    def apply_to(self, endpoint: zmq.Socket[bytes]) -> None:
        """Set a socket's options, before it is bound. Its context then needs a `ClientAuthenticator`."""
        endpoint.setsockopt(zmq.CURVE_SERVER, 1)
        endpoint.setsockopt(zmq.CURVE_SECRETKEY, self.own.secret)
        endpoint.setsockopt(zmq.ZAP_DOMAIN, ZAP_DOMAIN)
        endpoint.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)


@dataclass(frozen=True, kw_only=True)
class ClientKeys:
    """Keys of a side that connects."""

    own: KeyPair
    server: bytes
    """Public key of the other side, 40 characters in Z85."""

    @classmethod
    def load(cls, secret_key: str | Path | None, server_key: str | Path | None) -> Self | None:
        """Read both files; None if neither is given. Raises KeyUnusable where one is missing or cannot be used."""
        if not secret_key and not server_key:
            return None
        if not secret_key or not server_key:
            given, missing = ("secret key", "server key") if secret_key else ("server key", "secret key")
            raise KeyUnusable(
                f"keys: got a {given} without a {missing}, expected the file of your own secret key and that of the "
                "publisher's public key; give both"
            )
        return cls(own=load_key_pair(secret_key), server=load_public_key(server_key))

    def apply_to(self, endpoint: zmq.Socket[bytes]) -> None:
        """Set a socket's options, before it is connected."""
        endpoint.setsockopt(zmq.CURVE_SERVERKEY, self.server)
        endpoint.setsockopt(zmq.CURVE_PUBLICKEY, self.own.public)
        endpoint.setsockopt(zmq.CURVE_SECRETKEY, self.own.secret)
