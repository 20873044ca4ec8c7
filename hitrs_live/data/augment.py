"""Augment recorded joints so that they resemble the output of a live camera's pose estimator.

Effects: other body shapes and joint positions, tilted cameras, compressed depth, jittering and drifting joints,
missing hands and feet, low frame rates, swapped left and right, and changes of speed.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from hitrs_live.data.interpolation import interpolate
from hitrs_live.data.sensor_noise import onto_grid, rotation, smooth_noise
from hitrs_live.data.stream_synthesis import Stream
from hitrs_live.skeleton import NTU25
from hitrs_live.transforms import across_body, mirror, turn_about_y

Floats = NDArray[np.float32]

_EXTREMITIES = tuple(
    tuple(NTU25.index(f"{side}_{part}") for part in parts)
    for side in ("left", "right")
    for parts in (("hand_tip", "thumb"), ("hand", "hand_tip", "thumb"), ("foot",))
)
"""Groups of joints that are lost together; a lost joint takes its parent's place, so parents come first."""
LIMBS = np.array(
    [
        [name.startswith(side) and name.endswith(parts) for name in NTU25.joints]
        for side in ("left", "right")
        for parts in (("elbow", "wrist", "hand", "tip", "thumb"), ("knee", "ankle", "foot"))
    ],
    np.float32,
)
"""(4, 25); 1 for the joints of a limb, which are the outer ends of the bones that swing together."""


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """Strength of each effect: its standard deviation, or the share of streams to which it is applied."""

    mirror_share: float = 0.5
    speed: tuple[float, float] = (0.8, 1.25)
    haste: float = 0.15
    """Variation of the speed within a stream."""
    bone_scale: float = 0.08
    bone_turn_deg: float = 5.0
    """Constant rotation of every bone: another posture."""
    amplitude: float = 0.0
    """Variation of how far a limb's bones swing out of their mean direction: another style."""
    joint_offset_m: float = 0.02
    tilt_deg: float = 8.0
    depth_scale: tuple[float, float] = (0.75, 1.2)
    tremble_m: float = 0.010
    drift_m: float = 0.015
    depth_drift_m: float = 0.03
    missing_share: float = 0.35
    rates_hz: tuple[float, ...] = (10.0, 12.0, 15.0, 20.0, 24.0)
    rate_share: float = 0.4


