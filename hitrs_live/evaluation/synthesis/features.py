"""Describe a repetition by the extremes of its angles, its duration and its speed."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.evaluation.metrics.joint_angles import ANGLES, SIDES, column, joint_angles, peak_speed, smooth
from hitrs_live.evaluation.synthesis.repetitions import Repetition

Floats = NDArray[np.float64]

_PAIRED: Final = tuple(dict.fromkeys(name.replace("_left", "") for name in ANGLES if "_left" in name))
_MIDDLE: Final = tuple(name for name in ANGLES if not any(f"_{side}" in name for side in SIDES))
_SIGNED: Final = frozenset({"trunk_lean_side_deg", "trunk_twist_deg", "heading_rate_deg_s", "feet_forward"})
"""Angles whose sign only says which side: their size is compared."""
_SMOOTH_FRAMES = 3
_EDGE_QUANTILE = 0.03
_STEP_HEIGHT = 0.03
"""Of a lifted ankle above the other, in leg lengths."""

FEATURES: Final = (
    *(f"{name} {side} {end}" for name in _PAIRED for side in ("higher", "lower") for end in ("min", "max")),
    *(f"{name} {end}" for name in _MIDDLE for end in ("min", "max")),
    "duration_s", "wrist_speed", "ankle_speed", "steps_hz",
)  # fmt: skip
"""Name what `features_of` returns. "higher" is the side with the larger maximum or minimum of the two, so that a
repetition and its mirror image are described alike. Speeds are in trunk lengths per second."""


def features_of(repetition: Repetition) -> Floats:
    """Describe one repetition by the features of `FEATURES`. Returns (F,); NaN where an angle is never defined."""
    angles = smooth(joint_angles(repetition.joints_m), _SMOOTH_FRAMES)
    steps_hz = _steps_hz(angles)
    for name in _SIGNED:
        angles[:, column(name)] = np.abs(angles[:, column(name)])
    low, high = _extremes(angles)
    values: list[float] = []
    for name in _PAIRED:
        both = [column(_sided(name, side)) for side in SIDES]
        # Of one arm that hangs, the plane has no value; of two, there is none at all.
        values += [float(pick(end[both])) for pick in (np.fmax.reduce, np.fmin.reduce) for end in (low, high)]
    for name in _MIDDLE:
        values += [low[column(name)], high[column(name)]]
    joints = repetition.joints_m
    speeds = [peak_speed(joints, part) for part in ("wrist", "ankle")]
    return np.array([*values, len(repetition) / RATE_HZ, *speeds, steps_hz])


def feature_table(repetitions: Sequence[Repetition]) -> Floats:
    """Describe repetitions. Returns (R, F)."""
    return np.stack([features_of(one) for one in repetitions]) if repetitions else np.zeros((0, len(FEATURES)))


def _extremes(angles: Floats) -> tuple[Floats, Floats]:
    """Compute a low and a high quantile of each angle. angles: (T, A), NaN where undefined. Returns (A,) twice."""
    ends = np.quantile(angles, (_EDGE_QUANTILE, 1 - _EDGE_QUANTILE), axis=0)
    for one in np.flatnonzero(np.isnan(ends[0])):
        known = angles[np.isfinite(angles[:, one]), one]
        if len(known):
            ends[:, one] = np.quantile(known, (_EDGE_QUANTILE, 1 - _EDGE_QUANTILE))
    return ends[0], ends[1]


def _sided(name: str, side: str) -> str:
    return f"{name.removesuffix('_deg')}_{side}_deg" if name.endswith("_deg") else f"{name}_{side}"


def _steps_hz(angles: Floats) -> float:
    """Count how often the feet change places, by the height of the ankles, per second. angles: (T, A)."""
    difference = angles[:, column("ankle_height_left")] - angles[:, column("ankle_height_right")]
    moved = np.sign(difference[np.abs(difference) > _STEP_HEIGHT])
    return float((np.diff(moved) != 0).sum() * RATE_HZ / len(angles))
