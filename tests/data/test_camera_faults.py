"""Windows get the faults of other cameras as often as asked for, and never where none are asked for."""

from dataclasses import replace

import numpy as np
import pytest

from hitrs_live.data.camera_faults import NO_FAULTS, CameraFaults, FaultMaker
from hitrs_live.data.shipped_classes import LABELS
from hitrs_live.synthesis.stream import MotionSynthesiser

FRAMES = 90


@pytest.fixture(scope="module")
def motion() -> tuple[np.ndarray, np.ndarray]:
    """Joints, (T, 25, 3), and classes, (T,), of a synthetic person."""
    stream = MotionSynthesiser(list(LABELS[1:]), seed=0).stream(0)
    return stream.joints_m[:FRAMES].astype(np.float32), np.full(FRAMES, LABELS.index("squat"))


def changes(config: CameraFaults, motion: tuple[np.ndarray, np.ndarray], count: int) -> list[np.ndarray]:
    """Return by how much each draw moves each joint, (T, 25), metres."""
    maker = FaultMaker(config, LABELS)
    drawn = (maker.apply(*motion, np.random.default_rng(seed))[0] for seed in range(count))
    return [np.linalg.norm(joints_m - motion[0], axis=-1) for joints_m in drawn]


def test_without_faults_joints_and_classes_stay_as_they_are(motion: tuple[np.ndarray, np.ndarray]) -> None:
    joints_m, labels = FaultMaker(NO_FAULTS, LABELS).apply(*motion, np.random.default_rng(0))
    np.testing.assert_array_equal(joints_m, motion[0])
    np.testing.assert_array_equal(labels, motion[1])


def test_half_as_often_changes_fewer_windows(motion: tuple[np.ndarray, np.ndarray]) -> None:
    often, half = (
        np.mean([moved.max() > 1e-3 for moved in changes(CameraFaults().as_often(factor), motion, 200)])
        for factor in (1.0, 0.5)
    )
    assert 0.6 < often < 0.9
    assert 0.35 < half < 0.6


def test_the_same_random_numbers_make_the_same_faults(motion: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = (FaultMaker(CameraFaults(), LABELS).apply(*motion, np.random.default_rng(3))[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_another_view_keeps_the_body_whole(motion: tuple[np.ndarray, np.ndarray]) -> None:
    maker = FaultMaker(replace(NO_FAULTS, view_share=1.0), LABELS)
    hip, neck = 0, 20
    trunk_m = np.linalg.norm(motion[0][:, neck] - motion[0][:, hip], axis=-1).mean()
    for seed in range(20):
        joints_m, labels = maker.apply(*motion, np.random.default_rng(seed))
        assert joints_m.shape == motion[0].shape
        assert joints_m.dtype == np.float32
        assert abs(np.linalg.norm(joints_m[:, neck] - joints_m[:, hip], axis=-1).mean() / trunk_m - 1) < 0.35
        np.testing.assert_array_equal(labels, motion[1])
