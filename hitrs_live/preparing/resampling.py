"""Read joints between their frames: to fill gaps, and to bring a data set to another frame rate."""

import numpy as np
from numpy.typing import NDArray


def read_between(values: NDArray[np.float32], at: NDArray[np.floating]) -> NDArray[np.float32]:
    """Interpolate linearly. values: (T, ...); at: (S,) in frames, 0 to T - 1. Returns (S, ...)."""
    low = np.floor(at).astype(np.int64)
    high = np.minimum(low + 1, len(values) - 1)
    share = (at - low).astype(np.float32).reshape(-1, *([1] * (values.ndim - 1)))
    mixed: NDArray[np.float32] = values[low] * (1 - share) + values[high] * share
    return mixed


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
