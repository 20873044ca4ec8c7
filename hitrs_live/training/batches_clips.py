"""Build batches of windows of clips for a detector's video level and head, and choose the hard ones among them."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hitrs_live.data.array_format import BACKGROUND, IGNORE
from hitrs_live.training.class_targets import class_targets, recognised_mask
from hitrs_live.training.clip_store import ClipStore

_MIRROR_SHARE: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class ClipShares:
    """Which clips windows are drawn around; the rest is any clip of any stream."""

    actions: float = 0.4
    """Around a clip of an action, all classes alike."""
    near_misses: float = 0.1
    hard: float = 0.25
    """Around the hard negatives that were chosen last."""
    spliced: float = 0.3
    """Of all windows: those whose first part is another window's. What came before must not decide what is done now."""


@dataclass(frozen=True, kw_only=True)
class ClipBatch:
    """B windows of W clips, K classes."""

    clips: Tensor
    """(B, W, C) float32, oldest first; what lies past a stream's end repeats its last clip, with weight 0."""
    targets: Tensor
    """(B, W, K) float32, 1 where the class is done; the background has none."""
    weights: Tensor
    """(B, W, K) float32, 0 where it is unknown whether the class is done."""

    def to(self, device: torch.device) -> "ClipBatch":
        """Return the batch on a device."""
        return ClipBatch(clips=self.clips.to(device), targets=self.targets.to(device), weights=self.weights.to(device))


class ClipBatches:
    """Build the batch of any number: a function of the seed, the number and the hard clips."""

    def __init__(
        self,
        store: ClipStore,
        *,
        window_clips: int,
        size: int,
        seed: tuple[int, ...],
        shares: ClipShares = ClipShares(),
    ) -> None:
        """Prepare to build batches of `size` windows. seed: the run's and this process's rank."""
        self._store, self._window, self._size, self._seed, self._shares = store, window_clips, size, seed, shares
        present = np.unique(store.class_of[store.class_of > BACKGROUND]).tolist()
        self._clips_of = [np.flatnonzero(store.class_of == number) for number in present]
        self._near = np.flatnonzero(store.near_miss > BACKGROUND)
        self.hard = np.zeros(0, np.int64)
        """Rows of the store; none before the first choice."""

    def __call__(self, number: int) -> ClipBatch:
        """Draw a batch."""
        rng = np.random.default_rng((*self._seed, number))
        centres = np.array([self._draw(rng) for _ in range(self._size)])
        mirrored = rng.random(self._size) < (_MIRROR_SHARE if self._store.views == 2 else 0.0)
        # The clip that was drawn lies anywhere in the window: every clip of it counts.
        drawn = self._windows(centres - rng.integers(0, self._window, self._size), centres, mirrored)
        return self._splice(drawn, rng)

    def _windows(self, begins: NDArray[np.int64], within: NDArray[np.int64], mirrored: NDArray[np.bool_]) -> ClipBatch:
        """Read windows that begin at rows, moved into the stream of the row `within`, (B,) each."""
        store = self._store
        first, end = store.first[within], store.end[within]
        rows = np.clip(begins, first, np.maximum(first, end - self._window))[:, None] + np.arange(self._window)
        past = rows >= end[:, None]
        rows = np.minimum(rows, end[:, None] - 1)
        labels = np.where(past, IGNORE, store.class_of[rows])
        labels = np.where(mirrored[:, None], store.mirror(labels), labels)
        targets, weights = class_targets(
            labels, store.known[store.source_of[rows]], store.similar, store.absent[store.source_of[rows]],
            recognised_mask(labels, store.stride_frames),
        )  # fmt: skip
        clips = store.tokens[rows, mirrored.astype(np.int64)[:, None]].astype(np.float32)
        return ClipBatch(
            clips=torch.from_numpy(clips), targets=torch.from_numpy(targets), weights=torch.from_numpy(weights)
        )

    def _splice(self, batch: ClipBatch, rng: np.random.Generator) -> ClipBatch:
        """Give some windows the first part of another window, with what is known of it."""
        chosen = rng.random(self._size) < self._shares.spliced
        cuts = np.where(chosen, rng.integers(1, self._window, self._size), 0)
        others = torch.from_numpy(rng.permutation(self._size))
        before = torch.from_numpy(np.arange(self._window) < cuts[:, None])[..., None]

        def spliced(values: Tensor) -> Tensor:
            return torch.where(before, values[others], values)

        return ClipBatch(clips=spliced(batch.clips), targets=spliced(batch.targets), weights=spliced(batch.weights))

    def _draw(self, rng: np.random.Generator) -> int:
        chance, shares = rng.random(), self._shares
        if chance < shares.actions and self._clips_of:
            rows = self._clips_of[int(rng.integers(len(self._clips_of)))]
        elif chance < shares.actions + shares.near_misses and len(self._near):
            rows = self._near
        elif chance > 1 - shares.hard and len(self.hard):
            rows = self.hard
        else:
            return int(rng.integers(len(self._store)))
        return int(rows[int(rng.integers(len(rows)))])
