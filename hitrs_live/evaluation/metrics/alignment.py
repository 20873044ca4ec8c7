"""Align joints with true ones by size, by turning, or by both, so that what is left shows what an error is made of."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def aligned(joints_m: Floats, true_m: Floats, *, turn: bool, scale: bool) -> Floats:
    """Return joints about their root, turned, scaled or both so that they fit the true joints about theirs best.

    joints_m, true_m: (..., J, 3), joint 0 is the root. The least squares are those of Umeyama (1991) without the shift.
    """
    body, true = joints_m - joints_m[..., :1, :], true_m - true_m[..., :1, :]
    if turn:
        left, _, right = np.linalg.svd(np.swapaxes(body, -1, -2) @ true)
        # A turn, no mirror image: the axis of least spread is turned over where need be.
        left[..., 2] *= np.sign(np.linalg.det(left @ right))[..., None]
        body = body @ (left @ right)
    if scale:
        size = (body * true).sum(axis=(-2, -1)) / np.maximum((body * body).sum(axis=(-2, -1)), 1e-12)
        body = body * size[..., None, None]
    return body


def root_aligned_error(joints_m: Floats, true_m: Floats, *, turn: bool = False, scale: bool = False) -> Floats:
    """Return the distance of each joint about the root from the true one, (..., J), after an alignment."""
    off = aligned(joints_m, true_m, turn=turn, scale=scale) - (true_m - true_m[..., :1, :])
    distance: Floats = np.linalg.norm(off, axis=-1)
    return distance
