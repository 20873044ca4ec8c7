"""With keys, only allowed clients are admitted, everything is encrypted, and who is refused learns why."""

import logging
import os

import pytest
from key_folders import Keys, receives, wait_for_refusal
from patience import PATIENCE_S, wait_until
from transport_messages import a_status, an_action, bound_publisher

from hitrs_live.config import Config, PublishConfig, override
from hitrs_live.errors import AddressUnavailable, KeyUnusable
from hitrs_live.messages import LoggedMessage, PoseFrame, SourceChange
from hitrs_live.sources.factory import make_sources
from hitrs_live.transport.publisher import Publisher
from hitrs_live.transport.subscriber import Subscription, subscribe
from hitrs_live.wire.codec import joints_event
from hitrs_live.wire.key_files import load_key_pair


def test_an_allowed_client_receives_and_nothing_of_the_keys_is_shown(keys: Keys) -> None:
    keys.allow("client")
    with (
        keys.publishing() as publisher,
        subscribe(
            publisher.address, secret_key=keys.secret("client"), server_key=keys.public("publisher")
        ) as subscription,
    ):
        wait_until(lambda: receives(subscription, publisher), "a message")
        assert (subscription.refusal, publisher.drops()["denied"], publisher.notices) == ("", 0, ())
        shown = repr((vars(publisher), vars(subscription), publisher._keys))
    for name in ("publisher", "client"):
        assert load_key_pair(keys.secret(name)).secret.decode() not in shown


@pytest.mark.slow
def test_a_client_is_denied_and_counted_until_its_key_is_in_the_folder_and_ended_once_it_is_removed(
    keys: Keys, caplog: pytest.LogCaptureFixture
) -> None:
    with keys.publishing() as publisher:
        with caplog.at_level(logging.WARNING), Subscription(publisher.address, keys=keys.of("client")) as subscription:
            wait_for_refusal(subscription, publisher, "it does not allow this key")
            wait_until(lambda: publisher.drops()["denied"], "the count")
            assert publisher.notices[0].endswith("last one: its key is not among the allowed ones")
            assert sum("refused the connection" in line for line in caplog.messages) == 1
            assert sum("denied a client" in line and str(keys.allowed) in line for line in caplog.messages) == 1
            keys.allow("client")
            wait_until(lambda: receives(subscription, publisher), "a message")
            assert subscription.refusal == ""
            keys.disallow("client")
            wait_until(
                lambda: (receives(subscription, publisher), "it does not allow this key" in subscription.refusal)[1],
                "the end of the connection that there is",
            )

        def is_denied() -> bool:
            with Subscription(publisher.address, keys=keys.of("client")) as again:
                wait_until(lambda: again.refusal or receives(again, publisher), "an outcome")
                return "it does not allow this key" in again.refusal

        wait_until(is_denied, "the folder to be read again")


@pytest.mark.slow
def test_a_client_with_another_server_key_and_one_without_keys_learn_that_they_are_refused(keys: Keys) -> None:
    keys.allow("client")
    with keys.publishing() as publisher:
        with Subscription(publisher.address, keys=keys.of("client", server="other")) as subscription:
            wait_for_refusal(subscription, publisher, "the server key is not its public key")
        with subscribe(publisher.address, timeout_s=0.5) as plain:
            wait_for_refusal(plain, publisher, "it uses keys")
            with pytest.raises(TimeoutError, match="refused the connection: it uses keys"):
                next(plain)
        wait_until(lambda: publisher.drops()["denied"] >= 2, "the count")


def test_a_client_with_keys_learns_that_the_publisher_has_none(keys: Keys) -> None:
    with bound_publisher() as publisher, Subscription(publisher.address, keys=keys.of("client")) as subscription:
        wait_until(lambda: (subscription.read(0.05), "it uses no keys" in subscription.refusal)[1], "a refusal")


@pytest.mark.slow
def test_a_reliable_subscription_recovers_over_encrypted_connections(keys: Keys) -> None:
    keys.allow("client")
    with keys.publishing() as publisher:
        for _ in range(300):
            publisher.publish(an_action(state="update"))
        with subscribe(
            publisher.address, timeout_s=PATIENCE_S, reliable=True, after="s:99",
            secret_key=keys.secret("client"), server_key=keys.public("publisher"),
        ) as subscription:  # fmt: skip
            events: list[LoggedMessage] = []

            def complete() -> bool:
                publisher.publish(a_status())
                events.extend(each for each in subscription.read(0.05) if isinstance(each, LoggedMessage))
                return len(events) >= 200

            wait_until(complete, "200 events")
        assert [event.log_seq for event in events] == list(range(100, 300))
        assert publisher.drops()["denied"] == 0


