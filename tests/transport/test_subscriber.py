"""A subscription returns its topics, reports losses, and outlives its publisher."""

import pytest
from patience import PATIENCE_S, wait_until
from transport_messages import a_motion, an_action, bound_publisher

from hitrs_live.errors import AddressUnavailable
from hitrs_live.transport.sink import Stamper
from hitrs_live.transport.subscriber import subscribe
from hitrs_live.wire.sequence_numbers import Gap, SequenceTracker


def test_topics_are_prefixes_of_whole_words() -> None:
    with (
        bound_publisher() as publisher,
        subscribe(publisher.address, ("action.cam.1", "motion."), PATIENCE_S) as subscription,
    ):
        # Two prefixes make two subscriptions, and one more asks for the snapshot; the first may come alone.
        wait_until(lambda: publisher.has_subscriber() and publisher._subscriptions == 3, "every subscription")
        for track_id in (10, 1, 12):
            publisher.publish(an_action(track_id))
        publisher.publish(a_motion())
        assert [next(subscription).topic for _ in range(2)] == ["action.cam.1", "motion.cam.1"]
        assert subscription.read(0.1) == []


def test_a_timeout_raises_and_the_subscription_stays_usable() -> None:
    with bound_publisher() as publisher, subscribe(publisher.address, timeout_s=0.05) as subscription:
        with pytest.raises(TimeoutError, match=r"no message from tcp://.* within 0\.05 s; is a pipeline"):
            next(subscription)
        assert publisher.wait_for_subscriber(PATIENCE_S)
        publisher.publish(an_action())
        assert subscription.read(PATIENCE_S)[0].topic == "action.cam.1"


def test_a_closed_subscription_ends_its_iteration() -> None:
    subscription = subscribe("tcp://127.0.0.1:9", timeout_s=1)
    subscription.close()
    subscription.close()
    assert list(subscription) == []
    with pytest.raises(ValueError, match="is closed"):
        subscription.read(0)


def test_a_restarted_publisher_is_reconnected_and_counts_as_a_restart_not_as_a_loss() -> None:
    gaps: list[Gap] = []
    first = bound_publisher("before")
    with subscribe(first.address, timeout_s=PATIENCE_S, on_gap=gaps.append) as subscription:
        assert first.wait_for_subscriber(PATIENCE_S)
        for _ in range(3):
            first.publish(an_action())
        assert [next(subscription).seq for _ in range(3)] == [0, 1, 2]
        first.close()
        with bound_publisher("after", bind=first.address) as second:
            # ZeroMQ subscribes again while the subscriber reads, so it has to be reading for that.
            while not second.has_subscriber():
                assert subscription.read(0.05) == []
            second.publish(an_action())
            message = next(subscription)
        assert (message.session_id, message.seq) == ("after", 0)
        assert (subscription.missed, subscription.restarts, gaps) == (0, 1, [])


def test_joining_in_the_middle_is_not_a_loss() -> None:
    with bound_publisher() as publisher:
        for _ in range(5):
            publisher.publish(a_motion())
        with subscribe(publisher.address, timeout_s=PATIENCE_S) as subscription:
            assert publisher.wait_for_subscriber(PATIENCE_S)
            publisher.publish(a_motion())
            assert next(subscription).seq == 5
            assert subscription.missed == 0


def test_malformed_messages_are_counted_and_skipped() -> None:
    with bound_publisher() as publisher, subscribe(publisher.address, timeout_s=PATIENCE_S) as subscription:
        assert publisher.wait_for_subscriber(PATIENCE_S)
        publisher._socket.send_multipart([b"action.cam.1", b"\xc1"])
        publisher._socket.send(b"hello")
        publisher.publish(an_action())
        assert next(subscription).topic == "action.cam.1"
        assert subscription.malformed == 2


@pytest.mark.parametrize(
    "url", ["", "localhost:5556", "tcp://127.0.0.1:0", "tcp://*:5556", "tcp://h:70000", "http://x"]
)
def test_a_malformed_address_is_an_error_of_one_line(url: str) -> None:
    with pytest.raises(AddressUnavailable, match=r"expected") as raised:
        subscribe(url)
    assert "\n" not in str(raised.value)


def test_sequence_numbers_distinguish_losses_from_restarts_for_each_topic() -> None:
    tracker = SequenceTracker()
    stamper, reborn = Stamper("old"), Stamper("new")
    ones = [stamper.stamp(an_action(1)) for _ in range(6)]
    twos = [stamper.stamp(an_action(2)) for _ in range(3)]
    assert [tracker.arrived(m) for m in (ones[0], twos[1], ones[1], twos[2])] == [None] * 4
    assert tracker.arrived(ones[4]) == Gap(topic="action.cam.1", expected_seq=2, got_seq=4)
    assert [tracker.arrived(reborn.stamp(an_action(1))) for _ in range(2)] == [None, None]
    assert (tracker.missed, tracker.restarts) == (2, 1)


def test_counts_of_ended_topics_do_not_accumulate() -> None:
    tracker, stamper = SequenceTracker(max_topics=50), Stamper("s", max_topics=50)
    for track_id in range(1000):
        assert tracker.arrived(stamper.stamp(an_action(track_id))) is None
    assert len(tracker._expected) == 50
