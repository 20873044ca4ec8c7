"""Baseline recognisers on the same input as Hi-TRS, without its hierarchy: a plain transformer and a GRU.

Both take normalised joints of sequences of different lengths, padded at the end, and return logits:

    joints, valid_mask = pad([first, second])     # (T, 25, 3) each, its own T
    logits = GruBaseline(classes=10)(joints, valid_mask)

`train_baseline` trains one with the batches, the optimiser and the weight averaging of `hitrs-live finetune`. This
module is imported by `detection.py` and `pretraining.py`; it is no script.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from hitrs_live.data.clips import pack_samples
from hitrs_live.data.dataset import Dataset
from hitrs_live.model.blocks import Block, sinusoid
from hitrs_live.model.hitrs import HITRS_SMALL
from hitrs_live.model.packed_sequences import PackedClips
from hitrs_live.model.recogniser import mean_by
from hitrs_live.training.batches_recognition import LabelledBatch, LabelledBatches, VaryConfig
from hitrs_live.training.distributed import join_processes
from hitrs_live.training.trainer import Trainer, TrainerConfig
from hitrs_live.transforms import NormaliserConfig

JOINTS, CHANNELS = 25, 3
MAX_FRAMES = 512
"""More frames than the window of Hi-TRS covers."""
_WIDEST = 1024
_BATCH = 16
_NORMALISER = NormaliserConfig()


def pad(sequences: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Pad sequences at their ends. sequences: (T, 25, 3) each -> (B, T, 25, 3) and (B, T) bool, True = a real frame."""
    lengths = torch.tensor([len(joints) for joints in sequences])
    return pad_sequence(list(sequences), batch_first=True), torch.arange(int(lengths.max())) < lengths[:, None]


