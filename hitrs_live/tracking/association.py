"""Associate poses with tracks, find ambiguities, and drop second detections of one person. No state, no clock."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import Pose
from hitrs_live.skeleton import NTU25
from hitrs_live.tracking.assignment import assign

_SPINE = ("spine_base", "spine_middle", "spine_shoulder")
_TRUNK = [NTU25.index(name) for name in (*_SPINE, "left_shoulder", "right_shoulder", "left_hip", "right_hip")]
# Depth from one camera is the least certain of the three.
_AXIS_WEIGHTS = np.array((1.0, 1.0, 0.5))
# Poses nearer than this are one person detected twice: no two trunks fit into the same place.
_DUPLICATE_M = 0.25
# So are boxes that share more than this of their area: the estimated distances of two detections of one person may
# differ by metres, their places in the picture do not.
_DUPLICATE_OVERLAP = 0.5
# How much a person's distance may change: so many standard deviations, and what they walk meanwhile.
_SPREADS, _AWAY_SPEED_M_S = 3.0, 1.0
# How far a person may move in the picture between two sights, in box sizes: at once, and for every second unseen.
# A standing person's box is about two and a half times as high as wide.
_SHIFT, _SHIFT_A_S, _WIDTHS_A_HEIGHT = 0.5, 1.5, 2.5
# How far from its prediction a person may be: measuring noise, and what people do in the meantime.
_GATE_M, _GATE_SPEED_M_S, _WIDEST_GATE_M = 0.4, 2.5, 1.5
# The same as a standard deviation; costs are negative log-likelihoods under it.
_SPREAD_M, _SPREAD_M_S = 0.12, 0.5
# That a person seen a moment ago stays is far likelier than that they vanish where a lost person comes back.
_RETURN_COST = 5.0
_OVERLAP_BONUS = 1.0
_BODY_ID_BONUS = 2.0
# How much likelier than its rival an association must be: 33 times where two people could be swapped, e times where
# two people could be the one pose. Natural logarithms.
_SWAP_MARGIN, _LONE_MARGIN = 3.5, 1.0
# Poses further apart than this have come apart, and an ambiguity between them will not resolve itself.
_APART_M = 0.6


class Expected(Protocol):
    """A person seen before, who is expected in this frame."""

    pose: Pose
    seen_ns: int

    @property
    def distance_spread(self) -> float:
        """How uncertain their distance is, as a share of it."""

    def predict(self, now_ns: int) -> NDArray[np.float64]:
        """Return where the trunk should be now, (7, 3) metres."""


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """Say which expected person is which pose; both by their place in their list."""

    pose_of: dict[int, int]
    ambiguous: set[int] = field(default_factory=set)
    """Expected people whose pairing, or lack of one, has a rival nearly as likely."""
    separated: set[int] = field(default_factory=set)
    """Those of the ambiguous whose poses are well apart already."""


def trunk(joints_m: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the joints that people are associated by, (7, 3) metres. joints_m: (25, 3)."""
    return np.asarray(joints_m[_TRUNK], np.float64)


def without_duplicates(poses: Sequence[Pose]) -> list[Pose]:
    """Keep the most certain pose of each person detected several times. All joints must be finite."""
    kept: list[Pose] = []
    for pose in sorted(poses, key=lambda p: -float(p.confidence.mean())):
        rivals = [other for other in kept if not _claimed_apart(pose, other)]
        if not any(_is_duplicate(pose, rival) for rival in rivals):
            kept.append(pose)
    return kept


def pair(expected: Sequence[Expected], poses: Sequence[Pose], now_ns: int) -> Pairing:
    """Pair expected people with detected poses: as many as possible, and of those pairings the likeliest."""
    if not expected or not poses:
        return Pairing(pose_of={})
    trunks = np.stack([trunk(pose.joints_m) for pose in poses])
    pictured = all(pose.box is not None for pose in poses)
    predicted = np.stack([one.predict(now_ns) for one in expected])
    unseen_s = np.array([max(0, now_ns - one.seen_ns) for one in expected])[:, None] / 1e9
    reach_m = np.minimum(_GATE_M + _GATE_SPEED_M_S * unseen_s, _WIDEST_GATE_M)
    if pictured:
        distance_spread = np.array([one.distance_spread for one in expected])[:, None]
        distance, likely = _compare_along_sight(predicted, trunks, distance_spread, unseen_s)
        allowed = likely & (distance < reach_m)
    else:
        distance = _distance_m(predicted, trunks)
        allowed = distance < reach_m
    spread = _SPREAD_M + _SPREAD_M_S * unseen_s
    # Two free directions, since depth counts half: the wider the prediction, the less likely each single place.
    cost = distance**2 / (2 * spread**2) + 2 * np.log(spread / _SPREAD_M)
    cost[unseen_s[:, 0] > unseen_s.min()] += _RETURN_COST
    for index, one in enumerate(expected):
        for column, pose in enumerate(poses):
            allowed[index, column] &= _within_reach(one.pose.box, pose.box, float(unseen_s[index, 0]))
            cost[index, column] -= _OVERLAP_BONUS * _overlap(one.pose.box, pose.box)
            if one.pose.body_id is not None and pose.body_id is not None:
                cost[index, column] += _BODY_ID_BONUS if _claimed_apart(one.pose, pose) else -_BODY_ID_BONUS
    pose_of = dict(assign(cost, allowed))
    pairing = Pairing(pose_of=pose_of)
    _find_swaps(pairing, cost, allowed, _distance_m(trunks, trunks))
    _find_rivals(pairing, cost, allowed)
    return pairing


