"""Provide the parts of which sensor noise is made: slow drift, rotation of the camera, uneven frame times."""

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.interpolation import interpolate

Floats = NDArray[np.float32]
KNOT_FRAMES = 15
"""Frames between the random knots of drift, half a second; drift is linear in between."""


def smooth_noise(rng: np.random.Generator, frames: int, shape: tuple[int, ...]) -> Floats:
    """Draw slow noise: knots of unit variance every half second, linear in between. Returns (T, *shape)."""
    knots = rng.normal(0, 1, (frames // KNOT_FRAMES + 2, *shape)).astype(np.float32)
    return interpolate(knots, np.arange(frames) / KNOT_FRAMES)


def rotation(axis: int, angle: float) -> NDArray[np.float64]:
    """Return the (3, 3) matrix that rotates points given as rows about an axis. angle: radians."""
    first, second = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix


def onto_grid(joints: Floats, stamps: NDArray[np.floating], frames: int) -> Floats:
    """Interpolate frames at uneven times linearly onto the even grid, as the live resampler does.

    joints: (S, 25, 3), S >= 1; stamps: (S,) ascending, in frames of the grid. Returns (frames, 25, 3); before the
    first stamp it repeats the first frame, after the last stamp the last.
    """
    return interpolate(joints, np.interp(np.arange(frames), stamps, np.arange(len(stamps))))