class PlainTransformer(nn.Module):
    """A transformer with one token a frame and a class token, of the same blocks as Hi-TRS, without hierarchy."""

    def __init__(
        self,
        *,
        width: int,
        depth: int,
        classes: int,
        heads: int = 4,
        max_frames: int = MAX_FRAMES,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"got width {width} for {heads} heads, expected a multiple of it")
        self.width, self.max_frames = width, max_frames
        self.embed = nn.Linear(JOINTS * CHANNELS, width)
        self.positions = nn.Parameter(sinusoid(max_frames, width))
        self.token = nn.Parameter(torch.randn(width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, 2 * width, heads, width // heads, dropout) for _ in range(depth))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, classes))

    @classmethod
    def of_size(cls, parameters: int, classes: int, *, depth: int = 6, heads: int = 4) -> "PlainTransformer":
        """Create one with a number of parameters, to within 5 %, without counting the head.

        Raises ValueError where no width up to 1024 comes that close.
        """

        def distance(width: int) -> int:
            with torch.device("meta"):
                model = cls(width=width, depth=depth, classes=classes, heads=heads)
            return abs(count_parameters(model) - count_parameters(model.head) - parameters)

        width = min(range(heads, _WIDEST + 1, heads), key=distance)
        if distance(width) > 0.05 * parameters:
            raise ValueError(f"got {parameters} parameters, but no width up to {_WIDEST} is within 5 % of that")
        return cls(width=width, depth=depth, classes=classes, heads=heads)

    def forward(self, joints: Tensor, valid_mask: Tensor) -> Tensor:
        """Classify sequences; of one longer than `max_frames`, by its last frames.

        joints: (B, T, 25, 3), normalised; valid_mask: (B, T) bool, True = a real frame. Returns logits (B, K).
        """
        joints, valid_mask = newest(joints, valid_mask, self.max_frames)
        tokens = self.embed(joints.flatten(-2)) + self.positions[: joints.shape[1]]
        tokens = torch.cat((tokens, self.token.expand(len(tokens), 1, -1)), dim=1)
        readable = torch.cat((valid_mask, valid_mask.new_ones(len(tokens), 1)), dim=1)[:, None, None, :]
        for block in self.blocks:
            tokens = block(tokens, readable)
        logits: Tensor = self.head(tokens[:, -1])
        return logits


def newest(joints: Tensor, valid_mask: Tensor, frames: int) -> tuple[Tensor, Tensor]:
    """Keep the last frames of every sequence. Shapes as in `PlainTransformer.forward`, with T at most `frames`."""
    if joints.shape[1] <= frames:
        return joints, valid_mask
    lengths = valid_mask.sum(1)
    places = (lengths - frames).clamp_min(0)[:, None] + torch.arange(frames, device=joints.device)
    return joints[torch.arange(len(joints), device=joints.device)[:, None], places], places < lengths[:, None]


class GruBaseline(nn.Module):
    """Two GRU layers over joints and their velocities, averaged over time."""

    def __init__(self, classes: int, *, width: int = 128, layers: int = 2, dropout: float = 0.1) -> None:
        super().__init__()
        self.recurrent = nn.GRU(2 * JOINTS * CHANNELS, width, layers, batch_first=True, dropout=dropout)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Dropout(dropout), nn.Linear(width, classes))

    def forward(self, joints: Tensor, valid_mask: Tensor) -> Tensor:
        """Classify sequences.

        joints: (B, T, 25, 3), normalised; valid_mask: (B, T) bool, True = a real frame. Returns logits (B, K).
        """
        states = self.states(joints)
        # Padding comes last, so the state of a real frame does not depend on it.
        real = valid_mask.unsqueeze(-1).to(states.dtype)
        logits: Tensor = self.head((states * real).sum(1) / real.sum(1))
        return logits

    def states(self, joints: Tensor) -> Tensor:
        """Run over the frames, causally. joints: (B, T, 25, 3), normalised -> (B, T, C)."""
        poses = joints.flatten(-2)
        # A sequence begins at rest.
        motion = torch.diff(poses, dim=1, prepend=poses[:, :1])
        states: Tensor = self.recurrent(torch.cat((poses, motion), dim=-1))[0]
        return states


class OverPeople(nn.Module):
    """Run a baseline on the batches of Hi-TRS: one sequence per person, logits averaged over a sample's people."""

    def __init__(self, baseline: nn.Module) -> None:
        super().__init__()
        self.baseline = baseline

    def forward(self, packed: PackedClips, sample_of: Tensor) -> Tensor:
        """Classify samples. packed: P people; sample_of: (P,) int64 in 0 ... B - 1. Returns logits (B, K)."""
        first_clips = packed.valid_mask.sum(1).cumsum(0)[:-1]
        bodies = packed.joints.tensor_split(packed.clip_frames[first_clips, 0].tolist())
        return mean_by(self.baseline(*pad(bodies)), sample_of)


def train_baseline(make: Callable[[int], nn.Module], train: Dataset, test: Dataset, *, steps: int, seed: int) -> float:
    """Train a baseline and return its accuracy on the test sequences.

    make: number of classes -> the baseline, untrained.
    """
    torch.manual_seed(seed)
    model = OverPeople(make(len(train.classes)))
    config = TrainerConfig(
        steps=steps, seed=seed, learning_rate=1e-3, final_learning_rate=1e-5, warmup_steps=max(1, steps // 20),
        schedule="cosine", weight_decay=0.05, average_decay=0.99, workers=0, save_every=steps,
    )  # fmt: skip
    batches = LabelledBatches(
        train, grid=HITRS_SMALL, normaliser=_NORMALISER, modality="joint", size=_BATCH, vary=VaryConfig(), seed=seed,
    )  # fmt: skip

    def losses(module: nn.Module, batch: LabelledBatch) -> Mapping[str, Tensor]:
        logits = module(batch.packed, batch.sample_of)
        return {"loss": F.cross_entropy(logits, batch.labels, label_smoothing=0.1)}

    with tempfile.TemporaryDirectory() as folder, join_processes("cpu") as processes:
        loop = Trainer(model, config, processes, Path(folder) / "state.pt", "")
        loop.run(batches, losses, lambda: None, lambda _: None)
    model.load_state_dict(loop.average)
    return accuracy(model, test)


@torch.no_grad()
def accuracy(model: OverPeople, data: Dataset) -> float:
    """Return a model's top-1 accuracy."""
    model.eval()
    right = 0
    for first in range(0, len(data.samples), _BATCH):
        samples = data.samples[first : first + _BATCH]
        bodies = [[data.joints_m(body) for body in sample.bodies] for sample in samples]
        logits = model(*pack_samples(bodies, HITRS_SMALL, _NORMALISER, "joint"))
        right += int((logits.argmax(-1) == torch.tensor([data.class_of(sample) for sample in samples])).sum())
    return right / len(data.samples)


def count_parameters(model: nn.Module) -> int:
    """Count the parameters of a model."""
    return sum(parameter.numel() for parameter in model.parameters())
