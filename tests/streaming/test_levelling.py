"""The tilt of a camera is found from who stands before it, and the model gets upright bodies."""

import numpy as np
import pytest

from hitrs_live.config import CameraConfig
from hitrs_live.messages import JointFrame, Prediction
from hitrs_live.skeleton import NTU25
from hitrs_live.streaming.levelling import Leveller, standing_axes

SEEN = np.ones((1, 25), np.float32)
_PLACES = {
    "head": (0, 0.75, 0), "neck": (0, 0.6, 0), "spine_shoulder": (0, 0.5, 0), "spine_middle": (0, 0.25, 0),
    "shoulder": (0.2, 0.48, 0), "elbow": (0.22, 0.2, 0), "wrist": (0.24, -0.05, 0), "hip": (0.1, 0, 0),
    "knee": (0.11, -0.45, 0.01), "ankle": (0.11, -0.88, 0), "foot": (0.12, -0.92, -0.12),
}  # fmt: skip


def person(*, bent_m: float = 0.0) -> np.ndarray:
    """One who stands 4 m away, knees moved ahead by bent_m. (1, 25, 3)."""
    joints = np.zeros((25, 3), np.float32)
    for number, name in enumerate(NTU25.joints):
        side = -1 if name.startswith("right_") else 1
        place = _PLACES.get(name.removeprefix("left_").removeprefix("right_"), (0, 0, 0))
        joints[number] = np.array(place) * (side, 1, 1)
    for name in ("left_knee", "right_knee"):
        joints[NTU25.index(name), 2] -= bent_m
    return joints[None] + np.array((0, 0, 4), np.float32)


def turned(joints: np.ndarray, *, pitch_deg: float = 0, roll_deg: float = 0) -> np.ndarray:
    """The same people as a camera with this tilt sees them."""
    p, r = np.radians(pitch_deg), np.radians(roll_deg)
    # Looking up moves what is ahead down, and what is above nearer to the optical axis.
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), np.sin(r), 0], [-np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return (joints @ (about_z @ about_x).T).astype(np.float32)


def watch(leveller: Leveller, joints: np.ndarray, *, seconds: float = 10, first_s: float = 0) -> None:
    for index in range(round(seconds * 30)):
        leveller.observe(round((first_s + index / 30) * 1e9), joints, np.repeat(SEEN, len(joints), axis=0))


@pytest.mark.parametrize(("pitch_deg", "roll_deg"), [(-45, 0), (30, 0), (-30, 20), (0, -40), (-60, 0)])
def test_who_stands_before_a_tilted_camera_becomes_upright(pitch_deg: float, roll_deg: float) -> None:
    leveller, seen = Leveller(CameraConfig()), turned(person(), pitch_deg=pitch_deg, roll_deg=roll_deg)
    watch(leveller, seen)
    assert leveller.pitch_deg == pytest.approx(pitch_deg, abs=4)
    assert leveller.roll_deg == pytest.approx(roll_deg, abs=4)
    (axis,) = standing_axes(leveller.level(seen), SEEN)
    assert axis[1] > np.cos(np.radians(4))


def test_most_of_the_tilt_is_known_after_two_seconds() -> None:
    leveller = Leveller(CameraConfig())
    watch(leveller, turned(person(), pitch_deg=-45), seconds=2)
    assert leveller.pitch_deg < -30


def test_an_upside_down_camera_is_levelled_by_its_setting() -> None:
    leveller = Leveller(CameraConfig(roll_deg=180))
    seen = turned(person(), roll_deg=180)
    (axis,) = standing_axes(leveller.level(seen), SEEN)
    np.testing.assert_allclose(axis, (0, 1, 0), atol=1e-3)
    watch(leveller, turned(person(), roll_deg=180, pitch_deg=20))
    assert leveller.pitch_deg == pytest.approx(20, abs=4)


def test_a_level_camera_changes_nothing() -> None:
    leveller = Leveller(CameraConfig())
    watch(leveller, turned(person(), pitch_deg=5))
    joints = person()
    assert leveller.level(joints) is joints


@pytest.mark.parametrize("pose", ["lies", "squats", "legs unseen"])
def test_who_does_not_stand_straight_says_nothing_about_the_camera(pose: str) -> None:
    leveller, confidence = Leveller(CameraConfig()), SEEN.copy()
    joints = turned(person(bent_m=0.35 if pose == "squats" else 0), roll_deg=85 if pose == "lies" else 30)
    if pose == "legs unseen":
        confidence[:, NTU25.index("left_ankle")] = 0
    for index in range(300):
        leveller.observe(round(index / 30 * 1e9), joints, confidence)
    assert leveller.roll_deg == 0


def test_a_fixed_tilt_is_not_estimated_and_off_leaves_joints_alone() -> None:
    seen = turned(person(), pitch_deg=-45)
    fixed, off = Leveller(CameraConfig(level="fixed", pitch_deg=-20)), Leveller(CameraConfig(level="off"))
    for leveller in (fixed, off):
        watch(leveller, seen)
    assert fixed.pitch_deg == pytest.approx(-20)
    np.testing.assert_allclose(fixed.level(turned(person(), pitch_deg=-20)), person(), atol=1e-4)
    assert off.level(seen) is seen


def test_a_camera_that_is_moved_is_estimated_anew() -> None:
    leveller = Leveller(CameraConfig())
    watch(leveller, turned(person(), pitch_deg=-40), seconds=300)
    watch(leveller, turned(person(), pitch_deg=10), seconds=240, first_s=300)
    assert leveller.pitch_deg > 0


def test_the_future_does_not_change_what_was_levelled() -> None:
    one, other = Leveller(CameraConfig()), Leveller(CameraConfig())
    seen = turned(person(), pitch_deg=-35)
    for leveller in (one, other):
        watch(leveller, seen, seconds=3)
    before = one.level(seen)
    watch(one, turned(person(), pitch_deg=20), seconds=3, first_s=3)
    np.testing.assert_array_equal(before, other.level(seen))


def test_predictions_on_levelled_joints_come_back_in_the_cameras_axes() -> None:
    leveller, seen = Leveller(CameraConfig()), turned(person(), pitch_deg=-45)
    watch(leveller, seen)
    frame = JointFrame.of(seen)
    levelled = leveller.level_frame(frame)
    assert np.abs(levelled.joints_m - frame.joints_m).max() > 0.3
    np.testing.assert_allclose(leveller.restore_frame(levelled).joints_m, frame.joints_m, atol=1e-5)
    prediction = Prediction(
        joint_frame=levelled, has_output=np.ones(1, bool), logits=np.zeros((1, 3), np.float32),
        future_joints_m=levelled.joints_m[:, None], scales_m=np.zeros((1, 1, 25), np.float32),
    )  # fmt: skip
    restored = leveller.restore_prediction(prediction)
    np.testing.assert_allclose(restored.future_joints_m[:, 0], seen, atol=1e-5)
    np.testing.assert_allclose(restored.joint_frame.joints_m, seen, atol=1e-5)
