"""Pairs of true and live joints in the coordinates of the error model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from hitrs_live.data.interpolation import interpolate
from hitrs_live.virtual_camera.joint_errors.coordinates import body_sizes_m, conditions, targets
from hitrs_live.virtual_camera.joint_errors.model import Scales
from hitrs_live.virtual_camera.joint_errors.pairs import JointPair

LEAST_FRAMES = 16
_MOST_LOST = 0.5


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """How long and how to fit."""

    seed: int = 0
    folds: int = 3
    """Groups of people; a network of the expected error is fitted without each, and one with all."""
    steps: int = 300
    batch: int = 32
    window: int = 64
    """Frames of a training window."""
    learning_rate: float = 2e-3
    library_frames: int = 16_000
    """Most frames whose errors are kept."""


@dataclass(frozen=True, kw_only=True)
class PairSequence:
    """One pair in the coordinates of the error model."""

    subject: str
    rate_hz: float
    condition: Tensor
    """(CONDITIONS, T)."""
    target: Tensor
    """(TARGETS, T); interpolated where lost."""
    lost: Tensor
    """(T,) bool."""


def prepare(pair: JointPair, window: int = 0) -> PairSequence | None:
    """Bring a pair into the network's coordinates; None where it is short, or half of its frames are lost.

    window: frames that it has at least; a shorter one goes on backwards.
    """
    kept = np.flatnonzero(~pair.lost_mask)
    frames = len(pair.true_m)
    if frames < LEAST_FRAMES or len(kept) < (1 - _MOST_LOST) * frames:
        return None
    size_m = body_sizes_m(pair.true_m)
    target = targets(
        pair.true_m[kept], pair.live_m[kept], pair.confidence[kept], size_m, np.float32(pair.focal_ratio)
    )  # fmt: skip
    place = np.interp(np.arange(frames), kept, np.arange(len(kept)))
    # Views of slow cameras have few frames.
    order = np.pad(np.arange(frames), (0, max(0, window - frames)), mode="reflect")
    condition = conditions(pair.true_m, size_m, np.float32(pair.rate_hz))
    return PairSequence(
        subject=pair.subject,
        rate_hz=pair.rate_hz,
        condition=torch.from_numpy(condition[order]).mT.contiguous(),
        target=torch.from_numpy(interpolate(target, place)[order]).mT.contiguous(),
        lost=torch.from_numpy(pair.lost_mask[order]),
    )


def measure_scales(sequences: Sequence[PairSequence]) -> Scales:
    """Measure the means and deviations of all frames."""
    condition = torch.cat([one.condition for one in sequences], dim=1)
    target = torch.cat([one.target[:, ~one.lost] for one in sequences], dim=1)
    return replace(
        Scales.empty(),
        condition_mean=condition.mean(1),
        condition_scale=condition.std(1).clamp_min(1e-2),
        target_mean=target.mean(1),
        target_scale=target.std(1).clamp_min(1e-4),
    )


def normalise(one: PairSequence, scales: Scales) -> PairSequence:
    """Normalise conditions and targets."""
    target = (one.target - scales.target_mean[:, None]) / scales.target_scale[:, None]
    return replace(one, condition=scales.normalise(one.condition.mT).mT.contiguous(), target=target)


def draw_spans(
    sequences: Sequence[PairSequence], settings: FitSettings, rng: np.random.Generator
) -> Sequence[tuple[int, slice]]:
    """Draw windows: the number of the sequence, those with more frames more often, and its frames."""
    lengths = np.array([one.condition.shape[1] for one in sequences])
    chosen = rng.choice(len(sequences), settings.batch, p=lengths / lengths.sum())
    starts = rng.integers(0, lengths[chosen] - settings.window + 1)
    return [(int(index), slice(start, start + settings.window)) for index, start in zip(chosen, starts, strict=True)]
