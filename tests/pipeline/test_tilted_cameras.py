"""A tilted camera changes neither which actions are detected nor where people are published."""

from dataclasses import replace

import numpy as np
import pytest
from pipeline_runs import ENDED, EVERY_POSE, UP, actions, demo_frames, last_status, of, run

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import override
from hitrs_live.messages import AnyMessage, MotionPrediction, PoseEvent, PoseFrame

_FRAMES = 320


def turn(frame: PoseFrame, degrees: float, axis: str, about: np.ndarray) -> PoseFrame:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.array([[1, 0, 0], [0, c, -s], [0, s, c]] if axis == "x" else [[c, -s, 0], [s, c, 0], [0, 0, 1]])
    (pose,) = frame.poses
    turned = ((pose.joints_m - about) @ matrix.T + about).astype(np.float32)
    return replace(frame, poses=(replace(pose, joints_m=turned),))


def watch(checkpoint: Checkpoint, degrees: float, axis: str, **settings: object) -> list[AnyMessage]:
    frames = demo_frames(_FRAMES / 30)
    about = frames[0].poses[0].joints_m[0]
    turned = [turn(frame, degrees, axis, about) for frame in frames]
    config = override(
        EVERY_POSE, {"publish.motion": True, **{f"camera.{key}": value for key, value in settings.items()}}
    )
    return run([UP, *turned, ENDED], checkpoint, config)


@pytest.mark.slow
@pytest.mark.parametrize(("degrees", "axis"), [(-30, "x"), (-45, "x"), (30, "x"), (40, "z")])
def test_the_demo_figures_actions_are_detected_by_a_tilted_camera(
    version_3: Checkpoint, degrees: float, axis: str
) -> None:
    messages = watch(version_3, degrees, axis)
    assert [event.label for event in actions(messages) if event.state == "start"] == [
        event.label for event in actions(watch(version_3, 0, "x")) if event.state == "start"
    ]
    status = last_status(messages)
    tilt = status.camera_pitch_deg if axis == "x" else status.camera_roll_deg
    assert tilt is not None
    assert abs(tilt) == pytest.approx(abs(degrees), abs=8)


@pytest.mark.slow
def test_an_upside_down_camera_detects_them_by_its_setting(version_3: Checkpoint) -> None:
    # A model that is sure of these squats: the shipped one wavers between a jump and a squat, which rounding decides.
    upright, hanging = watch(version_3, 0, "x"), watch(version_3, 180, "z", roll_deg=180)
    assert [event.label for event in actions(hanging)] == [event.label for event in actions(upright)]
    # Published joints and predictions stay in the camera's axes.
    poses = [message for message in of(hanging, PoseEvent) if isinstance(message, PoseEvent)]
    first = demo_frames(1 / 30)[0].poses[0].joints_m
    np.testing.assert_allclose(
        poses[0].joints_m.numpy(), (first - first[0]) * (-1, -1, 1) + first[0], atol=0.01
    )  # fmt: skip
    futures = [message for message in of(hanging, MotionPrediction) if isinstance(message, MotionPrediction)]
    assert futures
    last = futures[-1].joints_m.numpy()
    assert (last[..., 3, 1] < last[..., 0, 1]).all(), "the head is below the pelvis in this camera's axes"
