"""Smooth and interpolate channels over time."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.labelled_motion import RATE_HZ

Floats = NDArray[np.floating]
_Number = TypeVar("_Number", bound=np.floating)


def smooth(values: NDArray[_Number], seconds: float) -> NDArray[_Number]:
    """Average over time with a Gaussian of that standard deviation. values: (T, ...) at RATE_HZ -> the same."""
    return smooth_frames(values, seconds * RATE_HZ)


def smooth_frames(values: NDArray[_Number], sigma_frames: float) -> NDArray[_Number]:
    """Average over frames with a Gaussian of that standard deviation; the ends stay level. values: (T, ...)."""
    reach = int(np.ceil(3 * sigma_frames))
    if reach < 1 or len(values) < 2:
        return values
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_frames) ** 2)
    kernel = (kernel / kernel.sum()).astype(values.dtype)
    padded = np.concatenate((np.repeat(values[:1], reach, 0), values, np.repeat(values[-1:], reach, 0)))
    averaged = np.zeros_like(values)
    for place, weight in enumerate(kernel):
        averaged += weight * padded[place : place + len(values)]
    return averaged


def ease(frames: int) -> Floats:
    """Return shares rising from above 0 to 1 with minimum jerk (Flash and Hogan 1985). Returns (frames,)."""
    at = (np.arange(frames, dtype=np.float32) + 1) / max(frames, 1)
    eased: Floats = at**3 * (10 - 15 * at + 6 * at * at)
    return eased


def through_keys(times: Floats, keys: Floats, at: Floats) -> Floats:
    """Interpolate keys by monotone cubics (Fritsch and Carlson 1980): at rest where a channel turns or is held.

    times: (K,), ascending, seconds; keys: (K, C); at: (T,), seconds. Returns (T, C).
    """
    spans = np.diff(times)[:, None]
    slopes = np.diff(keys, axis=0) / spans
    tangents = np.zeros_like(keys)
    if len(keys) > 2:
        before, after = slopes[:-1], slopes[1:]
        # The harmonic mean of the neighbours, weighted by their spans; zero where they differ in sign.
        first, second = 2 * spans[1:] + spans[:-1], spans[1:] + 2 * spans[:-1]
        same = before * after > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = (first + second) / (first / before + second / after)
        tangents[1:-1] = np.where(same, mean, 0)
    row = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(spans) - 1)
    span = spans[row]
    u = np.clip((at - times[row])[:, None] / span, 0, 1)
    h00, h01 = (1 + 2 * u) * (1 - u) ** 2, u * u * (3 - 2 * u)
    h10, h11 = u * (1 - u) ** 2, u * u * (u - 1)
    curve: Floats = (
        h00 * keys[row] + h01 * keys[row + 1] + span * (h10 * tangents[row] + h11 * tangents[row + 1])
    ).astype(np.float32)
    return curve


def drift(rng: np.random.Generator, frames: int, columns: int, seconds: float) -> Floats:
    """Draw slow noise of unit variance. seconds: standard deviation of its smoothing. Returns (T, columns)."""
    reach = int(np.ceil(3 * seconds * RATE_HZ))
    step = max(1, int(seconds * RATE_HZ / 2))
    knots = (
        rng.normal(0, 1, (frames + 2 * reach) // step + 3)[:, None]
        if columns == 1
        else rng.normal(0, 1, ((frames + 2 * reach) // step + 3, columns))
    )
    times = np.arange(len(knots), dtype=np.float32) * step
    values = through_keys(times, knots.astype(np.float32), np.arange(frames, dtype=np.float32) + reach)
    return smooth(values, seconds / 2) * np.float32(1.25)
