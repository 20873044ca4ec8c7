"""The lifter's network for one frame, with numpy: what the live path runs.

A step is some hundred operations on a few hundred numbers. Torch takes longer to begin one than to compute it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.temporal_lifting.bones import BONES_OF, JOINTS_OF
from hitrs_live.temporal_lifting.lifting import LifterInputs, LifterOutputs, lift_frames, sigmoid
from hitrs_live.temporal_lifting.memory import STATE_SHAPES, WIDTH, Array, LifterState

Floats = NDArray[np.float32]
_GELU: Final = (np.float32((2 / np.pi) ** 0.5), np.float32(0.044715))


class FrameNetwork:
    """Correct lifted joints of one frame. Equals `network.LifterNetwork` with the same weights."""

    xp: Any = np
    bones_of = BONES_OF
    joints_of = JOINTS_OF

    def __init__(self, tensors: Mapping[str, Floats]) -> None:
        """Take weights by their names in `network.LifterNetwork`."""

        def layer(name: str, suffix: str = "") -> tuple[Floats, Floats]:
            return np.ascontiguousarray(tensors[f"{name}.weight{suffix}"].T), tensors[f"{name}.bias{suffix}"]

        self._mean, self._scale = tensors["mean"], 1 / tensors["scale"]
        self._enter, self._between, self._leave = layer("enter"), layer("between"), layer("leave")
        self._seen, self._remembered = layer("recur", "_ih_l0"), layer("recur", "_hh_l0")

    def initial_state(self, people: int) -> LifterState:
        """Return the state of people of whom nothing was seen."""
        return LifterState(*(np.zeros((people, *shape), np.float32) for shape in STATE_SHAPES))

    def step(self, inputs: LifterInputs, state: LifterState) -> tuple[LifterOutputs, LifterState]:
        """Advance B people by one frame."""
        return lift_frames(self, inputs, state)

    def network(self, features: Floats, state: LifterState) -> tuple[Floats, LifterState]:
        """Run the layers: features (B, FEATURES) to outputs (B, OUTPUTS)."""
        entered = _gelu(_linear(((features - self._mean) * self._scale).clip(-6, 6), self._enter))
        hidden = self._recur(entered, state.hidden)
        both = np.concatenate((entered, hidden), axis=-1)
        return _linear(_gelu(_linear(both, self._between)), self._leave), state._replace(hidden=hidden)

    def _recur(self, entered: Floats, hidden: Floats) -> Floats:
        """Advance the gated recurrent unit. Both (B, WIDTH)."""
        seen, remembered = _linear(entered, self._seen), _linear(hidden, self._remembered)
        gates: Floats = sigmoid(np, seen[:, : 2 * WIDTH] + remembered[:, : 2 * WIDTH])
        reset, keep = gates[:, :WIDTH], gates[:, WIDTH:]
        new: Floats = np.tanh(seen[:, 2 * WIDTH :] + reset * remembered[:, 2 * WIDTH :])
        return new + keep * (hidden - new)

    def scan(
        self, follow: Callable[..., tuple[tuple[Array, ...], LifterState]], state: LifterState, *parts: Floats
    ) -> tuple[tuple[Floats, ...], LifterState]:
        """Advance averages by the one frame that there is. parts: (B, ...)."""
        return follow(np, state, *parts)

    def held(self, part: Floats) -> Floats:
        """Return the part: there are no gradients."""
        return part


def _linear(values: Floats, layer: tuple[Floats, Floats]) -> Floats:
    weight, bias = layer
    product: Floats = values @ weight
    return product + bias


def _gelu(values: Floats) -> Floats:
    scale, cube = _GELU
    bent: Floats = np.tanh(scale * (values + cube * values * values * values))
    return 0.5 * values * (1 + bent)
