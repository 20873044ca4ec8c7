"""Joints at the model's rate, whatever the camera's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hitrs_live.config import TrackConfig
from hitrs_live.messages import JointFrame, People
from hitrs_live.streaming.resampler import Resampler

ROWS = 2


def people(time_ns: int, joints: NDArray[np.float32], *, ids: tuple[int, ...] = (1, -1)) -> People:
    track_ids = np.array(ids)
    return People(
        capture_time_ns=time_ns,
        track_ids=track_ids,
        present=track_ids >= 0,
        joints_m=np.broadcast_to(joints, (ROWS, 25, 3)).astype(np.float32),
        confidence=np.ones((ROWS, 25), np.float32),
    )


def at(time_ns: int) -> NDArray[np.float32]:
    """A body that moves steadily: its position is the time, in seconds."""
    return np.full((25, 3), time_ns / 1e9, np.float32)


def resampler() -> Resampler:
    return Resampler(TrackConfig(), rows=ROWS, rate_hz=30.0)


def feed(stage: Resampler, times_ns: list[int], **kwargs: tuple[int, ...]) -> list[JointFrame]:
    return [joint_frame for time_ns in times_ns for joint_frame in stage.step(people(time_ns, at(time_ns), **kwargs))]


@pytest.mark.parametrize("rate_hz", [10, 15, 24, 25, 30, 60])
def test_any_camera_rate_gives_the_same_joints_at_the_same_instants(rate_hz: int) -> None:
    start_ns = 5_000_000_000
    times_ns = [start_ns + round(frame * 1e9 / rate_hz) for frame in range(3 * rate_hz + 1)]
    joint_frames = [joint_frame for joint_frame in feed(resampler(), times_ns) if joint_frame.active[0]]
    assert [int(joint_frame.time_ns[0]) for joint_frame in joint_frames] == [
        start_ns + round(k * 1e9 / 30) for k in range(len(joint_frames))
    ]
    assert len(joint_frames) == 91
    for joint_frame in joint_frames:
        np.testing.assert_allclose(joint_frame.joints_m[0], joint_frame.time_ns[0] / 1e9, atol=1e-5)


def test_only_the_first_tick_of_a_person_says_reset() -> None:
    joint_frames = feed(resampler(), [round(k * 1e9 / 30) for k in range(10)])
    assert [bool(joint_frame.reset[0]) for joint_frame in joint_frames] == [True] + [False] * 9
    assert not any(joint_frame.active[1] or joint_frame.reset[1] for joint_frame in joint_frames)


def test_a_gap_up_to_the_limit_is_interpolated() -> None:
    joint_frames = feed(resampler(), [0, 33_333_333, 333_333_333])
    assert sum(int(joint_frame.active[0]) for joint_frame in joint_frames) == 11
    assert sum(int(joint_frame.reset[0]) for joint_frame in joint_frames) == 1


def test_a_longer_gap_begins_a_new_history_and_makes_nothing_up() -> None:
    joint_frames = feed(resampler(), [0, 33_333_333, 433_333_333, 466_666_667])
    assert [bool(joint_frame.reset[0]) for joint_frame in joint_frames] == [True, False, True, False]
    assert sum(int(joint_frame.active[0]) for joint_frame in joint_frames) == 4


def test_a_gap_of_one_person_is_reported_as_soon_as_others_show_that_time_passed() -> None:
    stage = resampler()
    both = {"ids": (1, 2)}
    feed(stage, [0, 33_333_333], **both)
    resets = []
    for frame in range(2, 14):
        time_ns = round(frame * 1e9 / 30)
        crowd = people(time_ns, at(time_ns), **both)
        hidden = People(
            capture_time_ns=crowd.capture_time_ns,
            track_ids=crowd.track_ids,
            present=np.array([False, True]),
            joints_m=crowd.joints_m,
            confidence=crowd.confidence,
        )
        resets += [(frame, joint_frame) for joint_frame in stage.step(hidden) if joint_frame.reset[0]]
    assert [frame for frame, _ in resets] == [11], "0.3 s after frame 1, once"
    assert not resets[0][1].reset[1]


def test_another_person_in_the_row_begins_a_new_history() -> None:
    stage = resampler()
    feed(stage, [0, 33_333_333])
    joint_frames = feed(stage, [66_666_667], ids=(7, -1))
    assert [bool(joint_frame.reset[0]) for joint_frame in joint_frames] == [True]
    assert joint_frames[0].track_ids[0] == 7


def test_a_lost_person_is_reported_by_a_reset_without_a_step() -> None:
    stage = resampler()
    feed(stage, [0, 33_333_333])
    joint_frames = feed(stage, [66_666_667], ids=(-1, -1))
    assert len(joint_frames) == 1
    assert joint_frames[0].reset[0]
    assert not joint_frames[0].active.any()


def test_repeated_and_backward_stamps_are_clamped_and_counted() -> None:
    stage = resampler()
    joint_frames = feed(stage, [0, 33_333_333, 33_333_333, 20_000_000, 66_666_667])
    assert stage.clock_faults == 2
    times = [int(joint_frame.time_ns[0]) for joint_frame in joint_frames]
    assert times == sorted(set(times))
    assert len(joint_frames) == 3


def test_a_clock_that_was_set_back_begins_a_new_history_instead_of_waiting_for_its_return() -> None:
    stage = resampler()
    feed(stage, [90_000_000_000, 90_033_333_333])
    joint_frames = feed(stage, [0, 33_333_333])
    assert stage.clock_faults == 1
    assert joint_frames[0].reset[0]
    assert [int(joint_frame.time_ns[0]) for joint_frame in joint_frames] == [0, 33_333_333]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(1_000_000, 250_000_000), min_size=2, max_size=40))
def test_whatever_the_rhythm_ticks_are_even_and_on_the_line(steps_ns: list[int]) -> None:
    times_ns = np.cumsum(steps_ns).tolist()
    joint_frames = [joint_frame for joint_frame in feed(resampler(), times_ns) if joint_frame.active[0]]
    gaps = np.diff([joint_frame.time_ns[0] for joint_frame in joint_frames])
    assert (np.abs(gaps - 1e9 / 30) <= 1).all()
    for joint_frame in joint_frames:
        # Within the tolerance by which a frame may stand for the instant just after it.
        np.testing.assert_allclose(joint_frame.joints_m[0], joint_frame.time_ns[0] / 1e9, atol=0.0055)
