"""Joints that lie about time, number or place neither stop a pipeline nor pass for new ones; all are counted."""

import time

import msgspec
import numpy as np
import pytest
from patience import PATIENCE_S, ManualClock, wait_until

from hitrs_live.config import CameraConfig, PoseConfig, PublishConfig, TrackConfig
from hitrs_live.errors import MessageMalformed
from hitrs_live.joint_checks import MOST_PEOPLE, nearest_people
from hitrs_live.messages import MAX_TIME_NS, Array, JointsEvent, PoseFrame
from hitrs_live.sources.joints import JointsSource
from hitrs_live.sources.received_joints import MAX_WAITING
from hitrs_live.sources.stream_delay import StreamDelay
from hitrs_live.streaming.joint_tracker import JointTracker
from hitrs_live.streaming.resampler import Resampler
from hitrs_live.transport.publisher import Publisher
from hitrs_live.wire.codec import LONGEST_NAME, MOST_KEYPOINTS, decode, encode, pose_frame
from hitrs_live.wire.sequence_numbers import SessionOrder

_BODY = np.linspace(-0.8, 0.8, 75, dtype=np.float32).reshape(25, 3)
_PATIENT = CameraConfig(stall_after_s=PATIENCE_S, lost_after_s=10 * PATIENCE_S, max_frame_age_s=PATIENCE_S)


def _event(
    index: int = 0, *, people: int = 1, far_m: float = 3.0, session_id: str = "s", time_ns: int | None = None
) -> JointsEvent:
    places = np.zeros((people, 1, 3), np.float32)
    places[:, 0, 2] = far_m + np.arange(people) / 100
    return JointsEvent(
        source_id="cam", session_id=session_id, seq=index, index=index,
        capture_time_ns=time.monotonic_ns() if time_ns is None else time_ns,
        joints_m=Array.of(_BODY + places), confidence=Array.of(np.ones((people, 25), np.float32)),
    )  # fmt: skip


class _Link:
    """A joints source, and a publisher that sends it messages as they are."""

    def __init__(self, config: CameraConfig = _PATIENT, clock: ManualClock | None = None) -> None:
        self.publisher = Publisher(PublishConfig(bind="tcp://127.0.0.1:0"), "s")
        self.source = JointsSource(self.publisher.address, config, clock=clock or time.monotonic_ns)
        self.source.open()
        self.source.read(0)
        assert self.publisher.wait_for_subscriber(PATIENCE_S)

    def send(self, *events: JointsEvent) -> None:
        for event in events:
            self.publisher._socket.send_multipart(encode(event))

    def read(self, count: int) -> list[PoseFrame]:
        frames: list[PoseFrame] = []

        def enough() -> bool:
            frames.extend(item for item in self.source.read(0.1) if isinstance(item, PoseFrame))
            return len(frames) >= count

        wait_until(enough, f"{count} frames")
        return frames

    def __enter__(self) -> "_Link":
        return self

    def __exit__(self, *_: object) -> None:
        self.source.close()
        self.publisher.close()


@pytest.mark.slow
def test_of_a_crowd_the_nearest_are_looked_at_and_the_others_counted() -> None:
    tracker = JointTracker(PoseConfig(refine=False), TrackConfig())
    with _Link() as link:
        link.send(_event(people=5000))
        (frame,) = link.read(1)
        # Of 5,000 it would not end within minutes.
        tracker.step(frame)
        assert link.source.drops()["people"] == 5000 - MOST_PEOPLE
    assert [pose.joints_m.tobytes() for pose in frame.poses] == [
        row.tobytes() for row in _event(people=5000).joints_m.numpy()[:MOST_PEOPLE]
    ]


def test_a_crowd_is_chosen_by_body_then_confidence_then_distance() -> None:
    joints_m = _BODY + np.array([5, 1, 4, 3, 2], np.float32)[:, None, None] * np.array([0, 0, 1], np.float32)
    confidence = np.ones((5, 25), np.float32)
    joints_m[1] = 0.0  # Padding, nearest of all.
    confidence[4] = 0.1
    assert nearest_people(joints_m, confidence, 2).tolist() == [2, 3]
    assert nearest_people(joints_m, confidence, 4).tolist() == [0, 2, 3, 4]


@pytest.mark.parametrize("value", [1e38, -3.4e38, np.inf, np.nan])
def test_positions_that_cannot_be_are_no_person(value: float) -> None:
    tracker, resampler = (
        JointTracker(PoseConfig(refine=False), TrackConfig()),
        Resampler(TrackConfig(), rows=2, rate_hz=30),
    )
    bad = msgspec.structs.replace(_event(1), joints_m=Array.of(np.full((1, 25, 3), value, np.float32)))
    with _Link() as link:
        link.send(_event(0), bad, _event(2))
        frames = link.read(3)
        people = [tracker.step(frame) for frame in frames]
        for each in people:
            assert np.isfinite(each.joints_m).all()
            resampler.step(each)
        # Not a number is how senders write that there is no person.
        assert link.source.drops()["bad_joints"] == (0 if np.isnan(value) else 25)


