"""A recording shown in another sensor's build is the same performance by joints that lie elsewhere in the body."""

from pathlib import Path

import numpy as np
import pytest
import torch
from bodies import body_of

from hitrs_live.data.array_format import LabelledSequence
from hitrs_live.data.body_proportions import (
    LANDMARKS,
    SensorGeometries,
    SensorGeometry,
    measure_dataset,
    measure_geometry,
    rebuild,
)
from hitrs_live.data.corruptions import as_landmarks, turn
from hitrs_live.data.open_dataset import open_dataset
from hitrs_live.data.stream_synthesis import ComposeConfig, StreamComposer
from hitrs_live.skeleton import NTU25
from hitrs_live.transforms import mirror

THIGH = [NTU25.index("left_hip"), NTU25.index("left_knee")]
HIPS, SHOULDERS = ([NTU25.index(f"{side}_{part}") for side in ("left", "right")] for part in ("hip", "shoulder"))


def somebody(frames: int = 60, seed: int = 0, *, fingers: bool = True) -> np.ndarray:
    """A body with its own proportions that moves arms and legs, and leans. (T, 25, 3), metres."""
    rng = np.random.default_rng(seed)
    at = {
        "spine_base": (0, 1.0, 0), "spine_middle": (0, 1.25, 0.02), "spine_shoulder": (0, 1.42, 0), "neck": (0, 1.5, 0),
        "head": (0, 1.65, 0.03), "shoulder": (0.2, 1.45, 0), "elbow": (0.22, 1.18, 0), "wrist": (0.22, 0.95, 0),
        "hand": (0.22, 0.87, 0), "hand_tip": (0.22, 0.8, 0), "thumb": (0.2, 0.84, 0.03), "hip": (0.11, 0.95, 0),
        "knee": (0.11, 0.5, 0), "ankle": (0.11, 0.08, 0), "foot": (0.11, 0.03, 0.12),
    }  # fmt: skip
    body = np.repeat(body_of(at)[None], frames, axis=0)
    swing = np.sin(np.linspace(0, 6, frames))[:, None]
    for side in ("left", "right"):
        for part, share in (("wrist", 0.2), ("hand", 0.25), ("hand_tip", 0.3), ("thumb", 0.3), ("ankle", 0.1)):
            body[:, NTU25.index(f"{side}_{part}")] += share * swing * rng.normal(0, 1, 3)
        for part in () if fingers else ("hand_tip", "thumb"):
            body[:, NTU25.index(f"{side}_{part}")] = body[:, NTU25.index(f"{side}_hand")]
    return body.astype(np.float32)


def long_legged() -> SensorGeometry:
    return SensorGeometry(trunk=LANDMARKS.trunk * np.float32(1.1), limbs=LANDMARKS.limbs * np.float32(1.5))


@pytest.mark.parametrize("other", [LANDMARKS, long_legged()], ids=["landmarks", "long-legged"])
def test_what_is_rebuilt_measures_as_the_build_it_is_shown_in(other: SensorGeometry) -> None:
    joints = somebody()
    other = SensorGeometry(trunk=other.trunk / other.trunk[-1, 1], limbs=other.limbs)  # between the shoulders is at one
    measured = measure_geometry([rebuild(joints, measure_geometry([joints]), other)])
    np.testing.assert_allclose(measured.trunk, other.trunk, atol=1e-5)
    np.testing.assert_allclose(measured.limbs, other.limbs, atol=0.03)


def test_in_its_own_build_nothing_changes_and_hips_and_shoulders_stay_in_the_middle() -> None:
    joints = somebody()
    own = measure_geometry([joints])
    np.testing.assert_allclose(rebuild(joints, own, own), joints, atol=1e-6)
    shown = rebuild(joints, own, LANDMARKS)
    for pair in (HIPS, SHOULDERS):
        np.testing.assert_allclose(shown[:, pair].mean(1), joints[:, pair].mean(1), atol=1e-6)


def test_a_turned_or_mirrored_body_is_rebuilt_alike() -> None:
    joints = somebody()
    own, other = measure_geometry([joints]), SensorGeometries([long_legged()]).draw(np.random.default_rng(4))
    shown = rebuild(joints, own, other)
    np.testing.assert_allclose(rebuild(turn(joints, 70.0), own, other), turn(shown, 70.0), atol=1e-5)
    mirrored = mirror(torch.from_numpy(joints)).numpy()
    np.testing.assert_allclose(rebuild(mirrored, own, other), mirror(torch.from_numpy(shown)).numpy(), atol=1e-5)


