"""A stranger without an allowed key can neither receive nor keep an allowed client out."""

from contextlib import suppress

import pytest
from key_folders import Keys, receives
from patience import PATIENCE_S, wait_until
from zmtp_peer import connect

from hitrs_live.transport.recoverable import RecoverablePublisher
from hitrs_live.transport.subscriber import Subscription

_GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"CURVE".ljust(20, b"\0") + bytes(32)


@pytest.mark.slow
def test_strangers_that_only_greet_are_ended_for_an_allowed_client(keys: Keys) -> None:
    keys.allow("client")
    strangers = []

    def come_until(ended: int, publisher: RecoverablePublisher) -> None:
        def have_come() -> bool:
            strangers.append(connect(publisher.address))
            strangers[-1].sendall(_GREETING)
            return publisher.drops()["peers"] >= ended

        wait_until(have_come, "those beyond the limit")

    with keys.publishing(max_connections=4) as publisher:
        come_until(8, publisher)
        with Subscription(publisher.address, keys=keys.of("client")) as subscription:
            wait_until(lambda: receives(subscription, publisher), "a message")
            # The client has used its connection by now; strangers come and go.
            come_until(20, publisher)
            wait_until(lambda: receives(subscription, publisher), "a message")
            assert subscription.missed == 0
    for stranger in strangers:
        stranger.close()


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.1\r\n\r\n" + bytes(100), _GREETING + b"\x04\xff" + bytes(255), _GREETING + b"\x00\x05hello"]
)
def test_garbage_instead_of_a_handshake_stops_nothing(keys: Keys, said: bytes) -> None:
    keys.allow("client")
    with keys.publishing() as publisher:
        with connect(publisher.address) as stranger:
            stranger.settimeout(PATIENCE_S)
            stranger.sendall(said)
            # It ends where the publisher closes it.
            with suppress(ConnectionError):
                while stranger.recv(1024):
                    pass
        with Subscription(publisher.address, keys=keys.of("client")) as subscription:
            wait_until(lambda: receives(subscription, publisher), "a message")
