"""A measured pose is extrapolated to the time at which it is published."""

import numpy as np
import pytest
from numpy.typing import NDArray

from hitrs_live.messages import ExtrapolatedPoses, JointFrame, People, Prediction
from hitrs_live.streaming.compensator import LatencyCompensator
from hitrs_live.streaming.pose_events import pose_events

RATE_HZ, HORIZON = 30.0, 30
MADE_NS = 5_000_000_000


def at(ms: float) -> int:
    return MADE_NS + round(ms * 1e6)


def spots(*x_m: float) -> NDArray[np.float32]:
    """Bodies that are one spot each, so far to the side."""
    return np.array([[[x, 0, 3]] * 25 for x in x_m], np.float32)


def people(ms: float, *x_m: float, ids: tuple[int, ...] = (1, 2), present: tuple[bool, ...] = (True, True)) -> People:
    return People(
        capture_time_ns=at(ms), track_ids=np.array(ids), present=np.array(present),
        joints_m=spots(*x_m), confidence=np.ones((len(x_m), 25), np.float32),
    )  # fmt: skip


def prediction(*speeds_m_s: float, has_output: tuple[bool, ...] = (True, True)) -> Prediction:
    """Made at MADE_NS of bodies at 0 that are going to move at these speeds, accelerating from frame 15 on."""
    seconds = np.arange(1, HORIZON + 1, dtype=np.float32) / np.float32(RATE_HZ)
    way = np.where(seconds <= 0.5, seconds, 0.5 + 3 * (seconds - 0.5))
    joint_frame = JointFrame(
        time_ns=np.full(2, MADE_NS), track_ids=np.array([1, 2]), active=np.array([True, True]),
        reset=np.zeros(2, bool), joints_m=spots(0, 0), confidence=np.ones((2, 25), np.float32),
    )  # fmt: skip
    ahead_m = np.stack([np.concatenate([spots(x) for x in speed * way]) for speed in speeds_m_s])
    return Prediction(
        joint_frame=joint_frame, has_output=np.array(has_output), logits=np.zeros((2, 1), np.float32),
        future_joints_m=ahead_m, scales_m=np.zeros(ahead_m.shape[:3], np.float32),
    )  # fmt: skip


def after(*predictions: Prediction) -> LatencyCompensator:
    compensator = LatencyCompensator(rows=2, rate_hz=RATE_HZ, horizon=HORIZON)
    for made in predictions:
        compensator.step(made)
    return compensator


def x_of(extrapolated: ExtrapolatedPoses) -> list[float]:
    return extrapolated.joints_m[:, 7, 0].tolist()


def test_a_pose_is_moved_by_what_was_predicted_between_its_capture_and_now() -> None:
    # Measured 100 ms after the prediction was made, and not where it had them: only the way from there on counts.
    extrapolated = after(prediction(1.0, -2.0)).extrapolate(people(100, 0.5, 0.7), at(180))
    assert x_of(extrapolated) == pytest.approx([0.5 + 0.08, 0.7 - 0.16], abs=1e-5)
    assert extrapolated.ahead_ms == pytest.approx([80, 80], abs=1e-3)
    assert extrapolated.prediction_age_ms == pytest.approx([100, 100], abs=1e-3)


def test_between_the_last_measured_pose_and_the_first_predicted_frame_it_is_a_straight_line() -> None:
    compensator = after(prediction(1.0, 1.0))
    for ms in (0.0, 10.0, 20.0, 1000 / 30):
        assert x_of(compensator.extrapolate(people(0, 0, 0), at(ms))) == pytest.approx([ms / 1000] * 2, abs=1e-6)


def test_the_whole_path_is_followed_round_its_corners() -> None:
    extrapolated = after(prediction(1.0, 1.0)).extrapolate(people(400, 0, 0), at(600))
    assert x_of(extrapolated)[0] == pytest.approx(0.1 + 3 * 0.1, abs=1e-5)


def test_past_the_end_of_the_prediction_it_rests_and_says_how_far_it_came() -> None:
    extrapolated = after(prediction(1.0, 1.0)).extrapolate(people(900, 0, 0), at(1500))
    assert x_of(extrapolated)[0] == pytest.approx(3 * 0.1, abs=1e-5)
    assert extrapolated.ahead_ms[0] == pytest.approx(100, abs=1e-3)


def test_a_moment_before_the_capture_moves_nothing() -> None:
    extrapolated = after(prediction(1.0, 1.0)).extrapolate(people(200, 0.5, 0.5), at(100))
    assert x_of(extrapolated) == [0.5, 0.5]
    assert extrapolated.ahead_ms.tolist() == [0, 0]


def test_only_people_who_are_there_and_were_predicted_are_known() -> None:
    compensator = after(prediction(1.0, 1.0, has_output=(True, False)))
    assert compensator.extrapolate(people(10, 0, 0), at(50)).known.tolist() == [True, False]
    assert not compensator.extrapolate(people(10, 0, 0, present=(False, True)), at(50)).known.any()
    assert not compensator.extrapolate(people(10, 0, 0, ids=(7, 2)), at(50)).known.any()
    assert not compensator.extrapolate(people(10, 0, 0, ids=(-1, -1)), at(50)).known.any()


def test_a_history_that_ended_leaves_no_prediction() -> None:
    made = prediction(1.0, 1.0)
    compensator = after(made)
    compensator.observe(JointFrame(**{**vars(made.joint_frame), "reset": np.array([True, False])}))
    assert compensator.extrapolate(people(10, 0, 0), at(50)).known.tolist() == [False, True]


def test_the_newest_prediction_counts_and_one_rows_leaves_the_others() -> None:
    extrapolated = after(prediction(1.0, 1.0), prediction(9.0, -2.0, has_output=(False, True))).extrapolate(
        people(0, 0, 0), at(100)
    )
    assert x_of(extrapolated) == pytest.approx([0.1, -0.2], abs=1e-5)


def test_messages_hold_the_measured_pose_and_by_now_only_of_whom_it_is_known() -> None:
    seen = people(100, 0.5, 0.7)
    now = after(prediction(1.0, 1.0, has_output=(True, False))).extrapolate(seen, at(180))
    first, second = pose_events(seen, now, source_id="cam")
    assert first.topic == "pose.cam.1"
    np.testing.assert_array_equal(first.joints_m.numpy(), seen.joints_m[0])
    assert first.now_joints_m is not None
    np.testing.assert_array_equal(first.now_joints_m.numpy(), now.joints_m[0])
    assert (first.now_ahead_ms, first.prediction_age_ms) == (80.0, 100.0)
    assert (second.now_joints_m, second.now_ahead_ms, second.prediction_age_ms) == (None, None, None)
    assert [event.now_joints_m for event in pose_events(seen, None, source_id="cam")] == [None, None]
