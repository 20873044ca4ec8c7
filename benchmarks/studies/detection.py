"""Compare Hi-TRS with simpler models in online detection: the value of video level, hierarchy and pre-training.

    python benchmarks/studies/detection.py --data DATA --work runs/detection --json reports/detection.json \\
        [--checkpoint ENCODER] [--size tiny] [--steps 1200] [--seeds 3]

Trains on the training people of a data set of streams and measures on its test people: Hi-TRS from scratch and, with
--checkpoint, from a pre-trained encoder; its clip level alone, which sees only half a second; and a two-layer GRU of
128 on joints and velocities. All use the same batches, number of steps and optimiser, and the same decoder with its
default thresholds, once a clip. Every result is saved in --work, so that an interrupted run resumes.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import torch
from baselines import GruBaseline
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from hitrs_live.checkpoint import CheckpointInfo, EncoderCheckpoint, load_encoder
from hitrs_live.data.array_format import LabelledSequence
from hitrs_live.data.augment import Augmenter
from hitrs_live.data.class_map import read_classes
from hitrs_live.data.open_dataset import BACKGROUND_NAME, open_dataset
from hitrs_live.data.shipped_classes import LABELS, SHIP_CLASSES
from hitrs_live.data.stream_synthesis import ComposeConfig, StreamComposer
from hitrs_live.evaluation.decode_streams import decode_streams
from hitrs_live.evaluation.kept_streams import KeptStream
from hitrs_live.evaluation.reference import offline_logits
from hitrs_live.evaluation.reports.detection import detection_report
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.model.hitrs import SIZES, HiTRSConfig, gather_clips
from hitrs_live.skeleton import mirrored_labels
from hitrs_live.training.batches_detection import StreamBatches
from hitrs_live.training.distributed import join_processes
from hitrs_live.training.train_detector import DetectorTraining, losses_of
from hitrs_live.training.trainer import Trainer, TrainerConfig
from hitrs_live.transforms import NormaliserConfig, normalise_sequence

METHODS = ("Hi-TRS, pre-trained", "Hi-TRS, from scratch", "clip level alone", "GRU")
KEPT = ("frame_map", "frame_map_later", "mcap", "start_f1", "delay_p50_s", "false_alarms", "background_s")
_NORMALISER = NormaliserConfig()


class ClipAlone(nn.Module):
    """The frame and clip levels of Hi-TRS with a head on each clip's embedding."""

    def __init__(self, detector: HitrsDetector) -> None:
        super().__init__()
        self.config = detector.config
        self.frame_encoder, self.clip_encoder = detector.encoder.frame_encoder, detector.encoder.clip_encoder
        width = detector.config.encoder.clip_width
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, detector.config.classes))

    def forward(self, joints: Tensor) -> tuple[Tensor, Tensor]:
        """Predict at every clip. joints: (B, T, 25, 3) -> logits (B, N, K) and no motion."""
        clips = gather_clips(self.frame_encoder(joints), self.config.encoder)
        logits = self.head(self.clip_encoder(clips))
        return logits, joints.new_zeros(*logits.shape[:2], 1, 1, 3)


