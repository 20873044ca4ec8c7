"""Choose which kept errors a motion gets: stretches of rendered views that fit its poses and join well.

As in speech synthesis by unit selection (Hunt and Black 1996): a stretch costs what its poses differ from the wanted
ones, and a change of the view costs what the errors differ where they join.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.virtual_camera.joint_errors.error_library import ErrorLibrary

Floats = NDArray[np.float32]

STRETCH: Final = 8
"""Frames after which another view may be taken."""
_FADE: Final = 3
"""Frames in which one view's errors go over into another's."""
_CANDIDATES: Final = 2000
"""Frames looked at for each stretch, drawn at random: this makes draws differ, and bounds the time."""
_CHANGE_COST: Final = 2.0
_JOIN_WEIGHT: Final = 0.3


@dataclass(frozen=True, kw_only=True)
class CopiedErrors:
    """Errors of B streams, T frames each."""

    error: Floats
    """(B, T, TARGETS), normalised."""
    lost_mask: NDArray[np.bool_]
    """(B, T)."""


def choose_errors(library: ErrorLibrary, keys: Floats, rng: np.random.Generator) -> CopiedErrors:
    """Choose and copy errors. keys: (B, T, KEYS), of the motions' frames.

    The rows share the random numbers and are otherwise independent.
    """
    rows, frames = keys.shape[:2]
    starts = np.flatnonzero(library.remaining >= STRETCH)
    error = np.empty((rows, frames, library.error.shape[1]), np.float32)
    lost = np.empty((rows, frames), np.bool_)
    ended = np.zeros(rows, np.int64)
    for first in range(0, frames, STRETCH):
        wanted = keys[:, min(first + STRETCH // 2, frames - 1)]
        candidates = starts[rng.integers(len(starts), size=_CANDIDATES)]
        if first == 0:
            taken = candidates[_differences(wanted, library.key[candidates + STRETCH // 2]).argmin(axis=1)]
        else:
            taken = _next_frames(library, wanted, ended, candidates)
        count = min(STRETCH, frames - first)
        frame = taken[:, None] + np.arange(count)
        copied = library.error[frame]
        if first:
            _fade(copied, library, ended)
        error[:, first : first + count], lost[:, first : first + count] = copied, library.lost_mask[frame]
        ended = taken + STRETCH
    return CopiedErrors(error=error, lost_mask=lost)


def _next_frames(
    library: ErrorLibrary, wanted: Floats, ended: NDArray[np.int64], candidates: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the first frames of the next stretches, (B,): where the last ended, or where a better one begins."""
    cost = _differences(wanted, library.key[candidates + STRETCH // 2])
    cost += _JOIN_WEIGHT * _differences(library.error[ended], library.error[candidates]) + _CHANGE_COST
    goes_on = library.remaining[ended] >= STRETCH
    middle = np.where(goes_on, ended + STRETCH // 2, ended)
    stay = np.where(goes_on, ((library.key[middle] - wanted) ** 2).sum(axis=1), np.inf)
    best = cost.argmin(axis=1)
    return np.where(stay <= cost[np.arange(len(best)), best], ended, candidates[best])


def _fade(copied: Floats, library: ErrorLibrary, ended: NDArray[np.int64]) -> None:
    """Let stretches, (B, count, TARGETS), begin with what would have followed the last ones, fading over.

    Where a view goes on, this changes nothing.
    """
    count = min(_FADE, copied.shape[1])
    steps = np.arange(count)
    followed = library.error[ended[:, None] + np.minimum(steps, library.remaining[ended][:, None])]
    share = ((steps + 1) / (count + 1))[:, None].astype(np.float32)
    copied[:, :count] = followed * (1 - share) + copied[:, :count] * share


def _differences(a: Floats, b: Floats) -> Floats:
    """Return squared distances, (A, B), between rows of (A, C) and (B, C)."""
    squared: Floats = (a**2).sum(axis=1)[:, None] - 2 * a @ b.T + (b**2).sum(axis=1)
    return squared
