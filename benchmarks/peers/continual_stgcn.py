"""CoST-GCN, a continual ST-GCN, of the published sizes: the peer that a stream of Hi-TRS is timed against.

    pip install 'hitrs-live[peers]'
    python benchmarks/peers/continual_stgcn.py

Written from the paper (Hedegaard, Heidari, Iosifidis, "Continual spatio-temporal graph convolutional networks",
Pattern Recognition 2023, arXiv 2203.11009) on the modules of `continual-inference` (Apache-2.0). Its two forms:

- CoST-GCN: ST-GCN as it is, two strides over time and padding, so that an answer comes every fourth frame;
  published at 0.27 GFLOPs a prediction on NTU RGB+D.
- CoST-GCN*: neither strides nor padding, an answer every frame; published at 0.16.

Run by itself, this checks that what is answered step by step is what the whole clip is answered with, and counts
the products of a prediction. The published figures are multiply-accumulates of two bodies, which the counts show.
"""

import argparse
import logging
from dataclasses import dataclass, replace
from math import prod

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from hitrs_live.skeleton import NTU25

try:
    # It warns of every stride over time that outputs are skipped, which is what strides are for.
    logging.getLogger("continual").setLevel(logging.ERROR)
    import continual as co
except ImportError:
    raise SystemExit("the peer is not installed; pip install 'hitrs-live[peers]'") from None

JOINTS, CHANNELS, CLASSES, PARTITIONS = len(NTU25), 3, 60, 3
KERNEL = 9
"""Frames that a convolution over time reads."""
WIDTHS = (64, 64, 64, 64, 128, 128, 128, 256, 256, 256)
_BODIES = 2
"""In what was published: a clip of NTU RGB+D holds two, the second often of zeros."""


@dataclass(frozen=True, kw_only=True)
class PeerConfig:
    """Which of the two forms."""

    name: str
    strides: tuple[int, ...]
    """Over time, by block."""
    padded: bool
    pool: int
    """Answers of the last block that are averaged: those of NTU's 300 frames."""
    published_gflops: float

    @property
    def frames_a_prediction(self) -> int:
        """Frames from one answer to the next."""
        return prod(self.strides)

    @property
    def reach(self) -> int:
        """Frames that one answer of the last block reads."""
        return (KERNEL - 1) * sum(prod(self.strides[:index]) for index in range(len(self.strides))) + 1


COST_GCN = PeerConfig(
    name="CoST-GCN", strides=(1, 1, 1, 1, 2, 1, 1, 2, 1, 1), padded=True, pool=75, published_gflops=0.27
)
COST_GCN_STAR = PeerConfig(name="CoST-GCN*", strides=(1,) * 10, padded=False, pool=220, published_gflops=0.16)


def ntu_graph() -> Tensor:
    """Make the three partitions of the skeleton: each joint, its parent, its children. Returns (3, J, J) float32.

    Element [k, v, w] is what joint w receives from joint v; what a joint receives in a partition is a mean.
    """
    parent = torch.zeros(JOINTS, JOINTS)
    for joint, above in enumerate(NTU25.parents):
        parent[above, joint] = float(above != joint)
    graph = torch.stack((torch.eye(JOINTS), parent, parent.T))
    return graph / graph.sum(1, keepdim=True).clamp(min=1)


class GraphConv(nn.Module):
    """Convolve over the joints of each frame (ST-GCN, section 3.3, with the spatial partitioning)."""

    graph: Tensor

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(channels, PARTITIONS * width, 1)
        # What the network learns of an edge's importance is multiplied in before it runs.
        self.register_buffer("graph", ntu_graph())

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C', T, J) of (B, C, T, J)."""
        parts = self.project(x).unflatten(1, (PARTITIONS, -1))
        return torch.einsum("bkctv,kvw->bctw", parts, self.graph)


def _block(channels: int, width: int, *, stride: int, padded: bool, residual: bool) -> nn.Module:
    """Make one block: joints, then time, and past both what came in, as late as the convolution over time is."""
    middle = KERNEL // 2
    main = co.Sequential(
        co.forward_stepping(GraphConv(channels, width)),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        co.Conv2d(width, width, (KERNEL, 1), stride=(stride, 1), padding=(middle if padded else 0, 0)),
        nn.BatchNorm2d(width),
    )
    if not residual:
        return co.Sequential(main, nn.ReLU())
    beside = co.Delay(middle, auto_shrink=False if padded else "centered")
    if (channels, stride) != (width, 1):
        # Of the package's convolutions one of a single frame does not stride; its pools do.
        every = [co.AvgPool2d((1, 1), stride=(stride, 1))] if stride > 1 else []
        beside = co.Sequential(beside, *every, co.Conv2d(channels, width, (1, 1)), nn.BatchNorm2d(width))
    return co.Sequential(co.BroadcastReduce(beside, main, reduce="sum", auto_delay=False), nn.ReLU())


