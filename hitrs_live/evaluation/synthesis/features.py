"""Describe a repetition by the extremes of its angles, its duration and its speed."""

import warnings
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.evaluation.metrics.joint_angles import ANGLES, RATE_HZ, SIDES, column, joint_angles, peak_speed, smooth
from hitrs_live.evaluation.synthesis.repetitions import Repetition

Floats = NDArray[np.float64]

_PAIRED: Final = tuple(dict.fromkeys(name.replace("_left", "") for name in ANGLES if "_left" in name))
_MIDDLE: Final = tuple(name for name in ANGLES if not any(f"_{side}" in name for side in SIDES))
_SIGNED: Final = frozenset({"trunk_lean_side_deg", "trunk_twist_deg", "heading_rate_deg_s", "feet_forward"})
"""Angles whose sign only says which side: their size is compared."""
_SMOOTH_FRAMES = 3
_EDGE_QUANTILE = 0.03

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
    for name in _SIGNED:
        angles[:, column(name)] = np.abs(angles[:, column(name)])
    with warnings.catch_warnings():
        # A shoulder's plane has no value while the arm hangs, which may be all the time.
        warnings.simplefilter("ignore", RuntimeWarning)
        low, high = np.nanquantile(angles, (_EDGE_QUANTILE, 1 - _EDGE_QUANTILE), axis=0)
        values: list[float] = []
        for name in _PAIRED:
            both = [ANGLES.index(_sided(name, side)) for side in SIDES]
            values += [np.nanmax(low[both]), np.nanmax(high[both]), np.nanmin(low[both]), np.nanmin(high[both])]
    for name in _MIDDLE:
        values += [low[column(name)], high[column(name)]]
    joints = repetition.joints_m
    speeds = [peak_speed(joints, part) for part in ("wrist", "ankle")]
    return np.array([*values, len(repetition) / RATE_HZ, *speeds, _steps_hz(joints)])


def feature_table(repetitions: Sequence[Repetition]) -> Floats:
    """Describe repetitions. Returns (R, F)."""
    return np.stack([features_of(one) for one in repetitions]) if repetitions else np.zeros((0, len(FEATURES)))


def _sided(name: str, side: str) -> str:
    return f"{name.removesuffix('_deg')}_{side}_deg" if name.endswith("_deg") else f"{name}_{side}"


def _steps_hz(joints_m: NDArray[np.floating]) -> float:
    """Count how often the feet change places, by the height of the ankles, per second."""
    angles = joint_angles(joints_m)
    difference = smooth(angles[:, column("ankle_height_left")] - angles[:, column("ankle_height_right")], 5)
    moved = np.sign(difference[np.abs(difference) > 0.03])
    return float((np.diff(moved) != 0).sum() * RATE_HZ / len(joints_m))
