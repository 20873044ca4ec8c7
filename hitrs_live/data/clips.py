"""From recorded bodies to what the encoder reads, the same for training and for measuring."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.model.packed_sequences import PackedClips, pack_clips
from hitrs_live.transforms import NormaliserConfig, normalise_sequence, to_modality

Floats = NDArray[np.float32]


def lead_in_frames(grid: HiTRSConfig) -> int:
    """Count the frames for which a sequence's first pose is held before it, so that its first frame ends a clip.

    A stream cannot know how long a sequence will be, but it can always do this; without it a sequence shorter
    than a clip would have no answer.
    """
    return grid.clip_span - 1


def model_input(joints_m: Floats, grid: HiTRSConfig, normaliser: NormaliserConfig, modality: str) -> Tensor:
    """Normalise one body's sequence, begin it at rest and keep the newest frames that the window holds.

    joints_m: (T, 25, 3), T >= 1. Returns (T', 25, 3), T' <= frames_of(max_clips) + clip_stride - 1.
    """
    normalised, _ = normalise_sequence(torch.from_numpy(joints_m)[None], normaliser)
    joints = torch.cat((normalised[0, :1].expand(lead_in_frames(grid), -1, -1), normalised[0]))
    # Cut in whole strides: the clip grid is anchored to the sequence's beginning.
    surplus = max(0, grid.clips_in(len(joints)) - grid.max_clips)
    return to_modality(joints, modality, normaliser)[surplus * grid.clip_stride :]


def pack_samples(
    samples: Sequence[Sequence[Floats]], grid: HiTRSConfig, normaliser: NormaliserConfig, modality: str
) -> tuple[PackedClips, Tensor]:
    """Pack samples of one or more bodies each.

    samples: for each sample its bodies, (T, 25, 3) metres each, its own T. Returns the packed bodies, P in all,
    and the sample that each is of, (P,) int64.
    """
    bodies = [model_input(joints_m, grid, normaliser, modality) for sample in samples for joints_m in sample]
    sample_of = torch.tensor([number for number, sample in enumerate(samples) for _ in sample])
    return pack_clips(bodies, grid), sample_of
