"""Build batches for pose forecasters: augmented windows of a benchmark's recordings, a function of seed and number."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hitrs_live.data.interpolation import interpolate
from hitrs_live.data.motion_set import HISTORY, WINDOW, MotionRecording, MotionSet

_LEG = {"knee", "ankle", "toe"}


@dataclass(frozen=True, kw_only=True)
class WindowVariation:
    """Augmentation of windows."""

    mirror_share: float = 0.5
    reverse_share: float = 0.3
    """Share of windows reversed in time."""
    speed: float = 0.0
    """Logarithm of the greatest change of pace, faster and slower."""
    turn_rad: float = 0.2
    """Standard deviation of a rotation about each axis, as another estimate of the root's rotation would cause."""
    other_legs_share: float = 0.3
    """Share of windows that get another window's legs: these hang from joints that never move, so all combine."""


@dataclass(frozen=True, kw_only=True)
class WindowBatch:
    """Windows of scored joints, millimetres."""

    history: Tensor
    """(B, 10, S, 3)."""
    future: Tensor
    """(B, 25, S, 3)."""

    def to(self, device: torch.device) -> "WindowBatch":
        """Return the batch on a device."""
        return WindowBatch(history=self.history.to(device), future=self.future.to(device))


class WindowBatches:
    """Build the batch of any number."""

    def __init__(
        self,
        motion: MotionSet,
        recordings: Sequence[MotionRecording],
        *,
        variation: WindowVariation,
        balance: float,
        size: int,
        seed: tuple[int, ...],
    ) -> None:
        """Prepare to draw from some recordings of a set.

        balance: 0 draws every window equally often, 1 every action. seed: decides the batches together with their
        number.
        """
        scored = list(motion.scored)
        self._legs = [k for k, j in enumerate(scored) if _LEG & set(motion.layout.joints[j].split("_"))]
        self._frames = np.concatenate([r.joints_mm[:, scored] for r in recordings])
        self._mirrored = np.concatenate([motion.mirror(r.joints_mm)[:, scored] for r in recordings])
        ends = np.cumsum([len(r.joints_mm) for r in recordings])
        begins = ends - [len(r.joints_mm) for r in recordings]
        counts = [len(r.starts) for r in recordings]
        self._starts = np.concatenate([begin + r.starts for begin, r in zip(begins, recordings, strict=True)])
        self._limits = np.repeat(np.stack((begins, ends - 1), axis=1), counts, axis=0)
        self._cumulative = _cumulative_probabilities(recordings, balance)
        self._variation, self._size, self._seed = variation, size, seed

    def __call__(self, number: int) -> WindowBatch:
        """Draw a batch."""
        rng = np.random.default_rng((*self._seed, number))
        chosen = np.searchsorted(self._cumulative, rng.random(self._size), side="right")
        times = self._times(chosen, rng)
        mirrored = rng.random(self._size) < self._variation.mirror_share
        windows = np.where(
            mirrored[:, None, None, None], _between(self._mirrored, times), _between(self._frames, times)
        )
        backwards = rng.random(self._size) < self._variation.reverse_share
        windows = np.where(backwards[:, None, None, None], windows[:, ::-1], windows)
        if self._variation.turn_rad:
            windows = np.einsum("bij,btsj->btsi", _rotations(self._size, self._variation.turn_rad, rng), windows)
        exchanged = rng.random(self._size) < self._variation.other_legs_share
        others = np.roll(windows, 1, axis=0)[:, :, self._legs]
        windows[:, :, self._legs] = np.where(exchanged[:, None, None, None], others, windows[:, :, self._legs])
        tensor = torch.from_numpy(np.ascontiguousarray(windows, np.float32))
        return WindowBatch(history=tensor[:, :HISTORY], future=tensor[:, HISTORY:])

    def _times(self, chosen: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
        """Compute the fractional frames at which windows are read, (B, 35); a change of pace keeps their middle."""
        steps = np.arange(WINDOW, dtype=np.float64)
        if self._variation.speed:
            pace = np.exp(rng.uniform(-self._variation.speed, self._variation.speed, (len(chosen), 1)))
            steps = WINDOW // 2 + (steps - WINDOW // 2) * pace
        limits = self._limits[chosen]
        return np.clip(self._starts[chosen, None] + steps, limits[:, :1], limits[:, 1:])


def _cumulative_probabilities(recordings: Sequence[MotionRecording], balance: float) -> NDArray[np.float64]:
    """Compute the cumulative probabilities of the windows, for inverse transform sampling."""
    of_action = Counter[str]()
    for recording in recordings:
        of_action[recording.action] += len(recording.starts)
    weights = np.concatenate([np.full(len(r.starts), float(of_action[r.action]) ** -balance) for r in recordings])
    cumulative = np.cumsum(weights)
    cumulative /= cumulative[-1]
    # Rounding must not leave a number just below 1 without a window.
    cumulative[-1] = 1.0
    return cumulative


def _between(frames: NDArray[np.float32], times: NDArray[np.float64]) -> NDArray[np.float32]:
    """Interpolate frames (N, S, 3) linearly at fractional times (B, T). Returns (B, T, S, 3)."""
    return interpolate(frames, times.ravel()).reshape(*times.shape, *frames.shape[1:])


def _rotations(count: int, deviation: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw rotation matrices (B, 3, 3) about random axes by the Cayley transform; for small angles it is near exact.

    deviation: standard deviation of the angle about each axis, radians.
    """
    x, y, z = rng.normal(0.0, deviation / 2, (3, count))
    zero = np.zeros_like(x)
    half = np.stack((zero, -z, y, z, zero, -x, -y, x, zero), axis=-1).reshape(count, 3, 3)
    rotations: NDArray[np.float64] = np.linalg.solve(np.eye(3) - half, np.eye(3) + half)
    return rotations