@pytest.mark.slow
def test_absurd_capture_times_pass_the_stages_and_those_after_them_too() -> None:
    tracker, resampler = (
        JointTracker(PoseConfig(refine=False), TrackConfig()),
        Resampler(TrackConfig(), rows=2, rate_hz=30),
    )
    times_ns = [10**9, MAX_TIME_NS, *(2 * 10**9 + n * 33_000_000 for n in range(40))]
    with _Link(CameraConfig(max_frame_age_s=1.0, stall_after_s=60, lost_after_s=600)) as link:
        came = []
        for index, time_ns in enumerate(times_ns):
            link.send(_event(index, time_ns=time_ns))
            came += [item for item in link.source.read(0.2) if isinstance(item, PoseFrame)]
        for frame in came:
            resampler.step(tracker.step(frame))
    assert came[-1].capture_time_ns == times_ns[-1], "one absurd time must not make all later frames late"


def test_messages_of_a_session_that_are_played_again_are_refused_and_counted() -> None:
    with _Link() as link:
        sent = [_event(index) for index in range(5)]
        link.send(*sent, *sent, _event(5))
        assert [frame.index for frame in link.read(6)] == [0, 1, 2, 3, 4, 5]
        assert (link.source.drops()["replayed"], link.source.drops()["joints"]) == (5, 0)


def test_of_two_senders_of_one_name_the_newer_session_is_read_until_it_is_silent() -> None:
    order = SessionOrder(silence_ns=10)
    accepted = [order.accept(_event(n, session_id=name), now) for n, name, now in (
        (0, "a", 0), (1, "a", 1), (0, "b", 2), (2, "a", 3), (1, "b", 4), (3, "a", 13), (1, "a", 30), (4, "a", 31),
    )]  # fmt: skip
    assert accepted == [True, True, True, False, True, False, False, True]
    assert order.refused == 3


def test_sessions_without_end_fill_no_memory() -> None:
    order = SessionOrder(silence_ns=10)
    for number in range(1000):
        assert order.accept(_event(session_id=str(number)), number)
    assert len(order._last_seq) == SessionOrder.MOST_SESSIONS


def test_frames_that_waited_in_a_buffer_on_their_way_are_dropped_by_the_times_of_their_sender() -> None:
    """The receiver stands still while the sender sends on: what it then finds is old, although it has just come."""
    clock = ManualClock(10**12)
    config = CameraConfig(stall_after_s=600, lost_after_s=6000, max_frame_age_s=0.5)
    with _Link(config, clock) as link:
        link.send(_event(0, time_ns=5_000_000_000))
        link.read(1)
        # Two seconds pass on both sides before the next arrives.
        clock.advance(2)
        late = [_event(1 + n, time_ns=5_000_000_000 + n * 33_000_000) for n in range(30)]
        link.send(*late, _event(31, time_ns=7_000_000_000))
        (fresh,) = link.read(1)
    assert fresh.index == 31
    assert link.source.drops()["stale"] == 30


def test_the_usual_way_of_messages_follows_a_clock_that_was_set() -> None:
    delay, second = StreamDelay(late_ns=500), 1_000_000_000
    assert [delay.observe(n * second, n * second + 40, awaited=True) for n in range(3)] == [0, 0, 0]
    assert delay.observe(3 * second, 3 * second + 940, awaited=False) == 900
    # The sender's clock goes back by an hour: one message is late, then that is the usual.
    hour = 3600 * second
    assert delay.observe(4 * second - hour, 4 * second + 40, awaited=True) == hour
    assert delay.observe(5 * second - hour, 5 * second + 40, awaited=True) == 0


@pytest.mark.slow
def test_a_flood_is_read_from_its_newest_messages() -> None:
    with _Link() as link:
        for index in range(3000):
            link.send(_event(index, people=0))
        wait_until(lambda: link.source.drops()["stale"] >= 3000 - MAX_WAITING, "all to arrive")
        assert link.read(1)[0].index >= 3000 - MAX_WAITING
        drops = link.source.drops()
        assert drops["joints"] + drops["stale"] <= 3000


@pytest.mark.parametrize(
    "change", [{"session_id": "x" * (LONGEST_NAME + 1)}, {"source_id": "x" * LONGEST_NAME}, {"seq": -1}]
)
def test_names_and_numbers_out_of_range_are_malformed(change: dict[str, object]) -> None:
    with pytest.raises(MessageMalformed):
        decode(encode(msgspec.structs.replace(_event(), **change)))


def test_more_keypoints_than_any_layout_has_are_malformed() -> None:
    keypoints = Array.of(np.zeros((1, MOST_KEYPOINTS + 1, 3), np.float32))
    with pytest.raises(MessageMalformed, match="keypoints"):
        pose_frame(msgspec.structs.replace(_event(), keypoints=keypoints), 0)
