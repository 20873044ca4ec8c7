"""What cameras and pose estimators do to joints, each on its own: drift, another side, uneven frames."""

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.interpolation import interpolate

Floats = NDArray[np.float32]
KNOT_FRAMES = 15
"""Drift is drawn at every so-manyeth frame, half a second apart, and is a straight line between."""


def smooth_noise(rng: np.random.Generator, frames: int, shape: tuple[int, ...]) -> Floats:
    """Draw noise of unit strength that changes over about half a second. Returns (T, *shape)."""
    knots = rng.normal(0, 1, (frames // KNOT_FRAMES + 2, *shape)).astype(np.float32)
    return interpolate(knots, np.arange(frames) / KNOT_FRAMES)


def rotation(axis: int, angle: float) -> NDArray[np.float64]:
    """Make the (3, 3) matrix by which rows of points are turned about an axis; angle in radians."""
    first, second = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix


def onto_grid(joints: Floats, stamps: NDArray[np.floating], frames: int) -> Floats:
    """Bring frames at uneven times onto the even grid, linearly, as the live resampler does.

    joints: (S, 25, 3), one or more; stamps: (S,) ascending, in frames of the grid. Returns (frames, 25, 3), with the
    first and the last held before and after all stamps.
    """
    return interpolate(joints, np.interp(np.arange(frames), stamps, np.arange(len(stamps))))
