"""A synthetic miniature of the CMU motion-prediction benchmark in its real file format: two actions, swinging bones."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import CMU38

SCORED = (3, 4, 5, 6, 9, 10, 11, 12, 14, 15, 17, 18, 19, 21, 22, 23, 25, 26, 28, 30, 31, 32, 34, 35, 37)
ON_PARENT = (1, 7, 13, 16, 20, 24, 27, 29, 33, 36)
HIPS = {2: (116.0, -126.0, 44.0), 8: (-113.0, -126.0, 44.0)}


def write_cmu_miniature(file: Path) -> Path:
    """Write four training recordings and two test recordings; return the file."""
    recordings = {
        f"{half}/{action}/{action}_{number}": swinging_body(60, seed)
        for seed, (half, action, number) in enumerate(
            (half, action, number)
            for half, numbers in (("train", (1, 2)), ("test", (1,)))
            for action in ("walking", "jumping")
            for number in numbers
        )
    }
    recordings["train/walking_extra/walking_7"] = swinging_body(60, 9)
    parents = np.array((-1, *CMU38.parents[1:]))
    np.savez(file, scored_joints=np.array(SCORED), parents=parents, **recordings)
    return file


def swinging_body(frames: int, seed: int) -> NDArray[np.float32]:
    """Swing every bone about its rest pose, from a phase drawn by the seed; left bones are longer. (T, 38, 3), mm."""
    time = np.arange(frames)[:, None] * 0.15 + np.random.default_rng(seed).uniform(0, 6)
    joints = np.zeros((frames, len(CMU38), 3))
    rng = np.random.default_rng(0)
    rest = rng.normal(0, 1, (len(CMU38), 3))
    rest /= np.linalg.norm(rest, axis=1, keepdims=True)
    for j in CMU38.outward:
        bone = np.zeros((frames, 3)) + HIPS.get(j, (0, 0, 0))
        if j not in HIPS and j not in ON_PARENT:
            swung = rest[j] + rng.uniform(-0.4, 0.4, 3) * np.sin(time + rng.uniform(0, 6))
            length = 200.0 + 5.0 * CMU38.joints[j].startswith("left")
            bone = length * swung / np.linalg.norm(swung, axis=1, keepdims=True)
        joints[:, j] = joints[:, CMU38.parents[j]] + bone
    return joints.astype(np.float32)
