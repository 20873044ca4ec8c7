"""Choose which kept errors a motion gets: stretches of rendered views that fit its poses and join well.

As in speech synthesis by unit selection (Hunt and Black 1996): a stretch costs what its poses differ from the wanted
ones, and a change of the view costs what the errors differ where they join. That is measured without their jitter, or
calm views would be preferred. Nothing is smoothed where two views meet: live joints jump as well, and smoothed joins
were easier to recognise.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.virtual_camera.joint_errors.error_library import ErrorLibrary, squared_distances

Floats = NDArray[np.float32]

STRETCH: Final = 8
"""Frames after which another view may be taken."""
_CANDIDATES: Final = 2000
"""Frames looked at for each stretch, drawn at random: this makes draws differ, and bounds the time."""
_CHANGE_COST: Final = 2.0
_DRIFT_WEIGHT: Final = 0.3


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
    ended: NDArray[np.int64] | None = None
    for first in range(0, frames, STRETCH):
        wanted = keys[:, min(first + STRETCH // 2, frames - 1)]
        candidates = starts[rng.integers(len(starts), size=_CANDIDATES)]
        taken = _next_frames(library, wanted, ended, candidates)
        count = min(STRETCH, frames - first)
        frame = taken[:, None] + np.arange(count)
        error[:, first : first + count], lost[:, first : first + count] = library.error[frame], library.lost_mask[frame]
        ended = taken + STRETCH
    return CopiedErrors(error=error, lost_mask=lost)


def _next_frames(
    library: ErrorLibrary, wanted: Floats, ended: NDArray[np.int64] | None, candidates: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the first frames of the next stretches, (B,): where the last ended, or where a better one begins.

    wanted: (B, KEYS), of the middle of each stretch; ended: (B,), None for the first stretches.
    """
    cost = squared_distances(wanted, library.key[candidates + STRETCH // 2])
    if ended is None:
        first: NDArray[np.int64] = candidates[cost.argmin(axis=1)]
        return first
    cost += _CHANGE_COST + _DRIFT_WEIGHT * squared_distances(library.drift[ended], library.drift[candidates])
    goes_on = library.remaining[ended] >= STRETCH
    middle = np.where(goes_on, ended + STRETCH // 2, ended)
    stay = ((library.key[middle] - wanted) ** 2).sum(axis=1)
    best = cost.argmin(axis=1)
    following: NDArray[np.int64] = np.where(
        goes_on & (stay <= cost[np.arange(len(best)), best]), ended, candidates[best]
    )
    return following
