"""Folders of keys as an operator makes them, and publishers that use them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from patience import wait_until
from transport_messages import a_status

from hitrs_live.config import PublishConfig
from hitrs_live.messages import AnyMessage
from hitrs_live.transport.recoverable import RecoverablePublisher
from hitrs_live.transport.subscriber import Subscription
from hitrs_live.wire.curve import ClientKeys
from hitrs_live.wire.key_files import write_key_pair


class Keys:
    """Key pairs of a publisher and of some clients, and the folder of those that are allowed, empty at first."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.allowed = folder, folder / "allowed"
        self.allowed.mkdir()
        for name in ("publisher", "client", "other"):
            write_key_pair(folder, name)

    def secret(self, name: str) -> Path:
        return self.folder / f"{name}.key_secret"

    def public(self, name: str) -> Path:
        return self.folder / f"{name}.key"

    def allow(self, name: str) -> None:
        shutil.copy(self.public(name), self.allowed)

    def disallow(self, name: str) -> None:
        (self.allowed / f"{name}.key").unlink()

    def of(self, name: str, server: str = "publisher") -> ClientKeys | None:
        """Return what a client connects with."""
        return ClientKeys.load(self.secret(name), self.public(server))

    @contextmanager
    def publishing(self, session_id: str = "s", **fields: object) -> Iterator[RecoverablePublisher]:
        """Open a publisher that uses the keys."""
        settings: dict[str, object] = {
            "bind": "tcp://127.0.0.1:*",
            "secret_key": str(self.secret("publisher")),
            "allowed_clients": str(self.allowed),
        }
        with RecoverablePublisher(PublishConfig(**{**settings, **fields}), session_id) as publisher:  # type: ignore[arg-type]
            yield publisher


def receives(subscription: Subscription[AnyMessage], publisher: RecoverablePublisher) -> bool:
    """Publish a status; return whether anything was received."""
    publisher.publish(a_status())
    return bool(subscription.read(0.05))


def wait_for_refusal(subscription: Subscription[AnyMessage], publisher: RecoverablePublisher, reason: str) -> None:
    """Wait until a subscription knows why it is refused, which must be in one line."""

    def refused() -> bool:
        assert not receives(subscription, publisher)
        return reason in subscription.refusal

    wait_until(refused, reason)
    assert "\n" not in subscription.refusal
