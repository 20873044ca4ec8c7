"""Implement the peer's step as matrix products: the lowest cost of a frame of its published network.

The package steps a temporal convolution by a full convolution of one frame padded with zeros, nine times the products
that the frame needs. Here the inputs of the convolution are kept instead, so that each block is two matrix products
with batch norms folded in; and a block after a stride runs only on frames whose output is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from continual_stgcn import JOINTS, KERNEL, PeerConfig
from torch import Tensor, nn

MIDDLE = KERNEL // 2


@dataclass(frozen=True, kw_only=True)
class StateShape:
    """One state tensor that a step passes to the next: (M, *shape)."""

    name: str
    shape: tuple[int, ...]


class MatrixBlock(nn.Module):
    """One block, with the window of the temporal convolution and the delayed input of the residual as its state."""

    graph: Tensor
    spread: Tensor
    spread_bias: Tensor
    over_time: Tensor
    time_bias: Tensor
    matched: Tensor | None

    def __init__(self, block: nn.Module, before: nn.BatchNorm2d | None, *, stride: int) -> None:
        """Take the weights of a block of the package's network. before: a norm to fold into it."""
        super().__init__()
        parts = next(iter(block))
        beside, main = (None, parts) if len(parts) == 5 else list(parts)
        joints, norm, _, time, time_norm = list(main)
        self.stride = stride
        self.channels, self.width = joints.project.in_channels, time.out_channels
        graph, weight = joints.graph, joints.project.weight[:, :, 0, 0].unflatten(0, (-1, self.width))
        bias = joints.project.bias.view(-1, self.width)
        if before is not None:
            scale, shift = _as_affine(before)
            bias = bias + torch.einsum("kci,i->kc", weight, shift)
            weight = weight * scale
        scale, shift = _as_affine(norm)
        self.register_buffer("graph", graph.permute(2, 0, 1).reshape(-1, JOINTS).contiguous())
        self.register_buffer("spread", (weight.transpose(1, 2).flatten(0, 1) * scale).contiguous())
        self.register_buffer("spread_bias", torch.einsum("kvw,kc->wc", graph, bias) * scale + shift)
        scale, shift = _as_affine(time_norm)
        self.register_buffer("over_time", (time.weight[..., 0].permute(2, 1, 0).flatten(0, 1) * scale).contiguous())
        offset = time.bias * scale + shift
        self.has_residual, matched = beside is not None, None
        if isinstance(beside, nn.Sequential):
            *_, project, norm = list(beside)
            scale, shift = _as_affine(norm)
            matched = (project.weight[:, :, 0, 0].T * scale).contiguous()
            offset = offset + project.bias * scale + shift
        self.register_buffer("matched", matched)
        self.register_buffer("time_bias", offset)

    @property
    def state_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of its state a row: the window and, with a residual, the delayed input."""
        window = (JOINTS, (KERNEL - 1) * self.width)
        return (window, (JOINTS, MIDDLE * self.channels)) if self.has_residual else (window,)

    def forward(self, x: Tensor, states: Sequence[Tensor], *, answer: bool) -> tuple[Tensor, list[Tensor]]:
        """Process a frame. x: (M, J, C) -> (M, J, C') and the states; without `answer` the output is not computed."""
        parts = (self.graph @ x).reshape(-1, JOINTS, self.spread.shape[0])
        window = torch.cat((states[0], torch.relu(parts @ self.spread + self.spread_bias)), -1)
        after = [window[..., self.width :]]
        if self.has_residual:
            after.append(torch.cat((states[1][..., self.channels :], x), -1))
        if not answer:
            return x, after
        y = window @ self.over_time + self.time_bias
        if self.has_residual:
            late = states[1][..., : self.channels]
            y = y + (late if self.matched is None else late @ self.matched)
        return torch.relu(y), after


class MatrixStep(nn.Module):
    """One frame through the network, up to the last block whose output is read."""

    def __init__(self, network: nn.Module, config: PeerConfig, *, depth: int) -> None:
        """Take the weights of a network. depth: how many strides the frame's outputs pass, see `depth_of`."""
        super().__init__()
        first, *blocks, _, pool, classify = list(network)
        strided = [index for index, stride in enumerate(config.strides) if stride > 1]
        self.depth, self.whole = depth, depth == len(strided)
        self.reach = len(blocks) if self.whole else strided[depth] + 1
        self.blocks = nn.ModuleList(
            MatrixBlock(block, None if index else first, stride=config.strides[index])
            for index, block in enumerate(blocks[: self.reach])
        )
        self.pool = pool.kernel_size[0]
        self.register_buffer("classify", (classify.weight.T / self.pool).contiguous())
        self.register_buffer("bias", classify.bias.clone())

    @property
    def states(self) -> list[StateShape]:
        """States that it takes and returns, in order; `oldest` and `total` belong to the temporal pool."""
        kept = [
            StateShape(name=f"block{index}_{kind}", shape=shape)
            for index, block in enumerate(self.blocks)
            for kind, shape in zip(("window", "late"), block.state_shapes, strict=False)
        ]
        width = (self.classify.shape[0],)
        return kept + [StateShape(name=name, shape=width) for name in ("oldest", "total")] * self.whole

    def forward(self, joints: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """Process a frame. joints: (M, J, 3) -> the states, after the last block preceded by the logits (M, 60).

        The state `oldest` is returned as the newest output of the last block, for the caller's ring buffer.
        """
        x, after, used = joints, [], 0
        for index, block in enumerate(self.blocks):
            own = states[used : used + len(block.state_shapes)]
            used += len(own)
            x, kept = block(x, own, answer=self.whole or index < self.reach - 1)
            after += kept
        if not self.whole:
            return tuple(after)
        newest = x.mean(1)
        total = states[-1] + newest - states[-2]
        return (total @ self.classify + self.bias, *after, newest, total)


def depth_of(frame: int, config: PeerConfig) -> int:
    """Return how many strides the outputs of a frame pass."""
    depth, every = 0, 1
    for stride in config.strides:
        every *= stride
        depth += stride > 1 and frame % every == 0
    return depth


def _as_affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Write a norm in evaluation as a scale and a shift, (C,) each."""
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return scale, norm.bias - norm.running_mean * scale
