"""Detect joints without a position and bodies that are no people: one rule for every source and every reader.

A joint is bad where a coordinate is not finite or farther than MOST_METRES; it counts as not tracked. A body is no
person where half of its joints or more are bad, all the others lie in one point, or none of them is tracked: depth
cameras and padded arrays write zeros where there is no person.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25

MOST_METRES: Final = 100.0
MOST_BAD: Final = 0.5
"""Share of bad joints from which a body, or a whole file, is refused."""
LEAST_EXTENT_M: Final = 0.01
MOST_PEOPLE: Final = 32
"""Most people of one frame that are looked at: twice as many as are ever tracked."""
_SURE: Final = 0.3


def find_bad(joints_m: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Mark joints without a usable position. joints_m: (..., J, 3), metres -> (..., J) bool."""
    # Comparisons with not-a-number are false, so this is not written the other way round.
    with np.errstate(invalid="ignore"):  # a signalling not-a-number off the wire
        usable: NDArray[np.bool_] = (np.abs(joints_m) <= MOST_METRES).all(axis=-1)
    return ~usable


def to_float32(joints_m: NDArray[np.floating]) -> NDArray[np.float32]:
    """Convert joints; those without a usable position become NaN, since float32 may not have them. (..., J, 3)."""
    return np.where(find_bad(joints_m)[..., None], np.nan, joints_m).astype(np.float32)


def find_confident(confidence: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Mark valid confidences, from 0 to 1. confidence: (...) -> (...) bool."""
    with np.errstate(invalid="ignore"):
        confident: NDArray[np.bool_] = (confidence >= 0) & (confidence <= 1)
    return confident


def find_bodies(joints_m: NDArray[np.floating], confidence: NDArray[np.floating] | None = None) -> NDArray[np.bool_]:
    """Mark the bodies of people. joints_m: (..., J, 3), metres; confidence: (..., J), 0 to 1 -> (...) bool."""
    bad = find_bad(joints_m)
    low = np.where(bad[..., None], np.inf, joints_m).min(axis=-2)
    high = np.where(bad[..., None], -np.inf, joints_m).max(axis=-2)
    present: NDArray[np.bool_] = (bad.mean(axis=-1) < MOST_BAD) & (high - low > LEAST_EXTENT_M).any(axis=-1)
    if confidence is None:
        return present
    tracked: NDArray[np.bool_] = (find_confident(confidence) & (confidence != 0) & ~bad).any(axis=-1)
    return present & tracked


def find_beyond(joints_m: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Mark joints with a number that is out of range; not a number is a gap. joints_m: (..., J, 3) -> (..., J) bool."""
    with np.errstate(invalid="ignore"):
        beyond: NDArray[np.bool_] = (np.abs(joints_m) > MOST_METRES).any(axis=-1)
    return beyond


def nearest_people(
    joints_m: NDArray[np.floating], confidence: NDArray[np.floating], most: int = MOST_PEOPLE
) -> NDArray[np.int64]:
    """Choose the people of a crowd to look at: bodies of people first, then sure ones, then near ones.

    joints_m: (P, J, 3), metres; confidence: (P, J), 0 to 1. Returns the indices of at most `most` people, in order.
    """
    if len(joints_m) <= most:
        return np.arange(len(joints_m))
    usable = ~find_bad(joints_m)
    squares = np.square(np.where(usable[..., None], joints_m, 0.0)).sum(axis=-1)
    distance_m = np.sqrt(squares).sum(axis=-1) / np.maximum(usable.sum(axis=-1), 1)
    sure = np.where(find_confident(confidence), confidence, 0.0).mean(axis=-1) >= _SURE
    order = np.lexsort((distance_m, ~sure, ~find_bodies(joints_m, confidence)))
    return np.sort(order[:most])


def fill_from_neighbours(joints_m: NDArray[np.float32], bad: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Move bad joints to the nearest good one along the skeleton. joints_m: (25, 3), bad: (25,), at least one good."""
    filled = joints_m.copy()
    for joint in np.flatnonzero(bad):
        filled[joint] = joints_m[next(other for other in _NEAREST[joint] if not bad[other])]
    return filled


def fill_over_time(joints_m: NDArray[np.float32]) -> NDArray[np.float32]:
    """Interpolate bad joints from the same joint's good frames. joints_m: (T, 25, 3), with at least one good joint.

    Before the first good frame and after the last the joint keeps its position; a joint that is never good gets the
    position of its nearest good neighbour. Returns the array itself where nothing is bad.
    """
    bad = find_bad(joints_m)
    if not bad.any():
        return joints_m
    filled, frames = joints_m.copy(), np.arange(len(joints_m))
    never: NDArray[np.bool_] = np.asarray(bad.all(axis=0))
    for joint in np.flatnonzero(bad.any(axis=0) & ~never):
        good = frames[~bad[:, joint]]
        for axis in range(3):
            filled[:, joint, axis] = np.interp(frames, good, joints_m[good, joint, axis])
    if never.any():
        for frame in range(len(filled)):
            filled[frame] = fill_from_neighbours(filled[frame], never)
    return filled


def _by_distance(start: int) -> Sequence[int]:
    """List the other joints by their distance along the skeleton."""
    links = [(joint, parent) for joint, parent in enumerate(NTU25.parents) if joint != parent]
    links += [(parent, joint) for joint, parent in links]
    ordered = [start]
    for joint in ordered:
        ordered += [other for one, other in links if one == joint and other not in ordered]
    return ordered[1:]


_NEAREST: Final = tuple(_by_distance(joint) for joint in range(len(NTU25)))
