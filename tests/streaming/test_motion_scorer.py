"""Each prediction is scored when the frames that it predicted come."""

import numpy as np
import pytest
from numpy.typing import NDArray

from hitrs_live.messages import JointFrame, MotionPrediction, Prediction
from hitrs_live.streaming.motion_errors import MotionErrors
from hitrs_live.streaming.motion_scorer import MotionScorer


def joint_frame(frame: int, joints: NDArray[np.float32], *, reset: bool = False) -> JointFrame:
    return JointFrame(
        time_ns=np.array([round(frame * 1e9 / 30)]),
        track_ids=np.array([3]),
        active=np.array([True]),
        reset=np.array([reset]),
        joints_m=joints[None].astype(np.float32),
        confidence=np.ones((1, 25), np.float32),
    )


def body(frame: int) -> NDArray[np.float32]:
    """A body that moves 10 mm a frame."""
    return np.full((25, 3), [0.01 * frame, 0, 0], np.float32)


def doubts(scale_m: float = 0.0) -> NDArray[np.float32]:
    """Scales that grow evenly over the frames ahead to so much, of joint 7 twice as much. (1, 30, 25)."""
    scales = np.repeat(np.linspace(scale_m / 30, scale_m, 30, dtype=np.float32)[:, None], 25, axis=1)
    scales[:, 7] *= 2
    return scales[None]


def run(
    error_m: float, frames: int = 60, *, step_frames: int = 7, wrong: slice = slice(None)
) -> list[MotionPrediction]:
    """Predict the steady motion, off sideways by so much in the `wrong` frames ahead, every `step_frames` frames."""
    stage = MotionScorer(source_id="cam", rows=1, rate_hz=30.0, horizon=30, step_frames=step_frames)
    sent: list[MotionPrediction] = []
    for frame in range(frames):
        now = joint_frame(frame, body(frame), reset=frame == 0)
        stage.observe(now)
        if frame % step_frames == step_frames - 1:
            ahead = np.stack([body(frame + k) for k in range(1, 31)])
            ahead[wrong, :, 1] += error_m
            done = np.array([True])
            sent += stage.step(
                Prediction(
                    joint_frame=now, has_output=done, logits=np.zeros((1, 2), np.float32), future_joints_m=ahead[None],
                    scales_m=doubts(0.03),
                )
            )  # fmt: skip
    return sent


def test_a_perfect_prediction_has_no_error_and_zero_velocity_has_the_distance_moved() -> None:
    last = run(0.0)[-1]
    assert last.error_mm == pytest.approx(0.0, abs=0.1)
    assert last.held_error_mm is not None
    assert 50 < last.held_error_mm < 200, "10 mm a frame, one to thirty frames ahead"


def test_a_constant_error_is_reported_in_millimetres() -> None:
    assert run(0.05)[-1].error_mm == pytest.approx(50.0, abs=0.2)


def test_a_prediction_every_frame_is_scored_at_every_frame_that_it_predicted() -> None:
    messages = run(0.6, frames=300, step_frames=1, wrong=slice(29, None))
    assert len(messages) == 300
    # Thirty predictions wait for each frame, and the oldest is wrong about it by 600 mm.
    assert messages[29].error_mm == pytest.approx(0.0, abs=0.1)
    assert messages[-1].error_mm == pytest.approx(20.0, abs=0.1)


def test_the_first_prediction_knows_no_error_yet() -> None:
    first = run(0.0)[0]
    assert first.error_mm is None
    assert first.held_error_mm is None


def test_predictions_state_their_times_up_to_one_second() -> None:
    message = run(0.0)[0]
    assert message.horizons_ms == (100, 200, 300, 400, 500, 600, 700, 800, 900, 1000)
    assert message.joints_m.shape == (10, 25, 3)
    np.testing.assert_allclose(message.joints_m.numpy()[0], body(6 + 3), atol=1e-6)


def test_the_distance_that_half_of_the_joints_are_within_is_published_for_every_published_joint() -> None:
    """Errors whose likelihood the scales are of, gamma of shape 3: half are 2.674 scales at most, nine in ten 5.3."""
    message = run(0.0)[0]
    assert message.half_within_m is not None
    half_within_m = message.half_within_m.numpy()
    assert half_within_m.shape == message.joints_m.shape[:2]
    np.testing.assert_allclose(half_within_m[:, 6], 2.674 * 0.03 * np.arange(1, 11) / 10, rtol=1e-3)
    np.testing.assert_allclose(half_within_m[:, 7], 2 * half_within_m[:, 6], rtol=1e-6)
    lengths = np.random.default_rng(0).gamma(3.0, 0.03, 100_000)
    assert (lengths < half_within_m[-1, 6]).mean() == pytest.approx(0.5, abs=0.01)
    assert (lengths < 2 * half_within_m[-1, 6]).mean() == pytest.approx(0.9, abs=0.01)


