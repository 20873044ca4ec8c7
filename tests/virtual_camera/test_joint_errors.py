"""The error model of live joints: its coordinates, the errors that it copies, and the packaged model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hitrs_live.data.labelled_motion import LabelledMotion
from hitrs_live.errors import DataError
from hitrs_live.skeleton import MEDIAPIPE33, NTU25
from hitrs_live.virtual_camera.camera import Camera
from hitrs_live.virtual_camera.joint_errors.coordinates import (
    TARGETS,
    body_sizes_m,
    conditions,
    live_joints,
    targets,
)
from hitrs_live.virtual_camera.joint_errors.error_choice import STRETCH, choose_errors
from hitrs_live.virtual_camera.joint_errors.error_library import KEYS, ErrorLibrary
from hitrs_live.virtual_camera.joint_errors.expected_targets import ExpectedTargets
from hitrs_live.virtual_camera.joint_errors.model import (
    SHIPPED,
    JointErrorModel,
    Scales,
    bridge,
    in_camera_axes,
    kept_near,
)
from hitrs_live.virtual_camera.joint_errors.pairs import JointPair, mirrored
from hitrs_live.virtual_camera.pictures.camera_placement import Placement

FRAMES = 60
_STANDING = {
    "spine_base": (0, 0.95, 0), "spine_middle": (0, 1.2, 0), "neck": (0, 1.5, 0), "head": (0, 1.65, 0.03),
    "spine_shoulder": (0, 1.42, 0), "shoulder": (0.18, 1.4, 0), "elbow": (0.24, 1.13, 0), "wrist": (0.26, 0.9, 0.05),
    "hand": (0.26, 0.84, 0.06), "hand_tip": (0.26, 0.78, 0.07), "thumb": (0.24, 0.84, 0.1), "hip": (0.1, 0.93, 0),
    "knee": (0.11, 0.5, 0.02), "ankle": (0.11, 0.08, 0), "foot": (0.12, 0.03, 0.15),
}  # fmt: skip


def standing(frames: int = FRAMES, *, swing_m: float = 0.1) -> np.ndarray:
    """A person who faces +z, left towards +x, and swings the arms. (T, 25, 3)."""
    pose = []
    for joint in NTU25.joints:
        side = 1 if joint.startswith("left_") else -1
        place = np.array(_STANDING[joint.removeprefix("left_").removeprefix("right_")], np.float32)
        pose.append(place * (side if joint.startswith(("left_", "right_")) else 1, 1, 1))
    joints = np.repeat(np.array(pose, np.float32)[None], frames, axis=0)
    forward = swing_m * np.sin(np.arange(frames) / 8)
    for joint in ("elbow", "wrist", "hand", "hand_tip", "thumb"):
        for side, sign in (("left", 1), ("right", -1)):
            joints[:, NTU25.index(f"{side}_{joint}"), 2] += sign * forward
    return joints.astype(np.float32)


def camera_at(azimuth_deg: float, rate_hz: float = 30.0) -> Placement:
    """A camera 3 m away at the height of the chest, 60 degrees wide."""
    angle = np.deg2rad(azimuth_deg)
    eye = np.array((3 * np.sin(angle), 1.2, 3 * np.cos(angle)))
    camera = Camera.looking_at(eye, np.array((0.0, 0.95, 0.0)), width=640, height=480, fov_deg=60)
    return Placement(
        camera=camera, rate_hz=rate_hz, azimuth_deg=azimuth_deg, pitch_deg=0, roll_deg=0, field_of_view_deg=60,
        inside_share=1,
    )  # fmt: skip


def joints_of_landmarks(rng: np.random.Generator) -> np.ndarray:
    """Joints as the live path computes them, from random landmarks in front of a camera. (T, 25, 3)."""
    landmarks = rng.normal(0, 0.4, (FRAMES, 33, 3)) + np.array((0, 0, 4))
    return np.einsum("jl,tlc->tjc", MEDIAPIPE33.weights, landmarks).astype(np.float32)


@pytest.fixture(scope="module")
def shipped() -> JointErrorModel:
    """The packaged model."""
    return JointErrorModel.load()


def library(views: int = 6, frames: int = 40, people: int = 3, seed: int = 0) -> ErrorLibrary:
    """Views whose errors and keys wander at random."""
    rng = np.random.default_rng(seed)
    count = views * frames
    return ErrorLibrary(
        error=rng.normal(0, 0.3, (count, TARGETS)).astype(np.float32),
        key=rng.normal(0, 1, (count, KEYS)).astype(np.float32),
        lost_mask=rng.random(count) < 0.1,
        remaining=np.tile(np.arange(frames)[::-1], views),
        person=np.repeat(np.arange(views) % people, frames),
        people=tuple(f"set:{number}" for number in range(people)),
    )


def untrained(seed: int = 0) -> JointErrorModel:
    """A model with random weights and errors."""
    torch.manual_seed(seed)
    return JointErrorModel(ExpectedTargets(), library(), Scales.empty())


def test_live_joints_come_back_from_their_targets() -> None:
    rng = np.random.default_rng(0)
    true, live = standing() + np.float32((0, -1, 3)), joints_of_landmarks(rng)
    own = rng.uniform(0.4, 0.95, (FRAMES, 33)).astype(np.float32) @ MEDIAPIPE33.confidence_weights.T
    size, ratio = body_sizes_m(true), np.float32(1.3)
    target = targets(true, live, own, size, ratio)
    assert target.shape == (FRAMES, TARGETS)
    joints, confidence = live_joints(true, target, size, ratio)
    np.testing.assert_allclose(joints, live, atol=2e-3)
    np.testing.assert_allclose(confidence, own, atol=2e-3)


def test_a_joint_that_the_sensor_lacks_gives_finite_conditions() -> None:
    true = standing() + np.float32((0, -1, 3))
    true[:, NTU25.index("left_hand")] = true[:, NTU25.index("left_wrist")]
    assert np.isfinite(conditions(true, body_sizes_m(true), np.float32(30))).all()


def test_a_motion_that_was_rendered_gets_the_errors_of_its_own_view() -> None:
    kept = library()
    copied = choose_errors(kept, kept.key[None, 40:72], np.random.default_rng(1))
    np.testing.assert_array_equal(copied.error[0], kept.error[40:72])
    np.testing.assert_array_equal(copied.lost_mask[0], kept.lost_mask[40:72])


def test_errors_are_copied_in_stretches_of_one_view() -> None:
    kept = library()
    keys = np.random.default_rng(2).normal(0, 1, (1, 64, KEYS)).astype(np.float32)
    copied = choose_errors(kept, keys, np.random.default_rng(3)).error[0]
    for first in range(0, 64, STRETCH):
        (start,) = np.flatnonzero((kept.error == copied[first]).all(axis=1))
        np.testing.assert_array_equal(copied[first : first + STRETCH], kept.error[start : start + STRETCH])
        assert kept.remaining[start] >= STRETCH - 1


def test_the_view_whose_poses_fit_is_copied() -> None:
    rng, frames = np.random.default_rng(8), 120
    pose = 10 * rng.normal(0, 1, (2, KEYS))
    kept = replace(library(views=2, frames=frames), key=np.repeat(pose, frames, axis=0).astype(np.float32))
    keys = np.repeat(pose, (40, 80), axis=0).astype(np.float32)
    copied = choose_errors(kept, keys[None], rng).error[0]
    view = [int(np.flatnonzero((kept.error == one).all(axis=1))[0] >= frames) for one in copied]
    assert view == [0] * 40 + [1] * 80


def test_a_view_that_ends_is_followed_by_another() -> None:
    kept = library(views=4, frames=STRETCH + 1)
    keys = np.random.default_rng(4).normal(0, 1, (3, 10 * STRETCH + 1, KEYS)).astype(np.float32)
    assert np.isfinite(choose_errors(kept, keys, np.random.default_rng(5)).error).all()


def test_errors_of_people_left_out_are_not_copied() -> None:
    kept = library()
    without = kept.without({"set:0", "set:2"})
    assert set(without.person.tolist()) == {1}
    np.testing.assert_array_equal(without.error, kept.error[kept.person == 1])
    np.testing.assert_array_equal(without.remaining, kept.remaining[kept.person == 1])


@pytest.mark.parametrize(
    ("field", "value"), [("remaining", 3), ("remaining", -1), ("key", np.zeros((2, KEYS), np.float32))]
)
def test_a_library_that_does_not_fit_together_is_refused(field: str, value: object) -> None:
    kept = library()
    if isinstance(value, int):
        changed = kept.remaining.copy()
        changed[-1] = value
        value = changed
    with pytest.raises(ValueError, match=field):
        replace(kept, **{field: value})


def test_a_mirror_image_of_a_mirror_image_is_the_pair_itself() -> None:
    rng = np.random.default_rng(2)
    pair = JointPair(
        name="a", subject="b", true_m=standing(), live_m=joints_of_landmarks(rng),
        confidence=rng.random((FRAMES, 25), np.float32), focal_ratio=1.0, rate_hz=30.0, view="side",
    )  # fmt: skip
    twice = mirrored(mirrored(pair))
    np.testing.assert_array_equal(twice.true_m, pair.true_m)
    np.testing.assert_array_equal(twice.live_m, pair.live_m)
    np.testing.assert_array_equal(twice.confidence, pair.confidence)


def test_a_pair_of_unequal_lengths_is_refused() -> None:
    with pytest.raises(ValueError, match="live_m has shape"):
        JointPair(
            name="a", subject="b", true_m=standing(), live_m=standing(5), confidence=np.zeros((FRAMES, 25), np.float32),
            focal_ratio=1.0, rate_hz=30.0, view="side",
        )  # fmt: skip


def test_lost_frames_are_interpolated_from_those_around_them() -> None:
    joints = np.arange(5, dtype=np.float32)[:, None, None] * np.ones((5, 25, 3), np.float32)
    lost = np.array([True, False, True, False, False])
    np.testing.assert_allclose(bridge(joints + 10 * lost[:, None, None], lost)[:, 0, 0], [1, 1, 2, 3, 4])


def test_a_row_does_not_depend_on_the_others() -> None:
    model, front = untrained(), in_camera_axes(standing(), camera_at(0).camera)
    side = in_camera_axes(standing(), camera_at(90).camera)
    ones = np.ones(2)

    def first_of(second: np.ndarray) -> np.ndarray:
        both = np.stack((front, second))
        return model.apply_in_camera(both, np.random.default_rng(3), focal_ratio=ones, rate_hz=30 * ones)[0].joints_m

    np.testing.assert_allclose(first_of(front), first_of(side), atol=1e-4)


def test_a_saved_model_draws_what_it_drew_before(tmp_path: Path) -> None:
    model = untrained()
    model.expected.half().float()
    model.save(tmp_path / "model.safetensors", "random weights")
    again = JointErrorModel.load(tmp_path / "model.safetensors")
    one, other = (each.apply(standing(), np.random.default_rng(4), view=camera_at(20)) for each in (model, again))
    np.testing.assert_allclose(one.joints_m, other.joints_m, atol=0.03)


@pytest.mark.parametrize("content", [None, b"no model"])
def test_a_file_that_is_no_model_is_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "model.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"model\.safetensors.*fit-joint-errors"):
        JointErrorModel.load(path)


def test_the_packaged_model_is_small() -> None:
    assert SHIPPED.stat().st_size < 6e6


@pytest.mark.parametrize("frames", [1, 2, 45, 60])
def test_a_stream_of_any_length_gets_finite_joints(shipped: JointErrorModel, frames: int) -> None:
    live = shipped.apply(standing(frames), np.random.default_rng(5))
    assert live.joints_m.shape == (frames, 25, 3)
    assert live.confidence.shape == live.seen_mask.shape == (frames, 25)
    assert live.lost_mask.shape == (frames,)
    assert np.isfinite(live.joints_m).all()
    assert np.isfinite(live.confidence).all()


def test_the_same_seed_gives_the_same_joints_and_another_seed_others(shipped: JointErrorModel) -> None:
    one, same, other = (shipped.apply(standing(), np.random.default_rng(seed)).joints_m for seed in (6, 6, 7))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.01


def test_labels_are_kept(shipped: JointErrorModel) -> None:
    motion = LabelledMotion(
        name="a", subject="b", joints_m=standing(), labels=np.arange(FRAMES) % 3, phase=np.zeros(FRAMES, np.float32),
        repetition=np.ones(FRAMES, np.int64), onset_mask=np.zeros(FRAMES, bool), near_miss=np.zeros(FRAMES, np.int64),
    )  # fmt: skip
    seen = shipped.apply_to_motion(motion, np.random.default_rng(8))
    np.testing.assert_array_equal(seen.labels, motion.labels)
    assert seen.name == motion.name
    assert np.abs(seen.joints_m - motion.joints_m).max() > 0.1


def test_between_the_frames_of_a_slow_camera_joints_move_on_straight_lines(shipped: JointErrorModel) -> None:
    live = shipped.apply(standing(), np.random.default_rng(9), view=camera_at(0, rate_hz=10.0)).joints_m
    between = (live[0:-3:3] * 2 + live[3::3]) / 3
    np.testing.assert_allclose(live[1:-2:3], between, atol=1e-3)


def seen_share(model: JointErrorModel, azimuth_deg: float, joints: tuple[str, ...]) -> float:
    """The share of frames in which joints count as seen, over some draws."""
    numbers = [NTU25.index(joint) for joint in joints]
    draws = (model.apply(standing(), np.random.default_rng(seed), view=camera_at(azimuth_deg)) for seed in range(12))
    return float(np.mean([live.seen_mask[:, numbers].mean() for live in draws]))


@pytest.mark.slow
@pytest.mark.parametrize(("azimuth_deg", "near", "far"), [(90, "left", "right"), (-90, "right", "left")])
def test_in_side_view_the_far_arm_is_seldom_seen_and_the_near_one_mostly(
    shipped: JointErrorModel, azimuth_deg: float, near: str, far: str
) -> None:
    near_share, far_share, front_share = (
        seen_share(shipped, view, (f"{side}_elbow", f"{side}_wrist"))
        for view, side in ((azimuth_deg, near), (azimuth_deg, far), (0, far))
    )
    assert near_share > 0.7
    assert front_share > 0.7
    assert far_share < near_share - 0.3


def test_a_person_who_walks_far_is_kept_before_the_camera() -> None:
    standing = np.zeros((200, 25, 3), np.float32) + np.linspace(0, 1.7, 25, dtype=np.float32)[:, None] * (0, 1, 0)
    far = standing + np.linspace(0, 40, 200, dtype=np.float32)[:, None, None] * np.array((1, 0, 0.5), np.float32)
    near = kept_near(far.astype(np.float32))
    assert np.linalg.norm(near[:, 0, [0, 2]], axis=-1).max() < 2.01
    np.testing.assert_allclose(near - near[:, :1], far - far[:, :1], atol=1e-4)
    np.testing.assert_allclose(near[..., 1], far[..., 1], atol=1e-5)
