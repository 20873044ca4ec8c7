"""Batches of composed, augmented streams, each a pure function of the seed and the step."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hitrs_live.data.augment import AugmentConfig, Augmenter
from hitrs_live.data.compose import ComposeConfig, StreamComposer
from hitrs_live.data.ship import mirrored_labels, read_ship
from hitrs_live.model.detector import DetectorConfig
from hitrs_live.skeleton import NTU25
from hitrs_live.transforms import NormaliserConfig, normalise_sequence, to_body_frame, turn_about_y

_HIDE_ROOT_SHARE = 0.2
_HEADING_ERROR_DEG = 12.0


@dataclass(frozen=True, kw_only=True)
class Batch:
    """B streams of N clips, ready for the model."""

    joints: Tensor
    """(B, T, 25, 3), normalised, as a camera would deliver them."""
    labels: Tensor
    """(B, N) int64, class of each clip; negative where it is not to be learned from."""
    future: Tensor
    """(B, N, F, 25, 3): the clean joints after each clip, as the motion head should give them."""
    future_mask: Tensor
    """(B, N) bool, True where all those frames were recorded rather than made."""


class BatchMaker:
    """Make the batch of any step."""

    def __init__(
        self, folder: Path, detector: DetectorConfig, normaliser: NormaliserConfig, label_lag_frames: int, seed: int
    ) -> None:
        self._composer = StreamComposer(read_ship(folder, test=False), ComposeConfig())
        self._augmenter = Augmenter(AugmentConfig(), mirrored_labels())
        self._detector = detector
        self._normaliser = normaliser
        self._lag = label_lag_frames
        self._seed = seed

    def batch(self, step: int, size: int) -> Batch:
        """Draw a batch whose streams all have one random number of clips, up to the window."""
        rng = np.random.default_rng((self._seed, step))
        grid, horizon = self._detector.encoder, self._detector.horizon
        clips = int(rng.integers(self._detector.window_clips // 2, self._detector.window_clips + 1))
        frames = grid.frames_of(clips)
        drawn = [self._augmented(frames + horizon, rng) for _ in range(size)]
        seen, clean, labels, real = (torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True))

        ends = torch.arange(clips) * grid.clip_stride + grid.clip_span - 1
        joints, body = normalise_sequence(seen[:, :frames], self._normaliser)
        ahead = ends[:, None] + torch.arange(1, horizon + 1)
        future = to_body_frame(clean[:, ahead], body.map(lambda field: field[:, ends]))
        joints, future = _vary(joints, future, ends, rng)
        return Batch(
            joints=joints,
            labels=labels[:, ends - self._lag],
            future=future,
            future_mask=real[:, ahead].all(-1) & real[:, ends],
        )

    def _augmented(self, frames: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        stream = self._composer.draw(self._augmenter.frames_needed(frames), rng)
        seen, clean = self._augmenter.apply(stream, frames, rng)
        return seen.joints_m, clean, seen.labels, seen.real_mask


def _vary(joints: Tensor, future: Tensor, ends: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Turn each stream a little, as a heading estimated from bad hips is, and hide the root's path in some.

    joints: (B, T, 25, 3); future: (B, N, F, 25, 3); ends: (N,), the clips' last frames.
    """
    size = len(joints)
    hidden = torch.from_numpy(rng.random(size) < _HIDE_ROOT_SHARE)[:, None, None]
    path = torch.where(hidden, joints[:, :, NTU25.root], torch.zeros(()))
    joints, future = joints.clone(), future.clone()
    joints[:, :, NTU25.root] -= path
    future[:, :, :, NTU25.root] -= path[:, ends, None]
    angle = torch.from_numpy(rng.normal(0, np.radians(_HEADING_ERROR_DEG), size)).float()

    def turn(points: Tensor) -> Tensor:
        spread = angle.view(-1, *([1] * (points.dim() - 3))).expand(points.shape[:-2])
        return turn_about_y(points, spread.cos(), spread.sin())

    return turn(joints), turn(future)
