"""Build batches for pre-training: crops of any recordings, with the noise of a live camera's joints."""

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
    """Length and variation of the crops."""

    clips: tuple[int, int] = (3, 12)
    """Fewest and most clips; a shorter recording is taken whole."""
    begin_share: float = 0.25
    """Share of crops that start with the first pose repeated, as recognition starts its sequences."""
    heading_error_deg: float = 0.0
    """Standard deviation of a rotation about the vertical, as noisy hips cause in the estimated heading."""
    hidden_root_share: float = 0.0
    """Share of sequences whose root's path is removed."""
    rebuilt_share: float = 0.0
    """Share of sequences converted to another sensor geometry."""


@dataclass(frozen=True, kw_only=True)
class UnlabelledBatch:
    """Two views of the same crops, each with another body shape and another camera."""

    seen: PackedClips
    other: PackedClips

    def to(self, device: torch.device) -> "UnlabelledBatch":
        """Return the batch on a device."""
        return UnlabelledBatch(seen=self.seen.to(device), other=self.other.to(device))


class UnlabelledBatches:
    """Build the batch of any number."""

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
        """Measure the sensor geometry of each data set and prepare to draw `size` crops.

        seed: decides the batches together with their number: the run's seed and this process's rank.
        """
        self._crop, self._augmenter, self._grid = crop, augmenter, grid
        self._normaliser, self._modality = normaliser, modality
        self._size, self._seed = size, seed
        geometries = [measure_dataset(data) for data in datasets]
        self._geometries = SensorGeometries(geometries)
        self._bodies = [
            (data, body, geometry)
            for data, geometry in zip(datasets, geometries, strict=True)
            for sample in data.samples
            for body in sample.bodies
        ]
        # A data set's share grows more slowly than its length: long recordings repeat themselves, and one large
        # data set would outweigh the others.
        weights = np.concatenate([_weights(data) for data in datasets])
        self._cumulative = np.cumsum(weights / weights.sum())

    def __call__(self, number: int) -> UnlabelledBatch:
        """Draw a batch. number: counts the batches of this process."""
        rng = np.random.default_rng((*self._seed, number))
        crops = [self._draw(rng) for _ in range(self._size)]
        begins = [rng.random() < self._crop.begin_share for _ in crops]
        seen, other = (self._view(crops, begins, rng) for _ in range(2))
        return UnlabelledBatch(seen=seen, other=other)

    def _draw(self, rng: np.random.Generator) -> tuple[Floats, SensorGeometry]:
        """Draw one crop. Returns (T, 25, 3), metres, and its sensor geometry."""
        place = int(np.searchsorted(self._cumulative, rng.random()))
        data, body, geometry = self._bodies[min(place, len(self._bodies) - 1)]
        clips = int(rng.integers(self._crop.clips[0], self._crop.clips[1] + 1))
        frames = min(self._grid.frames_of(clips), max(body.frames, self._grid.clip_span))
        read = min(self._augmenter.frames_needed(frames), body.frames)
        start = int(rng.integers(0, body.frames - read + 1))
        joints = data.joints_m(Body(first_row=body.first_row + start, frames=read))
        stream = Stream(joints_m=joints, labels=np.zeros(read, np.int64), real_mask=np.ones(read, bool))
        return self._augmenter.performed(stream, frames, rng).joints_m, geometry

    def _view(
        self, crops: list[tuple[Floats, SensorGeometry]], begins: list[bool], rng: np.random.Generator
    ) -> PackedClips:
        """Draw one view of every crop: body shape, camera and noise."""
        filmed = [self._augmenter.filmed(self._convert(joints, own, rng), rng)[0] for joints, own in crops]
        return self._pack([self._vary(joints, rng) for joints in self._normalise(filmed)], begins)

    def _convert(self, joints: Floats, own: SensorGeometry, rng: np.random.Generator) -> Floats:
        """Convert some sequences to another sensor geometry."""
        if rng.random() >= self._crop.rebuilt_share:
            return joints
        return rebuild(joints, own, self._geometries.draw(rng))

    def _normalise(self, sequences: list[Floats]) -> list[Tensor]:
        """Normalise all sequences in one padded batch; the padding lies after a sequence's end and is cut off."""
        longest = max(len(joints) for joints in sequences)
        padded = np.stack([np.pad(j, ((0, longest - len(j)), (0, 0), (0, 0)), mode="edge") for j in sequences])
        normalised, _ = normalise_sequence(torch.from_numpy(padded), self._normaliser)
        return [joints[: len(original)] for joints, original in zip(normalised, sequences, strict=True)]

    def _vary(self, joints: Tensor, rng: np.random.Generator) -> Tensor:
        """Apply a small heading error and perhaps remove the root's path: live joints are unreliable in both."""
        joints = joints.clone()
        if rng.random() < self._crop.hidden_root_share:
            joints[:, 0] = 0
        angle = torch.tensor(rng.normal(0, np.radians(self._crop.heading_error_deg)), dtype=torch.float32)
        spread = angle.expand(len(joints))
        return turn_about_y(joints, spread.cos(), spread.sin())

    def _pack(self, sequences: list[Tensor], begins: list[bool]) -> PackedClips:
        lead_in = lead_in_frames(self._grid)
        extended = [
            torch.cat((joints[:1].expand(lead_in, -1, -1), joints)) if begin else joints
            for joints, begin in zip(sequences, begins, strict=True)
        ]
        return pack_clips([to_modality(joints, self._modality, self._normaliser) for joints in extended], self._grid)


def _weights(data: Dataset) -> NDArray[np.float64]:
    """Weight a data set's bodies in proportion to their length, with a sum of the square root of the total length."""
    frames = np.array([body.frames for sample in data.samples for body in sample.bodies], float)
    weights: NDArray[np.float64] = frames / np.sqrt(frames.sum())
    return weights
