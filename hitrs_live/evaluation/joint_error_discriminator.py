"""A classifier that tries to tell modelled live joints from those that the pose stage computed from pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from hitrs_live.virtual_camera.joint_errors.coordinates import body_sizes_m

Floats = NDArray[np.float32]
WINDOW_FRAMES = 30


@dataclass(frozen=True, kw_only=True)
class JointStream:
    """Live joints of one person, rendered or modelled, beside the true ones. T frames at 30 Hz."""

    person: str
    true_m: Floats
    """(T, 25, 3), the camera's axes."""
    live_m: Floats
    """(T, 25, 3)."""
    modelled: bool


def windows_of(stream: JointStream, *, with_truth: bool, stride: int) -> Floats:
    """Cut a stream into windows of a second, (N, C, WINDOW_FRAMES), each described by the live joints.

    Joints about the root and the root about its middle, in body sizes, and their change a frame. with_truth: the true
    pose, and the live joints' differences from it, in their place.
    """
    size = float(body_sizes_m(stream.true_m))
    live = _about_root(stream.live_m) / size
    if with_truth:
        true = _about_root(stream.true_m) / size
        error = live - true
        parts = [error, 10 * np.diff(error, axis=0, prepend=error[:1]), true]
    else:
        parts = [live, 10 * np.diff(live, axis=0, prepend=live[:1])]
    values = np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
    starts = range(0, len(values) - WINDOW_FRAMES + 1, stride)
    cut = [values[start : start + WINDOW_FRAMES].T for start in starts]
    return np.stack(cut).astype(np.float32) if cut else np.empty((0, values.shape[1], WINDOW_FRAMES), np.float32)


def _about_root(joints_m: Floats) -> Floats:
    """Return joints about the root; in the root's slot, the root about its middle. (T, 25, 3)."""
    moved: Floats = joints_m - joints_m[:, :1]
    moved[:, 0] = joints_m[:, 0] - np.median(joints_m[:, 0], axis=0)
    return moved


class ConvolutionDiscriminator(nn.Module):
    """Two convolutions over time, then the mean and the largest value of each feature."""

    def __init__(self, channels: int, width: int = 64) -> None:
        """Make the network for windows of `channels` numbers a frame."""
        super().__init__()
        self.first = nn.Conv1d(channels, width, 5)
        self.second = nn.Conv1d(width, width, 5, stride=2)
        self.dropout = nn.Dropout(0.3)
        self.last = nn.Linear(2 * width, 1)

    def forward(self, windows: Tensor) -> Tensor:
        """Compute logits, (N,): positive for modelled. windows: (N, C, WINDOW_FRAMES)."""
        hidden = F.gelu(self.second(F.gelu(self.first(self.dropout(windows)))))
        logits: Tensor = self.last(self.dropout(torch.cat((hidden.mean(-1), hidden.amax(-1)), dim=1)))[:, 0]
        return logits


class SummaryDiscriminator(nn.Module):
    """A small network on how large and how restless each joint's numbers are over the window.

    Convolutions learn such sizes badly from few windows, and they are what noise of a wrong size gives away.
    """

    def __init__(self, channels: int, width: int = 32) -> None:
        """Make the network for windows of `channels` numbers a frame, three for each joint."""
        super().__init__()
        joints = channels // 3
        self.scale = nn.BatchNorm1d(3 * joints, affine=False)
        self.layers = nn.Sequential(nn.Linear(3 * joints, width), nn.GELU(), nn.Dropout(0.3), nn.Linear(width, 1))

    def forward(self, windows: Tensor) -> Tensor:
        """Compute logits, (N,): positive for modelled. windows: (N, C, WINDOW_FRAMES)."""
        joints = windows.reshape(len(windows), -1, 3, windows.shape[-1])
        change = joints.diff(dim=-1)
        # The lengths, the spread about the mean, and the change; heavy tails show in the mean of the logarithm.
        parts = (joints.norm(dim=2).mean(-1), joints.std(-1).norm(dim=2), change.norm(dim=2).add(1e-3).log().mean(-1))
        logs = [parts[0].add(1e-3).log(), parts[1].add(1e-3).log(), parts[2]]
        logits: Tensor = self.layers(self.scale(torch.cat(logs, dim=1)))[:, 0]
        return logits


DISCRIMINATORS: Mapping[str, type[ConvolutionDiscriminator] | type[SummaryDiscriminator]] = {
    "convolutions": ConvolutionDiscriminator,
    "summaries": SummaryDiscriminator,
}


def balanced_accuracy(
    train: Sequence[JointStream],
    test: Sequence[JointStream],
    *,
    kind: str,
    with_truth: bool,
    seed: int,
    epochs: int = 20,
) -> float:
    """Train on some people's streams, measure on others': the mean of the shares of either kind that are recognised.

    kind: of DISCRIMINATORS. An eighth of the training people choose the epoch.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    people = sorted({stream.person for stream in train})
    choosing = set(rng.permutation(people)[: max(1, len(people) // 8)].tolist())
    inputs, labels = _collect([one for one in train if one.person not in choosing], with_truth=with_truth, stride=4)
    held, held_labels = _collect([one for one in train if one.person in choosing], with_truth=with_truth, stride=10)
    tested, tested_labels = _collect(test, with_truth=with_truth, stride=10)
    mean, scale = inputs.mean((0, 2), keepdim=True), inputs.std((0, 2), keepdim=True).clamp_min(1e-4)
    inputs, held, tested = ((one - mean) / scale for one in (inputs, held, tested))
    network = DISCRIMINATORS[kind](inputs.shape[1])
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=0.02)
    weight = (labels == 0).sum() / (labels == 1).sum()
    best, result = -1.0, 0.5
    for _ in range(epochs):
        network.train()
        for batch in torch.split(torch.from_numpy(rng.permutation(len(inputs))), 64):
            loss = F.binary_cross_entropy_with_logits(network(inputs[batch]), labels[batch], pos_weight=weight)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        network.eval()
        chosen = _accuracy(network, held, held_labels)
        if chosen >= best:
            best, result = chosen, _accuracy(network, tested, tested_labels)
    return result


def _collect(streams: Sequence[JointStream], *, with_truth: bool, stride: int) -> tuple[Tensor, Tensor]:
    cut = [windows_of(stream, with_truth=with_truth, stride=stride) for stream in streams]
    labels = np.concatenate([np.full(len(one), stream.modelled) for one, stream in zip(cut, streams, strict=True)])
    return torch.from_numpy(np.concatenate(cut)), torch.from_numpy(labels.astype(np.float32))


@torch.inference_mode()
def _accuracy(network: nn.Module, windows: Tensor, labels: Tensor) -> float:
    modelled = network(windows) > 0
    return float((modelled[labels == 1].float().mean() + (~modelled[labels == 0]).float().mean()) / 2)