def test_errors_are_published_at_each_published_horizon() -> None:
    # Wrong from the 16th frame ahead on: from 600 ms of those that are sent.
    last = run(0.2, frames=120, wrong=slice(15, None))[-1]
    assert last.errors_mm == pytest.approx((0, 0, 0, 0, 0, 200, 200, 200, 200, 200), abs=0.2)
    assert last.held_errors_mm == pytest.approx([ms * 0.3 for ms in last.horizons_ms], abs=0.5), "10 mm a frame"


def test_a_horizon_is_unknown_until_its_time_has_come() -> None:
    # Made after frame 6, 13 and 20; when the third is sent, 14 frames of the first have come: 466 ms.
    third = run(0.0)[2]
    assert [error is None for error in third.errors_mm] == [False] * 4 + [True] * 6


def test_an_error_of_long_ago_is_forgotten() -> None:
    errors = MotionErrors(rows=1, horizon=1, memory=10.0)
    for score in (500.0, *[20.0] * 60):
        add(errors, score, 100.0)
    assert errors.predicted_mm[0, 0] == pytest.approx(20, abs=2)


def test_a_running_error_does_not_hang_on_its_first_score() -> None:
    errors = MotionErrors(rows=1, horizon=1, memory=10.0)
    for score in (500.0, 20.0, 20.0, 20.0):
        add(errors, score, 100.0)
    assert errors.predicted_mm[0, 0] == pytest.approx(140.0, abs=0.1), "the plain mean of so few"


def add(errors: MotionErrors, predicted_mm: float, held_mm: float, row: int = 0, ahead: int = 0) -> None:
    errors.add(
        np.array([row]), np.array([ahead]), np.array([predicted_mm], np.float32), np.array([held_mm], np.float32)
    )


def test_no_person_is_scored_before_all_frames_of_a_prediction_have_come() -> None:
    messages = run(0.0)
    known = [message.reliable for message in messages]
    # Thirty frames after the first, made after frame 6; the fifth is made after frame 34, the sixth after 41.
    assert known[:6] == [None] * 5 + [True]


def test_predictions_worse_than_zero_velocity_are_not_reliable() -> None:
    assert run(0.05, frames=120)[-1].reliable is True
    assert run(0.5, frames=120)[-1].reliable is False


def test_reliability_changes_only_when_one_of_the_two_is_clearly_ahead() -> None:
    errors = MotionErrors(rows=1, horizon=1, memory=1e-3)  # the newest score alone
    reliable = []
    for share in (1.02, 0.97, 0.94, 1.04, 1.06, 0.96, 0.94):
        add(errors, 100 * share, 100.0)
        reliable.append(bool(errors.reliable[0]))
    assert reliable == [False, False, True, True, False, False, True]


def test_predicting_no_motion_for_a_still_person_is_reliable() -> None:
    errors = MotionErrors(rows=1, horizon=1, memory=10.0)
    for _ in range(3):
        add(errors, 0.0, 0.0)
    assert errors.scored[0]
    assert errors.reliable[0]


def test_errors_are_averaged_at_each_horizon_over_the_people_with_a_score() -> None:
    errors = MotionErrors(rows=3, horizon=2, memory=10.0)
    for row, ahead, score in ((0, 0, 10.0), (0, 1, 40.0), (1, 0, 30.0)):
        add(errors, score, 2 * score, row, ahead)
    predicted, baseline = errors.over_people()
    assert predicted.tolist() == [20.0, 40.0]
    assert baseline.tolist() == [40.0, 80.0]
    assert errors.over_horizons()[0][:2].tolist() == [25.0, 30.0]
    assert np.isnan(errors.over_horizons()[0][2])


def test_one_persons_errors_leave_the_others_as_they_were() -> None:
    errors = MotionErrors(rows=2, horizon=1, memory=10.0)
    add(errors, 10.0, 20.0, row=1)
    add(errors, 500.0, 20.0, row=0)
    assert errors.predicted_mm[1, 0] == 10.0
    assert errors.reliable.tolist() == [False, True]
    errors.reset(np.array([True, False]))
    assert np.isnan(errors.predicted_mm[0, 0])
    assert errors.scored.tolist() == [False, True]


def test_a_new_person_inherits_no_error() -> None:
    stage = MotionScorer(source_id="cam", rows=1, rate_hz=30.0, horizon=30, step_frames=7)
    now = joint_frame(0, body(0), reset=True)
    ahead = np.zeros((1, 30, 25, 3), np.float32)
    done = np.array([True])
    stage.step(
        Prediction(
            joint_frame=now,
            has_output=done,
            logits=np.zeros((1, 2), np.float32),
            future_joints_m=ahead,
            scales_m=doubts(),
        )
    )
    stage.observe(joint_frame(1, body(50)))
    assert stage.over_all()[0] == pytest.approx(500, abs=0.5)
    stage.observe(joint_frame(2, body(0), reset=True))
    assert stage.over_all() == (None, None)
    assert stage.over_people() == ((None,) * 10, (None,) * 10)
