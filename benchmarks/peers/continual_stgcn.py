"""Build CoST-GCN, a continual ST-GCN, in the published sizes: the peer with which Hi-TRS streams are compared in time.

    pip install '.[peers]'
    python benchmarks/peers/continual_stgcn.py

Written from the paper (Hedegaard, Heidari, Iosifidis, "Continual spatio-temporal graph convolutional networks",
Pattern Recognition 2023, arXiv 2203.11009) on the modules of `continual-inference` (Apache-2.0). Its two forms:

- CoST-GCN: the original ST-GCN, with two strides over time and padding, so that it predicts every fourth frame;
  published at 0.27 GFLOPs a prediction on NTU RGB+D.
- CoST-GCN*: neither strides nor padding, a prediction every frame; published at 0.16.

Run as a script, it checks that the logits of single steps equal those of the whole clip, and counts the
multiply-accumulates of a prediction. The counts show that the published figures are multiply-accumulates of two bodies.
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
    # The package warns for every stride over time that outputs are skipped, which is intended.
    logging.getLogger("continual").setLevel(logging.ERROR)
    import continual as co
except ImportError:
    raise SystemExit("the peer is not installed; pip install '.[peers]'") from None

JOINTS, CHANNELS, CLASSES, PARTITIONS = len(NTU25), 3, 60, 3
KERNEL = 9
"""Frames that a temporal convolution reads."""
WIDTHS = (64, 64, 64, 64, 128, 128, 128, 256, 256, 256)
_BODIES = 2
"""Bodies in the published figures: a clip of NTU RGB+D has two, the second often zeros."""


@dataclass(frozen=True, kw_only=True)
class PeerConfig:
    """One of the two forms of the network."""

    name: str
    strides: tuple[int, ...]
    """Over time, by block."""
    padded: bool
    pool: int
    """Outputs of the last block that are averaged: those of NTU's 300 frames."""
    published_gflops: float

    @property
    def frames_a_prediction(self) -> int:
        """Frames from one prediction to the next."""
        return prod(self.strides)

    @property
    def reach(self) -> int:
        """Receptive field, in frames, of one output of the last block."""
        return (KERNEL - 1) * sum(prod(self.strides[:index]) for index in range(len(self.strides))) + 1


COST_GCN = PeerConfig(
    name="CoST-GCN", strides=(1, 1, 1, 1, 2, 1, 1, 2, 1, 1), padded=True, pool=75, published_gflops=0.27
)
COST_GCN_STAR = PeerConfig(name="CoST-GCN*", strides=(1,) * 10, padded=False, pool=220, published_gflops=0.16)


def ntu_graph() -> Tensor:
    """Build the three partitions of the skeleton: each joint, its parent, its children. Returns (3, J, J) float32.

    Element [k, v, w] is the weight of joint v for joint w; the weights of a joint in a partition sum to one.
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
        # The learned edge importance is multiplied into the graph before inference.
        self.register_buffer("graph", ntu_graph())

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C', T, J) of (B, C, T, J)."""
        parts = self.project(x).unflatten(1, (PARTITIONS, -1))
        return torch.einsum("bkctv,kvw->bctw", parts, self.graph)


def _block(channels: int, width: int, *, stride: int, padded: bool, residual: bool) -> nn.Module:
    """Build one block: spatial, then temporal convolution, and a residual delayed as the temporal convolution is."""
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
        # In the package a convolution over a single frame ignores its stride; pools do not.
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
        # Over the joints first, so that the state of the temporal pool is 25 times smaller.
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
    """Compare steps with the whole clip. Returns the largest difference, as a share of the largest logit.

    A short pool makes a short clip sufficient. The last outputs of a padded network, which need padding after the end
    of the clip, are not compared.
    """
    network = build_peer(replace(config, pool=pool))
    frames = config.reach + (pool + answers - 1) * config.frames_a_prediction
    joints = torch.randn(rows, CHANNELS, frames, JOINTS)
    whole = network(joints)
    steps = [network.forward_step(joints[:, :, frame]) for frame in range(frames)]
    stepped = torch.stack([logits for logits in steps if logits is not None], -1)
    if stepped.shape[-1] < answers:
        raise ValueError(f"got {stepped.shape[-1]} outputs for {frames} frames, expected at least {answers}")
    return float((whole[..., : stepped.shape[-1]] - stepped).abs().max() / whole.abs().max())


def count_macs(config: PeerConfig, *, skip: bool) -> int:
    """Count the multiply-accumulates of one body from one prediction to the next.

    skip: whether a temporal convolution computes only the outputs that the next block reads, or one for every input
    frame, as the package does and the paper counts.
    """
    total, every = WIDTHS[-1] * CLASSES, config.frames_a_prediction
    inputs = (CHANNELS, *WIDTHS[:-1])
    for index, (channels, width, stride) in enumerate(zip(inputs, WIDTHS, config.strides, strict=True)):
        over_joints = PARTITIONS * (channels * width * JOINTS + width * JOINTS**2)
        over_time = KERNEL * width**2 * JOINTS
        beside = channels * width * JOINTS if index and (channels, stride) != (width, 1) else 0
        outputs = every // stride
        total += every * over_joints + (outputs if skip else every) * over_time + outputs * beside
        every = outputs
    return total


def main() -> None:
    """Check both forms and print the cost of a prediction."""
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
        assert error < 1e-4, f"{config.name}: the logits of steps differ by {error:.1e} from the clip's"
        macs = count_macs(config, skip=False) / 1e9
        parameters = sum(each.numel() for each in build_peer(config).parameters())
        table.add_row(
            config.name, str(config.frames_a_prediction), f"{_BODIES * macs:.3f}", f"{config.published_gflops}",
            f"{macs:.3f}", f"{count_macs(config, skip=True) / 1e9:.3f}", f"{parameters / 1e6:.2f} M", f"{error:.0e}",
        )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
