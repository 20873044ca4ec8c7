"""`JointConvolutions` over a stream: each frame of each row is computed once, from what its layers remember."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from hitrs_live.model.joint_convolutions import ConvolutionLayer, ConvolutionsConfig, JointConvolutions, motion_features
from hitrs_live.skeleton import NTU25


@dataclass(kw_only=True)
class ConvolutionState:
    """What the convolutions remember of R rows. Advanced in place."""

    past: Tensor
    """(R, P, C): the inputs of all convolutions, a ring over the frames that each remembers, one after the other."""
    joints: Tensor
    """(R, I, 25, 3): ring over the joints of the newest `interval` frames."""
    frame_count: Tensor
    """(R,) int64, frames since the row's reset."""

    @classmethod
    def empty(cls, config: ConvolutionsConfig, rows: int) -> "ConvolutionState":
        """Return the state of rows that have seen nothing."""
        return cls(
            past=torch.zeros(rows, sum(config.rings), config.width),
            joints=torch.zeros(rows, config.interval, len(NTU25), 3),
            frame_count=torch.zeros(rows, dtype=torch.int64),
        )

    def reset(self, rows: Tensor) -> None:
        """Forget the past of some rows. rows: (R,) bool."""
        self.past[rows] = 0.0
        self.frame_count.masked_fill_(rows, 0)


class ConvolutionStream:
    """The convolutions of one checkpoint, a frame at a time."""

    @torch.inference_mode()
    def __init__(self, model: JointConvolutions) -> None:
        self._model, self._config = model, model.config
        self._layers = [layer for layer in model.layers if isinstance(layer, ConvolutionLayer)]
        kernels = [layer.convolution.weight for layer in self._layers]
        # What was computed before this frame is read by all layers in one product.
        self._of_past = torch.stack([torch.cat((kernel[..., 0], kernel[..., 1]), 1).T for kernel in kernels])
        self._of_now = [kernel[..., 2].contiguous() for kernel in kernels]
        biases = (layer.convolution.bias for layer in self._layers)
        self._bias = torch.stack([bias for bias in biases if bias is not None])
        self._rings = torch.tensor(self._config.rings)
        self._first = self._rings.cumsum(0) - self._rings

    @property
    def config(self) -> ConvolutionsConfig:
        """The sizes."""
        return self._config

    @torch.inference_mode()
    def step(self, joints: Tensor, rows: Tensor, state: ConvolutionState) -> Tensor:
        """Advance some rows by one frame, in place.

        joints: (M, 25, 3), normalised, their newest frame; rows: (M,) int64. Returns (M, C), what `read` makes logits
        of: those equal the last of `JointConvolutions` over the row's frames since its reset.
        """
        count = state.frame_count[rows]
        x: Tensor = self._model.embed(self._features(joints, rows, count, state))
        oldest = self._first + count[:, None] % self._rings
        half = self._first + (count[:, None] + self._rings // 2) % self._rings
        remembered = torch.cat((state.past[rows[:, None], oldest], state.past[rows[:, None], half]), -1)
        of_past = torch.baddbmm(self._bias[:, None], remembered.transpose(0, 1), self._of_past)
        inputs = []
        for layer, kernel, before in zip(self._layers, self._of_now, of_past, strict=True):
            inputs.append(layer.norm(x))
            x = x + layer.mix(F.gelu(before + F.linear(inputs[-1], kernel)))
        state.past[rows[:, None], oldest] = torch.stack(inputs, dim=1)
        state.frame_count[rows] = count + 1
        return x

    @torch.inference_mode()
    def read(self, x: Tensor) -> Tensor:
        """Return logits. x: (M, C), of `step` -> (M, K)."""
        logits: Tensor = self._model.head(x)
        return logits

    def _features(self, joints: Tensor, rows: Tensor, count: Tensor, state: ConvolutionState) -> Tensor:
        slot = count % self._config.interval
        known = (count >= self._config.interval)[:, None, None]
        earlier = torch.where(known, state.joints[rows, slot], joints)
        state.joints[rows, slot] = joints
        return motion_features(joints, earlier)
