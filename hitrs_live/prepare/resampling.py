"""Where the frames of another rate lie among a body's own."""

import numpy as np
from numpy.typing import NDArray


def grid(first_frame: int, frames: int, ratio: float) -> tuple[int, NDArray[np.float64]]:
    """Lay a body's frames on the grid of another rate, `ratio` times its own, that begins where the sequence does.

    Returns the first frame on that grid, and (S,) the places between the body's own frames, 0 to frames - 1, at which
    its frames there are to be read; one at least.
    """
    # A hair of tolerance, or a rate brought to itself would lose frames to rounding.
    first = int(np.ceil(first_frame * ratio - 1e-6))
    last = int(np.floor((first_frame + frames - 1) * ratio + 1e-6))
    at = np.arange(first, max(first, last) + 1) / ratio - first_frame
    return first, np.clip(at, 0, frames - 1)