@pytest.mark.slow
def test_a_stranger_without_keys_gets_no_reply_at_the_address_for_recovery(keys: Keys) -> None:
    # No status is announced to it, so the address is given.
    with (
        keys.publishing() as publisher,
        subscribe(publisher.address, reliable=True, recovery=publisher.recovery_address) as stranger,
    ):
        publisher.publish(an_action())
        wait_until(lambda: (stranger.read(0.05), publisher._server.denied)[1], "the count")
        assert (stranger.read(0.2), stranger.position) == ([], None)


@pytest.mark.slow
def test_joints_are_received_with_the_key_of_their_sender_and_a_refusal_is_the_sources_state(
    keys: Keys,
) -> None:
    settings = {"joints.secret_key": str(keys.secret("client")), "joints.server_key": str(keys.folder)}
    patient = {"camera.stall_after_s": PATIENCE_S, "camera.lost_after_s": 2 * PATIENCE_S, "source_id": "publisher"}
    with keys.publishing() as publisher:
        (source,) = make_sources(
            [("joints", publisher.address)], override(Config(), {**settings, **patient}), speed="real"
        )
        source.open()
        try:
            items: list[object] = []

            def has(state: str, words: str) -> bool:
                publisher.publish(joints_event(PoseFrame(index=0, capture_time_ns=1, received_ns=0, poses=()), "hall"))
                items.extend(source.read(0.05))
                return any(
                    isinstance(each, SourceChange) and each.state == state and words in each.detail for each in items
                )

            wait_until(lambda: has("connecting", "it does not allow this key"), "the refusal")
            keys.allow("client")
            wait_until(lambda: has("up", "joints of hall"), "frames")
        finally:
            source.close()


@pytest.mark.parametrize(
    "url", ["tcp://0.0.0.0:0", "tcp://*:*", "tcp://[::]:0", "tcp://192.0.2.7:5556", "tcp://hall:1"]
)
def test_an_address_that_others_reach_is_refused_without_keys(url: str, keys: Keys) -> None:
    for settings in ({"bind": url}, {"bind": "tcp://127.0.0.1:0", "recovery": url}):
        with pytest.raises(
            AddressUnavailable, match=r"without keys: other machines could connect; give .* or --insecure"
        ):
            keys.publishing(**settings, secret_key="", allowed_clients="").__enter__()


def test_an_address_that_others_reach_is_bound_with_keys_or_if_insecure(keys: Keys) -> None:
    keys.allow("client")
    with keys.publishing(bind="tcp://0.0.0.0:*") as publisher:
        address = publisher.address.replace("0.0.0.0", "127.0.0.1")
        with Subscription(address, keys=keys.of("client")) as subscription:
            wait_until(lambda: receives(subscription, publisher), "a message")
    Publisher(PublishConfig(bind="tcp://0.0.0.0:*", insecure=True), "s").close()
    for local in ("tcp://localhost:*", "tcp://127.0.0.2:*"):
        Publisher(PublishConfig(bind=local), "s").close()


def test_keys_that_cannot_be_used_are_an_error_of_one_line_before_anything_is_bound(keys: Keys) -> None:
    (keys.folder / "open.key_secret").write_bytes(keys.secret("client").read_bytes())
    os.chmod(keys.folder / "open.key_secret", 0o640)
    for fields, words in (
        ({"secret_key": str(keys.folder / "open.key_secret")}, "others may read it .* run chmod 600"),
        ({"secret_key": str(keys.folder / "none")}, "cannot be read .*hitrs-live keys new"),
        ({"secret_key": str(keys.public("client"))}, "no secret key in it|others may read it"),
        ({"secret_key": ""}, "needs publish.secret_key"),
        ({"allowed_clients": ""}, "needs publish.allowed_clients"),
        ({"allowed_clients": str(keys.folder / "none")}, "expected a folder"),
    ):
        with pytest.raises(KeyUnusable, match=words) as raised, keys.publishing(**fields):
            pass
        assert "\n" not in str(raised.value)
    with pytest.raises(KeyUnusable, match="got a server key without a secret key"):
        subscribe(server_key=keys.public("publisher"))
