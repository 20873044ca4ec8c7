"""A reliable subscription returns each event once and in order, or reports exactly what is lost."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from patience import PATIENCE_S, wait_until
from transport_messages import a_motion, a_status, an_action, bound_publisher

from hitrs_live.config import PublishConfig
from hitrs_live.errors import AddressUnavailable, TransportError
from hitrs_live.messages import ActionEvent, AnyMessage, LoggedMessage, SourceEvent, SourceState, Status
from hitrs_live.transport.event_log import EventLog
from hitrs_live.transport.log_follower import Delivered, LogFollower
from hitrs_live.transport.multi_sink import MultiSink
from hitrs_live.transport.recorder import Recorder
from hitrs_live.transport.recoverable import RecoverablePublisher
from hitrs_live.transport.recovery_replies import RecoveryReplies
from hitrs_live.transport.reliable import reachable
from hitrs_live.transport.sink import Stamper
from hitrs_live.transport.subscriber import Subscription, subscribe
from hitrs_live.wire.codec import encode
from hitrs_live.wire.recovery import LogPosition, RecoveryReply
from hitrs_live.wire.sequence_numbers import Gap, LogGap


@contextmanager
def publishing(
    session_id: str = "s", *, bind: str = "tcp://127.0.0.1:*", recordings: Path | None = None, **fields: object
) -> Iterator[RecoverablePublisher]:
    """Open a publisher with an address for recovery."""
    config = PublishConfig(bind=bind, **fields)  # type: ignore[arg-type]
    with RecoverablePublisher(config, session_id, recordings=recordings) as publisher:
        yield publisher


def read_events(
    subscription: Subscription[AnyMessage], publisher: RecoverablePublisher, count: int
) -> list[LoggedMessage]:
    """Read so many events, while the publisher goes on with its statuses."""
    events: list[LoggedMessage] = []

    def complete() -> bool:
        publisher.publish(a_status())
        events.extend(each for each in subscription.read(0.05) if isinstance(each, LoggedMessage))
        return len(events) >= count

    wait_until(complete, f"{count} events")
    return events


def numbers(events: list[LoggedMessage]) -> list[int | None]:
    return [event.log_seq for event in events]


def a_state(state: SourceState, source_id: str = "cam") -> SourceEvent:
    return SourceEvent(source_id=source_id, capture_time_ns=1, state=state)


def test_it_begins_with_the_current_state_and_continues_with_every_event() -> None:
    with publishing() as publisher, subscribe(publisher.address, reliable=True) as subscription:
        for event in (
            a_state("up"),
            an_action(1),
            an_action(2),
            an_action(2, state="end"),
            an_action(1, state="update"),
        ):
            publisher.publish(event)
        state = read_events(subscription, publisher, 2)
        assert [(event.topic, event.log_seq) for event in state] == [("source.cam", 0), ("action.cam.1", 4)]
        assert subscription.position == "s:4"
        for _ in range(3):
            publisher.publish(an_action(3))
        assert numbers(read_events(subscription, publisher, 3)) == [5, 6, 7]
        assert (subscription.position, subscription.missed) == ("s:7", 0)


def test_it_continues_after_a_position_though_nothing_more_is_published() -> None:
    with publishing() as publisher:
        for _ in range(700):
            publisher.publish(an_action(state="update"))
        # Without a status: the address is given, as behind a forwarded port.
        with subscribe(
            publisher.address, timeout_s=PATIENCE_S, reliable=True, after="s:99", recovery=publisher.recovery_address
        ) as subscription:
            events = [next(subscription) for _ in range(600)]
            assert (subscription.position, subscription.missed) == ("s:699", 0)
    assert [event.log_seq for event in events if isinstance(event, ActionEvent)] == list(range(100, 700))


def test_other_messages_are_returned_as_they_come_and_topics_select_without_a_false_loss() -> None:
    gaps: list[Gap] = []
    with (
        publishing() as publisher,
        subscribe(publisher.address, ("action.cam.2", "motion"), on_gap=gaps.append, reliable=True) as subscription,
    ):
        received: list[AnyMessage] = []

        def complete() -> bool:
            publisher.publish(a_status())
            for message in (an_action(1), an_action(2), a_motion(), an_action(20)):
                publisher.publish(message)
            received.extend(subscription.read(0.05))
            return sum(isinstance(each, ActionEvent) for each in received) > 5

        wait_until(complete, "actions")
        found = [each.log_seq for each in received if isinstance(each, ActionEvent)]
        assert {each.topic for each in received} == {"action.cam.2", "motion.cam.1"}
        assert found == list(range(found[0] or 0, (found[-1] or 0) + 1, 3))
    assert gaps == []


def test_what_neither_the_log_nor_a_recording_has_is_reported_with_its_numbers() -> None:
    gaps: list[Gap] = []
    with publishing(recovery_events=40) as publisher:
        # Before anyone subscribes: a fast subscriber would receive what this test is to lose.
        for _ in range(100):
            publisher.publish(an_action(state="update"))
        with subscribe(publisher.address, on_gap=gaps.append, reliable=True, after="s:9") as subscription:
            assert numbers(read_events(subscription, publisher, 40)) == list(range(60, 100))
            assert subscription.missed == 50
    assert [str(gap) for gap in gaps] == ["lost 50 events of session s: numbers 10 to 59"]


def test_events_that_the_log_has_no_more_come_from_the_recordings_of_all_sources(tmp_path: Path) -> None:
    gaps: list[Gap] = []
    with publishing(recordings=tmp_path, recovery_events=10) as publisher:
        recorders = {
            name: Recorder(tmp_path / f"run-{name}.mcap", session_id="s", source_id=name) for name in ("hall", "door")
        }
        for number in range(600):
            name = ("hall", "door", "door")[number % 3]
            recorders[name].publish(publisher.publish(a_state("up", name)))
            recorders[name].publish(publisher.publish(a_motion()))
            if number % 100 == 99:
                for recorder in recorders.values():
                    recorder._flush(time.monotonic_ns())
        # A recording that was begun, and one that is none.
        (tmp_path / "empty.mcap").touch()
        (tmp_path / "other.mcap").write_bytes(b"\x89MCAP0\r\n" + bytes(100))
        with subscribe(publisher.address, "source", on_gap=gaps.append, reliable=True, after="s:49") as subscription:
            events = read_events(subscription, publisher, 550)
        for recorder in recorders.values():
            recorder.close()
    assert numbers(events) == list(range(50, 600))
    assert gaps == []


@pytest.mark.parametrize("closed", [True, False])
def test_after_a_restart_the_rest_of_the_recorded_session_comes_before_the_new_one(
    tmp_path: Path, closed: bool
) -> None:
    gaps: list[Gap] = []
    with publishing("first", recordings=tmp_path) as publisher:
        recorder = Recorder(tmp_path / "first.mcap", session_id="first", source_id="cam")
        sink = MultiSink(publisher, [recorder])
        for _ in range(30):
            sink.publish(an_action(state="update"))
        recorder._flush(time.monotonic_ns())
        if closed:
            recorder.close()
    with publishing("second", recordings=tmp_path) as publisher:
        for _ in range(5):
            publisher.publish(an_action(state="update"))
        with subscribe(publisher.address, on_gap=gaps.append, reliable=True, after="first:9") as subscription:
            events = read_events(subscription, publisher, 25)
            assert (subscription.position, subscription.restarts) == ("second:4", 1)
    recorder.close()
    assert [(event.session_id, event.log_seq) for event in events] == [
        *(("first", number) for number in range(10, 30)),
        *(("second", number) for number in range(5)),
    ]
    # A recording that was not closed may lack the last second.
    assert [(gap.expected_seq, gap.open_ended) for gap in gaps if isinstance(gap, LogGap)] == (
        [] if closed else [(30, True)]
    )


def test_a_session_whose_sources_have_all_ended_is_not_reported_as_a_possible_loss() -> None:
    gaps: list[Gap] = []
    with publishing("first") as publisher:
        address = publisher.address
        subscription = subscribe(address, on_gap=gaps.append, reliable=True)
        publisher.publish(a_state("up"))
        read_events(subscription, publisher, 1)
        publisher.publish(a_state("ended"))
        read_events(subscription, publisher, 1)
    with subscription, publishing("second", bind=address) as publisher:
        publisher.publish(a_state("up"))
        assert [event.session_id for event in read_events(subscription, publisher, 1)] == ["second"]
        assert (subscription.restarts, gaps) == (1, [])


def test_a_position_beyond_the_log_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with publishing() as publisher, subscribe(publisher.address, reliable=True, after="s:7") as subscription:
        publisher.publish(an_action())
        with caplog.at_level(logging.WARNING, "hitrs_live"):
            wait_until(
                lambda: (publisher.publish(a_status()), subscription.read(0.05), caplog.messages)[2], "a warning"
            )
        for _ in range(9):
            publisher.publish(an_action())
        assert numbers(read_events(subscription, publisher, 2)) == [8, 9]
    assert caplog.messages[0].startswith("position s:7 is beyond the newest event of the publisher at tcp://")


def test_an_event_that_overtakes_a_reply_does_not_make_the_position_look_beyond_the_log() -> None:
    follower = LogFollower(LogPosition(session_id="s", log_seq=4))
    request = follower.request()
    (fifth,) = follower.arrived(msgspec.structs.replace(an_action(), session_id="s", log_seq=5))
    assert isinstance(fifth, Delivered)
    reply = RecoveryReply(number=request.number, session_id="s", head=5, of_session="s", until=5)
    assert list(follower.replied(reply)) == []
    assert not follower.is_ahead
    assert follower.position == fifth.position


def test_a_publisher_without_recovery_is_an_error_of_one_line() -> None:
    with bound_publisher() as publisher, subscribe(publisher.address, "action", reliable=True) as subscription:
        assert publisher.wait_for_subscriber(PATIENCE_S)
        with pytest.raises(TransportError, match=r"has no address for recovery; start it with .* or subscribe without"):
            wait_until(lambda: (publisher.publish(a_status()), subscription.read(0.05))[1], "an error")


@pytest.mark.parametrize("after", ["", "s", "s:", ":4", "s:-2", "s:4.5", "s:9223372036854775807", "s" * 200 + ":1"])
def test_a_malformed_position_is_an_error_of_one_line(after: str) -> None:
    with pytest.raises(ValueError, match="expected SESSION:NUMBER"):
        subscribe(reliable=True, after=after)


def test_a_position_without_reliable_and_a_malformed_address_are_errors() -> None:
    with pytest.raises(ValueError, match="give reliable=True"):
        subscribe(after="s:4")
    with pytest.raises(AddressUnavailable, match="malformed"):
        subscribe(reliable=True, recovery="here")


def test_the_announced_address_is_reached_by_the_publishers_host_unless_it_names_another() -> None:
    for announced, url, expected in (
        ("tcp://0.0.0.0:7", "tcp://hall:5556", "tcp://hall:7"),
        ("tcp://127.0.0.1:7", "tcp://localhost:5556", "tcp://localhost:7"),
        ("tcp://[::]:7", "tcp://[fe80::1]:5556", "tcp://[fe80::1]:7"),
        ("tcp://192.0.2.7:7", "tcp://hall:5556", "tcp://192.0.2.7:7"),
        ("ipc:///run/x.recovery", "ipc:///run/x", "ipc:///run/x.recovery"),
    ):
        assert reachable(announced, url) == expected


def test_both_addresses_may_be_files(tmp_path: Path) -> None:
    with publishing(bind=f"ipc://{tmp_path}/events") as publisher:
        publisher.publish(an_action())
        with subscribe(f"ipc://{tmp_path}/events", reliable=True) as subscription:
            assert numbers(read_events(subscription, publisher, 1)) == [0]


def test_every_status_names_the_address_and_counts_refused_requests() -> None:
    with publishing() as publisher:
        status = publisher.publish(a_status())
        assert isinstance(status, Status)
        assert status.recovery == publisher.recovery_address
        assert publisher.drops() == {"publish": 0, "peers": 0, "denied": 0, "recovery": 0}


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_is_lost_on_the_way_each_event_is_delivered_once_and_in_order(data: st.DataObject) -> None:
    """Publications are lost at random, and the publisher restarts when its source has ended."""
    follower, delivered, gaps = LogFollower(LogPosition(session_id="0", log_seq=-1)), [], []
    expected: list[tuple[str, int | None]] = []

    def take(items: Iterator[Delivered | LogGap]) -> None:
        for item in items:
            if isinstance(item, Delivered):
                delivered.append((item.event.session_id, item.event.log_seq))
                assert str(item.position) == f"{item.event.session_id}:{item.event.log_seq}"
            else:
                gaps.append(item)

    def ask(replies: RecoveryReplies) -> None:
        take(follower.replied(replies.reply(follower.request())))

    for session in map(str, range(data.draw(st.integers(1, 3)))):
        log, stamper = EventLog(100), Stamper(session)
        replies = RecoveryReplies(log, session, None)
        for last in [False] * data.draw(st.integers(1, 12)) + [True]:
            event = stamper.stamp(a_state("ended" if last else "up"))
            log.append(event, encode(event))
            expected.append((session, event.log_seq))
            if last or data.draw(st.booleans()):
                follower.saw_session(session)
                take(follower.arrived(event))
            if last or (follower.behind and data.draw(st.booleans())):
                ask(replies)
        while follower.behind:
            ask(replies)
    assert (delivered, gaps) == (expected, [])
