"""A late subscriber at once receives the sources' states and the running actions; other subscribers do not."""

import contextlib
import time
from collections.abc import Iterator

import pytest
import zmq
from patience import PATIENCE_S
from transport_messages import a_motion, an_action, bound_publisher

from hitrs_live.messages import ActionEvent, AnyMessage, SourceEvent, SourceState
from hitrs_live.transport.publisher import MOST_CURRENT, READ_AT_ONCE, SNAPSHOTS_WAITING, Publisher
from hitrs_live.transport.sink import Stamper
from hitrs_live.transport.subscriber import Subscription, subscribe
from hitrs_live.wire.codec import decode
from hitrs_live.wire.sequence_numbers import Gap, SequenceTracker
from hitrs_live.wire.zmq_sockets import connect_subscriber


def _state(state: SourceState, source_id: str = "cam") -> SourceEvent:
    return SourceEvent(source_id=source_id, capture_time_ns=1, state=state)


def _receive(subscription: Subscription[AnyMessage], publisher: Publisher, count: int) -> list[AnyMessage]:
    """Read `count` messages while the publisher serves its subscribers."""
    received: list[AnyMessage] = []
    deadline = time.monotonic() + PATIENCE_S
    while len(received) < count and time.monotonic() < deadline:
        publisher.has_subscriber()
        received += subscription.read(0.05)
    return received


def test_a_late_subscriber_first_gets_each_sources_state_and_each_running_actions_newest_message() -> None:
    with bound_publisher() as publisher:
        for message in (
            _state("connecting"), _state("up"), _state("up", "hall"), an_action(1), an_action(2), a_motion(),
            an_action(1, state="update", score=0.9), an_action(2, state="end"), _state("stalled", "hall"),
        ):  # fmt: skip
            publisher.publish(message)
        with subscribe(publisher.address) as late:
            received = _receive(late, publisher, 3)
            publisher.publish(an_action(1, state="end"))
            received += _receive(late, publisher, 1)
    assert [(m.topic, m.seq, m.state) for m in received if isinstance(m, (ActionEvent, SourceEvent))] == [
        ("source.cam", 1, "up"),
        ("action.cam.1", 1, "update"),
        ("source.hall", 1, "stalled"),
        ("action.cam.1", 2, "end"),
    ]
    assert late.missed == 0


def test_a_snapshot_contains_an_action_of_two_and_one_of_its_first_person_without_a_false_loss() -> None:
    with bound_publisher() as publisher:
        for message in (
            an_action(1, label="hug", other_track_id=2), an_action(1, label="sit"),
            *[an_action(1, label="hug", other_track_id=2, state="update")] * 3,
        ):  # fmt: skip
            publisher.publish(message)
        with subscribe(publisher.address, "action") as late:
            received = _receive(late, publisher, 2)  # type: ignore[arg-type]
            publisher.publish(an_action(1, label="sit", state="end"))
            received += _receive(late, publisher, 1)  # type: ignore[arg-type]
    assert [(m.seq, m.label) for m in received if isinstance(m, ActionEvent)] == [(1, "sit"), (4, "hug"), (5, "sit")]
    assert late.missed == 0


@pytest.mark.slow
def test_a_late_subscriber_gets_only_its_topics() -> None:
    with bound_publisher() as publisher:
        for message in (_state("up"), an_action(1), an_action(10)):
            publisher.publish(message)
        with subscribe(publisher.address, "action.cam.1") as late:
            assert [m.topic for m in _receive(late, publisher, 1)] == ["action.cam.1"]
            assert late.read(0.2) == []


def test_other_subscribers_get_no_message_twice_and_see_no_loss() -> None:
    gaps: list[Gap] = []
    with bound_publisher() as publisher, subscribe(publisher.address, on_gap=gaps.append) as early:
        assert publisher.wait_for_subscriber(PATIENCE_S)
        publisher.publish(_state("up"))
        publisher.publish(an_action(1))
        received = _receive(early, publisher, 2)
        with subscribe(publisher.address) as late:
            assert len(_receive(late, publisher, 2)) == 2
        publisher.publish(an_action(1, state="end"))
        received += _receive(early, publisher, 1)
    assert [(m.topic, m.seq) for m in received] == [("source.cam", 0), ("action.cam.1", 0), ("action.cam.1", 1)]
    assert (gaps, early.missed, early.malformed) == ([], 0, 0)


@contextlib.contextmanager
def _plain_subscriber(address: str, *prefixes: str) -> Iterator[zmq.Socket[bytes]]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    subscriber = connect_subscriber(context, address, prefixes, high_water_mark=0)
    try:
        yield subscriber
    finally:
        subscriber.close()
        context.term()


def test_a_plain_zeromq_subscriber_gets_a_snapshot_by_one_more_subscription() -> None:
    with bound_publisher() as publisher:
        publisher.publish(_state("up"))
        with _plain_subscriber(publisher.address, "source.", "snapshot.my-own-word") as subscriber:
            while not subscriber.poll(50):
                publisher.has_subscriber()
            parts = subscriber.recv_multipart()
    assert decode(parts, under=b"snapshot.my-own-word").topic == "source.cam"


def test_the_snapshot_is_bounded_and_keeps_the_newest() -> None:
    with bound_publisher() as publisher:
        for track_id in range(MOST_CURRENT + 50):
            publisher.publish(an_action(track_id))
        kept = publisher._current.messages()
        assert len(kept) == MOST_CURRENT
        assert kept[-1][0] == f"action.cam.{MOST_CURRENT + 49}".encode()


def test_a_flood_of_subscriptions_delays_publishing_by_a_bounded_amount_and_fills_no_memory() -> None:
    with bound_publisher() as publisher, _plain_subscriber(publisher.address) as flood:
        publisher.publish(an_action())
        for number in range(5_000):
            flood.subscribe(f"snapshot.{number}")
        most = 0
        deadline = time.monotonic() + PATIENCE_S
        while publisher._subscriptions < 5_000 and time.monotonic() < deadline:
            before = publisher._subscriptions
            publisher.publish(a_motion())
            most = max(most, publisher._subscriptions - before)
            assert len(publisher._snapshot_topics) <= SNAPSHOTS_WAITING
        assert publisher._subscriptions == 5_000
    assert 0 < most <= READ_AT_ONCE


def test_a_snapshot_after_a_lost_connection_reveals_the_losses() -> None:
    tracker, stamper = SequenceTracker(), Stamper("s")
    sent = [stamper.stamp(an_action()) for _ in range(6)]
    assert tracker.arrived(sent[0]) is None
    assert tracker.has(sent[0])
    assert not tracker.has(sent[3])
    assert tracker.arrived(sent[3], of_snapshot=True) == Gap(topic="action.cam.1", expected_seq=1, got_seq=3)
    assert tracker.arrived(sent[4]) is None


def test_a_snapshot_alone_never_counts_as_a_loss() -> None:
    tracker, stamper = SequenceTracker(), Stamper("s")
    sent = [stamper.stamp(an_action()) for _ in range(9)]
    assert [tracker.arrived(sent[n], of_snapshot=n < 6) for n in (2, 5, 7)] == [None, None, None]
    assert tracker.arrived(sent[8]) is None
    assert tracker.missed == 0
