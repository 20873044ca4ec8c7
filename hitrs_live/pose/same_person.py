"""How far apart two sets of a person's landmarks are, and on which side the network sees left and right."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import MEDIAPIPE33_JOINTS

SAME_PERSON: Final = 0.15
"""Two detections whose landmarks are this close on average, as a share of the person's height, are one person."""
STILL_THERE: Final = 0.35
"""A detection this close to the last position of a missing person is taken to be that person."""

_MIRROR = [
    MEDIAPIPE33_JOINTS.index(name.replace("left", "#").replace("right", "left").replace("#", "right"))
    for name in MEDIAPIPE33_JOINTS
]
_LEFT, _RIGHT = (
    [MEDIAPIPE33_JOINTS.index(f"{side}_{part}") for part in ("shoulder", "hip")] for side in ("left", "right")
)
# No person turns by more than 120 degrees from one picture to the next: the network confused left and right.
_IMPOSSIBLE_TURN_COS = -0.5
# The confusion may last for a second; what the network reports for longer than that is taken as true.
_LONGEST_CONFUSION = 30


@dataclass(frozen=True, kw_only=True)
class Sides:
    """Keep how long the network has agreed with itself on which side of a person is left."""

    confirmed: int = 1
    """Pictures in a row that agreed, at most _LONGEST_CONFUSION."""
    contradicted: int = 0
    """Pictures in a row since then that did not agree."""


def keep_sides(
    now: NDArray[np.float32], before: NDArray[np.float32], sides: Sides
) -> tuple[NDArray[np.float32], Sides]:
    """Swap left and right back where the network has confused them for fewer pictures than it agreed before.

    now, before: (33, LANDMARK_FIELDS) of one person in this picture and the one before. Returns both as of this one.
    """
    if _across_cos(now, before) >= _IMPOSSIBLE_TURN_COS:
        return now, Sides(confirmed=min(sides.confirmed + 1, _LONGEST_CONFUSION))
    if sides.contradicted >= sides.confirmed:
        return now, Sides()
    return now[_MIRROR], Sides(confirmed=sides.confirmed, contradicted=sides.contradicted + 1)


def apart(a: NDArray[np.float32], b: NDArray[np.float32], aspect: NDArray[np.float32]) -> float:
    """Return how far apart two people's image landmarks are on average, as a share of the larger one's extent.

    a, b: (33, LANDMARK_FIELDS); aspect: (2,), width over height, and 1. Landmarks of low certainty count little, left
    and right not at all: a person detected with left and right swapped is still that person.
    """
    here, there = a[:, :2] * aspect, b[:, :2] * aspect
    extent = max(np.ptp(here, axis=0).max(), np.ptp(there, axis=0).max(), 1e-6)
    certainty, certainty_b = a[:, 5] * a[:, 6], b[:, 5] * b[:, 6]
    straight = _mean_distance(here, there, certainty * certainty_b)
    crossed = _mean_distance(here, there[_MIRROR], certainty * certainty_b[_MIRROR])
    return float(min(straight, crossed) / extent)


def _across_cos(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the cosine between two people's directions from right to left, of shoulders and hips together."""
    a, b = ((person[_LEFT, 2:5] - person[_RIGHT, 2:5]).sum(axis=0) for person in (a, b))
    return float(a @ b) / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-9)


def _mean_distance(here: NDArray[np.float32], there: NDArray[np.float32], weights: NDArray[np.float32]) -> float:
    return float(np.average(np.linalg.norm(here - there, axis=-1), weights=weights + 1e-3))
