"""Build batches for recognition: labelled sequences, in a new order and newly augmented every epoch."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hitrs_live.data.augment import AugmentConfig, Augmenter
from hitrs_live.data.clips import pack_samples
from hitrs_live.data.dataset import Dataset, Sample
from hitrs_live.data.interpolation import interpolate
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.model.packed_sequences import PackedClips
from hitrs_live.skeleton import mirrored_labels
from hitrs_live.transforms import NormaliserConfig, mirror

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class LabelledBatch:
    """B sequences with P bodies in total."""

    packed: PackedClips
    sample_of: Tensor
    """(P,) int64, the sequence that each body belongs to."""
    labels: Tensor
    """(B,) int64."""

    def to(self, device: torch.device) -> "LabelledBatch":
        """Return the batch on a device."""
        return LabelledBatch(
            packed=self.packed.to(device), sample_of=self.sample_of.to(device), labels=self.labels.to(device)
        )


@dataclass(frozen=True, kw_only=True)
class VaryConfig:
    """Augmentation of sequences."""

    mirror_share: float = 0.0
    """Share of sequences whose left and right are swapped, and the class with them where its name has a side."""
    speed: tuple[float, float] = (0.8, 1.25)
    crop_share: float = 0.5
    most_cropped: float = 0.2
    camera: AugmentConfig = AugmentConfig(missing_share=0.15, rate_share=0.2)


class LabelledBatches:
    """Build the batch of any number. An epoch takes every sequence once, in an order of its own."""

    def __init__(
        self,
        data: Dataset,
        *,
        grid: HiTRSConfig,
        normaliser: NormaliserConfig,
        modality: str,
        size: int,
        vary: VaryConfig,
        seed: int,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        """Divide the sequences among `ranks` processes, of which this is number `rank`."""
        self._data, self._vary = data, vary
        self._grid, self._normaliser, self._modality = grid, normaliser, modality
        self._size = min(size, max(1, len(data.samples) // ranks))
        self._seed, self._rank, self._ranks = seed, rank, ranks
        self._mirrored = mirrored_labels(data.classes)
        # Mirroring is done here, where the label is a sequence's.
        self._augmenter = Augmenter(vary.camera, np.zeros(1, np.int64))

    @property
    def an_epoch(self) -> int:
        """Batches of this process per epoch; the remainder of the sequences is skipped in that epoch."""
        return max(1, len(self._data.samples) // (self._size * self._ranks))

    def __call__(self, number: int) -> LabelledBatch:
        """Draw a batch. number: counts the batches of this process."""
        epoch, place = divmod(number, self.an_epoch)
        # All processes draw the same order, and each takes its own part.
        order = np.random.default_rng((self._seed, 0, epoch)).permutation(len(self._data.samples))
        first = (place * self._ranks + self._rank) * self._size
        chosen = [self._data.samples[n] for n in order.take(range(first, first + self._size), mode="wrap")]
        rng = np.random.default_rng((self._seed, 1, number, self._rank))
        classes = [self._data.class_of(sample) for sample in chosen]
        images = [self._vary.mirror_share > 0 and rng.random() < self._vary.mirror_share for _ in chosen]
        # A class with a side, such as `wave_left`, is not mirrored where the other side is no class.
        images = [image and bool(self._mirrored[one] >= 0) for image, one in zip(images, classes, strict=True)]
        packed, sample_of = pack_samples(
            [self._varied(sample, image, rng) for sample, image in zip(chosen, images, strict=True)],
            self._grid, self._normaliser, self._modality,
        )  # fmt: skip
        labels = torch.tensor([self._mirrored[c] if image else c for c, image in zip(classes, images, strict=True)])
        return LabelledBatch(packed=packed, sample_of=sample_of, labels=labels)

    def _varied(self, sample: Sample, image: bool, rng: np.random.Generator) -> list[Floats]:
        """Augment a sequence: pace and crop alike for all bodies, camera noise for each. image: swap left and right."""
        speed = rng.uniform(*self._vary.speed)
        cut = rng.uniform(0, self._vary.most_cropped) if rng.random() < self._vary.crop_share else 0.0
        begin = rng.uniform(0, cut)
        varied = []
        for body in sample.bodies:
            joints = self._data.joints_m(body)
            if image:
                joints = mirror(torch.from_numpy(joints)).numpy()
            span = (len(joints) - 1) * (1 - cut)
            at = begin * (len(joints) - 1) + np.linspace(0, span, max(1, round(len(joints) * (1 - cut) / speed)))
            varied.append(self._augmenter.filmed(interpolate(joints, at), rng)[0])
        return varied
