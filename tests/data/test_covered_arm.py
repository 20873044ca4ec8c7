"""A covered arm follows the one that is seen; actions of its own side can no longer be seen."""

import numpy as np

from hitrs_live.data.array_format import BACKGROUND, IGNORE
from hitrs_live.data.covered_arm import ArmCoverer, CoveredArm
from hitrs_live.data.guessed_limbs import ARMS
from hitrs_live.skeleton import NTU25

LABELS = ("background", "punch_left", "punch_right", "squat")
PUNCH_LEFT, PUNCH_RIGHT, SQUAT = 1, 2, 3
FRAMES = 60
LEFT, RIGHT = 0, 1
SHOULDERS = NTU25.index("left_shoulder"), NTU25.index("right_shoulder")


def busy_arm(side: int) -> np.ndarray:
    """Return joints of which one arm moves by half a metre, (T, 25, 3)."""
    joints_m = np.random.default_rng(0).normal(0, 0.2, (1, 25, 3)).repeat(FRAMES, 0).astype(np.float32)
    joints_m[:, ARMS[side], 1] += 0.5 * np.sin(np.arange(FRAMES) / 5)[:, None].astype(np.float32)
    return joints_m


def cover(config: CoveredArm, joints_m: np.ndarray, labels: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return ArmCoverer(config, LABELS).apply(joints_m, labels, np.random.default_rng(seed))


def test_the_arm_that_moves_less_takes_the_other_ones_pose_about_its_own_shoulder() -> None:
    exact = CoveredArm(share=1.0, least_weight=1.0, drift_m=0.0)
    for side in (LEFT, RIGHT):
        given = busy_arm(side)
        changed, _ = cover(exact, given, np.zeros(FRAMES, np.int64))
        poses = [changed[:, ARMS[one]] - changed[:, None, SHOULDERS[one]] for one in (LEFT, RIGHT)]
        np.testing.assert_allclose(poses[LEFT], poses[RIGHT], atol=1e-5)
        others = [joint for joint in range(25) if joint not in ARMS[1 - side]]
        np.testing.assert_array_equal(changed[:, others], given[:, others])


def test_the_weight_of_the_seen_arm_varies_from_window_to_window() -> None:
    given, arm = busy_arm(LEFT), list(ARMS[RIGHT])
    config = CoveredArm(share=1.0, least_weight=0.5, drift_m=0.0)
    moved = [np.ptp(cover(config, given, np.zeros(FRAMES, np.int64), seed)[0][:, arm, 1], axis=0) for seed in range(20)]
    assert 0.5 <= np.min(moved) < 0.65
    assert 0.85 < np.max(moved) <= 1.0


def test_an_action_of_the_covered_side_becomes_unknown_and_no_other() -> None:
    labels = np.resize(np.array([BACKGROUND, PUNCH_LEFT, PUNCH_RIGHT, SQUAT, IGNORE], np.int64), FRAMES)
    for side, hidden in ((LEFT, PUNCH_RIGHT), (RIGHT, PUNCH_LEFT)):
        _, changed = cover(CoveredArm(share=1.0), busy_arm(side), labels)
        np.testing.assert_array_equal(changed, np.where(labels == hidden, IGNORE, labels))


def test_only_the_stated_share_of_windows_is_changed_and_what_was_given_stays() -> None:
    given = busy_arm(LEFT)
    kept = given.copy()
    changed = [
        bool((cover(CoveredArm(share=0.25), given, np.zeros(FRAMES, np.int64), seed)[0] != kept).any())
        for seed in range(400)
    ]
    assert 0.15 < np.mean(changed) < 0.35
    np.testing.assert_array_equal(given, kept)
