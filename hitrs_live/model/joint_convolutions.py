"""Convolutions over the joints of a stream: a second, cheap opinion beside the transformer.

Causal dilated convolutions with residual connections, as in temporal convolutional networks (Bai, Kolter and Koltun,
arXiv 1803.01271, section 3), read all joints and bones of a frame at once and look several seconds
back. They have no tokens and
no attention, so they are wrong about other things than Hi-TRS; logits of both are averaged.

They work at a part of the frame rate: of frames `interval` apart, as many sequences run interleaved as there are
frames in between. That is the same as convolutions of every frame whose dilations are `interval` times as large.
"""

from dataclasses import dataclass
from typing import Annotated, TypeVar

import numpy as np
import torch
from msgspec import Meta
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from hitrs_live.model.hitrs import Size
from hitrs_live.skeleton import NTU25

_Logits = TypeVar("_Logits", Tensor, NDArray[np.float32])

TAPS = 3
"""Frames that one convolution reads: its own, and those one and two dilations before."""
_FEATURES = 3 * 3 * len(NTU25)
"""Place and velocity of each joint, and the direction of its bone."""
_PARENTS = torch.tensor(NTU25.parents)
_AT_ROOT = torch.tensor([[parent == NTU25.root != joint] for joint, parent in enumerate(NTU25.parents)])
"""(25, 1): bones that begin at the root, whose own slot is its path; its place is zero."""
_SHORT_BONE = 0.03
"""Length, in body sizes, of a bone whose direction is noise: it counts half."""
_VELOCITY_SCALE = 3.0
"""Brings velocities, in body sizes from one frame to the next, to the range of places."""


@dataclass(frozen=True, kw_only=True)
class ConvolutionsConfig:
    """Sizes of the convolutions, and how much their logits count."""

    classes: Size
    width: Size = 160
    dilations: Annotated[tuple[Annotated[int, Meta(ge=1, le=1024)], ...], Meta(min_length=1, max_length=64)] = (
        1, 2, 4, 8, 16, 1, 2, 4, 8,
    )  # fmt: skip
    """Of each layer, in frames that are `interval` apart."""
    interval: Annotated[int, Meta(ge=1, le=16)] = 2
    """Frames from one that is read to the next."""
    share: Annotated[float, Meta(gt=0, le=1)] = 0.5
    """Weight of their logits in the average with those of Hi-TRS."""

    def average(self, logits: _Logits, of_convolutions: _Logits) -> _Logits:
        """Average logits of Hi-TRS with those of the convolutions, of any equal shapes."""
        averaged: _Logits = (1 - self.share) * logits + self.share * of_convolutions
        return averaged

    @property
    def rings(self) -> tuple[int, ...]:
        """Frames that each layer remembers."""
        return tuple((TAPS - 1) * dilation * self.interval for dilation in self.dilations)

    @property
    def reach_frames(self) -> int:
        """Frames that an output reads, its own included."""
        return sum(self.rings) + self.interval + 1

    @property
    def least_weights(self) -> int:
        """Weights of the convolutions: a model of this size has more."""
        return len(self.dilations) * (TAPS + 1) * self.width**2


class ConvolutionLayer(nn.Module):
    """x + W gelu(convolution(LN x)): one causal convolution over time."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.norm = nn.LayerNorm(width)
        self.convolution = nn.Conv1d(width, width, TAPS, dilation=dilation)
        self.mix = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Update a sequence; before its first frame it is taken to be zero. x: (B, T, C) -> (B, T, C)."""
        padded = F.pad(self.norm(x).transpose(1, 2), ((TAPS - 1) * self.dilation, 0))
        updated: Tensor = x + self.mix(F.gelu(self.convolution(padded).transpose(1, 2)))
        return updated


class JointConvolutions(nn.Module):
    """Normalised joints in, a logit for each class at every frame out, from the past alone."""

    def __init__(self, config: ConvolutionsConfig) -> None:
        """Make convolutions with random weights."""
        super().__init__()
        self.config = config
        self.embed = nn.Linear(_FEATURES, config.width)
        self.layers = nn.ModuleList(ConvolutionLayer(config.width, dilation) for dilation in config.dilations)
        self.head = nn.Sequential(nn.LayerNorm(config.width), nn.Linear(config.width, config.classes))

    def forward(self, joints: Tensor) -> Tensor:
        """Predict at every frame. joints: (B, T, 25, 3), normalised -> logits (B, T, K)."""
        interval = self.config.interval
        rows, frames, points, axes = joints.shape
        padded = F.pad(joints, (0, 0, 0, 0, 0, -frames % interval))
        interleaved = padded.reshape(rows, -1, interval, points, axes).transpose(1, 2).flatten(0, 1)
        logits = self.predict_every(interleaved)
        return logits.reshape(rows, interval, -1, self.config.classes).transpose(1, 2).flatten(1, 2)[:, :frames]

    def predict_every(self, joints: Tensor) -> Tensor:
        """Predict at every frame of sequences whose frames are `interval` apart. (B, S, 25, 3) -> (B, S, K)."""
        earlier = torch.cat((joints[:, :1], joints[:, :-1]), dim=1)
        x = self.embed(motion_features(joints, earlier))
        for layer in self.layers:
            x = layer(x)
        logits: Tensor = self.head(x)
        return logits


def motion_features(joints: Tensor, earlier: Tensor) -> Tensor:
    """Join the places and the velocities of joints, and the directions of bones, which no body's proportions change.

    joints, earlier: (..., 25, 3), normalised, of a frame and of that one interval before; the first frame of a stream
    is its own earlier one. Returns (..., F).
    """
    bones = joints - torch.where(_AT_ROOT, 0.0, joints[..., _PARENTS, :])
    directions = bones / (bones.norm(dim=-1, keepdim=True) + _SHORT_BONE)
    return torch.cat((joints, (joints - earlier) * _VELOCITY_SCALE, directions), dim=-1).flatten(-2)
