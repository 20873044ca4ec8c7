"""Depth that is guessed: what the picture shows stays, and only as many windows change as asked for."""

import numpy as np
import pytest

from hitrs_live.data.wrong_depth import DepthDistorter, WrongDepth

FRAMES = 90


@pytest.fixture(scope="module")
def joints_m() -> np.ndarray:
    """A body that moves slowly, 3 m away. (T, 25, 3)."""
    rng = np.random.default_rng(0)
    body = rng.normal(0, 0.4, (25, 3)) + np.array([0, 0, 3])
    sway = 0.1 * np.sin(np.arange(FRAMES) / 15)[:, None, None] * rng.normal(0, 1, (25, 3))
    return (body + sway).astype(np.float32)


def test_places_in_the_picture_and_the_root_stay(joints_m: np.ndarray) -> None:
    distorter = DepthDistorter(WrongDepth(share=1.0))
    for seed in range(10):
        guessed = distorter.apply(joints_m, np.random.default_rng(seed))
        np.testing.assert_array_equal(guessed[..., :2], joints_m[..., :2])
        np.testing.assert_array_equal(guessed[:, 0], joints_m[:, 0])
        assert np.abs(guessed[:, 1:, 2] - joints_m[:, 1:, 2]).max() > 0.01
        assert guessed.dtype == np.float32


def test_without_drift_depth_is_scaled_and_a_scale_of_one_changes_nothing(joints_m: np.ndarray) -> None:
    same = DepthDistorter(WrongDepth(share=1.0, scale=(1.0, 1.0), drift_m=0.0))
    np.testing.assert_allclose(same.apply(joints_m, np.random.default_rng(1)), joints_m, atol=1e-5)
    flat = DepthDistorter(WrongDepth(share=1.0, scale=(0.0, 0.0), drift_m=0.0))
    depth_m = flat.apply(joints_m, np.random.default_rng(1))[..., 2]
    np.testing.assert_allclose(depth_m, np.repeat(joints_m[:, :1, 2], 25, axis=1), atol=1e-5)


def test_as_many_windows_change_as_asked_for(joints_m: np.ndarray) -> None:
    def changed(share: float) -> float:
        distorter = DepthDistorter(WrongDepth(share=share))
        draws = (distorter.apply(joints_m, np.random.default_rng(seed)) for seed in range(300))
        return float(np.mean([not np.array_equal(draw, joints_m) for draw in draws]))

    assert changed(0.0) == 0.0
    assert 0.22 < changed(0.3) < 0.38
