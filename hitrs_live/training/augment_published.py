"""Augment as the published recipe does (arXiv 2207.09644), for the preset `published`."""

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.interpolation import interpolate
from hitrs_live.data.stream_synthesis import Stream

Floats = NDArray[np.float32]


class PublishedAugmenter:
    """Change half of the sequences in shape and half of them in time."""

    share = 0.5
    most_cropped = 0.2
    moved_joints = 5

    def frames_needed(self, frames: int) -> int:
        """Return how many source frames `performed` may need for so many frames of output."""
        return frames + 1

    def performed(self, stream: Stream, frames: int, rng: np.random.Generator) -> Stream:
        """Change half of the sequences in time. Returns a stream of `frames` frames."""
        at = np.arange(frames, dtype=float)
        if rng.random() < self.share:
            at = self._change_time(at, rng)
        joints = interpolate(stream.joints_m, np.minimum(at, len(stream.joints_m) - 1))
        return Stream(joints_m=joints, labels=stream.labels[:1].repeat(frames), real_mask=np.ones(frames, bool))

    def filmed(self, joints: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Change half of the sequences in shape. joints: (T, 25, 3). Returns the result twice: none of it is noise."""
        if rng.random() < self.share:
            joints = self._change_shape(joints, rng)
        return joints, joints

    def _change_shape(self, joints: Floats, rng: np.random.Generator) -> Floats:
        """Scale by 0.8 to 1.2, or move five joints by a constant, or shear by up to a half."""
        kind = rng.integers(3)
        if kind == 0:
            return (joints * rng.uniform(0.8, 1.2)).astype(np.float32)
        if kind == 1:
            moved = joints.copy()
            chosen = rng.choice(joints.shape[1], self.moved_joints, replace=False)
            moved[:, chosen] += rng.normal(0, 0.1, (self.moved_joints, 3)).astype(np.float32)
            return moved
        shear = np.eye(3) + rng.uniform(-0.5, 0.5, (3, 3)) * (1 - np.eye(3))
        root = joints[:, :1]
        return ((joints - root) @ shear + root).astype(np.float32)

    def _change_time(self, at: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        """Shift by part of a frame, or cut up to a fifth and stretch what is left."""
        if rng.random() < 0.5:
            return at + rng.random()
        cut = rng.uniform(0, self.most_cropped)
        start = rng.uniform(0, cut) * len(at)
        return start + at * (1 - cut)
