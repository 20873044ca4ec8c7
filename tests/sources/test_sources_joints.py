"""Joints of another process come in as frames, and its silences and losses are reported."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import numpy as np
import pytest
from patience import PATIENCE_S, ManualClock, wait_until

from hitrs_live.config import CameraConfig, PublishConfig
from hitrs_live.errors import SourceUnavailable
from hitrs_live.messages import (
    MAX_TIME_NS,
    Array,
    Frame,
    JointsEvent,
    Pose,
    PoseFrame,
    SourceChange,
    SourceClock,
    SourceEvent,
)
from hitrs_live.sources.base import SourceItem
from hitrs_live.sources.joints import JointsSource
from hitrs_live.sources.received_joints import MAX_WAITING
from hitrs_live.transport.publisher import Publisher
from hitrs_live.wire.codec import encode, joints_event

PATIENT = CameraConfig(stall_after_s=PATIENCE_S, lost_after_s=10 * PATIENCE_S, max_frame_age_s=PATIENCE_S)


def _joints(
    index: int, *, people: int = 1, source_id: str = "pose-1", capture_time_ns: int | None = None
) -> JointsEvent:
    rng = np.random.default_rng(index)
    poses = tuple(
        Pose(joints_m=rng.normal(0, 1, (25, 3)).astype(np.float32), confidence=rng.random(25, np.float32))
        for _ in range(people)
    )
    time_ns = time.monotonic_ns() if capture_time_ns is None else capture_time_ns
    return joints_event(PoseFrame(index=index, capture_time_ns=time_ns, received_ns=0, poses=poses), source_id)


def _publisher(session_id: str = "s", bind: str = "tcp://127.0.0.1:0") -> Publisher:
    return Publisher(PublishConfig(bind=bind), session_id)


@contextmanager
def _source(
    url: str, config: CameraConfig = PATIENT, *, sender: str = "", clock: Callable[[], int] = time.monotonic_ns
) -> Iterator[JointsSource]:
    source = JointsSource(url, config, sender=sender, clock=clock)
    source.open()
    try:
        yield source
    finally:
        source.close()
        source.close()


def _begin(source: JointsSource, publisher: Publisher) -> None:
    """Read for the first time, which subscribes, and wait until the publisher knows of it."""
    assert _states(list(source.read(0))) == ["connecting"]
    assert publisher.wait_for_subscriber(PATIENCE_S)


def _read_until(source: JointsSource, enough: Callable[[list[SourceItem]], bool]) -> list[SourceItem]:
    items: list[SourceItem] = []

    def came() -> bool:
        items.extend(source.read(0.1))
        return enough(items)

    wait_until(came, "what the test reads for")
    return items


def _frames(items: list[SourceItem]) -> list[PoseFrame]:
    return [item for item in items if isinstance(item, PoseFrame)]


def _states(items: list[SourceItem]) -> list[str]:
    return [item.state for item in items if isinstance(item, SourceChange)]


def test_frames_come_in_as_they_were_sent_empty_ones_too() -> None:
    with _publisher() as publisher, _source(publisher.address) as source:
        _begin(source, publisher)
        sent = [_joints(index, people=index % 3) for index in range(9)]
        for event in sent:
            publisher.publish(event)
        items = _read_until(source, lambda items: len(_frames(items)) == 9)
        assert _states(items) == ["up"]
        for frame, event in zip(_frames(items), sent, strict=True):
            assert (frame.index, frame.capture_time_ns) == (event.index, event.capture_time_ns)
            assert frame.received_ns >= frame.capture_time_ns
            joints_m = event.joints_m.numpy()
            assert [pose.joints_m.tobytes() for pose in frame.poses] == [row.tobytes() for row in joints_m]
        assert set(source.drops().values()) == {0}
        assert (source.has_pictures, source.live) == (False, True)


def test_what_a_sender_dates_keeps_its_date_and_so_do_the_changes_of_its_state() -> None:
    ahead_ns = 10**15
    config, clock = CameraConfig(stall_after_s=0.2, lost_after_s=600, max_frame_age_s=60), ManualClock(10**12)
    with _publisher() as publisher, _source(publisher.address, config, clock=clock) as source:
        (connecting,) = source.read(0)
        assert publisher.wait_for_subscriber(PATIENCE_S)
        event = _joints(0)
        publisher.publish(msgspec.structs.replace(event, utc_ns=event.capture_time_ns + ahead_ns))
        items = [connecting, *_read_until(source, lambda items: bool(_frames(items)))]
        clock.advance(0.2)
        items += source.read(0)
    assert _states(items)[-1] == "stalled"
    clocks = [item.clock for item in items if not isinstance(item, Frame)]
    assert clocks == [None, *[SourceClock(utc_offset_ns=ahead_ns)] * 3]


def test_of_a_sender_that_does_not_date_its_joints_nothing_is_known_of_utc() -> None:
    with _publisher() as publisher, _source(publisher.address) as source:
        _begin(source, publisher)
        publisher.publish(_joints(0))
        (frame,) = _frames(_read_until(source, lambda items: bool(_frames(items))))
    assert frame.clock == SourceClock(utc_offset_ns=None)


def test_a_sender_that_restarts_with_its_clock_keeps_its_own_dates() -> None:
    utc_ns = 10**18
    with _publisher("one") as first:
        address = first.address
        source = JointsSource(address, PATIENT)
        source.open()
        _begin(source, first)
        first.publish(msgspec.structs.replace(_joints(0, capture_time_ns=9_000), utc_ns=utc_ns))
        items = _read_until(source, lambda items: len(_frames(items)) == 1)
    with _publisher("two", address) as second:
        assert second.wait_for_subscriber(PATIENCE_S)
        second.publish(msgspec.structs.replace(_joints(1, capture_time_ns=5), utc_ns=utc_ns + 777))
        items += _read_until(source, lambda items: len(_frames(items)) == 1)
    source.close()
    before, after = _frames(items)
    assert after.capture_time_ns > before.capture_time_ns
    for frame, date_ns in ((before, utc_ns), (after, utc_ns + 777)):
        assert frame.clock is not None
        assert frame.clock.utc_offset_ns is not None
        assert frame.capture_time_ns + frame.clock.utc_offset_ns == date_ns


def test_silence_makes_the_source_stalled_then_lost_and_a_frame_brings_it_up() -> None:
    config, clock = CameraConfig(stall_after_s=1, lost_after_s=3, max_frame_age_s=60), ManualClock()
    with _publisher() as publisher, _source(publisher.address, config, clock=clock) as source:
        _begin(source, publisher)
        publisher.publish(_joints(0))
        _read_until(source, lambda items: bool(_frames(items)))
        clock.advance(1)
        assert _states(list(source.read(0))) == ["stalled"]
        clock.advance(2)
        assert _states(list(source.read(0))) == ["lost"]
        publisher.publish(_joints(1))
        assert _states(_read_until(source, lambda items: bool(_frames(items)))) == ["up"]


def test_a_sender_that_never_comes_is_lost() -> None:
    config, clock = CameraConfig(stall_after_s=1, lost_after_s=3), ManualClock()
    with _source("tcp://127.0.0.1:9", config, clock=clock) as source:
        assert _states(list(source.read(0))) == ["connecting"]
        clock.advance(3)
        assert _states(list(source.read(0))) == ["lost"]


@pytest.mark.slow
def test_a_sender_that_waits_for_a_subscriber_waits_until_the_source_is_read() -> None:
    with _publisher() as publisher, _source(publisher.address) as source:
        assert not publisher.wait_for_subscriber(0.2), "a pipeline that still loads its model reads nothing"
        _begin(source, publisher)
        publisher.publish(_joints(0))
        assert len(_frames(_read_until(source, lambda items: bool(_frames(items))))) == 1
        assert set(source.drops().values()) == {0}


def test_messages_that_never_arrived_are_counted_by_their_sequence_numbers() -> None:
    with _publisher() as publisher, _source(publisher.address) as source:
        _begin(source, publisher)
        publisher.publish(_joints(0))
        for _ in range(4):
            publisher._stamper.stamp(_joints(1))
        publisher.publish(_joints(5))
        _read_until(source, lambda items: len(_frames(items)) == 2)
        assert source.drops()["joints"] == 4


def test_malformed_joints_are_counted_and_never_returned() -> None:
    good = _joints(0)
    bad = [
        msgspec.structs.replace(good, joints_m=Array.of(np.zeros((1, 24, 3)))),
        msgspec.structs.replace(good, confidence=Array.of(np.full((1, 25), 2.0))),
        msgspec.structs.replace(good, confidence=Array.of(np.full((1, 25), np.nan))),
        msgspec.structs.replace(good, body_ids=(1, 2, 3)),
        msgspec.structs.replace(good, boxes=Array.of(np.array([[0, 0, 1, np.inf]]))),
        msgspec.structs.replace(good, keypoints=Array.of(np.full((1, 33, 3), np.inf))),
        msgspec.structs.replace(good, keypoints=Array.of(np.full((1, 33, 2), 0.5))),
    ]
    with _publisher() as publisher, _source(publisher.address) as source:
        _begin(source, publisher)
        for event in bad:
            publisher._socket.send_multipart(encode(event))
        publisher._socket.send_multipart([b"joints.pose-1", b"noise"])
        publisher._socket.send_multipart(
            [b"joints.pose-1", encode(SourceEvent(source_id="pose-1", capture_time_ns=0, state="up"))[1]]
        )
        publisher.publish(good)
        items = _read_until(source, lambda items: bool(_frames(items)))
        assert len(_frames(items)) == 1
        assert source.drops()["malformed"] == 9


def test_one_bad_joint_loses_no_message_and_is_counted() -> None:
    good = _joints(0, people=3)
    joints_m, confidence = good.joints_m.numpy().copy(), good.confidence.numpy().copy()
    joints_m[0, 3, 1], joints_m[0, 4, 0] = np.nan, 1e9
    confidence[1, 7] = 2.0
    # Padding of a sender with room for three: no person, and no fault.
    joints_m[2] = np.nan
    event = msgspec.structs.replace(good, joints_m=Array.of(joints_m), confidence=Array.of(confidence))
    with _publisher() as publisher, _source(publisher.address) as source:
        _begin(source, publisher)
        publisher.publish(event)
        (frame,) = _frames(_read_until(source, lambda items: bool(_frames(items))))
        assert len(frame.poses) == 3
        assert source.drops()["malformed"] == 0
        assert source.drops()["bad_joints"] == 3


def test_only_one_of_several_senders_is_taken() -> None:
    with (
        _publisher() as publisher,
        _source(publisher.address) as first,
        _source(publisher.address, sender="pose-2") as named,
    ):
        for source in (first, named):
            source.read(0)
        wait_until(lambda: publisher.has_subscriber() and publisher._subscriptions == 2, "two subscriptions")
        for index in range(4):
            publisher.publish(_joints(index, source_id=f"pose-{index % 2 + 1}"))
        publisher.publish(_joints(6, source_id="pose-22"))
        publisher.publish(_joints(7, source_id="pose-2"))
        publisher.publish(_joints(8, source_id="pose-1"))
        seen = _frames(_read_until(first, lambda items: len(_frames(items)) == 3))
        assert [frame.index for frame in seen] == [0, 2, 8]
        assert first.drops()["other_sender"] == 4
        seen = _frames(_read_until(named, lambda items: len(_frames(items)) == 3))
        assert [frame.index for frame in seen] == [1, 3, 7]
        assert named.drops()["other_sender"] == 1


def test_frames_that_waited_too_long_are_dropped_and_counted() -> None:
    config, clock = CameraConfig(stall_after_s=60, lost_after_s=600, max_frame_age_s=1), ManualClock()
    with _publisher() as publisher, _source(publisher.address, config, clock=clock) as source:
        _begin(source, publisher)
        for index in range(MAX_WAITING + 20):
            publisher.publish(_joints(index, people=0))
        # The change of state takes a place too.
        wait_until(lambda: source.drops()["stale"] == 21, "the oldest to make room for the newest")
        clock.advance(1.1)
        assert _frames(list(source.read(0))) == []
        assert source.drops()["stale"] == MAX_WAITING + 20


def test_a_sender_that_restarts_with_its_clock_at_zero_does_not_turn_time_back() -> None:
    first = _publisher("before")
    with _source(first.address) as source:
        _begin(source, first)
        first.publish(_joints(0, capture_time_ns=8_000_000_000))
        first.publish(_joints(1, capture_time_ns=9_000_000_000))
        _read_until(source, lambda items: len(_frames(items)) == 2)
        first.close()
        with _publisher("after", first.address) as second:
            assert second.wait_for_subscriber(PATIENCE_S)
            second.publish(_joints(0, capture_time_ns=0))
            second.publish(_joints(1, capture_time_ns=1_000_000_000))
            one, two = _frames(_read_until(source, lambda items: len(_frames(items)) == 2))
    assert one.capture_time_ns > 9_000_000_000
    assert two.capture_time_ns - one.capture_time_ns == 1_000_000_000
    assert source.drops()["joints"] == 0


def test_times_stay_in_range_whatever_times_a_sender_claims_and_however_often_it_restarts() -> None:
    claims = [("a", 2**63 - 1), ("a", MAX_TIME_NS), ("b", -MAX_TIME_NS), ("b", MAX_TIME_NS), ("c", 7), ("c", 2**62)]
    with _publisher() as publisher, _source(publisher.address) as source:
        _begin(source, publisher)
        for index, (session_id, time_ns) in enumerate(claims):
            event = _joints(index, capture_time_ns=time_ns)
            publisher._socket.send_multipart(encode(msgspec.structs.replace(event, session_id=session_id)))
        frames = _frames(_read_until(source, lambda items: len(_frames(items)) == 4))
        wait_until(lambda: source.drops()["malformed"] == 2, "the two whose times no message may carry")
    assert [frame.index for frame in frames] == [1, 2, 3, 4]
    assert all(abs(frame.capture_time_ns) <= MAX_TIME_NS for frame in frames)


def test_changes_of_state_are_dated_by_the_senders_clock() -> None:
    config, clock = CameraConfig(stall_after_s=0.1, lost_after_s=60, max_frame_age_s=60), ManualClock(10**12)
    with _publisher() as publisher, _source(publisher.address, config, clock=clock) as source:
        _begin(source, publisher)
        publisher.publish(_joints(0, capture_time_ns=7_000))
        items = _read_until(source, lambda items: bool(_frames(items)))
        clock.advance(0.1)
        items += source.read(0)
    assert [(i.state, i.time_ns) for i in items if isinstance(i, SourceChange)] == [
        ("up", 7_000),
        ("stalled", 100_007_000),
    ]


def test_a_malformed_address_is_reported_in_one_line() -> None:
    with pytest.raises(SourceUnavailable, match="give another --joints URL") as raised:
        JointsSource("5556", CameraConfig()).open()
    assert "\n" not in str(raised.value)


def test_reading_before_open_is_the_callers_mistake_and_after_close_gives_nothing() -> None:
    source = JointsSource("tcp://127.0.0.1:9", CameraConfig())
    with pytest.raises(ValueError, match="call open"):
        source.read(0)
    source.open()
    source.close()
    assert source.read(PATIENCE_S) == ()
