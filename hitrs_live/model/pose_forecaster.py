"""Motion prediction from a few frames alone: cosines over time, a residual MLP over joints x frequencies.

For the published motion-prediction benchmarks, whose skeletons have a constant size and whose roots do not move. The
live model's motion head is in motion_head.py.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from msgspec import Meta
from torch import Tensor, nn

from hitrs_live.model.blocks import Dropout
from hitrs_live.model.hitrs import Depth, Size


@dataclass(frozen=True, kw_only=True)
class PoseForecasterConfig:
    """The observed joints and frames, the predicted frames, and the size of the network."""

    scored: Annotated[tuple[int, ...], Meta(min_length=1, max_length=256)]
    """The joints that move; no other is read."""
    twins: Annotated[tuple[int, ...], Meta(min_length=1, max_length=256)]
    """For each joint the scored one that always has the same position; itself where there is none."""
    history: Annotated[int, Meta(ge=1, le=1024)] = 10
    horizon: Annotated[int, Meta(ge=1, le=1024)] = 25
    frequencies: Annotated[int, Meta(ge=1, le=1024)] = 15
    """Cosines of which the prediction is made, from the lowest frequency."""
    width: Size = 384
    layers: Depth = 4
    expansion: Annotated[int, Meta(ge=1, le=64)] = 2
    dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    scale_mm: Annotated[float, Meta(gt=0, le=1e6)] = 400.0
    """Joints are divided by this at the input."""

    @property
    def least_weights(self) -> int:
        """Weights of the largest layers: a model of this size has more."""
        ends = 3 * len(self.scored) * (self.history + self.frequencies)
        return self.width * (ends + 2 * self.layers * self.expansion * self.width)


class PoseForecaster(nn.Module):
    """Add the predicted displacement, frequency by frequency, to the last pose."""

    seen_basis: Tensor
    future_basis: Tensor

    def __init__(self, config: PoseForecasterConfig) -> None:
        """Make a forecaster that at first predicts almost the last pose."""
        super().__init__()
        self.config = config
        coordinates = 3 * len(config.scored)
        self.embed = nn.Linear(coordinates * config.history, config.width)
        self.blocks = nn.ModuleList(
            ResidualBlock(config.width, config.expansion * config.width, config.dropout) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.width)
        self.tell = nn.Linear(config.width, coordinates * config.frequencies)
        # Initially almost the zero-velocity baseline. The layer's name is a key of checkpoints.
        nn.init.normal_(self.tell.weight, std=0.002)
        nn.init.zeros_(self.tell.bias)
        self.register_buffer("seen_basis", cosines(config.history), persistent=False)
        self.register_buffer("future_basis", cosines(config.horizon)[: config.frequencies], persistent=False)

    def forward(self, history: Tensor) -> Tensor:
        """Predict what follows. history: (B, T, J, 3), millimetres. Returns (B, F, J, 3)."""
        scored = list(self.config.scored)
        predicted = self.of_scored(history[:, :, scored])
        future = history[:, -1:].repeat(1, self.config.horizon, 1, 1)
        future[:, :, scored] = predicted
        return future[:, :, list(self.config.twins)]

    def of_scored(self, history: Tensor) -> Tensor:
        """Predict the scored joints from the scored joints. (B, T, S, 3) -> (B, F, S, 3), millimetres."""
        last = history[:, -1]
        seen = history / self.config.scale_mm
        # The first frequency is the mean, for which the last pose is the better input.
        changes = 2 * torch.einsum("mt,btsc->bmsc", self.seen_basis[1:], seen)
        state = self.embed(torch.cat((seen[:, -1:], changes), dim=1).flatten(1))
        for block in self.blocks:
            state = block(state)
        weights = self.tell(self.norm(state)).unflatten(-1, (self.config.frequencies, *last.shape[1:]))
        return last.unsqueeze(1) + self.config.scale_mm * torch.einsum("mt,bmsc->btsc", self.future_basis, weights)


class ResidualBlock(nn.Module):
    """Pre-norm residual MLP: x + MLP(LN x)."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), Dropout(dropout), nn.Linear(hidden, width))

    def forward(self, state: Tensor) -> Tensor:
        """Update. state: (B, C) -> (B, C)."""
        updated: Tensor = state + self.mlp(self.norm(state))
        return updated


def cosines(length: int) -> Tensor:
    """Return the orthonormal discrete cosine basis (DCT-II), (M, T), lowest frequency first."""
    time = torch.arange(length, dtype=torch.float64) + 0.5
    order = torch.arange(length, dtype=torch.float64).unsqueeze(1)
    basis: Tensor = torch.cos(torch.pi / length * order * time) * (2 / length) ** 0.5
    basis[0] *= 0.5**0.5
    return basis.float()
