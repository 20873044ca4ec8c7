"""The network that corrects the lifted joints of a person, frame by frame, and says how far off each may be: for torch.

The mathematics is that of `lifting`; the live path runs it with numpy (`frame_network`).
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from hitrs_live.temporal_lifting.bones import BONES_OF, JOINTS_OF, LENGTH_OF_BONE
from hitrs_live.temporal_lifting.lifting import FEATURES, OUTPUTS, LifterInputs, LifterOutputs, describe, lift_frames
from hitrs_live.temporal_lifting.memory import STATE_SHAPES, WIDTH, Array, LifterState


class LifterNetwork(nn.Module):
    """Correct lifted joints. Causal, rows are independent; `forward` of T frames equals T calls of one frame."""

    bones_of: Tensor
    joints_of: Tensor
    mean: Tensor
    scale: Tensor
    xp: Any = torch

    def __init__(self, dropout: float = 0.0) -> None:
        """Make the network; before training it changes little."""
        super().__init__()
        for name, table in (("bones_of", BONES_OF), ("joints_of", JOINTS_OF)):
            self.register_buffer(name, torch.from_numpy(table), persistent=False)
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("scale", torch.ones(FEATURES))
        self.enter = nn.Linear(FEATURES, WIDTH)
        self.recur = nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.between = nn.Linear(2 * WIDTH, WIDTH)
        self.leave = nn.Linear(WIDTH, OUTPUTS)
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.leave.weight, std=0.01)
        nn.init.zeros_(self.leave.bias)

    @classmethod
    def of(cls, tensors: Mapping[str, NDArray[np.float32]]) -> "LifterNetwork":
        """Make the fitted network of weights by their names (`weights.read_weights`)."""
        network = cls()
        network.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in tensors.items()})
        return network.eval()

    @torch.no_grad()
    def begin_with(self, features: Tensor, bone_m: Tensor) -> None:
        """Normalise features (N, FEATURES) from now on, and begin with the proportions of bones (N, 20)."""
        self.mean.copy_(features.mean(0))
        self.scale.copy_(features.std(0).clamp_min(0.05))
        usual = bone_m.clamp_min(0.01).log().mean(0)
        for place, length in enumerate(LENGTH_OF_BONE):
            self.leave.bias[length] = usual[place]

    @property
    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """The weights by their names, as `weights.write_weights` and `frame_network.FrameNetwork` take them."""
        return {name: tensor.detach().numpy() for name, tensor in self.state_dict().items()}

    def initial_state(self, people: int) -> LifterState:
        """Return the state of people of whom nothing was seen."""
        return LifterState(*(torch.zeros(people, *shape) for shape in STATE_SHAPES))

    def forward(self, inputs: LifterInputs, state: LifterState) -> tuple[LifterOutputs, LifterState]:
        """Advance B people by T frames each."""
        return lift_frames(self, inputs, state)

    def features(self, inputs: LifterInputs) -> Tensor:
        """Describe frames of B people of whom nothing was seen before: (B, T, FEATURES)."""
        seen, _ = describe(self, inputs, self.initial_state(len(inputs.step_s)))
        features: Tensor = seen.features
        return features

    def network(self, features: Tensor, state: LifterState) -> tuple[Tensor, LifterState]:
        """Run the layers: features (B, T, FEATURES) to outputs (B, T, OUTPUTS)."""
        entered = _gelu(self.enter(((features - self.mean) / self.scale).clamp(-6, 6)))
        remembered, hidden = self.recur(entered, state.hidden[None])
        both = torch.cat((entered, remembered), dim=-1)
        return self.leave(self.dropout(_gelu(self.between(both)))), state._replace(hidden=hidden[0])

    def scan(
        self, follow: Callable[..., tuple[tuple[Array, ...], LifterState]], state: LifterState, *parts: Tensor
    ) -> tuple[tuple[Tensor, ...], LifterState]:
        """Advance averages frame by frame. parts: (B, T, ...). Returns averages (B, T, ...)."""
        averages = []
        for frame in zip(*(part.unbind(1) for part in parts), strict=True):
            average, state = follow(torch, state, *frame)
            averages.append(average)
        return tuple(torch.stack(some, dim=1) for some in zip(*averages, strict=True)), state

    def held(self, part: Tensor) -> Tensor:
        """Return the part, without a gradient."""
        return part.detach()


def _gelu(values: Tensor) -> Tensor:
    # By tanh, which numpy has.
    return F.gelu(values, approximate="tanh")
