"""Build batches for detection: streams with a label per frame. A batch is a function of the seed and its number."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hitrs_live.data.array_format import BACKGROUND
from hitrs_live.data.augment import Augmenter
from hitrs_live.data.stream_synthesis import StreamComposer
from hitrs_live.model.detector import DetectorConfig
from hitrs_live.skeleton import NTU25
from hitrs_live.transforms import NormaliserConfig, normalise_sequence, to_body_frame, turn_about_y

_HIDE_ROOT_SHARE = 0.2
_HEADING_ERROR_DEG = 12.0


@dataclass(frozen=True, kw_only=True)
class StreamBatch:
    """B streams of N clips, ready for the model."""

    joints: Tensor
    """(B, T, 25, 3), normalised, with the noise of a live camera's joints."""
    labels: Tensor
    """(B, N) int64, class of each clip; negative where it is ignored in training."""
    since_start: Tensor
    """(B, N) int64, frames since the onset of the clip's action, as `frames_since_start` counts them."""
    future: Tensor
    """(B, N, F, 25, 3): the noise-free joints after each clip, in the frame in which the motion head predicts."""
    future_mask: Tensor
    """(B, N) bool, True where all those frames were recorded rather than synthesised."""

    def to(self, device: torch.device) -> "StreamBatch":
        """Return the batch on a device."""
        return StreamBatch(
            joints=self.joints.to(device), labels=self.labels.to(device), since_start=self.since_start.to(device),
            future=self.future.to(device), future_mask=self.future_mask.to(device),
        )  # fmt: skip


class StreamBatches:
    """Build the batch of any number."""

    def __init__(
        self,
        composer: StreamComposer,
        augmenter: Augmenter,
        *,
        detector: DetectorConfig,
        normaliser: NormaliserConfig,
        label_lag_frames: int,
        size: int,
        seed: tuple[int, ...],
    ) -> None:
        """Prepare to build batches of `size` streams.

        label_lag_frames: a clip's label is that of the frame this many before its last; seed: decides the batches
        together with their number: the run's seed and this process's rank.
        """
        self._composer, self._augmenter = composer, augmenter
        self._detector, self._normaliser = detector, normaliser
        self._lag, self._size, self._seed = label_lag_frames, size, seed

    def __call__(self, number: int) -> StreamBatch:
        """Draw a batch. Its streams have the same random number of clips, from half the window to the window."""
        rng = np.random.default_rng((*self._seed, number))
        grid, horizon = self._detector.encoder, self._detector.horizon
        # With causal attention every clip of a long stream ends a shorter one, so few short streams are needed.
        clips = int(rng.integers(self._detector.window_clips // 2, self._detector.window_clips + 1))
        frames = grid.frames_of(clips)
        drawn = [self._draw(frames + horizon, rng) for _ in range(self._size)]
        seen, clean, labels, real = (torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True))

        ends = torch.arange(clips) * grid.clip_stride + grid.clip_span - 1
        joints, body = normalise_sequence(seen[:, :frames], self._normaliser)
        ahead = ends[:, None] + torch.arange(1, horizon + 1)
        future = to_body_frame(clean[:, ahead], body.map(lambda field: field[:, ends]))
        joints, future = _vary(joints, future, ends, rng)
        labelled = ends - self._lag
        return StreamBatch(
            joints=joints,
            labels=labels[:, labelled],
            since_start=torch.from_numpy(frames_since_start(labels.numpy()))[:, labelled],
            future=future,
            future_mask=real[:, ahead].all(-1) & real[:, ends],
        )

    def _draw(self, frames: int, rng: np.random.Generator) -> tuple[NDArray[np.generic], ...]:
        stream = self._composer.draw(self._augmenter.frames_needed(frames), rng)
        seen, clean = self._augmenter.apply(stream, frames, rng)
        return seen.joints_m, clean, seen.labels, seen.real_mask


def frames_since_start(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the frames since the onset of each frame's action. labels: (B, T) -> (B, T).

    It is T, the number of frames, in background and where the action began before the stream.
    """
    count = labels.shape[1]
    frames = np.arange(count)
    begins = np.diff(labels, axis=1, prepend=labels[:, :1]) != 0
    since = frames - np.maximum.accumulate(np.where(begins, frames, -count), axis=1)
    return np.where(labels > BACKGROUND, np.minimum(since, count), count)


def _vary(joints: Tensor, future: Tensor, ends: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Vary streams as `vary_normalised` does, and what follows them likewise.

    joints: (B, T, 25, 3); future: (B, N, F, 25, 3); ends: (N,), the clips' last frames.
    """
    varied, path, angle = vary_normalised(joints, rng)
    future = future.clone()
    future[:, :, :, NTU25.root] -= path[:, ends, None]
    return varied, _turn(future, angle)


def vary_normalised(joints: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Rotate each stream by a small heading error, as noisy hips cause, and remove the root's path in some.

    joints: (B, T, 25, 3), normalised: of the root its path, of the others their place about it. Returns them varied,
    the paths removed (B, T, 3), and the angles (B,), radians.
    """
    size = len(joints)
    hidden = torch.from_numpy(rng.random(size) < _HIDE_ROOT_SHARE)[:, None, None]
    path = torch.where(hidden, joints[:, :, NTU25.root], torch.zeros(()))
    joints = joints.clone()
    joints[:, :, NTU25.root] -= path
    angle = torch.from_numpy(rng.normal(0, np.radians(_HEADING_ERROR_DEG), size)).float()
    return _turn(joints, angle), path, angle


def _turn(points: Tensor, angle: Tensor) -> Tensor:
    """Turn the points (B, ..., P, 3) of each stream about the vertical axis by its angle (B,)."""
    spread = angle.view(-1, *([1] * (points.dim() - 3))).expand(points.shape[:-2])
    return turn_about_y(points, spread.cos(), spread.sin())
