"""Interpolate joints between frames: at another rate, over a gap, at an uneven pace."""

import numpy as np
from numpy.typing import NDArray


def blend(last: NDArray[np.float32], first: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    """Go linearly from one pose to another, both (25, 3), in so many frames between them. Returns (T, 25, 3)."""
    share = np.linspace(0, 1, frames + 2, dtype=np.float32)[1:-1, None, None]
    between: NDArray[np.float32] = last * (1 - share) + first * share
    return between


def interpolate(values: NDArray[np.float32], at: NDArray[np.floating]) -> NDArray[np.float32]:
    """Interpolate a sequence linearly. values: (T, ...); at: (S,), fractional frames. Returns (S, ...)."""
    low = np.clip(np.floor(at).astype(int), 0, len(values) - 1)
    high = np.minimum(low + 1, len(values) - 1)
    share = (at - low).astype(np.float32).reshape(-1, *([1] * (values.ndim - 1)))
    mixed: NDArray[np.float32] = values[low] * (1 - share) + values[high] * share
    return mixed
