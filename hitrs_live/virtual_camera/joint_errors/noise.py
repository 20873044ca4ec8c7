"""Noise whose components keep their correlation over time: a constant of the stream and sums of AR(1) processes."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
MEMORY_FRAMES: Final = (60.0, 15.0, 5.0, 1.5)
"""Time constants of the AR(1) processes; a constant comes before them and white noise after."""
PARTS: Final = len(MEMORY_FRAMES) + 2
LAGS: Final = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
SLOW_PARTS: Final = 3
"""The constant and the two slowest; the others are jitter, whose size depends on the pose."""
_ROUNDS = 4000
# Circular noise has no beginning; this many frames are drawn and dropped, so that the end does not meet it.
_PADDING_FRAMES = 240


def part_correlations() -> NDArray[np.float64]:
    """Return the correlation of each part at each lag: (PARTS, LAGS)."""
    lags = np.array(LAGS, np.float64)
    decaying = [np.exp(-lags / frames) for frames in MEMORY_FRAMES]
    return np.stack([np.ones_like(lags), *decaying, (lags == 0).astype(np.float64)])


def fit_shares(correlations: NDArray[np.float64]) -> Floats:
    """Fit shares of the parts, none negative, to correlations. (C, LAGS) -> (C, PARTS), each summing to 1."""
    parts = part_correlations()
    gram, aim = parts @ parts.T, correlations @ parts.T
    shares = np.full(aim.shape, 1.0 / PARTS)
    step = 1.0 / np.linalg.eigvalsh(gram)[-1]
    for _ in range(_ROUNDS):
        shares = np.maximum(shares - step * (shares @ gram - aim), 0.0)
    total = np.maximum(shares.sum(axis=1, keepdims=True), 1e-6)
    fitted: Floats = (shares / total).astype(np.float32)
    return fitted


def draw_noise(rng: np.random.Generator, rows: int, frames: int, shares: Floats) -> Floats:
    """Draw noise with C components. shares: (C, PARTS), of the variance. Returns (rows, C, frames)."""
    length = frames + _PADDING_FRAMES
    white = rng.standard_normal((rows, len(shares), length), np.float32)
    turn = np.cos(2 * np.pi * np.arange(length // 2 + 1) / length)
    power = np.repeat(shares[:, -1:], len(turn), axis=1).astype(np.float64)
    for column, memory in enumerate(MEMORY_FRAMES, start=1):
        decay = np.exp(-1 / memory)
        power += shares[:, column, None] * (1 - decay**2) / (1 - 2 * decay * turn + decay**2)
    moving = np.fft.irfft(np.fft.rfft(white) * np.sqrt(power), length)[..., :frames]
    constant = rng.standard_normal((rows, len(shares), 1), np.float32)
    noise: Floats = (moving + constant * np.sqrt(shares[:, :1])).astype(np.float32)
    return noise
