"""Decide from the examples of an action whether it needs the legs, and say what that means for recognising it.

An action needs the legs where half of its examples or more show them moving: a knee or an ankle goes farther than
`STILL_M` from its usual place, as seen from its hip. An example that does not show the legs does not show them moving.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25
from hitrs_live.streaming.body_confidence import LEG_PARTS, part_confidence
from hitrs_live.teaching.examples import Example
from hitrs_live.teaching.followed_person import CLEAR

STILL_M: Final = 0.1
"""Metres: how far knees and ankles of legs that stand still may be from their median place relative to the hip.

Joints of a live camera are noisy: those of synthetic people who only moved the arms went 0.01 to 0.1 m, in steps,
squats, jumps and raised knees 0.05 to 0.2 m, in kicks and marches 0.2 to 0.4 m.
"""
_STILL_SHARE: Final = 0.9
"""Share of the frames of a repetition in which they have to be that near."""
_SMOOTHED_FRAMES: Final = 9
"""Depth is noisy: positions are averaged over 0.3 s."""
_LEGS: Final = [
    (NTU25.index(f"{side}_hip"), NTU25.index(f"{side}_{part}"))
    for side in ("left", "right")
    for part in ("knee", "ankle")
]
"""The hip and the joint of each compared pair."""

Floats = NDArray[np.float32]


def needs_legs(examples: Sequence[Example]) -> bool:
    """Return whether an action needs the legs. examples: all of the action, at least one."""
    moving = sum(shows_legs(one) and leg_movement_m(one) > STILL_M for one in examples)
    return 2 * moving >= len(examples)


def shows_legs(example: Example) -> bool:
    """Return whether hips and knees are seen in most frames of the repetition."""
    parts = part_confidence(example.confidence[example.start : example.end])[:, LEG_PARTS]
    return float((parts >= CLEAR).all(axis=1).mean()) >= 0.5


def leg_movement_m(example: Example) -> float:
    """Return how far the knee or ankle that moves most goes from its median place relative to its hip, metres.

    A tenth of the repetition's frames may be farther off.
    """
    joints_m = example.joints_m[example.start : example.end]
    hips, ends = (list(one) for one in zip(*_LEGS, strict=True))
    places_m = _averaged(joints_m[:, ends] - joints_m[:, hips])
    away_m = np.linalg.norm(places_m - np.median(places_m, axis=0), axis=-1)
    return float(np.quantile(away_m, _STILL_SHARE, axis=0).max())


def body_word(needs: bool) -> str:
    """Name what an action is recognised by, for lists and reports."""
    return "whole body" if needs else "upper body"


def unseen_legs_line(name: str, new: Sequence[Example], every: Sequence[Example]) -> str | None:
    """Say what it means that legs are not seen in most new examples; None where they are. every: with the earlier ones.

    An action whose earlier examples show legs that move is not recognised without them.
    """
    if 2 * sum(map(shows_legs, new)) >= len(new):
        return None
    if needs_legs(every):
        return f"{name}: the legs are not seen, but they move in earlier examples, so they are needed to recognise it"
    return f"{name}: the legs are not seen, so it will be recognised by the upper body"


def _averaged(places_m: Floats) -> Floats:
    """Average over the frames around each one. places_m: (T, P, 3)."""
    half = _SMOOTHED_FRAMES // 2
    padded = np.pad(places_m, ((half, half), (0, 0), (0, 0)), mode="edge")
    averaged: Floats = np.mean([padded[at : at + len(places_m)] for at in range(_SMOOTHED_FRAMES)], axis=0)
    return averaged
