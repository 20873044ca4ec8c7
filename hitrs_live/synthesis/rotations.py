"""Rotate vectors about axes, and solve two bones for the position of their end. Angles in degrees, y up."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hitrs_live.synthesis.smoothing import smooth

Floats = NDArray[np.floating]
_Number = TypeVar("_Number", bound=np.floating)

_ROOM = 0.001
"""How far a limb stays from fully straight, as a share of its length, so that its bending plane stays defined."""


def about_x(degrees: Floats) -> Floats:
    """Return rotations that move y to z: forward. degrees: (T,). Returns (T, 3, 3)."""
    return _about(degrees, 1, 2)


def about_y(degrees: Floats) -> Floats:
    """Return rotations that move z to x: to the left. degrees: (T,). Returns (T, 3, 3)."""
    return _about(degrees, 2, 0)


def about_z(degrees: Floats) -> Floats:
    """Return rotations that move x to y: the left side up. degrees: (T,). Returns (T, 3, 3)."""
    return _about(degrees, 0, 1)


def _about(degrees: Floats, first: int, second: int) -> Floats:
    angle = np.radians(degrees)
    matrices = np.zeros((len(angle), 3, 3), np.float32)
    matrices[:, range(3), range(3)] = 1
    matrices[:, first, first] = matrices[:, second, second] = np.cos(angle)
    matrices[:, second, first] = np.sin(angle)
    matrices[:, first, second] = -np.sin(angle)
    return matrices


def apply(matrices: Floats, vectors: Floats) -> Floats:
    """Rotate vectors (T, 3) or one vector (3,) by matrices (T, 3, 3). Returns (T, 3)."""
    rotated: Floats = (matrices @ np.broadcast_to(vectors, (len(matrices), 3))[..., None])[..., 0]
    return rotated


def unit(vectors: NDArray[_Number]) -> NDArray[_Number]:
    """Scale vectors (..., 3) to length 1; a zero vector stays zero."""
    scaled: NDArray[_Number] = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6)
    return scaled


def square_to(vectors: Floats, line: Floats) -> Floats:
    """Return unit vectors square to unit vectors `line`, in the plane of both. (T, 3) each."""
    return unit(vectors - (vectors * line).sum(-1, keepdims=True) * line)


def mix(one: Floats, other: Floats, share: Floats) -> Floats:
    """Mix (T, 3) and (T, 3); share: (T,), that of the other."""
    mixed: Floats = one + (other - one) * share[:, None]
    return mixed


def signed_deg(one: Floats, other: Floats, axis: Floats) -> Floats:
    """Return the angle from one to the other about an axis to which both are square, degrees. (T, 3) each -> (T,)."""
    degrees: Floats = np.degrees(np.arctan2((np.cross(one, other) * axis).sum(-1), (one * other).sum(-1)))
    return degrees


def about(axis: Floats, degrees: Floats, vectors: Floats) -> Floats:
    """Rotate vectors about unit axes to which they are square. (T, 3), (T,), (T, 3) -> (T, 3)."""
    angle = np.radians(degrees)[:, None]
    rotated: Floats = np.cos(angle) * vectors + np.sin(angle) * np.cross(axis, vectors)
    return rotated


def calm_pole(pole: Floats, line: Floats, seconds: float) -> Floats:
    """Let the bending plane of a limb turn no faster than smoothly about the limb's line.

    pole: (T, 3); line: (T, 3), unit vectors from the limb's start to its end. Returns (T, 3), square to the line. Where
    a pole passes through the line it jumps to the other side; here it turns there.
    """
    square = square_to(pole, line)
    carried = square_to(np.concatenate((square[:1], square[:-1])), line)
    turned = np.cumsum(signed_deg(carried, square, line))
    calm = smooth(turned[:, None].astype(np.float32), seconds)[:, 0]
    return about(line, calm - turned, square).astype(np.float32)


def solve_two_bones(
    start: Floats, end: Floats, pole: Floats, first_m: float, second_m: float, *, soft: float = 0.0
) -> tuple[Floats, Floats]:
    """Solve the middle joint of two bones by the law of cosines. Their lengths are exact.

    start, end: (T, 3), metres; the end is moved on the line from the start to where the bones reach. pole: (T, 3), a
    direction to which the middle joint bends; soft: share of the length over which a limb that becomes straight slows
    down. Returns the middle joint and the reached end, (T, 3) each.
    """
    line = end - start
    whole = first_m + second_m
    reach = np.linalg.norm(line, axis=-1, keepdims=True)
    most = (1 - _ROOM) * whole
    if soft:
        reach = most - soft * whole * np.logaddexp(0, (most - reach) / (soft * whole))
    reach = np.clip(reach, abs(first_m - second_m) + 0.02 * whole, most)
    along = unit(line)
    ahead = (first_m**2 - second_m**2 + reach**2) / (2 * reach)
    beside = np.sqrt(np.maximum(first_m**2 - ahead**2, 0))
    middle = start + ahead * along + beside * square_to(pole, along)
    return middle.astype(np.float32), (start + reach * along).astype(np.float32)