class GruDetector(nn.Module):
    """Two GRU layers over joints and their velocities, with a prediction at the end of every clip."""

    def __init__(self, grid: HiTRSConfig, classes: int) -> None:
        super().__init__()
        self.grid = grid
        self.gru = GruBaseline(classes)

    def forward(self, joints: Tensor) -> tuple[Tensor, Tensor]:
        """Predict at the end of every clip. joints: (B, T, 25, 3) -> logits (B, N, K) and no motion."""
        ends = torch.arange(self.grid.clips_in(joints.shape[1])) * self.grid.clip_stride + self.grid.clip_span - 1
        logits = self.gru.head(self.gru.states(joints)[:, ends])
        return logits, joints.new_zeros(*logits.shape[:2], 1, 1, 3)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The comparison on one data set with one training budget."""

    work: Path
    train: list[LabelledSequence]
    test: list[LabelledSequence]
    config: DetectorTraining
    begin: EncoderCheckpoint | None

    def figures(self, method: str, seed: int) -> dict[str, Any]:
        """Return the metrics of a method and seed; train and measure unless they are saved."""
        out = self.work / f"{method.replace(', ', '_').replace(' ', '_')}_{seed}.json"
        if not out.exists():
            began = time.monotonic()
            report = self._measure(self._train(method, seed))
            kept = {key: report[key] for key in KEPT} | {"seconds": round(time.monotonic() - began, 1)}
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(json.dumps(kept) + "\n")
            print(f"{method}, seed {seed}: {kept}", flush=True)
        result: dict[str, Any] = json.loads(out.read_text())
        return result

    def _make(self, method: str) -> nn.Module:
        detector = HitrsDetector(self.config.detector)
        if method == "Hi-TRS, pre-trained" and self.begin is not None:
            detector.encoder.load_state_dict(self.begin.model.state_dict())
        makers: dict[str, Callable[[], nn.Module]] = {
            "clip level alone": lambda: ClipAlone(detector),
            "GRU": lambda: GruDetector(self.config.detector.encoder, self.config.detector.classes),
        }
        return makers.get(method, lambda: detector)()

    def _train(self, method: str, seed: int) -> nn.Module:
        torch.manual_seed(seed)
        model = self._make(method)
        config = replace(self.config, loop=replace(self.config.loop, seed=seed))
        batches = StreamBatches(
            StreamComposer({"streams": self.train}, {}, config.compose),
            Augmenter(config.augment, mirrored_labels(config.labels)),
            detector=config.detector, normaliser=_NORMALISER, label_lag_frames=config.label_lag_frames,
            size=config.batch, seed=(seed,),
        )  # fmt: skip
        with tempfile.TemporaryDirectory() as folder, join_processes("cpu") as processes:
            loop = Trainer(model, config.loop, processes, Path(folder) / "state.pt", "")
            loop.run(batches, lambda module, batch: losses_of(module, batch, config), lambda: None, lambda _: None)
        model.load_state_dict(loop.average)
        return model.eval()

    @torch.inference_mode()
    def _measure(self, model: nn.Module) -> dict[str, Any]:
        info = CheckpointInfo(
            name="bench", labels=self.config.labels, detector=self.config.detector, normaliser=_NORMALISER,
            label_lag_frames=self.config.label_lag_frames,
        )  # fmt: skip
        streams = []
        for sequence in self.test:
            logits = self._predict(model, sequence)
            ends = np.arange(len(logits)) * info.detector.encoder.clip_stride + info.detector.encoder.clip_span - 1
            streams.append(KeptStream(sequence=sequence, ends=ends, logits=logits))
        return detection_report(decode_streams(streams, info), info.labels)

    def _predict(self, model: nn.Module, sequence: LabelledSequence) -> np.ndarray:
        """Predict at the end of every clip from the window that ends there, as live."""
        if isinstance(model, HitrsDetector):
            return offline_logits(model, sequence, _NORMALISER)
        joints, _ = normalise_sequence(torch.from_numpy(sequence.joints_m)[None], _NORMALISER)
        return model(joints)[0][0].numpy()


def main() -> None:
    """Train and measure all methods and seeds, print one table and write the figures where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="streams, an .npz or a prepared folder with a split")
    parser.add_argument("--work", type=Path, default=Path("runs/detection"), help="folder of saved results")
    parser.add_argument("--checkpoint", type=Path, help="pre-trained encoder")
    parser.add_argument("--size", choices=SIZES, default="tiny", help="of Hi-TRS without --checkpoint")
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto", help="auto: bf16 on a GPU")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = open_dataset(options.data)
    labels = LABELS if data.index.name in SHIP_CLASSES else (BACKGROUND_NAME, *data.classes)
    train, test = (read_classes(half, labels) for half in data.split())
    begin = load_encoder(options.checkpoint) if options.checkpoint else None
    encoder = begin.info.encoder if begin else SIZES[options.size]
    loop = TrainerConfig(
        steps=options.steps, learning_rate=1e-3, final_learning_rate=1e-5, warmup_steps=max(1, options.steps // 20),
        schedule="cosine", weight_decay=0.05, average_decay=0.995, save_every=options.steps,
        precision=options.precision,
    )  # fmt: skip
    config = DetectorTraining(
        labels=labels,
        detector=DetectorConfig(
            encoder=replace(encoder, dropout=0.1, causal=True), classes=len(labels), window_clips=16
        ),
        loop=loop,
        batch=options.batch,
        motion_weight=0.0,
        compose=ComposeConfig(invented_share=0.0, rebuilt_share=0.0),  # all methods train on recorded motion only
    )
    comparison = Comparison(work=options.work / data.index.name, train=train, test=test, config=config, begin=begin)
    methods = METHODS if begin else METHODS[1:]
    figures = {method: [comparison.figures(method, seed) for seed in range(options.seeds)] for method in methods}
    Console().print(table(data.index.name, figures))
    if options.json:
        options.json.write_text(json.dumps({"steps": options.steps, "figures": figures}, indent=2) + "\n")


def table(name: str, figures: dict[str, list[dict[str, Any]]]) -> Table:
    """Build the table of all methods, mean and standard deviation over seeds."""
    built = Table("method", "frame mAP", "at 0.2 s lookahead", "start F1 0.3 s", "0.5 s", "delay p50 s", title=name)
    for method, runs in figures.items():
        columns = (
            [run["frame_map"] for run in runs],
            [run["frame_map_later"] for run in runs],
            [run["start_f1"]["0.3"] for run in runs],
            [run["start_f1"]["0.5"] for run in runs],
            [run["delay_p50_s"] for run in runs if run["delay_p50_s"] is not None],
        )
        built.add_row(method, *(_cell(values) for values in columns))
    return built


def _cell(values: list[float]) -> str:
    if not values:
        return "-"
    return f"{mean(values):.3f}" + (f" ± {stdev(values):.3f}" if len(values) > 1 else "")


if __name__ == "__main__":
    main()
