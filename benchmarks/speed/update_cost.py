"""Time one frame of the shipped model with a prediction every clip and with one every frame, in one run.

    python benchmarks/speed/update_cost.py --json runs/update_cost.json

All windows are full, people appeared in different frames, one thread. Both are timed in turns, so that other load on
the machine affects both alike; the ratio is the median over the turns.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.streaming.profile_step import ms_per_frame, time_steps


def measure(checkpoint: Checkpoint, *, people: int, turns: int) -> dict[str, float]:
    """Time both updates for a number of people in turns. Returns milliseconds a frame for all of them."""
    grid = checkpoint.info.detector.encoder
    engine = TorchEngine(checkpoint.model)
    took_ms: dict[int, list[np.ndarray]] = {grid.clip_stride: [], 1: []}
    for _ in range(turns):
        for step_frames, turn in took_ms.items():
            turn.append(time_steps(engine, checkpoint.info.normaliser, rows=people, step_frames=step_frames, strides=1))
    clip_ms, frame_ms = (np.concatenate(turn) for turn in took_ms.values())
    return {
        "people": people,
        "clip_ms_per_frame": ms_per_frame(clip_ms),
        "frame_ms_per_frame": ms_per_frame(frame_ms),
        "ratio": float(np.median(frame_ms.mean(1) / clip_ms.mean(1))),
        # The longest frame of each stride must fit into the time between two camera frames.
        "clip_longest_ms": float(np.median(clip_ms.max(1))),
        "frame_longest_ms": float(np.median(frame_ms.max(1))),
    }


def main() -> None:
    """Measure at 1 and 16 people and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--checkpoint", type=Path, help="model to time, instead of the one shipped")
    parser.add_argument("--people", type=int, nargs="+", default=(1, 16))
    parser.add_argument("--turns", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    checkpoint = load_checkpoint(options.checkpoint)
    rows = [measure(checkpoint, people=people, turns=options.turns) for people in options.people]
    window = checkpoint.info.detector.window_clips
    table = Table(title=f"{checkpoint.info.name}, {window} clips, ms a frame for all people")
    for heading in ("people", "every clip", "every frame", "ratio", "longest\nevery clip", "longest\nevery frame"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            str(row["people"]),
            f"{row['clip_ms_per_frame']:.2f}",
            f"{row['frame_ms_per_frame']:.2f}",
            f"{row['ratio']:.1f}x",
            f"{row['clip_longest_ms']:.1f}",
            f"{row['frame_longest_ms']:.1f}",
        )
    Console().print(table)
    if options.json:
        write_report(options.json, rows)


if __name__ == "__main__":
    main()
