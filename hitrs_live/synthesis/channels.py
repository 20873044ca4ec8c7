"""Name the channels of a pose: joint angles, foot and hand targets, and the pelvis.

A pose is a row of channels, a motion is (T, C). Everything that moves is a channel, so that a transition between any
two motions is an interpolation of channels, and an action can define a few and leave the others free.

Axes: y up, z to where the body faces, x to its left. Angles in degrees, lengths of feet and pelvis in lengths of the
leg, of hands in lengths of the arm. In a side's channels x is outward, away from the body's middle.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

SIDES: Final = ("left", "right")
PIN_FRAMES: Final = ("chest", "head", "pelvis", "thigh", "floor")
"""What a hand may be held to: its shoulder, the head, its hip, its knee, or the place where the body stands."""

_CENTRE: Final[Mapping[str, tuple[float, float, float]]] = {
    # name: value when standing, smallest, largest
    "root.x": (0, -1e6, 1e6),  # metres, the place where the body stands
    "root.z": (0, -1e6, 1e6),
    "root.heading": (0, -1e6, 1e6),  # positive to the left
    "height": (1, 0.02, 1.4),  # of the hips above the floor; the legs' reach limits it while the feet stand
    "lift": (0, 0, 0.6),  # of the whole body, in a jump
    "balance": (1, 0, 1),  # how far the pelvis moves to bring the centre of mass above the feet
    "pelvis.x": (0, -1.5, 1.5),
    "pelvis.z": (0, -1.5, 1.5),
    "pelvis.pitch": (0, -125, 115),  # positive forward
    "pelvis.roll": (0, -100, 100),  # positive to the left
    "pelvis.turn": (0, -80, 80),  # positive to the left
    "spine.flexion": (0, -35, 75),
    "spine.side": (0, -45, 45),
    "spine.turn": (0, -55, 55),
    "head.nod": (0, -55, 50),
    "head.turn": (0, -75, 75),
    "head.tilt": (0, -35, 35),
}
_SIDE: Final[Mapping[str, tuple[float, float, float]]] = {
    "shrug": (0, -0.3, 1),
    "arm.elevation": (8, -80, 182),
    "arm.plane": (25, -60, 140),  # of the upper arm: 0 aside, 90 ahead
    "arm.rotation": (-10, -95, 95),  # positive outward
    "elbow": (15, 0, 150),
    "elbow.out": (0, -90, 90),  # turns the elbow of a hand that is held somewhere about the line to the shoulder
    "pronation": (0, -90, 90),
    "wrist": (0, -70, 70),
    "hip.flexion": (0, -35, 130),
    "hip.abduction": (0, -30, 80),
    "hip.rotation": (0, -45, 55),
    "knee": (2, 0, 152),
    "ankle": (0, -50, 30),
    "leg.free": (0, 0, 1),  # 0: the foot stands where foot.* says; 1: the leg follows its angles
    "foot.x": (0.11, -0.6, 1.2),
    "foot.y": (0, 0, 1.2),
    "foot.z": (0, -1.6, 1.6),
    "foot.yaw": (8, -60, 90),  # positive outward
    "foot.pitch": (0, -45, 100),  # positive with the heel up
    "knee.out": (0, -40, 60),
    "lean": (0, 0, 0.6),  # of the pelvis to this side
    **{f"pin.{frame}": (0, 0, 1) for frame in PIN_FRAMES},
    **{f"pin.{frame}.{axis}": (0, -3, 3) for frame in PIN_FRAMES for axis in "xyz"},
}

CHANNELS: Final = (*_CENTRE, *(f"{side}.{name}" for side in SIDES for name in _SIDE))
INDEX: Final[Mapping[str, int]] = {name: number for number, name in enumerate(CHANNELS)}
_TABLE = np.array([*_CENTRE.values(), *(limits for _ in SIDES for limits in _SIDE.values())], np.float32)
STANDING: Final[Floats] = _TABLE[:, 0]
"""(C,); a body that stands straight, arms hanging."""
LOWEST: Final[Floats] = _TABLE[:, 1]
"""(C,); limits of the joints and of the targets."""
HIGHEST: Final[Floats] = _TABLE[:, 2]

ARMS: Final = ("shrug", "arm.", "elbow", "pronation", "wrist", "pin.")
"""Beginnings of the names of a side's arm channels."""
LEGS: Final = ("hip.", "knee", "ankle", "leg.", "foot.", "lean")


def columns(side: str, beginnings: tuple[str, ...]) -> list[int]:
    """Return the numbers of a side's channels whose names begin so."""
    return [INDEX[f"{side}.{name}"] for name in _SIDE if name.startswith(beginnings)]


_CENTRE_OF_LEGS: Final = ("root.", "height", "lift", "balance", "pelvis.")
PARTS: Final[Mapping[str, list[int]]] = {
    "legs": [
        *(INDEX[name] for name in _CENTRE if name.startswith(_CENTRE_OF_LEGS)),
        *(column for side in SIDES for column in columns(side, LEGS)),
    ],
    "trunk": [INDEX[name] for name in _CENTRE if name.startswith("spine.")],
    "head": [INDEX[name] for name in _CENTRE if name.startswith("head.")],
    "arms": [column for side in SIDES for column in columns(side, ARMS)],
}
"""Numbers of the channels of each part of the body. The place and the pelvis belong to the legs."""


def standing(frames: int) -> Floats:
    """Return the channels of a standing body, (T, C)."""
    return np.tile(STANDING, (frames, 1))


def limit(channels: Floats) -> Floats:
    """Limit channels to the ranges of the joints. channels: (T, C) -> the same."""
    return np.clip(channels, LOWEST, HIGHEST)


def mirrored(channels: Floats) -> Floats:
    """Swap left and right. channels: (..., C) -> the same."""
    swapped = channels[..., _MIRROR].copy()
    swapped[..., _SIGNED] *= -1
    return swapped


_SIGNED = [
    INDEX[name]
    for name in (
        "root.x", "root.heading", "pelvis.x", "pelvis.roll", "pelvis.turn", "spine.side", "spine.turn", "head.turn",
        "head.tilt",
    )
]  # fmt: skip
_SWAPPED = {"left": "right", "right": "left"}
_MIRROR = [
    INDEX[f"{_SWAPPED[first]}.{rest}"] if (first := name.split(".")[0]) in _SWAPPED and (rest := name[len(first) + 1 :])
    else number
    for number, name in enumerate(CHANNELS)
]  # fmt: skip
