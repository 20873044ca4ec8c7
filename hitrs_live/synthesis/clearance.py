"""Keep hands and elbows outside the body: the trunk, the head, the thighs and the other arm.

The body is an ellipsoid, a ball and two capsules. A point inside is moved out the shortest way, a little to its own
side, so that a hand on its way from the back to the front goes around the trunk and not through it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.synthesis.anthropometry import BodyProportions
from hitrs_live.synthesis.rotations import mix, square_to, unit

Floats = NDArray[np.floating]

_WIDTH, _HEIGHT, _DEPTH = 0.4, 0.58, 0.21
"""Half axes of the trunk: the first of the shoulders' width, the others of the trunk's length."""
_HEAD: Final = 0.42
"""Radius of the head, in lengths of the neck."""
_THIGH: Final = 0.16
"""Radius of the thighs, in their lengths."""
_SOFT: Final = 0.05
"""Rounding of the surface, as a share of the radius."""
_ASIDE: Final = 0.6
_FOLDED: Final = 0.3
"""Smallest distance of the wrist from its shoulder, in lengths of the arm."""
_FLOOR_M, _FLOOR_SOFT_M = 0.025, 0.006
_APART_M: Final = 0.06
"""Smallest distance of the forearms' middle lines."""


@dataclass(frozen=True, kw_only=True)
class Obstacles:
    """The parts of a body over T frames; (T, 3) each."""

    body: BodyProportions
    hips: Floats
    shoulders: Floats
    left: Floats
    """Unit vectors of the chest to the left."""
    ahead: Floats
    head: Floats
    thighs: tuple[tuple[Floats, Floats], ...]
    """Hip and knee of each."""

    def outside(self, points: Floats, shoulder: Floats, sign: float) -> Floats:
        """Move points out of the body, and above the floor.

        points, shoulder: (T, 3); sign: 1 for the left side's, -1 for the right's.
        """
        # A hand that passes by its own shoulder would fold the arm and throw the elbow to the other side.
        points = _outside_ball(points, shoulder, _FOLDED * self.body.arm_m, self.ahead)
        points = self._outside_trunk(points, sign)
        points = _outside_ball(points, self.head, _HEAD * self.body.neck_m, sign * self.left)
        for hip, knee in self.thighs:
            along = knee - hip
            share = ((points - hip) * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-6)
            nearest = hip + np.clip(share, 0, 1)[:, None] * along
            points = _outside_ball(points, nearest, _THIGH * self.body.thigh_m, self.ahead)
        above = points.copy()
        above[:, 1] = _FLOOR_M + _FLOOR_SOFT_M * np.logaddexp(0, (points[:, 1] - _FLOOR_M) / _FLOOR_SOFT_M)
        return above

    def _outside_trunk(self, points: Floats, sign: float) -> Floats:
        up = unit(self.shoulders - self.hips)
        left = square_to(self.left, up)
        axes = np.stack((left, up, np.cross(left, up)), axis=1)
        wide = _WIDTH * self.body.shoulder_width_m
        size = np.array((wide, _HEIGHT * self.body.trunk_m, _DEPTH * self.body.trunk_m), np.float32)
        size[[0, 2]] *= np.float32(np.clip(self.body.girth, 0.85, 1.2))
        local = (axes @ (points - (self.hips + self.shoulders) / 2)[..., None])[..., 0] / size
        distance = np.linalg.norm(local, axis=1, keepdims=True)
        aside = np.array((sign * _ASIDE, 0, 0), np.float32)
        way = unit(local + np.maximum(1 - distance, 0) * aside)
        pushed = way * _at_least_one(distance) * size
        moved: Floats = (axes.swapaxes(1, 2) @ pushed[..., None])[..., 0] + (self.hips + self.shoulders) / 2
        return np.where(distance < 1 + 5 * _SOFT, moved, points).astype(np.float32)


def _outside_ball(points: Floats, centre: Floats, radius_m: float, aside: Floats) -> Floats:
    offset = (points - centre) / radius_m
    distance = np.linalg.norm(offset, axis=1, keepdims=True)
    way = unit(offset + np.maximum(1 - distance, 0) * _ASIDE * aside)
    return np.where(distance < 1 + 5 * _SOFT, centre + way * _at_least_one(distance) * radius_m, points).astype(
        np.float32
    )


def _at_least_one(distance: Floats) -> Floats:
    """Round max(distance, 1)."""
    rounded: Floats = 1 + _SOFT * np.logaddexp(0, (distance - 1) / _SOFT)
    return rounded


def arms_apart(left: tuple[Floats, Floats], right: tuple[Floats, Floats], ahead: Floats) -> tuple[Floats, Floats]:
    """Return how far to move each wrist ahead so that the forearms do not meet. left, right: elbow and wrist, (T, 3).

    The forearm that is ahead of the other moves.
    """
    near, far = _closest(left, right)
    gap = near - far
    distance = np.linalg.norm(gap, axis=1)
    short = np.where(distance < _APART_M, np.sqrt(np.maximum(_APART_M**2 - distance**2, 0)), 0)
    lead_m = ((gap + left[1] - right[1]) * ahead).sum(-1)
    share = 1 / (1 + np.exp(-np.clip(lead_m / 0.006, -30, 30)))
    # Only the middle of the forearms: hands may meet.
    middle = np.ones(len(gap))
    shares = []
    for (elbow, wrist), point in ((left, near), (right, far)):
        along = wrist - elbow
        at = ((point - elbow) * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-6)
        middle *= np.clip((0.98 - at) / 0.1, 0, 1)
        shares.append(np.maximum(at, 0.35))
    push = (short * middle)[:, None] * ahead
    # The wrist moves further than the point nearer to the elbow.
    return (
        (push * (share / shares[0])[:, None]).astype(np.float32),
        (push * ((1 - share) / shares[1])[:, None]).astype(np.float32),
    )


def _closest(one: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Return the nearest points of two segments, by alternating projections. (T, 3) each."""
    at = np.full(len(one[0]), 0.5, np.float32)
    for _ in range(6):
        point = mix(one[0], one[1], at)
        along = other[1] - other[0]
        there = np.clip(((point - other[0]) * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-6), 0, 1)
        facing = mix(other[0], other[1], there)
        along = one[1] - one[0]
        at = np.clip(((facing - one[0]) * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-6), 0, 1)
    return mix(one[0], one[1], at), facing
