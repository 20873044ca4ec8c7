"""Batches for pre-training: crops of any recordings, as a live camera would deliver them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hitrs_live.data.augment import Augmenter
from hitrs_live.data.body_proportions import SensorGeometries, SensorGeometry, measure_dataset, rebuild
from hitrs_live.data.clips import lead_in_frames
from hitrs_live.data.dataset import Body, Dataset
from hitrs_live.data.stream_synthesis import Stream
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.model.packed_sequences import PackedClips, pack_clips
from hitrs_live.training.augment_published import PublishedAugmenter
from hitrs_live.transforms import NormaliserConfig, normalise_sequence, to_modality, turn_about_y

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class CropConfig:
    """How much of a recording a sequence takes."""

    clips: tuple[int, int] = (3, 12)
    """Fewest and most clips; a recording that is shorter gives what it has."""
    begin_share: float = 0.25
    """How often a crop is a person's first appearance, at rest before, as recognition begins sequences."""
    heading_error_deg: float = 0.0
    """Deviation of a turn about the vertical, as a heading estimated from bad hips has it."""
    hidden_root_share: float = 0.0
    """How often the root's path is taken away."""
    rebuilt_share: float = 0.0
    """How often a sequence is shown in another sensor's build."""


@dataclass(frozen=True, kw_only=True)
class UnlabelledBatch:
    """The same performances twice, each time by another body before another camera."""

    seen: PackedClips
    other: PackedClips

    def to(self, device: torch.device) -> "UnlabelledBatch":
        """Return the batch on a device."""
        return UnlabelledBatch(seen=self.seen.to(device), other=self.other.to(device))


class UnlabelledBatches:
    """Make the batch of any number."""

    def __init__(
        self,
        datasets: Sequence[Dataset],
        *,
        crop: CropConfig,
        augmenter: Augmenter | PublishedAugmenter,
        grid: HiTRSConfig,
        normaliser: NormaliserConfig,
        modality: str,
        size: int,
        seed: tuple[int, ...],
    ) -> None:
        """seed: what besides the number decides a batch: the run's seed and this process's rank."""
        self._crop, self._augmenter, self._grid = crop, augmenter, grid
        self._normaliser, self._modality = normaliser, modality
        self._size, self._seed = size, seed
        builds = [measure_dataset(data) for data in datasets]
        self._builds = SensorGeometries(builds)
        self._bodies = [
            (data, body, build)
            for data, build in zip(datasets, builds, strict=True)
            for sample in data.samples
            for body in sample.bodies
        ]
        # A long recording is drawn more often than a short one, but not as much as it is longer: long ones
        # repeat themselves, and one large data set would drown the others.
        weights = np.concatenate([_weights(data) for data in datasets])
        self._chances = np.cumsum(weights / weights.sum())

    def __call__(self, number: int) -> UnlabelledBatch:
        """Draw a batch. number: counts the batches of this process."""
        rng = np.random.default_rng((*self._seed, number))
        performed = [self._draw(rng) for _ in range(self._size)]
        begins = [rng.random() < self._crop.begin_share for _ in performed]
        seen, other = (self._filmed(performed, begins, rng) for _ in range(2))
        return UnlabelledBatch(seen=seen, other=other)

    def _draw(self, rng: np.random.Generator) -> tuple[Floats, SensorGeometry]:
        """Draw one crop. Returns (T, 25, 3), metres, and its build."""
        place = int(np.searchsorted(self._chances, rng.random()))
        data, body, build = self._bodies[min(place, len(self._bodies) - 1)]
        clips = int(rng.integers(self._crop.clips[0], self._crop.clips[1] + 1))
        frames = min(self._grid.frames_of(clips), max(body.frames, self._grid.clip_span))
        read = min(self._augmenter.frames_needed(frames), body.frames)
        start = int(rng.integers(0, body.frames - read + 1))
        joints = data.joints_m(Body(first_row=body.first_row + start, frames=read))
        stream = Stream(joints_m=joints, labels=np.zeros(read, np.int64), real_mask=np.ones(read, bool))
        return self._augmenter.performed(stream, frames, rng).joints_m, build

    def _filmed(
        self, performed: list[tuple[Floats, SensorGeometry]], begins: list[bool], rng: np.random.Generator
    ) -> PackedClips:
        filmed = [self._augmenter.filmed(self._rebuilt(joints, own, rng), rng)[0] for joints, own in performed]
        return self._packed([self._vary(joints, rng) for joints in self._normalised(filmed)], begins)

    def _rebuilt(self, joints: Floats, own: SensorGeometry, rng: np.random.Generator) -> Floats:
        if rng.random() >= self._crop.rebuilt_share:
            return joints
        return rebuild(joints, own, self._builds.draw(rng))

    def _normalised(self, sequences: list[Floats]) -> list[Tensor]:
        """Normalise all at once; what pads the shorter ones lies after their end, where nothing reads it."""
        longest = max(len(joints) for joints in sequences)
        padded = np.stack([np.pad(j, ((0, longest - len(j)), (0, 0), (0, 0)), mode="edge") for j in sequences])
        normalised, _ = normalise_sequence(torch.from_numpy(padded), self._normaliser)
        return [joints[: len(original)] for joints, original in zip(normalised, sequences, strict=True)]

    def _vary(self, joints: Tensor, rng: np.random.Generator) -> Tensor:
        """Turn a sequence a little and perhaps hide the root's path, as live joints are wrong about both."""
        joints = joints.clone()
        if rng.random() < self._crop.hidden_root_share:
            joints[:, 0] = 0
        angle = torch.tensor(rng.normal(0, np.radians(self._crop.heading_error_deg)), dtype=torch.float32)
        spread = angle.expand(len(joints))
        return turn_about_y(joints, spread.cos(), spread.sin())

    def _packed(self, sequences: list[Tensor], begins: list[bool]) -> PackedClips:
        rest = lead_in_frames(self._grid)
        begun = [
            torch.cat((joints[:1].expand(rest, -1, -1), joints)) if begin else joints
            for joints, begin in zip(sequences, begins, strict=True)
        ]
        return pack_clips([to_modality(joints, self._modality, self._normaliser) for joints in begun], self._grid)


def _weights(data: Dataset) -> NDArray[np.float64]:
    """Weigh a data set's bodies: by length among themselves, the set by the root of its length."""
    frames = np.array([body.frames for sample in data.samples for body in sample.bodies], float)
    weights: NDArray[np.float64] = frames / np.sqrt(frames.sum())
    return weights
