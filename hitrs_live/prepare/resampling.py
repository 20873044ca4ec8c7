"""Compute the times of a body's frames at another rate."""

import numpy as np
from numpy.typing import NDArray


def grid(first_frame: int, frames: int, ratio: float) -> tuple[int, NDArray[np.float64]]:
    """Compute a body's frames on the grid of another rate, `ratio` times its own, which starts with the sequence.

    first_frame, frames: of the body in the sequence. Returns the first frame on the new grid, and (S,), S >= 1: the
    fractional frame of the body, 0 to frames - 1, for each frame of the new grid.
    """
    # A small tolerance: without it rounding would lose frames when the rate does not change.
    first = int(np.ceil(first_frame * ratio - 1e-6))
    last = int(np.floor((first_frame + frames - 1) * ratio + 1e-6))
    at = np.arange(first, max(first, last) + 1) / ratio - first_frame
    return first, np.clip(at, 0, frames - 1)