def build_peer(config: PeerConfig, *, seed: int = 0) -> nn.Module:
    """Build the network with random weights, in evaluation mode.

    `forward`: (B, 3, T, 25) -> logits (B, 60, N); `forward_step`: (B, 3, 25) -> (B, 60), or None where none is due.
    """
    torch.manual_seed(seed)
    blocks = [
        _block(channels, width, stride=stride, padded=config.padded, residual=index > 0)
        for index, (channels, width, stride) in enumerate(
            zip((CHANNELS, *WIDTHS), WIDTHS, config.strides, strict=False)
        )
    ]
    network = co.Sequential(
        nn.BatchNorm2d(CHANNELS),
        *blocks,
        # Over the joints first: the package's pool over time then keeps a 25th.
        co.Lambda(_mean_joints, takes_time=True),
        co.AvgPool1d(config.pool, stride=1),
        co.Linear(WIDTHS[-1], CLASSES, channel_dim=1),
    )
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return network.eval()


def _mean_joints(x: Tensor) -> Tensor:
    return x.mean(-1)


@torch.inference_mode()
def step_error(config: PeerConfig, *, pool: int = 3, answers: int = 5, rows: int = 2) -> float:
    """Compare steps with the whole clip. Returns the largest difference, as a part of the largest logit.

    With a short pool, so that a short clip does. A padded network's last answers, which padding after the clip's
    end would complete, are not waited for.
    """
    network = build_peer(replace(config, pool=pool))
    frames = config.reach + (pool + answers - 1) * config.frames_a_prediction
    joints = torch.randn(rows, CHANNELS, frames, JOINTS)
    whole = network(joints)
    steps = [network.forward_step(joints[:, :, frame]) for frame in range(frames)]
    stepped = torch.stack([logits for logits in steps if logits is not None], -1)
    if stepped.shape[-1] < answers:
        raise ValueError(f"got {stepped.shape[-1]} answers of {frames} frames, wanted {answers}")
    return float((whole[..., : stepped.shape[-1]] - stepped).abs().max() / whole.abs().max())


def count_macs(config: PeerConfig, *, skip: bool) -> int:
    """Count the multiply-accumulates of one body from one prediction to the next.

    skip: whether a block over time computes only what the next block reads, or every frame that it is handed, as
    the package does and the paper counts.
    """
    total, every = WIDTHS[-1] * CLASSES, config.frames_a_prediction
    inputs = (CHANNELS, *WIDTHS[:-1])
    for index, (channels, width, stride) in enumerate(zip(inputs, WIDTHS, config.strides, strict=True)):
        over_joints = PARTITIONS * (channels * width * JOINTS + width * JOINTS**2)
        over_time = KERNEL * width**2 * JOINTS
        beside = channels * width * JOINTS if index and (channels, stride) != (width, 1) else 0
        answers = every // stride
        total += every * over_joints + (answers if skip else every) * over_time + answers * beside
        every = answers
    return total


def main() -> None:
    """Check both forms and print what a prediction costs."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    torch.set_num_threads(1)
    table = Table(title="10^9 multiply-accumulates a prediction")
    headings = (
        "network", "frames a\nprediction", "two bodies", "published", "one body", "one body,\nno skipped output",
        "parameters", "step - clip",
    )  # fmt: skip
    for heading in headings:
        table.add_column(heading, justify="right")
    for config in (COST_GCN, COST_GCN_STAR):
        error = step_error(config)
        assert error < 1e-4, f"{config.name}: a step's answer is {error:.1e} from the clip's"
        macs = count_macs(config, skip=False) / 1e9
        parameters = sum(each.numel() for each in build_peer(config).parameters())
        table.add_row(
            config.name, str(config.frames_a_prediction), f"{_BODIES * macs:.3f}", f"{config.published_gflops}",
            f"{macs:.3f}", f"{count_macs(config, skip=True) / 1e9:.3f}", f"{parameters / 1e6:.2f} M", f"{error:.0e}",
        )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
