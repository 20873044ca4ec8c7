"""Measure the speed of pre-training, its waiting time, the cost of masking, and the gain over slower implementations.

    python benchmarks/speed/training_throughput.py [--size tiny|small|base] [--steps 20] [--json FILE]

Figures: sequences and clips a second of whole training steps; the share of that time spent waiting for batches; the
time to choose and mask joints, frames and clips as a share of the forward pass; the time of the same sequences padded
to the longest over the packed forward pass; that of normalising frame by frame over normalising whole sequences.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from hitrs_live.data.array_format import data_folder
from hitrs_live.data.open_dataset import open_datasets
from hitrs_live.model.hitrs import SIZES, HiTRS
from hitrs_live.model.packed_sequences import PackedClips, embed_packed
from hitrs_live.training.distributed import Processes, join_processes
from hitrs_live.training.masking import choose_joints, draw_pairs, spoil_joints, swap
from hitrs_live.training.objectives import ObjectiveConfig, Pretrainer
from hitrs_live.training.pretrain import PretrainConfig, live, make_batches, pretrain
from hitrs_live.training.trainer import Step
from hitrs_live.training.training_logger import TrainingLogger
from hitrs_live.transforms import NormaliserConfig, NormaliserState, normalise_sequence, normalise_step

_WARM_UP = 3


class Stopwatch(TrainingLogger):
    """Keep the steps instead of printing them."""

    def __init__(self) -> None:
        super().__init__("", steps=0, first=False)
        self.steps: list[Step] = []

    def step(self, step: Step) -> None:
        """Keep one step."""
        self.steps.append(step)


def seconds(work: Callable[[], object], device: torch.device, repeats: int = 7) -> float:
    """Return the median duration of a function, seconds."""
    taken = []
    for _ in range(repeats):
        _wait(device)
        began = time.perf_counter()
        work()
        _wait(device)
        taken.append(time.perf_counter() - began)
    return median(taken)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def mask_everything(packed: PackedClips, constant: Tensor, config: ObjectiveConfig) -> None:
    """Draw and apply all masks and exchanges of one forward pass of pre-training."""
    spoil_joints(packed.joints, choose_joints(packed.joints, config.mask_share), constant)
    counts = packed.valid_mask.sum(1)
    picked = torch.arange(config.exchanged_clips * len(counts), device=counts.device) % len(packed.clip_frames)
    swap(packed.clip_frames[picked], *draw_pairs(torch.full_like(picked, packed.clip_frames.shape[1])))
    swap(torch.arange(packed.valid_mask.shape[1], device=counts.device).expand(len(counts), -1), *draw_pairs(counts))


def padded(packed: PackedClips, grid: HiTRS) -> Tensor:
    """Unpack sequences and pad them to the longest. Returns (P, T, J, 3)."""
    config = grid.config
    counts = packed.valid_mask.sum(1)
    first = packed.clip_frames[:, 0].split(counts.tolist())
    longest = config.frames_of(packed.valid_mask.shape[1])
    sequences = []
    for starts, count in zip(first, counts.tolist(), strict=True):
        rows = torch.arange(longest).clamp_max(config.frames_of(count) - 1) + int(starts[0])
        sequences.append(packed.joints[rows])
    return torch.stack(sequences)


def measure(config: PretrainConfig, processes: Processes, data: Path) -> dict[str, Any]:
    """Train some steps, then time the parts of one step separately."""
    device = processes.device
    # Data sets without a split are for training as a whole.
    halves = [each.split()[0] if each.index.splits else each for each in open_datasets([data / "ship"])]
    watch = Stopwatch()
    out = Path("runs/throughput.safetensors")
    out.with_suffix(".state.pt").unlink(missing_ok=True)
    pretrain(config, halves, out, processes, watch)
    steps = watch.steps[_WARM_UP:]
    total = sum(step.seconds for step in steps)

    batch = make_batches(config, halves, seed=(0,))(0).to(device)
    clips = len(batch.seen.clip_frames)
    model = Pretrainer(config.encoder, config.objective).to(device)
    with torch.no_grad():
        forward_s = seconds(lambda: model(batch.seen, batch.other), device)
        packed_s = seconds(lambda: embed_packed(model.encoder, batch.seen), device)
        laid_out = padded(batch.seen, model.encoder).to(device)
        padded_s = seconds(lambda: model.encoder.embed_clips(laid_out), device)
        mask_s = seconds(lambda: mask_everything(batch.seen, model.hidden_joint, config.objective), device)
    whole_s, frame_by_frame_s = normalising()
    return {
        "device": torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"CPU, {torch.get_num_threads()} threads",
        "size": config.name,
        "batch": config.batch,
        "sequences_per_s": round(config.batch * len(steps) / total, 1),
        "clips_per_s": round(clips * len(steps) / total, 1),
        "waiting_share": round(sum(step.waited_s for step in steps) / total, 4),
        "spoiling_share_of_forward": round(mask_s / forward_s, 4),
        "padded_over_packed": round(padded_s / packed_s, 2),
        "normalising_frame_by_frame_over_whole": round(frame_by_frame_s / whole_s, 1),
    }


def normalising() -> tuple[float, float]:
    """Time the normalisation of 32 sequences of 90 frames, whole and frame by frame."""
    joints, config = torch.randn(32, 90, 25, 3), NormaliserConfig()
    active = torch.ones(32, dtype=torch.bool)

    def frame_by_frame() -> None:
        state = NormaliserState.empty(32)
        for time_index in range(90):
            normalise_step(joints[:, time_index], state, active, config)

    cpu = torch.device("cpu")
    return seconds(lambda: normalise_sequence(joints, config), cpu), seconds(frame_by_frame, cpu)


def main() -> None:
    """Measure pre-training, print the figures and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=tuple(SIZES), default="tiny")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    config = live(SIZES[options.size])
    loop = replace(config.loop, steps=options.steps + _WARM_UP, warmup_steps=1, workers=options.workers)
    config = replace(config, loop=loop, batch=options.batch, name=options.size, validate_every=1_000_000)
    with join_processes(options.device) as processes:
        figures = measure(config, processes, data_folder())
    table = Table("figure", "value")
    for name, value in figures.items():
        table.add_row(name, str(value))
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
