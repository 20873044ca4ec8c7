"""Measure frame mAP at other camera angles: a GRU trained on one camera's joints, and the shipped model.

    python benchmarks/studies/turned.py --json reports/turned.json

Trains a two-layer GRU of 128 on root-centred joints and velocities of PRECOG's training people in camera axes, without
augmentation, the simplest model that does well there; and the same on joints normalised as for the shipped model. All
then predict every frame of the test people, who are turned about the vertical by growing angles, as a camera at another
place would see them, and are scored without tuned thresholds. The joints are turned in metres: the larger errors of a
real camera at another place are not included.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from hitrs_live.checkpoint import CheckpointInfo, load_checkpoint
from hitrs_live.data.array_format import IGNORE, LabelledSequence, data_folder
from hitrs_live.data.class_map import read_classes
from hitrs_live.data.corruptions import turn
from hitrs_live.data.open_dataset import open_dataset
from hitrs_live.evaluation.decode_streams import decode_streams
from hitrs_live.evaluation.kept_streams import KeptStream
from hitrs_live.evaluation.reports.detection import detection_report
from hitrs_live.evaluation.run_model import run_model
from hitrs_live.training.distributed import join_processes
from hitrs_live.training.trainer import Trainer, TrainerConfig
from hitrs_live.transforms import NormaliserConfig, normalise_sequence

Floats = NDArray[np.float32]

DATA = "ship/precog16.npz"
ANGLES_DEG = (0, 15, 30, 45, 90, 180)
WINDOW_FRAMES = 96
BATCH = 16
_VELOCITY_SCALE = 5.0
"""Velocities in metres a frame are much smaller than positions in metres."""
_FRAME_NOISE = 0.05
"""Noise in standard deviations of a feature: without it, the GRU overfits to its 48 streams."""
_NEVER = -20.0
"""The logit of a class that the GRU does not know."""


Prepare = Callable[[LabelledSequence], Floats]
"""Transform a sequence's joints into the axes that a model uses. Returns (T, 25, 3)."""


def in_camera_axes(sequence: LabelledSequence) -> Floats:
    """Centre joints on the root, in camera axes."""
    return sequence.joints_m - sequence.joints_m[:, :1]


def in_body_axes(sequence: LabelledSequence) -> Floats:
    """Normalise as for the shipped model: rotated by a smoothed heading, scaled by a smoothed size."""
    normalised, _ = normalise_sequence(torch.from_numpy(sequence.joints_m)[None], NormaliserConfig())
    return normalised[0].numpy()


AXES: dict[str, Prepare] = {"camera's axes": in_camera_axes, "body's axes": in_body_axes}


class FrameGru(nn.Module):
    """A GRU on joints and their velocities, with a prediction every frame."""

    def __init__(
        self, train: list[LabelledSequence], classes: int, prepare: Prepare, *, both_ways: bool = False
    ) -> None:
        """Create the network. both_ways: whether it is bidirectional, which no live model can be."""
        super().__init__()
        self.prepare = prepare
        known = sorted({int(label) for s in train for label in np.unique(s.labels) if label != IGNORE})
        self.classes, self.known = classes, torch.tensor(known)
        features = torch.cat([self.features_of(s) for s in train])
        self.mean, self.scale = features.mean(0), features.std(0) + 1e-3
        self.gru = nn.GRU(features.shape[1], 128, num_layers=2, batch_first=True, dropout=0.3, bidirectional=both_ways)
        self.head = nn.Linear(256 if both_ways else 128, len(known))

    def forward(self, features: Tensor) -> Tensor:
        """Predict every frame. features: (B, T, 150) -> logits (B, T, known)."""
        features = (features - self.mean) / self.scale
        if self.training:
            features = features + _FRAME_NOISE * torch.randn_like(features)
        logits: Tensor = self.head(self.gru(features)[0])
        return logits

    def features_of(self, sequence: LabelledSequence) -> Tensor:
        """Concatenate joints and velocities. Returns (T, 150)."""
        joints = self.prepare(sequence)
        velocities = _VELOCITY_SCALE * np.diff(joints, axis=0, prepend=joints[:1])
        return torch.from_numpy(np.concatenate([joints, velocities], axis=1).reshape(len(joints), -1)).float()

    @torch.inference_mode()
    def predict(self, sequence: LabelledSequence) -> KeptStream:
        """Predict every frame of a stream, with the classes of the shipped model."""
        logits = torch.full((len(sequence.labels), self.classes), _NEVER)
        logits[:, self.known] = self(self.features_of(sequence)[None])[0]
        return KeptStream(sequence=sequence, ends=np.arange(len(logits)), logits=logits.numpy())


@dataclass(frozen=True)
class Windows:
    """A batch of windows of streams."""

    features: Tensor
    """(B, T, 150)."""
    labels: Tensor
    """(B, T) int64, among the classes that the GRU knows, or IGNORE."""

    def to(self, device: torch.device) -> "Windows":
        """Return the batch on a device."""
        return Windows(self.features.to(device), self.labels.to(device))


