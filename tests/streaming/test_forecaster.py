"""Each prediction is held against what then came true."""

import numpy as np
import pytest
from numpy.typing import NDArray

from hitrs_live.messages import MotionPrediction, Prediction, Tick
from hitrs_live.streaming.forecaster import Forecaster


def tick(frame: int, joints: NDArray[np.float32], *, reset: bool = False) -> Tick:
    return Tick(
        time_ns=np.array([round(frame * 1e9 / 30)]),
        track_ids=np.array([3]),
        active=np.array([True]),
        reset=np.array([reset]),
        joints_m=joints[None].astype(np.float32),
        confidence=np.ones((1, 25), np.float32),
        received_ns=0,
    )


def body(frame: int) -> NDArray[np.float32]:
    """A body that moves 10 mm a frame."""
    return np.full((25, 3), [0.01 * frame, 0, 0], np.float32)


def run(error_m: float, frames: int = 60, *, hop: int = 7, wrong: slice = slice(None)) -> list[MotionPrediction]:
    """Predict the steady motion, off sideways by so much in the `wrong` frames ahead, every `hop` frames."""
    stage = Forecaster(source_id="cam", rows=1, rate_hz=30.0, horizon=30, hop=hop)
    sent: list[MotionPrediction] = []
    for frame in range(frames):
        now = tick(frame, body(frame), reset=frame == 0)
        stage.observe(now)
        if frame % hop == hop - 1:
            ahead = np.stack([body(frame + k) for k in range(1, 31)])
            ahead[wrong, :, 1] += error_m
            done = np.array([True])
            sent += stage.step(
                Prediction(tick=now, completed=done, logits=np.zeros((1, 2), np.float32), future_joints_m=ahead[None])
            )
    return sent


def test_a_perfect_prediction_has_no_error_and_a_held_pose_the_distance_gone() -> None:
    last = run(0.0)[-1]
    assert last.error_mm == pytest.approx(0.0, abs=0.1)
    assert last.held_error_mm is not None
    assert 50 < last.held_error_mm < 200, "10 mm a frame, one to thirty frames ahead"


def test_a_constant_error_is_reported_in_millimetres() -> None:
    assert run(0.05)[-1].error_mm == pytest.approx(50.0, abs=0.2)


def test_a_prediction_every_frame_is_held_against_every_frame_that_it_told() -> None:
    messages = run(0.6, frames=300, hop=1, wrong=slice(29, None))
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


def test_a_new_person_inherits_no_error() -> None:
    stage = Forecaster(source_id="cam", rows=1, rate_hz=30.0, horizon=30, hop=7)
    now = tick(0, body(0), reset=True)
    ahead = np.zeros((1, 30, 25, 3), np.float32)
    done = np.array([True])
    stage.step(Prediction(tick=now, completed=done, logits=np.zeros((1, 2), np.float32), future_joints_m=ahead))
    stage.observe(tick(1, body(50)))
    assert stage.error_mm[0] == pytest.approx(500, abs=0.5)
    stage.observe(tick(2, body(0), reset=True))
    assert np.isnan(stage.error_mm[0])
