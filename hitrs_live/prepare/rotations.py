"""Rotation matrices of motion capture files: turns about single axes, one after another."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_AXES = "XYZ"


def turn(axis: str, degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrices of turns about X, Y or Z, right-handed. degrees: (T,) -> (T, 3, 3)."""
    a, b = (number for number in range(3) if number != _AXES.index(axis))
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    # About Y the other two stand in the order x, z, and the turn takes z to x.
    sign = -1.0 if axis == "Y" else 1.0
    matrix = np.zeros((len(degrees), 3, 3))
    matrix[:, _AXES.index(axis), _AXES.index(axis)] = 1
    matrix[:, a, a] = matrix[:, b, b] = cosine
    matrix[:, a, b], matrix[:, b, a] = -sign * sine, sign * sine
    return matrix


def turns(axes: Sequence[str], degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Multiply turns in the order given, the first outermost. degrees: (T, len(axes)) -> (T, 3, 3)."""
    whole = np.broadcast_to(np.eye(3), (len(degrees), 3, 3))
    for column, axis in enumerate(axes):
        whole = whole @ turn(axis, degrees[:, column])
    return whole