def test_fingers_that_a_sensor_does_not_see_point_where_the_forearm_does() -> None:
    joints = somebody(fingers=False)
    own = measure_geometry([joints])
    shown = rebuild(joints, own, LANDMARKS)
    tip, hand, wrist, elbow = (NTU25.index(f"left_{part}") for part in ("hand_tip", "hand", "wrist", "elbow"))
    finger, forearm = shown[:, tip] - shown[:, hand], shown[:, wrist] - shown[:, elbow]
    assert np.linalg.norm(finger, axis=-1).min() > 0.03
    cosine = (finger * forearm).sum(-1) / np.linalg.norm(finger, axis=-1) / np.linalg.norm(forearm, axis=-1)
    assert cosine.min() > 0.999


def test_laid_between_landmarks_the_spine_goes_from_between_the_hips_to_under_the_shoulders() -> None:
    joints = somebody()
    shown = as_landmarks(joints)
    hips, shoulders = joints[:, HIPS].mean(1), joints[:, SHOULDERS].mean(1)
    np.testing.assert_allclose(shown[:, NTU25.index("spine_base")], hips, atol=1e-5)
    np.testing.assert_allclose(shown[:, NTU25.index("spine_shoulder")], 0.1 * hips + 0.9 * shoulders, atol=1e-5)
    assert np.abs(joints[:, NTU25.index("spine_base")] - hips).max() > 0.04


def test_bones_stay_alive_where_a_body_has_no_trunk_at_all() -> None:
    joints = somebody()
    flat = np.zeros_like(joints)
    assert np.isfinite(rebuild(flat, measure_geometry([joints]), LANDMARKS)).all()


def recording(label: int, seed: int, stretch: float) -> LabelledSequence:
    joints = somebody(120, seed)
    for side in ("left", "right"):
        for part in ("knee", "ankle", "foot"):
            joints[:, NTU25.index(f"{side}_{part}"), 1] -= stretch
    return LabelledSequence(
        name="r", subject="1", joints_m=joints, labels=np.full(len(joints), label), valid_mask=np.ones(25, bool)
    )


@pytest.mark.parametrize(("share", "alike"), [(1.0, True), (0.0, False)])
def test_a_stream_of_several_sensors_is_shown_in_one_build(share: float, alike: bool) -> None:
    sources = {"short": [recording(1, 0, 0.0)], "long": [recording(2, 1, 0.4)]}
    config = ComposeConfig(rebuilt_share=share, uncut_share=0.0, repeat_share=0.0, hold_share=0.0, invented_share=0.0)
    spreads = []
    for seed in range(6):
        stream = StreamComposer(sources, {}, config).draw(500, np.random.default_rng(seed))
        joints = stream.joints_m[stream.real_mask]
        trunk = np.linalg.norm(joints[:, SHOULDERS].mean(1) - joints[:, HIPS].mean(1), axis=-1)
        thigh = np.linalg.norm(joints[:, THIGH[0]] - joints[:, THIGH[1]], axis=-1) / trunk
        if {1, 2} <= set(stream.labels.tolist()):
            spreads.append(thigh.max() / thigh.min())
    assert spreads
    assert (max(spreads) < 1.05) == alike


def test_a_real_kinect_shown_as_motion_capture_measures_as_motion_capture(data: Path) -> None:
    kinect, capture = (
        open_dataset(data / "ship" / f"{name}.npz").split("held-out")[0] for name in ("precog16", "cmu_bvh_01_14")
    )
    own, other = measure_dataset(kinect), measure_dataset(capture)
    assert np.abs(own.trunk - other.trunk).max() > 0.4, "lengths of the trunk: their spines have little in common"
    shown = [rebuild(kinect.joints_m(s.bodies[0]), own, other) for s in kinect.samples]
    measured = measure_geometry(shown)
    np.testing.assert_allclose(measured.trunk, other.trunk, atol=0.03)
    np.testing.assert_allclose(measured.limbs, other.limbs, atol=0.06)
