"""Describe a recorded person by poses that can be compared: any place, heading and size, without the noise.

All is centred in time, for a recording that has ended; the live model has its own causal normalisation (transforms.py).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import PoseConfig
from hitrs_live.skeleton import NTU25
from hitrs_live.transforms import across_body

Floats = NDArray[np.float32]

STEP: Final = 2
"""Joint frames for each frame of a track: 15 a second are enough for edges, and halve the work."""
_RATE_HZ: Final = 30.0
_HEADING_S: Final = 2.0
_PLACE_S: Final = 3.0
_SMOOTHING_S: Final = 0.3
_SEEN: Final = PoseConfig().min_joint_confidence
"""Confidence from which a joint counts as seen."""
_LEAST_SEEN_SHARE: Final = 0.5
"""Joints that are seen in a smaller share of the frames are left out: a person at a table has no legs."""
_WEIGHTS: Final = {
    "head": 0.7, "spine_shoulder": 0.7, "left_shoulder": 0.7, "right_shoulder": 0.7, "left_elbow": 1.0,
    "right_elbow": 1.0, "left_wrist": 1.0, "right_wrist": 1.0, "left_hand": 0.5, "right_hand": 0.5, "left_knee": 1.0,
    "right_knee": 1.0, "left_ankle": 1.0, "right_ankle": 1.0,
}  # fmt: skip
_JOINTS: Final = [NTU25.index(name) for name in _WEIGHTS]
_ROOT: Final = NTU25.root
_NECK: Final = NTU25.index("spine_shoulder")
_BLOCK: Final = 12
_NOISE_TIMES: Final = 2.0
"""Noise lasts longer than a block of 0.8 s, so that there is more of it in a whole recording."""
_SIZES_M: Final = (0.2, 3.0)


@dataclass(frozen=True, kw_only=True)
class PoseTrack:
    """A person's poses, every `STEP` joint frames. N of them."""

    poses: Floats
    """(N, D), body sizes: weighted joints relative to the root, turned to one heading, and how far the root is from
    where it is on average at that time."""
    speed: Floats
    """(N,), body sizes a second: how fast they change."""
    place: Floats
    """(N, 2), body sizes: where the root is on the floor, x and z."""

    def __len__(self) -> int:
        return len(self.poses)


def track_poses(joints_m: Floats, confidence: Floats) -> PoseTrack:
    """Describe a recording at 30 Hz. joints_m: (T, 25, 3), metres, y up; confidence: (T, 25)."""
    root = joints_m[:, _ROOT]
    across = _centred_mean(across_body(joints_m)[:, ::2], _HEADING_S)
    length = np.maximum(np.linalg.norm(across, axis=1), 1e-6)
    cos, sin = across[:, 0] / length, across[:, 1] / length
    size_m = float(np.clip(2 * np.median(np.linalg.norm(joints_m[:, _NECK] - root, axis=1)), *_SIZES_M))
    centred = (joints_m[:, _JOINTS] - root[:, None]) / size_m
    drift = (root - _centred_mean(root, _PLACE_S))[:, None] / size_m
    points = _smooth(_turn(np.concatenate((centred, drift), axis=1), cos, sin))
    seen = (confidence[:, _JOINTS] >= _SEEN).mean(axis=0)
    weights = np.array(list(_WEIGHTS.values())) * (seen >= _LEAST_SEEN_SHARE)
    points *= np.append(weights, 1.0)[:, None].astype(np.float32)
    place = _smooth(root[:, None] / size_m)[::STEP, 0, ::2]
    poses = _without_noise(points.reshape(len(points), -1)[::STEP])
    moved = np.gradient(poses, axis=0) if len(poses) > 1 else np.zeros_like(poses)
    speed = np.linalg.norm(moved, axis=1).astype(np.float32) * (_RATE_HZ / STEP)
    return PoseTrack(poses=poses, speed=speed, place=place)


def _without_noise(poses: Floats) -> Floats:
    """Weigh coordinates by how much more they vary in the recording than from one moment to the next at rest.

    poses: (N, D). Depth is noisier than what a camera sees directly, and a moving arm says more than a swaying leg.
    """
    blocks = poses[: len(poses) // _BLOCK * _BLOCK].reshape(-1, _BLOCK, poses.shape[1])
    if not len(blocks):
        return poses
    within = blocks.var(axis=1)
    calm = within.sum(axis=1).argsort()[: max(1, len(blocks) // 4)]
    noise, total = within[calm].mean(axis=0), poses.var(axis=0)
    weights = np.clip(1 - _NOISE_TIMES * noise / np.maximum(total, 1e-9), 0, 1)
    return np.asarray(poses * weights, np.float32)


def _turn(points: Floats, cos: Floats, sin: Floats) -> Floats:
    """Turn points (T, P, 3) about the vertical axis, by an angle for each frame, (T,)."""
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    cos, sin = cos[:, None], sin[:, None]
    return np.stack((cos * x + sin * z, y, cos * z - sin * x), axis=-1).astype(np.float32)


def _centred_mean(values: Floats, seconds: float) -> Floats:
    """Average over a window around each frame, shorter at the ends. values: (T, C)."""
    half = round(seconds * _RATE_HZ / 2)
    sums = np.concatenate((np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)))
    frames = np.arange(len(values))
    first, last = np.maximum(frames - half, 0), np.minimum(frames + half + 1, len(values))
    return np.asarray((sums[last] - sums[first]) / (last - first)[:, None], np.float32)


def _smooth(points: Floats) -> Floats:
    """Smooth over time. points: (T, P, 3)."""
    half = round(_SMOOTHING_S * _RATE_HZ / 2)
    taps = np.hanning(2 * half + 3)[1:-1].astype(np.float32)
    padded = np.pad(points, ((half, half), (0, 0), (0, 0)), mode="edge")
    smoothed = sum(tap * padded[at : at + len(points)] for at, tap in enumerate(taps / taps.sum()))
    return np.asarray(smoothed, np.float32)
