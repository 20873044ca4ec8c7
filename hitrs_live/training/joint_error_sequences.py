"""Pairs of true and live joints in the coordinates of the error model's networks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hitrs_live.data.interpolation import interpolate
from hitrs_live.virtual_camera.joint_errors.coordinates import TARGETS, body_sizes_m, conditions, targets
from hitrs_live.virtual_camera.joint_errors.model import Scales
from hitrs_live.virtual_camera.joint_errors.noise import PARTS
from hitrs_live.virtual_camera.joint_errors.pairs import JointPair

LEAST_FRAMES = 16
_MOST_LOST = 0.5


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """How long and how to fit."""

    seed: int = 0
    folds: int = 3
    """Groups of people; a bias network is fitted without each, and one with all."""
    bias_steps: int = 300
    jitter_steps: int = 300
    flow_steps: int = 2500
    batch: int = 32
    window: int = 64
    """Frames of a training window; even."""
    learning_rate: float = 2e-3
    flow_dropout: float = 0.1
    average: float = 0.998
    """Of the flow's weights over steps."""


@dataclass(frozen=True, kw_only=True)
class PairSequence:
    """One pair in the coordinates of the networks."""

    subject: str
    condition: Tensor
    """(CONDITIONS, T)."""
    target: Tensor
    """(TARGETS, T); interpolated where lost."""
    lost: Tensor
    """(T,) bool."""


def prepare(pair: JointPair, window: int) -> PairSequence | None:
    """Bring a pair into the networks' coordinates; None where it is short, or half of its frames are lost."""
    kept = np.flatnonzero(~pair.lost_mask)
    frames = len(pair.true_m)
    if frames < LEAST_FRAMES or len(kept) < (1 - _MOST_LOST) * frames:
        return None
    size_m = body_sizes_m(pair.true_m)
    target = targets(
        pair.true_m[kept], pair.live_m[kept], pair.confidence[kept], size_m, np.float32(pair.focal_ratio)
    )  # fmt: skip
    place = np.interp(np.arange(frames), kept, np.arange(len(kept)))
    # A view of a slow camera has few frames: to fill a window it goes on backwards.
    order = np.pad(np.arange(frames), (0, max(0, window - frames)), mode="reflect")
    condition = conditions(pair.true_m, size_m, np.float32(pair.rate_hz))
    return PairSequence(
        subject=pair.subject,
        condition=torch.from_numpy(condition[order]).mT.contiguous(),
        target=torch.from_numpy(interpolate(target, place)[order]).mT.contiguous(),
        lost=torch.from_numpy(pair.lost_mask[order]),
    )


def measure_scales(sequences: Sequence[PairSequence]) -> Scales:
    """Measure means and deviations of all frames, and how long losses last."""
    condition = torch.cat([one.condition for one in sequences], dim=1)
    target = torch.cat([one.target[:, ~one.lost] for one in sequences], dim=1)
    return Scales(
        condition_mean=condition.mean(1),
        condition_scale=condition.std(1).clamp_min(1e-2),
        target_mean=target.mean(1),
        target_scale=target.std(1).clamp_min(1e-4),
        spread=torch.eye(TARGETS),
        shares=torch.zeros(TARGETS, PARTS),
        jitter_scale=torch.ones(TARGETS),
        burst_shares=torch.zeros(1, PARTS),
        lost_shares=_lost_shares(sequences),
    )


def _lost_shares(sequences: Sequence[PairSequence]) -> Tensor:
    """Choose how long losses last, from the share of lost frames that follow a lost one."""
    lost = sum(int(one.lost.sum()) for one in sequences)
    again = sum(int((one.lost[1:] & one.lost[:-1]).sum()) for one in sequences)
    stay = again / lost if lost else 0.0
    # Parts: constant, 60, 15, 5 and 1.5 frames, white.
    part = 5 if stay < 0.15 else 4 if stay < 0.45 else 3 if stay < 0.7 else 2
    shares = torch.zeros(1, PARTS)
    shares[0, part] = 1.0
    return shares


def normalise(one: PairSequence, scales: Scales) -> PairSequence:
    """Normalise conditions and targets."""
    condition = (one.condition - scales.condition_mean[:, None]) / scales.condition_scale[:, None]
    target = (one.target - scales.target_mean[:, None]) / scales.target_scale[:, None]
    return PairSequence(subject=one.subject, condition=condition.clamp(-5, 5), target=target, lost=one.lost)


def draw_spans(
    sequences: Sequence[PairSequence], settings: FitSettings, rng: np.random.Generator
) -> Sequence[tuple[int, slice]]:
    """Draw windows: the number of the sequence, those with more frames more often, and its frames."""
    lengths = np.array([one.condition.shape[1] for one in sequences])
    chosen = rng.choice(len(sequences), settings.batch, p=lengths / lengths.sum())
    starts = rng.integers(0, lengths[chosen] - settings.window + 1)
    return [(int(index), slice(start, start + settings.window)) for index, start in zip(chosen, starts, strict=True)]
