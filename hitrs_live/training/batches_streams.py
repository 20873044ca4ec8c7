"""Build batches for a detector whose classes are independent: windows of training streams, a target for each class.

A batch is a function of the seed and its number.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hitrs_live.data.array_format import BACKGROUND, IGNORE
from hitrs_live.data.augment import AugmentConfig, Augmenter
from hitrs_live.data.camera_faults import NO_FAULTS, CameraFaults, FaultMaker
from hitrs_live.data.stream_synthesis import Stream
from hitrs_live.model.detector import DetectorConfig
from hitrs_live.skeleton import mirrored_labels
from hitrs_live.training.batches_detection import frames_since_start, vary_normalised
from hitrs_live.training.class_targets import class_targets, recognised_mask
from hitrs_live.training.stream_store import StreamStore
from hitrs_live.transforms import NormaliserConfig, normalise_sequence

_SLOWEST: Final = 0.65
"""Least frames of a stream that a frame of a window stands for, on average over the window."""
_SHORT_SHARE: Final = 0.25
"""Share of batches of shorter windows: the first seconds of a person."""


@dataclass(frozen=True, kw_only=True)
class Shares:
    """Which frames windows are drawn around; the rest is any frame of any stream."""

    actions: float = 0.45
    """Around a frame of an action, all classes alike."""
    near_misses: float = 0.15


@dataclass(frozen=True, kw_only=True)
class ActionBatch:
    """B windows with N outputs each, at the ends of clips or more often; K classes."""

    joints: Tensor
    """(B, T, 25, 3), normalised."""
    targets: Tensor
    """(B, N, K) float32, 1 where the class is done; the background has none."""
    weights: Tensor
    """(B, N, K) float32, 0 where it is unknown whether the class is done."""

    def to(self, device: torch.device) -> "ActionBatch":
        """Return the batch on a device."""
        return ActionBatch(
            joints=self.joints.to(device), targets=self.targets.to(device), weights=self.weights.to(device)
        )


class WindowBatches:
    """Build the batch of any number."""

    def __init__(
        self,
        store: StreamStore,
        *,
        detector: DetectorConfig,
        normaliser: NormaliserConfig,
        label_lag_frames: int,
        size: int,
        seed: tuple[int, ...],
        start_weight: float = 2.0,
        start_frames: int = 9,
        every_frames: int | None = None,
        faults: CameraFaults = NO_FAULTS,
        shares: Shares = Shares(),
        augment: AugmentConfig = AugmentConfig(),
    ) -> None:
        """Prepare to build batches of `size` windows.

        label_lag_frames: an output's class is that of the frame this many before its own; start_weight: of an action's
        outputs in its first `start_frames`; every_frames: from one output to the next, beginning with the end of the
        first clip, by default the clip stride; faults: of cameras, added to the joints; seed: the run's and this
        process's rank; augment: of which speed and mirroring apply, since the streams have a camera's errors already.
        """
        self._store, self._detector, self._normaliser = store, detector, normaliser
        self._lag, self._size, self._seed, self._shares = label_lag_frames, size, seed, shares
        self._start_weight, self._start_frames = start_weight, start_frames
        self._every = every_frames or detector.encoder.clip_stride
        self._frames_of = list(store.frames_by_class().values())
        self._near = np.flatnonzero(store.near_miss > BACKGROUND)
        # A class of one side without a counterpart becomes IGNORE: what its mirror image shows is no class.
        self._augmenter = Augmenter(augment, mirrored_labels(store.labels))
        self._faults = FaultMaker(faults, store.labels)

    def __call__(self, number: int) -> ActionBatch:
        """Draw a batch; its windows have the same number of clips."""
        rng = np.random.default_rng((*self._seed, number))
        most = self._detector.window_clips
        clips = int(rng.integers(3, most)) if rng.random() < _SHORT_SHARE else most
        grid = self._detector.encoder
        frames = grid.frames_of(clips)
        drawn = [self._draw(frames, rng) for _ in range(self._size)]
        seen = torch.from_numpy(np.stack([joints for joints, _, _ in drawn]))
        labels = np.stack([labels for _, labels, _ in drawn])
        sources = [source for _, _, source in drawn]
        known, absent = self._store.known[sources][:, None], self._store.absent[sources][:, None]
        ends = np.arange(grid.clip_span - 1, frames, self._every) - self._lag
        joints, _ = normalise_sequence(seen, self._normaliser)
        targets, weights = class_targets(
            labels[:, ends], known, self._store.similar, absent, recognised_mask(labels)[:, ends]
        )
        young = (labels[:, ends] > BACKGROUND) & (frames_since_start(labels)[:, ends] < self._start_frames)
        weights *= np.where(young, self._start_weight, 1.0)[..., None]
        varied, _, _ = vary_normalised(joints, rng)
        return ActionBatch(joints=varied, targets=torch.from_numpy(targets), weights=torch.from_numpy(weights))

    def _draw(self, frames: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.int64], int]:
        """Draw a window: joints (T, 25, 3), classes (T,), number of the source."""
        store = self._store
        needed = self._augmenter.frames_needed(frames)
        stream = store.streams[store.stream_of[frame := self._draw_frame(rng)]]
        # The frame that was drawn lies anywhere in the window, since every clip of it counts; at any speed of play.
        begin = max(stream.first, int(frame - rng.integers(int(frames * _SLOWEST))))
        span = slice(begin, min(begin + needed, stream.first + stream.frames))
        piece = Stream(
            joints_m=store.joints_m[span].astype(np.float32), labels=store.class_of[span].astype(np.int64),
            real_mask=np.ones(span.stop - span.start, bool),
        )  # fmt: skip
        varied = self._augmenter.vary_motion(_padded(piece, needed), frames, rng)
        joints_m, labels = self._faults.apply(varied.joints_m.astype(np.float32), varied.labels, rng)
        return joints_m, labels, stream.source

    def _draw_frame(self, rng: np.random.Generator) -> int:
        chance = rng.random()
        if chance < self._shares.actions and self._frames_of:
            frames = self._frames_of[int(rng.integers(len(self._frames_of)))]
        elif chance < self._shares.actions + self._shares.near_misses and len(self._near):
            frames = self._near
        else:
            return int(rng.integers(len(self._store.class_of)))
        return int(frames[int(rng.integers(len(frames)))])


def _padded(piece: Stream, frames: int) -> Stream:
    """Lengthen what a stream's end cuts short by its last pose, of unknown class."""
    missing = frames - len(piece.labels)
    if missing <= 0:
        return piece
    return Stream(
        joints_m=np.concatenate((piece.joints_m, np.repeat(piece.joints_m[-1:], missing, axis=0))),
        labels=np.concatenate((piece.labels, np.full(missing, IGNORE))),
        real_mask=np.concatenate((piece.real_mask, np.zeros(missing, bool))),
    )