class Augmenter:
    """Apply a new draw of every effect to each stream."""

    def __init__(self, config: AugmentConfig, mirrored_labels: NDArray[np.int64]) -> None:
        """Keep the settings. mirrored_labels: (K,), the class that each becomes when left and right are swapped."""
        self._config = config
        self._mirrored = mirrored_labels

    def frames_needed(self, frames: int) -> int:
        """Return how many source frames `apply` may need for so many frames of output."""
        return int(np.ceil(frames * self._config.speed[1] * (1 + self._config.haste))) + 2

    def apply(self, stream: Stream, frames: int, rng: np.random.Generator) -> tuple[Stream, Floats]:
        """Augment a stream and cut it to `frames`. Returns it with noise, and its joints (frames, 25, 3) without.

        The noise-free joints are the targets of motion prediction.
        """
        stream = self.vary_motion(stream, frames, rng)
        seen, clean = self.vary_view(stream.joints_m, rng)
        return replace(stream, joints_m=seen), clean

    def vary_motion(self, stream: Stream, frames: int, rng: np.random.Generator) -> Stream:
        """Change the speed of a stream and perhaps swap left and right. Returns a stream of `frames` frames."""
        stream = self._change_speed(stream, frames, rng)
        if rng.random() >= self._config.mirror_share:
            return stream
        labels = np.where(stream.labels >= 0, self._mirrored[stream.labels], stream.labels)
        return replace(stream, joints_m=mirror(torch.from_numpy(stream.joints_m)).numpy(), labels=labels)

    def vary_view(self, joints: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Change body shape and camera, and add noise. joints: (T, 25, 3). Returns joints with noise and without."""
        clean: Floats = (self._change_body(joints, rng) @ self._draw_camera(rng)).astype(np.float32)
        return self._lose_joints(self._drop_frames(self._add_noise(clean, rng), rng), rng), clean

    def _change_speed(self, stream: Stream, frames: int, rng: np.random.Generator) -> Stream:
        haste = np.clip(smooth_noise(rng, frames, ()) * self._config.haste, -0.5, 0.5)
        speed = rng.uniform(*self._config.speed) * (1 + haste)
        at = np.minimum(np.cumsum(speed) - speed[0], len(stream.labels) - 1)
        nearest = np.round(at).astype(int)
        return Stream(
            joints_m=interpolate(stream.joints_m, at),
            labels=stream.labels[nearest],
            real_mask=stream.real_mask[nearest],
        )

    def _change_body(self, joints: Floats, rng: np.random.Generator) -> Floats:
        """Scale every bone, left and right alike, rotate it, change its swing, and shift every joint in the body."""
        stretch = rng.normal(1, self._config.bone_scale, 25).astype(np.float32)
        stretch = (stretch + stretch[list(NTU25.mirror)]) / np.float32(2)
        bones = (joints - joints[:, list(NTU25.parents)]) * stretch[:, None]
        turns = rng.normal(0, np.radians(self._config.bone_turn_deg), (25, 3))
        swing = None
        if self._config.amplitude:
            swing = 1 + rng.normal(0, self._config.amplitude, len(LIMBS)).astype(np.float32) @ LIMBS
        bones = _restyle(bones, joints, turns, swing)
        changed = joints.copy()
        for joint in NTU25.outward:
            changed[:, joint] = changed[:, NTU25.parents[joint]] + bones[:, joint]
        offset = rng.normal(0, self._config.joint_offset_m, (25, 3))
        return (changed + offset).astype(np.float32)

    def _draw_camera(self, rng: np.random.Generator) -> Floats:
        """Draw a camera as a (3, 3) matrix: any yaw, some tilt about both horizontal axes, depth compression."""
        yaw = rng.uniform(0, 2 * np.pi)
        pitch, roll = np.radians(rng.normal(0, self._config.tilt_deg, 2) * (1.0, 0.5))
        depth = np.diag([1, 1, rng.uniform(*self._config.depth_scale)])
        return (rotation(1, yaw) @ rotation(0, pitch) @ rotation(2, roll) @ depth).astype(np.float32)

    def _add_noise(self, joints: Floats, rng: np.random.Generator) -> Floats:
        """Add jitter, drift of every joint and drift of the whole body in depth."""
        frames = len(joints)
        strength = rng.random()
        jitter = rng.normal(0, self._config.tremble_m * strength, joints.shape)
        drift = smooth_noise(rng, frames, (25, 3)) * self._config.drift_m * rng.random()
        depth = smooth_noise(rng, frames, (1, 1)) * self._config.depth_drift_m * rng.random()
        noisy: Floats = (joints + jitter + drift + depth * np.array([0, 0, 1])).astype(np.float32)
        return noisy

    def _drop_frames(self, joints: Floats, rng: np.random.Generator) -> Floats:
        """Keep only some frames, unevenly spaced, and interpolate between them as the resampler does."""
        if rng.random() >= self._config.rate_share:
            return joints
        step = 30.0 / rng.choice(self._config.rates_hz)
        times = np.arange(-rng.random() * step, len(joints) + step, step)
        times = np.clip(times + rng.normal(0, 0.05 * step, len(times)), 0, len(joints) - 1)
        times = np.maximum.accumulate(times)
        return onto_grid(interpolate(joints, times), times, len(joints))

    def _lose_joints(self, joints: Floats, rng: np.random.Generator) -> Floats:
        if rng.random() >= self._config.missing_share:
            return joints
        joints = joints.copy()
        group = _EXTREMITIES[rng.integers(len(_EXTREMITIES))]
        both = rng.random() < 0.6
        start, end = (0, len(joints)) if rng.random() < 0.6 else sorted(rng.integers(0, len(joints), 2))
        for joint in group:
            for lost in {joint, NTU25.mirror[joint]} if both else {joint}:
                joints[start:end, lost] = joints[start:end, NTU25.parents[lost]]
        return joints


def _restyle(bones: Floats, joints: Floats, vectors: NDArray[np.float64], swing: Floats | None) -> Floats:
    """Rotate every bone by a small rotation in the body's own axes, and scale how far it swings. Lengths stay.

    bones, joints: (T, 25, 3); vectors: (25, 3), rotations in radians; swing: (25,), factor on a bone's deviation from
    its mean direction, None for no change. Returns the bones, (T, 25, 3).
    """
    across = across_body(joints)
    length = np.maximum(np.hypot(across[:, 0], across[:, 2]), 1e-6)
    cos, sin = (torch.from_numpy(across[:, axis] / length) for axis in (0, 2))
    turns = np.stack([rotation(0, x) @ rotation(1, y) @ rotation(2, z) for x, y, z in vectors]).astype(np.float32)
    faced = turn_about_y(torch.from_numpy(bones), cos, sin).numpy()
    if swing is not None:
        swung = faced + (swing[:, None] - 1) * (faced - faced.mean(0))
        faced = swung * (_lengths(faced) / np.maximum(_lengths(swung), 1e-6))
    turned: Floats = np.einsum("tji,jik->tjk", faced, turns)
    return turn_about_y(torch.from_numpy(turned), cos, -sin).numpy()


def _lengths(bones: Floats) -> Floats:
    lengths: Floats = np.linalg.norm(bones, axis=-1, keepdims=True)
    return lengths
