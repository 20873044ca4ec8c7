"""The networks of the error model: the expected error of a pose in a view, and the distribution about it."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hitrs_live.virtual_camera.joint_errors.coordinates import CONDITIONS, TARGETS

TIME_FEATURES = 16


class FrameNetwork(nn.Module):
    """Predict numbers of every frame from the pose and the frames around it."""

    def __init__(self, outputs: int, width: int, dropout: float = 0.2) -> None:
        """Make a network of convolutions over time beside a linear map."""
        super().__init__()
        self.first = nn.Conv1d(CONDITIONS, width, 5, padding=2)
        self.layers = nn.ModuleList(nn.Conv1d(width, width, 3, padding=step, dilation=step) for step in (2, 4))
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Conv1d(width, outputs, 1)
        self.linear = nn.Conv1d(CONDITIONS, outputs, 1, bias=False)

    def forward(self, condition: Tensor) -> Tensor:
        """Compute (B, outputs, T) from normalised conditions (B, CONDITIONS, T)."""
        hidden = F.gelu(self.first(condition))
        for layer in self.layers:
            hidden = hidden + F.gelu(layer(self.dropout(hidden)))
        output: Tensor = self.last(self.dropout(hidden)) + self.linear(condition)
        return output


def bias_network() -> FrameNetwork:
    """Make the network of the expected targets; its last output is the logit of a lost frame."""
    return FrameNetwork(TARGETS + 1, 80)


def jitter_network() -> FrameNetwork:
    """Make the network of the logarithm of how much each component of the error changes from frame to frame."""
    return FrameNetwork(TARGETS, 40)


class FlowNetwork(nn.Module):
    """Predict how noise moves towards a plausible error: the velocity field of flow matching.

    A small U-Net over time: one level at half the frame rate holds most of the layers. About 280,000 weights.
    """

    def __init__(self, width: int = 80, dropout: float = 0.1) -> None:
        """Make the network; its output starts at zero."""
        super().__init__()
        self.condition = nn.Sequential(
            nn.Conv1d(CONDITIONS, width, 5, padding=2), nn.GELU(), nn.Dropout(dropout),
            nn.Conv1d(width, width, 3, padding=2, dilation=2),
        )  # fmt: skip
        self.time = nn.Linear(TIME_FEATURES, width)
        self.first = nn.Conv1d(TARGETS, width, 3, padding=1)
        self.down = nn.Conv1d(width, width, 4, stride=2, padding=1)
        self.layers = nn.ModuleList(_Layer(width, step, dropout) for step in (1, 2, 4, 8, 1))
        self.up = nn.ConvTranspose1d(width, width, 4, stride=2, padding=1)
        self.last = nn.Conv1d(width, TARGETS, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        assert self.last.bias is not None
        nn.init.zeros_(self.last.bias)

    def encode(self, condition: Tensor) -> Tensor:
        """Encode normalised conditions once for all steps. (B, CONDITIONS, T) -> (B, width, T); T is even."""
        encoded: Tensor = self.condition(condition)
        return encoded

    def forward(self, state: Tensor, time: Tensor, encoded: Tensor) -> Tensor:
        """Compute the velocity. state: (B, TARGETS, T); time: (B,), 0 to 1 -> (B, TARGETS, T)."""
        full = F.gelu(self.first(state) + encoded + self.time(time_features(time))[..., None])
        half = self.down(full)
        for layer in self.layers:
            half = layer(half)
        velocity: Tensor = self.last(F.gelu(full + self.up(half)))
        return velocity


class _Layer(nn.Module):
    def __init__(self, width: int, step: int, dropout: float) -> None:
        super().__init__()
        self.mix = nn.Conv1d(width, width, 3, padding=step, dilation=step)
        self.out = nn.Conv1d(width, width, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor) -> Tensor:
        change: Tensor = self.out(self.dropout(F.gelu(self.mix(F.gelu(hidden)))))
        return hidden + change


def time_features(time: Tensor) -> Tensor:
    """Describe times from 0 to 1 by sines and cosines. (B,) -> (B, TIME_FEATURES)."""
    rates = math.pi * 2.0 ** (torch.arange(TIME_FEATURES // 2) - 1)
    angles = time[:, None] * rates
    return torch.cat((angles.sin(), angles.cos()), dim=1)
