"""Motion prediction baselines without training: zero velocity, constant and damped velocity, Kalman filter.

Zero velocity is the baseline of Martinez et al., On Human Motion Prediction Using Recurrent Neural Networks, CVPR
2017. Each baseline takes a whole recording and the frames after which to predict, and reads no later frame:
joints_m: (T, J, 3) metres; ends: (N,) int64; returns the next `horizon` frames after each, (N, F, J, 3) metres.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Baseline = Callable[[Floats, NDArray[np.int64], int], Floats]

_LAG = 3
"""Frames over which a velocity is averaged: over one frame, sensor noise dominates it."""
_DAMPING = 0.85
"""Share of the velocity that remains after each frame."""
_ACCELERATION = 5.0
"""Standard deviation of a joint's acceleration that the filter assumes, metres a second squared."""
_MEASUREMENT_NOISE_M = 0.01
"""Standard deviation of a measured joint's position that the filter assumes."""
_RATE_HZ = 30.0


def zero_velocity(joints_m: Floats, ends: NDArray[np.int64], horizon: int) -> Floats:
    """Repeat the last pose."""
    return np.repeat(joints_m[ends, None], horizon, axis=1)


def constant_velocity(joints_m: Floats, ends: NDArray[np.int64], horizon: int) -> Floats:
    """Extrapolate every joint at its mean velocity over the last three frames."""
    return _extrapolate(joints_m[ends], _velocity(joints_m, ends), np.arange(1, horizon + 1))


def damped_velocity(joints_m: Floats, ends: NDArray[np.int64], horizon: int) -> Floats:
    """Extrapolate every joint at its mean velocity over the last three frames, which decays by `_DAMPING` a frame."""
    reached = np.cumsum(_DAMPING ** np.arange(horizon))
    return _extrapolate(joints_m[ends], _velocity(joints_m, ends), reached)


def kalman(joints_m: Floats, ends: NDArray[np.int64], horizon: int) -> Floats:
    """Extrapolate from a constant-velocity Kalman filter with its steady-state gains."""
    position_gain, velocity_gain = _steady_gains(_ACCELERATION / _RATE_HZ**2 / _MEASUREMENT_NOISE_M)
    position, velocity = joints_m[0].copy(), np.zeros_like(joints_m[0])
    positions, velocities = np.empty_like(joints_m), np.empty_like(joints_m)
    for frame, measured in enumerate(joints_m):
        position += velocity
        innovation = measured - position
        position += position_gain * innovation
        velocity += velocity_gain * innovation
        positions[frame], velocities[frame] = position, velocity
    return _extrapolate(positions[ends], velocities[ends], np.arange(1, horizon + 1))


BASELINES: Final[Mapping[str, Baseline]] = {
    "held": zero_velocity,
    "constant_velocity": constant_velocity,
    "damped_velocity": damped_velocity,
    "kalman": kalman,
}
"""By the report's key; "held" is zero velocity."""
DISPLAY_NAMES: Final[Mapping[str, str]] = {"held": "zero velocity"}
"""What tables print instead of a key; other keys are printed with spaces."""


def _velocity(joints_m: Floats, ends: NDArray[np.int64]) -> Floats:
    """Average the velocity over the last frames. Returns (N, J, 3) metres a frame; a recording begins at rest."""
    velocity: Floats = (joints_m[ends] - joints_m[np.maximum(ends - _LAG, 0)]) / np.float32(_LAG)
    return velocity


def _extrapolate(positions: Floats, velocities: Floats, reached: NDArray[np.floating | np.integer]) -> Floats:
    """Add a velocity times `reached` (F,) to positions. positions, velocities: (N, J, 3) -> (N, F, J, 3)."""
    moved: Floats = positions[:, None] + velocities[:, None] * reached.astype(np.float32)[:, None, None]
    return moved


def _steady_gains(tracking_index: float) -> tuple[np.float32, np.float32]:
    """Compute the steady-state gains of position and velocity of a constant-velocity filter (Kalata, 1984).

    tracking_index: displacement by acceleration in one frame, in standard deviations of the measurement.
    """
    root = (4 + tracking_index - np.sqrt(8 * tracking_index + tracking_index**2)) / 4
    position = 1 - root**2
    return np.float32(position), np.float32(2 * (2 - position) - 4 * np.sqrt(1 - position))
