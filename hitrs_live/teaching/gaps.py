"""Look for further repetitions between, before and after those that were found: where the rests were cut wrongly."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.teaching.likeness import movement_differences
from hitrs_live.teaching.pose_track import PoseTrack

Floats = NDArray[np.float32]
Span = tuple[int, int]

_LENGTHS: Final = (0.75, 1.0, 1.3)
"""Of the usual length."""
_STEPS: Final = 6
"""Places tried within one length."""
_WORSE: Final = (1.3, 0.08)
"""A further repetition differs from the others at most so many times as much as they do, and so much more."""
_MOST: Final = 150
"""Places tried in all: the recording around the repetitions, not an hour of something else."""


def add_from_gaps(track: PoseTrack, found: Sequence[Span], *, most: int, least_likeness: float) -> list[Span]:
    """Return the repetitions that were found and those in gaps that are like them.

    found: in their order. most: how many to add at most.
    """
    if len(found) < 2 or not most:
        return list(found)
    between = movement_differences(track.poses, found)
    usual = float(np.median(between[np.triu_indices(len(found), 1)]))
    limit = min(_WORSE[0] * usual + _WORSE[1], 1 - least_likeness)
    places = _places(len(track), found)
    if not places:
        return list(found)
    differences = movement_differences(track.poses, [*found, *places])[len(found) :, : len(found)]
    worth = np.median(differences, axis=1)
    result = list(found)
    for at in np.argsort(worth).tolist():
        first, end = places[at]
        if len(result) == len(found) + most or worth[at] > limit:
            break
        if all(end <= one[0] + 1 or first >= one[1] - 1 for one in result):
            result.append(places[at])
    return sorted(result)


def _places(frames: int, found: Sequence[Span]) -> list[Span]:
    """List places for a repetition in the gaps, and up to two lengths before the first and after the last."""
    usual = float(np.median([end - first for first, end in found]))
    reach = round(2 * usual)
    edges = [max(0, found[0][0] - reach), *(edge for span in found for edge in span), min(frames, found[-1][1] + reach)]
    places = []
    for low, high in zip(edges[::2], edges[1::2], strict=True):
        for share in _LENGTHS:
            length = max(3, round(share * usual))
            step = max(1, round(usual / _STEPS))
            places += [(first, first + length) for first in range(low, high - length + 1, step)]
    return places[:: 1 + len(places) // _MOST]
