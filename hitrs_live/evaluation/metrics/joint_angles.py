"""Compute joint angles and heights of a body from the positions of its joints."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.rotations import unit

Floats = NDArray[np.float64]

SIDES: Final = ("left", "right")
ANGLES: Final = (
    "knee_flexion_left_deg", "knee_flexion_right_deg", "hip_flexion_left_deg", "hip_flexion_right_deg",
    "hip_abduction_left_deg", "hip_abduction_right_deg", "elbow_flexion_left_deg", "elbow_flexion_right_deg",
    "shoulder_elevation_left_deg", "shoulder_elevation_right_deg", "shoulder_plane_left_deg",
    "shoulder_plane_right_deg", "trunk_lean_forward_deg", "trunk_lean_side_deg", "trunk_twist_deg",
    "heading_rate_deg_s", "ankle_height_left", "ankle_height_right", "wrist_height_left", "wrist_height_right",
    "hip_height", "feet_forward", "feet_apart",
)  # fmt: skip
"""Name the columns of `joint_angles`. Heights of ankles and hips, and distances of feet, are in leg lengths; heights of
wrists are in trunk lengths above the shoulders."""

_FLOOR_QUANTILE = 0.02
_LEAST_ELEVATION_DEG = 20.0
_SMOOTH_FRAMES = 5
_TINY = 1e-6
_UP = np.array([0.0, 1.0, 0.0])


def joint_angles(joints_m: NDArray[np.floating]) -> Floats:
    """Compute the angles of `ANGLES` in every frame.

    joints_m: (T, 25, 3), metres, y up, 30 Hz. Returns (T, A), degrees or body lengths.

    - Flexion of knees and elbows: 0 = straight.
    - Hip flexion and abduction: the thigh relative to the trunk; 0 = in line with it, positive = forward, outward.
    - Shoulder elevation: 0 = arm along the trunk, 90 = horizontal, 180 = overhead. Its plane: 0 = to the side, 90 =
      forward, above 90 = across the body, negative = backward; NaN while the arm hangs, where it has none.
    - Trunk lean: 0 = upright, positive = forward, to the left. Twist: shoulders relative to hips, positive = to the
      left. Heading rate: turning of the hips, degrees per second, positive = to the left.
    - Ankle height: above the lowest ankle position of the sequence. Hip height: above the lower ankle of the frame, so
      about 1 while standing.
    - Feet forward: how far the left ankle is ahead of the right; feet apart: how far it is to its left.
    """
    at = {name: joints_m[:, NTU25.index(name)].astype(np.float64) for name in NTU25.joints}
    hips, shoulders = (_middle(at, part) for part in ("hip", "shoulder"))
    up = unit(shoulders - hips)
    frames = {part: _body_axes(at[f"left_{part}"] - at[f"right_{part}"], up) for part in ("hip", "shoulder")}
    trunk_m = max(float(np.median(np.linalg.norm(shoulders - hips, axis=-1))), _TINY)
    leg_m = max(_leg_length_m(at), _TINY)
    found: dict[str, Floats] = {}
    for side, outward in (("left", 1.0), ("right", -1.0)):
        found |= _leg(at, side, outward, up, *frames["hip"])
        found |= _arm(at, side, outward, up, *frames["shoulder"])
        found[f"wrist_height_{side}"] = (at[f"{side}_wrist"] - at[f"{side}_shoulder"])[:, 1] / trunk_m
    found |= _trunk(at, up)
    found |= _heights(at, hips, leg_m)
    return np.stack([found[name] for name in ANGLES], axis=1)


def column(name: str) -> int:
    """Return the column of an angle in what `joint_angles` returns."""
    return ANGLES.index(name)


def peak_speed(joints_m: NDArray[np.floating], part: str, quantile: float = 0.95) -> float:
    """Compute the fast end of a limb's speed relative to the hips, of the faster side, in trunk lengths per second.

    joints_m: (T, 25, 3), 30 Hz; part: "wrist" or "ankle". A quantile of the frames, so that one frame of noise does not
    decide; 0 for fewer than three frames.
    """
    if len(joints_m) < 3:
        return 0.0
    at = {name: joints_m[:, NTU25.index(name)].astype(np.float64) for name in NTU25.joints}
    hips, shoulders = (_middle(at, one) for one in ("hip", "shoulder"))
    trunk_m = max(float(np.median(np.linalg.norm(shoulders - hips, axis=-1))), _TINY)
    speeds = []
    for side in SIDES:
        relative = smooth(at[f"{side}_{part}"] - hips, 3)
        speeds.append(np.linalg.norm(np.diff(relative, axis=0), axis=-1) * RATE_HZ / trunk_m)
    return float(np.quantile(np.stack(speeds), quantile, axis=1).max())


def smooth(values: Floats, frames: int) -> Floats:
    """Average over a centred window of `frames` frames, odd; the ends are repeated. values: (T, ...)."""
    half = frames // 2
    padded = np.concatenate((np.repeat(values[:1], half, axis=0), values, np.repeat(values[-1:], half, axis=0)))
    total = np.cumsum(np.concatenate((np.zeros_like(padded[:1]), padded)), axis=0)
    averaged: Floats = (total[frames:] - total[:-frames]) / frames
    return averaged


def _leg(
    at: dict[str, Floats], side: str, outward: float, up: Floats, left: Floats, forward: Floats
) -> dict[str, Floats]:
    thigh = unit(at[f"{side}_knee"] - at[f"{side}_hip"])
    return {
        f"knee_flexion_{side}_deg": _bend(at[f"{side}_hip"], at[f"{side}_knee"], at[f"{side}_ankle"]),
        f"hip_flexion_{side}_deg": np.degrees(np.arctan2(_dot(thigh, forward), -_dot(thigh, up))),
        f"hip_abduction_{side}_deg": np.degrees(np.arcsin(np.clip(outward * _dot(thigh, left), -1, 1))),
    }


def _arm(
    at: dict[str, Floats], side: str, outward: float, up: Floats, left: Floats, forward: Floats
) -> dict[str, Floats]:
    upper = unit(at[f"{side}_elbow"] - at[f"{side}_shoulder"])
    elevation = np.degrees(np.arccos(np.clip(-_dot(upper, up), -1, 1)))
    plane = np.degrees(np.arctan2(_dot(upper, forward), outward * _dot(upper, left)))
    return {
        f"elbow_flexion_{side}_deg": _bend(at[f"{side}_shoulder"], at[f"{side}_elbow"], at[f"{side}_wrist"]),
        f"shoulder_elevation_{side}_deg": elevation,
        f"shoulder_plane_{side}_deg": np.where(elevation < _LEAST_ELEVATION_DEG, np.nan, plane),
    }


def _trunk(at: dict[str, Floats], up: Floats) -> dict[str, Floats]:
    hip_heading, shoulder_heading = (_heading(at[f"left_{part}"] - at[f"right_{part}"]) for part in ("hip", "shoulder"))
    forward = np.stack((np.sin(hip_heading), np.zeros(len(up)), np.cos(hip_heading)), axis=-1)
    left = np.cross(_UP, forward)
    turned = smooth(np.unwrap(hip_heading), _SMOOTH_FRAMES)
    return {
        "trunk_lean_forward_deg": np.degrees(np.arctan2(_dot(up, forward), up[:, 1])),
        "trunk_lean_side_deg": np.degrees(np.arctan2(_dot(up, left), up[:, 1])),
        "trunk_twist_deg": np.degrees((shoulder_heading - hip_heading + np.pi) % (2 * np.pi) - np.pi),
        "heading_rate_deg_s": np.degrees(np.gradient(turned)) * RATE_HZ if len(up) > 1 else np.zeros(len(up)),
    }


def _heights(at: dict[str, Floats], hips: Floats, leg_m: float) -> dict[str, Floats]:
    ankles = np.stack([at[f"{side}_ankle"][:, 1] for side in SIDES])
    lower = ankles.min(axis=0)
    floor = np.quantile(lower, _FLOOR_QUANTILE)
    heading = _heading(at["left_hip"] - at["right_hip"])
    forward = np.stack((np.sin(heading), np.zeros(len(hips)), np.cos(heading)), axis=-1)
    feet = at["left_ankle"] - at["right_ankle"]
    return {
        **{f"ankle_height_{side}": (ankles[row] - floor) / leg_m for row, side in enumerate(SIDES)},
        "hip_height": (hips[:, 1] - lower) / leg_m,
        "feet_forward": _dot(feet, forward) / leg_m,
        "feet_apart": _dot(feet, np.cross(_UP, forward)) / leg_m,
    }


def _body_axes(across: Floats, up: Floats) -> tuple[Floats, Floats]:
    """Return the unit vectors to the left and forward of a trunk. across: right to left, (T, 3)."""
    left = unit(across - _dot(across, up)[:, None] * up)
    return left, np.cross(left, up)


def _heading(across: Floats) -> Floats:
    """Return the angle about y of the direction that hips or shoulders face, radians; 0 = +z, positive = toward +x."""
    # Forward is left x up, so with left (x, ., z) it is (-z, ., x).
    return np.asarray(np.arctan2(-across[:, 2], across[:, 0]))


def _bend(first: Floats, middle: Floats, last: Floats) -> Floats:
    inner = np.clip(_dot(unit(first - middle), unit(last - middle)), -1, 1)
    bent: Floats = 180.0 - np.degrees(np.arccos(inner))
    return bent


def _leg_length_m(at: dict[str, Floats]) -> float:
    bones = [
        np.linalg.norm(at[f"{side}_{upper}"] - at[f"{side}_{lower}"], axis=-1)
        for side in SIDES
        for upper, lower in (("hip", "knee"), ("knee", "ankle"))
    ]
    return float(np.median(np.sum(bones, axis=0) / 2))


def _middle(at: dict[str, Floats], part: str) -> Floats:
    return (at[f"left_{part}"] + at[f"right_{part}"]) / 2


def _dot(first: Floats, second: Floats) -> Floats:
    product: Floats = (first * second).sum(-1)
    return product
