"""A client whose key is removed is ended, and no one else notices."""

import logging
import shutil

import pytest
import zmq
from key_folders import Keys, receives
from patience import ManualClock, wait_until
from transport_messages import a_status, an_action

from hitrs_live.messages import ActionEvent
from hitrs_live.transport.subscriber import Subscription, subscribe
from hitrs_live.wire.connection_keys import ConnectionKeys
from hitrs_live.wire.curve import ServerKeys
from hitrs_live.wire.recovery import RecoveryRequest, pack
from hitrs_live.wire.zmq_sockets import bind_publisher, connect_requester, connect_subscriber


@pytest.mark.slow
def test_the_connection_of_a_key_that_is_removed_is_ended_and_others_lose_nothing(
    keys: Keys, caplog: pytest.LogCaptureFixture
) -> None:
    keys.allow("client")
    keys.allow("other")
    with (
        caplog.at_level(logging.WARNING),
        keys.publishing() as publisher,
        Subscription(publisher.address, keys=keys.of("client")) as removed,
        Subscription(publisher.address, keys=keys.of("other")) as stays,
    ):
        wait_until(lambda: receives(removed, publisher), "a message")
        wait_until(lambda: receives(stays, publisher), "a message")
        keys.disallow("client")
        wait_until(lambda: (receives(stays, publisher), publisher.drops()["peers"])[1], "the end of the connection")
        assert "the key of client is no longer allowed" in publisher.notices[0]
        assert any("the key of client is no longer allowed" in line for line in caplog.messages)
        # What had arrived before is still read.
        wait_until(lambda: (removed.read(0.05), "not allow this key" in removed.refusal)[1], "the refusal")
        assert not receives(removed, publisher)
        wait_until(lambda: receives(stays, publisher), "a message")
        assert (stays.missed, stays.refusal, publisher.drops()["peers"]) == (0, "", 1)


@pytest.mark.slow
def test_a_reliable_subscriber_whose_key_is_removed_and_added_again_gets_every_event(keys: Keys) -> None:
    keys.allow("client")
    with (
        keys.publishing() as publisher,
        subscribe(
            publisher.address, "action", reliable=True, after="s:-1",
            secret_key=keys.secret("client"), server_key=keys.public("publisher"),
        ) as subscription,
    ):  # fmt: skip
        numbers: list[int | None] = []

        def receive() -> None:
            publisher.publish(a_status())
            numbers.extend(each.log_seq for each in subscription.read(0.05) if isinstance(each, ActionEvent))

        publisher.publish(an_action(state="update"))
        wait_until(lambda: (receive(), numbers)[1], "the first event")
        keys.disallow("client")
        server = publisher._server
        wait_until(lambda: (receive(), publisher.drops()["peers"] > server.disconnected)[1], "the end of messages")
        # On a busy machine the subscriber connects again for want of a reply, and is denied.
        wait_until(lambda: (receive(), server.disconnected or server.denied)[1], "the end of replies")
        for _ in range(100):
            publisher.publish(an_action(state="update"))
        assert not any(isinstance(each, ActionEvent) for each in subscription.read(0.2))
        keys.allow("client")
        wait_until(lambda: (receive(), len(numbers) >= 101)[1], "the missed events")
    assert numbers == list(range(101))


@pytest.mark.slow
def test_a_requester_whose_key_is_removed_gets_no_more_replies(keys: Keys) -> None:
    keys.allow("client")
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with keys.publishing() as publisher:
        requester = connect_requester(context, publisher.recovery_address, keys=keys.of("client"))
        request = pack(RecoveryRequest(number=1))

        def is_replied_to() -> bool:
            if not requester.poll(0, zmq.POLLOUT):
                return False
            requester.send(request, zmq.NOBLOCK)
            return bool(requester.poll(100) and requester.recv())

        wait_until(is_replied_to, "a reply")
        keys.disallow("client")
        wait_until(lambda: (is_replied_to(), publisher._server.disconnected)[1], "the end of the connection")
        wait_until(lambda: not requester.poll(0, zmq.POLLOUT), "the end to be seen by the requester")
        assert not requester.poll(500, zmq.POLLOUT)
        requester.close(linger=0)
    context.term()


@pytest.mark.slow
def test_a_folder_that_cannot_be_read_and_a_key_that_is_missing_for_a_moment_end_nothing(keys: Keys) -> None:
    keys.allow("client")
    server = ServerKeys.load(str(keys.secret("publisher")), str(keys.allowed))
    assert server is not None
    clock = ManualClock()
    connections = ConnectionKeys(server, lambda: clock.now_ns / 1e9)

    def revoked_after(seconds: float) -> list[str]:
        clock.advance(seconds)
        return [each.name for each in connections.revoked()]

    bound: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    connecting: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    publisher = bind_publisher(bound, "tcp://127.0.0.1:*", high_water_mark=1, linger_ms=0, keys=server)
    address = publisher.getsockopt_string(zmq.LAST_ENDPOINT)
    subscriber = connect_subscriber(connecting, address, ["a"], keys=keys.of("client"))
    connections.observe(publisher.recv(copy=False))
    assert revoked_after(2.0) == []
    for _ in range(3):
        keys.disallow("client")
        assert revoked_after(2.0) == []
        keys.allow("client")
        assert revoked_after(2.0) == []
    hidden = keys.folder / "hidden"
    shutil.move(keys.allowed, hidden)
    for _ in range(3):
        assert revoked_after(2.0) == []
    shutil.move(hidden, keys.allowed)
    keys.disallow("client")
    assert revoked_after(2.0) == []
    # It was read a moment ago, and is not read again.
    assert revoked_after(0.5) == []
    assert revoked_after(2.0) == ["client"]
    monitor = publisher.get_monitor_socket()
    publisher.disable_monitor()
    monitor.close(linger=0)
    for endpoint in (publisher, subscriber):
        endpoint.close(linger=0)
    connecting.term()
    bound.term()
