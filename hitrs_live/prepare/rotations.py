"""Compute rotation matrices from the Euler angles of motion capture files."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_AXES = "XYZ"


def axis_rotation(axis: str, degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrices of right-handed rotations about X, Y or Z. degrees: (T,). Returns (T, 3, 3)."""
    a, b = (number for number in range(3) if number != _AXES.index(axis))
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    # About Y the other two axes are in the order x, z, and the rotation takes z to x.
    sign = -1.0 if axis == "Y" else 1.0
    matrix = np.zeros((len(degrees), 3, 3))
    matrix[:, _AXES.index(axis), _AXES.index(axis)] = 1
    matrix[:, a, a] = matrix[:, b, b] = cosine
    matrix[:, a, b], matrix[:, b, a] = -sign * sine, sign * sine
    return matrix


def euler_rotation(axes: Sequence[str], degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Multiply rotations about axes in the given order, the first leftmost. degrees: (T, len(axes)) -> (T, 3, 3)."""
    product = np.broadcast_to(np.eye(3), (len(degrees), 3, 3))
    for column, axis in enumerate(axes):
        product = product @ axis_rotation(axis, degrees[:, column])
    return product
