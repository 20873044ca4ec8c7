"""Interpolate joints between frames: at another rate, over a gap, at an uneven pace."""

import numpy as np
from numpy.typing import NDArray


def interpolate(values: NDArray[np.float32], at: NDArray[np.floating]) -> NDArray[np.float32]:
    """Interpolate a sequence linearly. values: (T, ...); at: (S,), fractional frames. Returns (S, ...)."""
    low = np.clip(np.floor(at).astype(int), 0, len(values) - 1)
    high = np.minimum(low + 1, len(values) - 1)
    share = (at - low).astype(np.float32).reshape(-1, *([1] * (values.ndim - 1)))
    mixed: NDArray[np.float32] = values[low] * (1 - share) + values[high] * share
    return mixed