def _find_swaps(
    pairing: Pairing, cost: NDArray[np.float64], allowed: NDArray[np.bool_], between: NDArray[np.float64]
) -> None:
    """Mark two pairs as ambiguous that are nearly as likely the other way round."""
    pairs = list(pairing.pose_of.items())
    for place, (a, i) in enumerate(pairs):
        for b, j in pairs[place + 1 :]:
            margin = cost[a, j] + cost[b, i] - cost[a, i] - cost[b, j]
            if allowed[a, j] and allowed[b, i] and margin < _SWAP_MARGIN:
                pairing.ambiguous.update((a, b))
                if between[i, j] > _APART_M:
                    pairing.separated.update((a, b))


def _find_rivals(pairing: Pairing, cost: NDArray[np.float64], allowed: NDArray[np.bool_]) -> None:
    """Mark a pair as ambiguous whose pose is nearly as likely that of a person without one."""
    for a, i in pairing.pose_of.items():
        for b in range(len(cost)):
            if b not in pairing.pose_of and allowed[b, i] and cost[b, i] - cost[a, i] < _LONE_MARGIN:
                pairing.ambiguous.update((a, b))


def _compare_along_sight(
    expected: NDArray[np.float64],
    detected: NDArray[np.float64],
    distance_spread: NDArray[np.float64],
    unseen_s: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return how far each detected trunk is from each expected one, (M, N) metres, and whether its distance from the
    camera is possible for them, (M, N) bool.

    expected: (M, 7, 3), detected: (N, 7, 3), metres. One camera's estimate of the distance is uncertain, the direction
    is not. So a detected trunk is moved to the expected distance before it is compared, and the error of its own
    distance counts relative to how uncertain that person's distance has been so far, distance_spread: (M, 1), shares.
    unseen_s: (M, 1).
    """
    away_m = np.maximum(np.linalg.norm(expected.mean(axis=1), axis=-1), 1e-3)[:, None]
    ratio = away_m / np.maximum(np.linalg.norm(detected.mean(axis=1), axis=-1), 1e-3)[None]
    error = np.abs(np.log(ratio))
    moved = detected[None] * ratio[..., None, None]
    apart = np.linalg.norm((expected[:, None] - moved) * _AXIS_WEIGHTS, axis=-1).mean(axis=-1)
    likely = error < _SPREADS * distance_spread + _AWAY_SPEED_M_S * unseen_s / away_m
    return apart + _SPREAD_M * error / distance_spread, likely


def _distance_m(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean distance of trunks, each with each. a: (M, 7, 3); b: (N, 7, 3); result (M, N)."""
    return np.asarray(np.linalg.norm((a[:, None] - b[None]) * _AXIS_WEIGHTS, axis=-1).mean(axis=-1))


def _is_duplicate(pose: Pose, rival: Pose) -> bool:
    if _overlap(pose.box, rival.box) > _DUPLICATE_OVERLAP:
        return True
    return bool(_distance_m(trunk(pose.joints_m)[None], trunk(rival.joints_m)[None])[0, 0] <= _DUPLICATE_M)


def _within_reach(before: NDArray[np.float32] | None, after: NDArray[np.float32] | None, unseen_s: float) -> bool:
    """Return whether a box can have moved so far in the picture; True where there is no picture."""
    if before is None or after is None:
        return True
    size = np.maximum(before[2:] - before[:2], after[2:] - after[:2])
    reach = (_SHIFT + _SHIFT_A_S * unseen_s) * size * (_WIDTHS_A_HEIGHT, 1.0)
    return bool((np.abs((after[:2] + after[2:]) - (before[:2] + before[2:])) / 2 <= reach).all())


def _overlap(a: NDArray[np.float32] | None, b: NDArray[np.float32] | None) -> float:
    """Return the boxes' intersection over union, 0 where either is unknown."""
    if a is None or b is None:
        return 0.0
    sides = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0)
    both = float(sides[0] * sides[1])
    union = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - both
    return both / union if union > 0 else 0.0


def _claimed_apart(a: Pose, b: Pose) -> bool:
    return a.body_id is not None and b.body_id is not None and a.body_id != b.body_id
