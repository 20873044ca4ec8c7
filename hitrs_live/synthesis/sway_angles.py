"""Measure the small angles in which a standing body sways: whole-body lean, spine, head, shoulders, arms."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25

Doubles = NDArray[np.float64]

ANGLES: Final = (
    "lean_forward", "lean_side", "turn",
    "spine_forward", "spine_side", "spine_turn",
    "head_nod", "head_tilt",
    "left_shoulder_raise", "right_shoulder_raise",
    "left_arm_forward", "left_arm_side", "left_elbow",
    "right_arm_forward", "right_arm_side", "right_elbow",
)  # fmt: skip
"""Measured angles, degrees. Positive: forward; to the body's left; turned to the left; nodding down; shoulder or arm
raised, the arm to its own side; elbow bent. The lean is that of the hips about the ankles, the spine's angles are those
of the shoulders relative to the hips, and the head's relative to the trunk."""
_FLIPPED: Final = ("lean_side", "turn", "spine_side", "spine_turn", "head_tilt")
MIRROR_SIGN: Final = np.array([-1.0 if name in _FLIPPED else 1.0 for name in ANGLES])
"""(A,): sign of an angle in the mirrored body."""
_SWAPPED: Final = {"left": "right", "right": "left"}
MIRROR: Final = tuple(ANGLES.index("_".join(_SWAPPED.get(word, word) for word in name.split("_"))) for name in ANGLES)
"""The angle that each angle becomes in the mirrored body."""


def measure_angles(joints_m: NDArray[np.floating]) -> Doubles:
    """Measure a body's angles relative to its mean heading. joints_m: (T, 25, 3), y up. Returns (T, A), degrees."""
    joints = _in_own_heading(joints_m.astype(np.float64))
    at = {name: joints[:, j] for j, name in enumerate(NTU25.joints)}
    ankles, hips, shoulders = ((at[f"left_{part}"] + at[f"right_{part}"]) / 2 for part in ("ankle", "hip", "shoulder"))
    legs, trunk, head = hips - ankles, shoulders - hips, at["head"] - shoulders
    hip_line, shoulder_line = (at[f"left_{part}"] - at[f"right_{part}"] for part in ("hip", "shoulder"))
    lean_forward, lean_side = _tilt(legs)
    trunk_forward, trunk_side = _tilt(trunk)
    head_forward, head_side = _tilt(head)
    turn, shoulder_turn = _heading(hip_line), _heading(shoulder_line)
    angles = [
        lean_forward, lean_side, turn,
        trunk_forward - lean_forward, trunk_side - lean_side, shoulder_turn - turn,
        head_forward - trunk_forward, head_side - trunk_side,
    ]  # fmt: skip
    angles += [_shoulder_raise(at, trunk, side) for side in ("left", "right")]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        angles += _arm(at, side, sign)
    return np.degrees(np.unwrap(np.stack(angles, axis=-1), axis=0))


def _in_own_heading(joints: Doubles) -> Doubles:
    """Turn a body about y so that on average its left is +x and its front +z."""
    across = (joints[:, NTU25.index("left_hip")] - joints[:, NTU25.index("right_hip")]).mean(0)
    angle = np.arctan2(across[2], across[0])
    cos, sin = np.cos(angle), np.sin(angle)
    turned: Doubles = joints @ np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    return turned


def _tilt(upward: Doubles) -> tuple[Doubles, Doubles]:
    """Return the angles of a vector (T, 3) from the vertical: forward and to the left, radians."""
    return np.arctan2(upward[:, 2], upward[:, 1]), np.arctan2(upward[:, 0], upward[:, 1])


def _heading(across: Doubles) -> Doubles:
    """Return how far a line from right to left, (T, 3), is turned to the left, radians."""
    heading: Doubles = np.arctan2(-across[:, 2], across[:, 0])
    return heading


def _shoulder_raise(at: dict[str, Doubles], trunk: Doubles, side: str) -> Doubles:
    collar = at[f"{side}_shoulder"] - at["spine_shoulder"]
    up = trunk / np.maximum(np.linalg.norm(trunk, axis=-1, keepdims=True), 1e-6)
    raised = (collar * up).sum(-1)
    outward = np.linalg.norm(collar - raised[:, None] * up, axis=-1)
    angle: Doubles = np.arctan2(raised, outward)
    return angle


def _arm(at: dict[str, Doubles], side: str, sign: float) -> list[Doubles]:
    """Return the angles of an arm: upper arm forward, upper arm to its side, elbow."""
    upper = at[f"{side}_elbow"] - at[f"{side}_shoulder"]
    lower = at[f"{side}_wrist"] - at[f"{side}_elbow"]
    lengths = np.linalg.norm(upper, axis=-1) * np.linalg.norm(lower, axis=-1)
    cosine = (upper * lower).sum(-1) / np.maximum(lengths, 1e-9)
    return [
        np.arctan2(upper[:, 2], -upper[:, 1]),
        np.arctan2(sign * upper[:, 0], -upper[:, 1]),
        np.arccos(np.clip(cosine, -1, 1)),
    ]
