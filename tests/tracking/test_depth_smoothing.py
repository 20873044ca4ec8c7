"""One camera's estimate of the distance is noisy; the smoothed one must not be."""

import numpy as np
import pytest

from hitrs_live.messages import Pose
from hitrs_live.skeleton import NTU25
from hitrs_live.tracking.depth_smoothing import DepthFilter

BODY = np.random.default_rng(0).normal(0, 0.3, (25, 3)).astype(np.float32)
BODY[NTU25.root] = 0


def seen_at(distance_m: float, *, box: bool = True) -> Pose:
    """A body straight ahead and a little to the side, at this distance along its line of sight."""
    towards = np.array([0.3, -0.1, 1.0]) / np.linalg.norm([0.3, -0.1, 1.0])
    return Pose(
        joints_m=(BODY + towards * distance_m).astype(np.float32),
        confidence=np.ones(25, np.float32),
        box=np.array([0.2, 0.2, 0.5, 0.9], np.float32) if box else None,
    )


def run(distances_m: list[float], rate_hz: float = 30.0, *, box: bool = True) -> np.ndarray:
    steady = DepthFilter()
    return np.stack(
        [steady.step(seen_at(d, box=box), round(frame * 1e9 / rate_hz)) for frame, d in enumerate(distances_m)]
    )


def test_noise_of_the_distance_is_reduced_to_a_fifth() -> None:
    guesses = 4.0 + np.random.default_rng(1).normal(0, 0.3, 300)
    measured = np.stack([seen_at(d).joints_m for d in guesses])[30:, NTU25.root, 2]
    steadied = run(guesses.tolist())[30:, NTU25.root, 2]
    assert np.diff(steadied).std() < np.diff(measured).std() / 5
    assert steadied.mean() == pytest.approx(measured.mean(), rel=0.03)


def test_direction_posture_and_size_stay_as_measured() -> None:
    joints = run([4.0, 5.0, 3.0, 4.5])
    for frame, distance in enumerate([4.0, 5.0, 3.0, 4.5]):
        measured = seen_at(distance).joints_m
        root, measured_root = joints[frame, NTU25.root], measured[NTU25.root]
        np.testing.assert_allclose(
            root / np.linalg.norm(root), measured_root / np.linalg.norm(measured_root), atol=1e-5
        )
        np.testing.assert_allclose(joints[frame] - root, measured - measured_root, atol=1e-5)


def test_a_bad_first_estimate_is_soon_corrected() -> None:
    assert run([9.0] + [3.0] * 15)[-1, NTU25.root, 2] < 3.6


def test_a_person_who_walks_towards_the_camera_is_followed() -> None:
    true = [5.0 - 1.4 * frame / 30 for frame in range(60)]
    assert run(true)[-1, NTU25.root, 2] - seen_at(true[-1]).joints_m[NTU25.root, 2] < 0.7


@pytest.mark.parametrize("rate_hz", [10.0, 60.0])
def test_the_memory_is_in_seconds_not_in_frames(rate_hz: float) -> None:
    def after_half_a_second(rate: float) -> float:
        steps = [3.0] * round(5 * rate) + [4.0] * round(0.5 * rate)
        return float(run(steps, rate)[-1, NTU25.root, 2])

    assert after_half_a_second(rate_hz) == pytest.approx(after_half_a_second(30.0), abs=0.01)


def test_joints_of_a_depth_camera_pass_unchanged() -> None:
    joints = run([4.0, 5.0, 3.0], box=False)
    np.testing.assert_array_equal(joints, np.stack([seen_at(d, box=False).joints_m for d in (4.0, 5.0, 3.0)]))
