"""Rotation matrices from directions, for whole streams at once. Every function takes arrays (..., 3) or (..., 3, 3)."""

import numpy as np
from numpy.typing import NDArray

from hitrs_live.synthesis.rotations import unit

Floats = NDArray[np.float64]


def frame(side: Floats, along: Floats) -> Floats:
    """Build axes (..., 3, 3) whose column y is `along` exactly and column x is near `side`."""
    y = unit(along)
    z = unit(np.cross(side, y))
    return np.stack((np.cross(y, z), y, z), axis=-1)


def about(axis: Floats, angle: Floats) -> Floats:
    """Rotate by angle (...) in radians about unit axis (..., 3). Returns (..., 3, 3)."""
    x, y, z = np.moveaxis(axis, -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack((zero, -z, y, z, zero, -x, -y, x, zero), axis=-1).reshape(*x.shape, 3, 3)
    sin, cos = np.sin(angle)[..., None, None], np.cos(angle)[..., None, None]
    result: Floats = np.eye(3) + sin * cross + (1 - cos) * (cross @ cross)
    return result


def swing(start: Floats, end: Floats) -> Floats:
    """Return the smallest rotation (..., 3, 3) that turns direction start to direction end, both (..., 3).

    Where they are opposite, an axis across them is chosen.
    """
    a, b = np.broadcast_arrays(unit(start), unit(end))
    axis = np.cross(a, b)
    sin = np.linalg.norm(axis, axis=-1)
    cos = np.sum(a * b, axis=-1)
    across = np.cross(a, np.where(np.abs(a[..., :1]) < 0.9, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]))
    axis = np.where(sin[..., None] > 1e-6, axis, across)
    return about(unit(axis), np.arctan2(sin, cos))


def swing_at_most(start: Floats, end: Floats, limit_rad: float) -> Floats:
    """Turn start towards end by the smallest rotation, by limit_rad at most."""
    a, b = np.broadcast_arrays(unit(start), unit(end))
    axis = np.cross(a, b)
    angle = np.arctan2(np.linalg.norm(axis, axis=-1), np.sum(a * b, axis=-1))
    return about(unit(axis), np.minimum(angle, limit_rad))


def between(first: Floats, second: Floats, share: Floats | float) -> Floats:
    """Rotate from first to second (..., 3, 3) by the share (...) of the way, about one axis."""
    turn = second @ np.swapaxes(first, -1, -2)
    axis = np.stack(
        (turn[..., 2, 1] - turn[..., 1, 2], turn[..., 0, 2] - turn[..., 2, 0], turn[..., 1, 0] - turn[..., 0, 1]),
        axis=-1,
    )
    angle = np.arctan2(np.linalg.norm(axis, axis=-1) / 2, (np.trace(turn, axis1=-2, axis2=-1) - 1) / 2)
    return about(unit(axis), angle * share) @ first


def apply(rotations: Floats, vectors: Floats) -> Floats:
    """Rotate vectors (..., 3) by rotations (..., 3, 3)."""
    result: Floats = np.einsum("...ij,...j->...i", rotations, vectors)
    return result