class RandomWindows:
    """Draw the batch of a given number: windows of 96 frames of random streams."""

    def __init__(self, model: FrameGru, train: list[LabelledSequence], seed: int) -> None:
        position = torch.full((model.classes,), IGNORE)
        position[model.known] = torch.arange(len(model.known))
        self._streams = []
        for sequence in train:
            labels = torch.from_numpy(sequence.labels)
            known = torch.where(labels >= 0, position[labels], IGNORE)
            self._streams.append((model.features_of(sequence), known))
        self._seed = seed

    def __call__(self, number: int) -> Windows:
        rng = np.random.default_rng((self._seed, number))
        features, labels = [], []
        for stream in rng.integers(len(self._streams), size=BATCH):
            whole, true = self._streams[stream]
            first = rng.integers(max(1, len(whole) - WINDOW_FRAMES + 1))
            features.append(whole[first : first + WINDOW_FRAMES])
            labels.append(true[first : first + WINDOW_FRAMES])
        return Windows(
            pad_sequence(features, batch_first=True),
            pad_sequence(labels, batch_first=True, padding_value=IGNORE),
        )


def train_gru(
    train: list[LabelledSequence], classes: int, prepare: Prepare, *, steps: int, seed: int, both_ways: bool = False
) -> FrameGru:
    """Train on random windows of the streams, with the trainer of all models."""
    torch.manual_seed(seed)
    model = FrameGru(train, classes, prepare, both_ways=both_ways)
    config = TrainerConfig(
        steps=steps, seed=seed, learning_rate=2e-3, final_learning_rate=1e-5, warmup_steps=max(1, steps // 20),
        schedule="cosine", precision="fp32", workers=0, save_every=steps,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, join_processes("cpu") as processes:
        loop = Trainer(model, config, processes, Path(folder) / "state.pt", "")
        loop.run(RandomWindows(model, train, seed), gru_losses, lambda: None, lambda _: None)
    return model.eval()


def gru_losses(module: nn.Module, batch: Windows) -> dict[str, Tensor]:
    """Compute the cross-entropy over labelled frames."""
    logits = module(batch.features)
    return {"loss": F.cross_entropy(logits.transpose(1, 2), batch.labels, ignore_index=IGNORE)}


def read_options(description: str) -> argparse.Namespace:
    """Read the flags of a comparison of GRUs and set the number of threads."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=data_folder() / DATA)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    return options


def read_halves(
    options: argparse.Namespace, labels: tuple[str, ...]
) -> tuple[list[LabelledSequence], list[LabelledSequence]]:
    """Read the training people's streams and the test people's."""
    train, test = (read_classes(half, labels) for half in open_dataset(options.data).split())
    return train, test


def frame_map(streams: list[KeptStream], info: CheckpointInfo) -> float:
    """Compute the frame mAP of predictions every frame, without tuned thresholds."""
    report = detection_report(decode_streams(streams, info, step_frames=1), info.labels)
    return float(report["frame_map"])


def cell(values: list[float], digits: int = 2) -> str:
    """Format the mean and, for several values, the standard deviation."""
    return f"{mean(values):.{digits}f}" + (f" ± {stdev(values):.{digits}f}" if len(values) > 1 else "")


def main() -> None:
    """Train the GRUs, measure all models at every angle, print one table and write the figures where asked."""
    options = read_options(__doc__)
    shipped = load_checkpoint(None)
    train, test = read_halves(options, shipped.info.labels)
    labels, unlagged = shipped.info.labels, msgspec.structs.replace(shipped.info, label_lag_frames=0)
    grus = {
        f"GRU, {name}": [
            train_gru(train, len(labels), prepare, steps=options.steps, seed=n) for n in range(options.seeds)
        ]
        for name, prepare in AXES.items()
    }

    figures: dict[str, dict[str, list[float]]] = {}
    for angle in ANGLES_DEG:
        turned = [replace(s, joints_m=turn(s.joints_m, angle)) for s in test]
        figures[str(angle)] = {
            name: [frame_map([gru.predict(s) for s in turned], unlagged) for gru in seeds]
            for name, seeds in grus.items()
        }
        figures[str(angle)]["shipped"] = [frame_map(run_model(shipped, turned, step_frames=1), shipped.info)]
        print(angle, figures[str(angle)], flush=True)
    Console().print(table(figures))
    if options.json:
        options.json.write_text(json.dumps({"steps": options.steps, "frame_map": figures}, indent=2) + "\n")


def table(figures: dict[str, dict[str, list[float]]]) -> Table:
    """Build the table of frame mAP, a column for each angle, mean and standard deviation over seeds."""
    built = Table("", *(f"{angle}°" for angle in figures))
    for name in next(iter(figures.values())):
        built.add_row(name, *(cell(by[name]) for by in figures.values()))
    return built


if __name__ == "__main__":
    main()
