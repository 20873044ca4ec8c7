"""Check that a body could do what it shows: it keeps its balance, and its hands do not pass through it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.recorded_body import FEET, HIPS, SHOULDERS
from hitrs_live.synthesis.smoothing import smooth

Floats = NDArray[np.float32]

_SEGMENTS: Final = (
    ("shoulder", "elbow", 0.027, 0.58),
    ("elbow", "wrist", 0.016, 0.46),
    ("wrist", "hand", 0.006, 0.79),
    ("hip", "knee", 0.142, 0.41),
    ("knee", "ankle", 0.043, 0.45),
    ("ankle", "foot", 0.014, 0.44),
)
"""Upper end, lower end, share of the body's mass and position of its centre (de Leva, 1996); both sides have them."""
_TRUNK_MASS, _TRUNK_CENTRE, _HEAD_MASS = 0.435, 0.55, 0.069
_SLOW_M_S: Final = 0.3
"""Speed of the centre of mass below which it must be above the feet."""
_AIRBORNE_M: Final = 0.06
_ON_FLOOR_M: Final = 0.06
_DIRECTIONS: Final = np.stack([f(np.arange(16) * np.pi / 8) for f in (np.cos, np.sin)]).astype(np.float32)
_HEEL: Final = 0.4
"""Distance of the heel behind the ankle and of the toes before the foot's joint, in lengths from ankle to foot."""
_TRUNK_RADIUS, _THIGH_RADIUS = 0.2, 0.13
"""In lengths of the trunk."""
_POINTS: Final = (0.5, 1.0)
"""Points of the forearm that are checked, from elbow to wrist."""


def mass_centre(joints_m: Floats) -> Floats:
    """Compute the centre of mass. joints_m: (T, 25, 3). Returns (T, 3), metres."""
    hips, shoulders = joints_m[:, HIPS].mean(1), joints_m[:, SHOULDERS].mean(1)
    total = _TRUNK_MASS * (hips + _TRUNK_CENTRE * (shoulders - hips)) + _HEAD_MASS * joints_m[:, NTU25.index("head")]
    mass = _TRUNK_MASS + _HEAD_MASS
    for side in ("left", "right"):
        for upper, lower, share, at in _SEGMENTS:
            top, bottom = (joints_m[:, NTU25.index(f"{side}_{end}")] for end in (upper, lower))
            total = total + share * (top + at * (bottom - top))
            mass += share
    centre: Floats = (total / mass).astype(np.float32)
    return centre


def beyond_support_m(joints_m: Floats) -> Floats:
    """Measure how far the centre of mass is outside the area of the feet on the floor, horizontally.

    joints_m: (T, 25, 3). Returns (T,): 0 or less inside; NaN where the body moves fast or is in the air.
    """
    centre = mass_centre(joints_m)
    speed = np.linalg.norm(np.gradient(smooth(centre, 0.07), axis=0), axis=-1) * RATE_HZ
    feet = joints_m[:, FEET].reshape(-1, 2, 2, 3)
    along = (feet[:, :, 1] - feet[:, :, 0]) * _HEEL
    points = np.concatenate([feet[:, :, 0] - along, feet[:, :, 1] + along], axis=1)
    height = np.concatenate([feet[:, :, 0, 1], feet[:, :, 1, 1]], axis=1)
    lowest = feet[..., 1].min((1, 2))
    # A foot bears weight where its lower joint is near the lowest one; heel and toes then both do.
    foot = feet[..., 1].min(2) - lowest[:, None] < _ON_FLOOR_M
    bears = np.concatenate([foot, foot], axis=1) & np.isfinite(height)
    relative = (points - centre[:, None])[..., [0, 2]] @ _DIRECTIONS
    reach = np.where(bears[..., None], relative, -np.inf).max(1)
    outside: Floats = -reach.min(1)
    outside[(speed > _SLOW_M_S) | (lowest > _AIRBORNE_M)] = np.nan
    return outside


def inside_body_m(joints_m: Floats) -> Floats:
    """Measure how deep forearms are inside the trunk or the thighs. joints_m: (T, 25, 3). Returns (T,), 0 outside."""
    hips, shoulders = joints_m[:, HIPS].mean(1), joints_m[:, SHOULDERS].mean(1)
    trunk_m = np.median(np.linalg.norm(shoulders - hips, axis=-1))
    deepest = np.zeros(len(joints_m), np.float32)
    # The upper end of the trunk is left out, since upper arms start there.
    capsules = [(hips, hips + 0.85 * (shoulders - hips), _TRUNK_RADIUS)]
    capsules += [
        (joints_m[:, NTU25.index(f"{side}_hip")], joints_m[:, NTU25.index(f"{side}_knee")], _THIGH_RADIUS)
        for side in ("left", "right")
    ]
    for side in ("left", "right"):
        elbow, wrist = (joints_m[:, NTU25.index(f"{side}_{part}")] for part in ("elbow", "wrist"))
        for share in _POINTS:
            point = elbow + share * (wrist - elbow)
            for start, end, radius in capsules:
                deepest = np.maximum(deepest, radius * trunk_m - _distance(point, start, end))
    return deepest


def _distance(point: Floats, start: Floats, end: Floats) -> Floats:
    """Measure the distance from points to segments, (T, 3) each. Returns (T,)."""
    along = end - start
    share = ((point - start) * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-6)
    distance: Floats = np.linalg.norm(point - start - np.clip(share, 0, 1)[:, None] * along, axis=-1)
    return distance
