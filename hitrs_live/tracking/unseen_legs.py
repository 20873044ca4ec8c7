"""Let the legs stand that are not seen: of people at a desk, or cut off by the picture's lower edge.

A pose network gives every joint a place. Legs outside the picture it guesses, differently in each, so that a person
who sits still seems to step, lunge and kick. Where the legs are not seen for a while they are put straight below the
hips instead, and count as not seen. What the arms do is then as clear as on a person who stands.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import People
from hitrs_live.skeleton import KEYPOINT_LAYOUTS, NTU25

Floats = NDArray[np.float32]

_SIDES: Final = ("left", "right")
_PARTS: Final = ("knee", "ankle", "foot")
LEGS: Final = tuple(NTU25.index(f"{side}_{part}") for side in _SIDES for part in _PARTS)
"""Joints of both legs, from the knees on."""
_HIPS: Final = tuple(NTU25.index(f"{side}_hip") for side in _SIDES)
_ROOT, _CHEST = NTU25.root, NTU25.index("spine_shoulder")
_SEEN_PARTS: Final = ("knee", "ankle")
_SEEN_JOINTS: Final = [[NTU25.index(f"{side}_{part}") for side in _SIDES] for part in _SEEN_PARTS]
_SEEN_POINTS: Final = {
    name: [[layout.index(f"{side}_{part}") for side in _SIDES] for part in _SEEN_PARTS]
    for name, layout in KEYPOINT_LAYOUTS.items()
}
"""(2, 2): the points of knees and ankles, left and right, in each layout."""

_BELOW_HIP: Final = {"knee": 0.85, "ankle": 1.65, "foot": 1.75}
"""How far below its hip a joint of a standing leg is, in lengths of the trunk (Drillis and Contini's proportions)."""
_FOOT_AHEAD: Final = 0.25
_LOSE_S, _REGAIN_S = 0.3, 1.1
"""Legs that come back are trusted slowly: guessed ones are now and then in the picture, for a few frames, too."""
_NOT_SEEN, _SEEN = 0.3, 0.5
"""Average confidence below which the guess counts for nothing, and above which for all.

In 22 clips of people whose legs are in the picture, 99 % of the averages are above 0.43 (in 19 of them above 0.8); of a
person who is cut off at the knees the median is 0.3, of one behind a desk the tenth part below 0.3.
"""
_LYING, _UPRIGHT = 0.5, 0.75
"""Cosine of the trunk's lean: legs of a body that lies or kneels on all fours do not stand."""


class UnseenLegs:
    """Follow how well the legs of each row's person are seen. R rows."""

    def __init__(self, rows: int) -> None:
        """Begin with no person."""
        self._track_ids = np.full(rows, -1, np.int64)
        self._seen_ns = np.zeros(rows, np.int64)
        self._confidence = np.zeros(rows)

    def observe(self, people: People) -> Floats:
        """Take in one frame's people, with the pose network's own confidence.

        Returns (R,), how far the legs are seen, from 0, not at all, to 1.
        """
        now_ns, present = people.capture_time_ns, people.present
        confidence = _leg_confidence(people)
        elapsed_s = np.maximum(now_ns - self._seen_ns, 0) / 1e9
        memory_s = np.where(confidence < self._confidence, _LOSE_S, _REGAIN_S)
        gain = np.where(people.track_ids == self._track_ids, 1 - np.exp(-elapsed_s / memory_s), 1.0)
        self._confidence[present] += (gain * (confidence - self._confidence))[present]
        self._track_ids[present], self._seen_ns[present] = people.track_ids[present], now_ns
        seen: Floats = np.clip((self._confidence - _NOT_SEEN) / (_SEEN - _NOT_SEEN), 0, 1).astype(np.float32)
        return seen


def let_stand(people: People, seen: Floats) -> People:
    """Move legs that are not seen towards standing ones, and lower their confidence. seen: (R,), 0 to 1."""
    trunk_m = people.joints_m[:, _CHEST] - people.joints_m[:, _ROOT]
    upright = trunk_m[:, 1] / np.maximum(np.linalg.norm(trunk_m, axis=-1), 1e-6)
    unseen = (1 - seen) * np.clip((upright - _LYING) / (_UPRIGHT - _LYING), 0, 1)
    unseen = np.where(people.present, unseen, 0.0).astype(np.float32)[:, None]
    if not unseen.any():
        return people
    joints_m, confidence = people.joints_m.copy(), people.confidence.copy()
    standing_m = standing_legs(joints_m)
    joints_m[:, LEGS] += unseen[..., None] * (standing_m - joints_m[:, LEGS])
    confidence[:, LEGS] *= 1 - unseen
    return replace(people, joints_m=joints_m, confidence=confidence)


def standing_legs(joints_m: Floats) -> Floats:
    """Return the joints LEGS of bodies whose legs stand straight below their hips.

    joints_m: (..., 25, 3), metres, y up. Returns (..., 6, 3).
    """
    trunk_m = np.linalg.norm(joints_m[..., _CHEST, :] - joints_m[..., _ROOT, :], axis=-1)[..., None]
    across = joints_m[..., _HIPS[0], :] - joints_m[..., _HIPS[1], :]
    # Left x up.
    ahead = np.stack((-across[..., 2], np.zeros_like(across[..., 0]), across[..., 0]), axis=-1)
    ahead = ahead / np.maximum(np.linalg.norm(ahead, axis=-1, keepdims=True), 1e-6)
    up = np.array((0.0, 1.0, 0.0), np.float32)
    legs_m = []
    for hip in _HIPS:
        for part in _PARTS:
            forward = _FOOT_AHEAD * ahead if part == "foot" else 0.0
            legs_m.append(joints_m[..., hip, :] + trunk_m * (forward - _BELOW_HIP[part] * up))
    standing: Floats = np.stack(legs_m, axis=-2).astype(np.float32)
    return standing


def _leg_confidence(people: People) -> Floats:
    """Return how sure the network is of the legs: the mean of knees and ankles, of either side the better. (R,)."""
    confidence = people.confidence[:, _SEEN_JOINTS]
    points = _SEEN_POINTS.get(people.keypoint_layout or "")
    if people.keypoints is not None and points is not None:
        place = people.keypoints[:, points, :2]
        # A network guesses what lies outside the picture from what is inside.
        outside = ((place < 0) | (place > 1)).any(axis=-1)
        confidence = np.where(outside, 0.0, confidence)
    mean: Floats = confidence.max(axis=-1).mean(axis=-1).astype(np.float32)
    return mean
