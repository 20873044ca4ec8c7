"""Time every engine's three calls by rows, side by side, and how far their answers are from torch's.

    python benchmarks/engines.py --json reports/engines.json

One thread. Figures are CPU time, so that another process on the machine does not count; engines take turns call by
call, so that what is left of its noise falls on all. A step is what one hop of a stream costs a row: 7 frames, a clip,
a judgement.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.engine.base import Engine
from hitrs_live.engine.ladder import open_engine
from hitrs_live.engine.parity import measure_parity
from hitrs_live.engine.torch_engine import TorchEngine

CALLS = ("frame", "clip", "judge")
WANTED = (("torch", "fp32"), ("onnx", "fp32"), ("onnx", "int8"), ("cuda-graph", "fp16"), ("tensorrt", "fp16"))
Times = dict[tuple[str, str], list[float]]


def open_all(checkpoint: Checkpoint) -> dict[str, Engine]:
    """Open what can be had of every back-end, by name and precision, torch first."""
    opened = [open_engine(checkpoint, engine, precision).engine for engine, precision in WANTED]
    return {f"{engine.name} {engine.precision}": engine for engine in opened}


def time_calls(engines: dict[str, Engine], *, rows: int, turns: int) -> Times:
    """Time each call of each engine, in turns. Returns CPU milliseconds by engine and call."""
    grid, window = next(iter(engines.values())).grid, next(iter(engines.values())).config.window_clips
    generator = torch.Generator().manual_seed(0)
    joints = torch.randn(rows, grid.joints, grid.channels, generator=generator)
    tokens = torch.randn(rows, grid.clip_length, grid.joints, grid.frame_width, generator=generator)
    clips = torch.randn(rows, window, grid.clip_width, generator=generator)
    recent = torch.randn(rows, grid.clip_span, grid.joints, 3, generator=generator)
    held = torch.full((rows,), window)
    took: Times = {(name, call): [] for name in engines for call in CALLS}
    for turn in range(turns + 1):
        for name, engine in engines.items():
            for call, work in (
                ("frame", lambda engine=engine: engine.encode_frames(joints)),
                ("clip", lambda engine=engine: engine.encode_clips(tokens)),
                ("judge", lambda engine=engine: engine.judge(clips, held, recent)),
            ):
                began_ns = time.process_time_ns()
                work()
                if turn:
                    took[name, call].append((time.process_time_ns() - began_ns) / 1e6)
    return took


def summarise(took: Times, engines: dict[str, Engine], *, rows: int) -> list[dict[str, float | int | str]]:
    """Make a row of the table for each engine at one number of rows."""
    hop = next(iter(engines.values())).grid.clip_stride
    steps = {
        name: hop * np.array(took[name, "frame"]) + np.array(took[name, "clip"]) + np.array(took[name, "judge"])
        for name in engines
    }
    reference = next(iter(steps.values()))
    return [
        {
            "engine": name,
            "rows": rows,
            **{f"{call}_ms": float(np.median(took[name, call])) for call in CALLS},
            "step_p50_ms": float(np.median(step)),
            "step_p95_ms": float(np.percentile(step, 95)),
            "torch_over_this": float(np.median(reference / step)),
        }
        for name, step in steps.items()
    ]


def main() -> None:
    """Measure by rows and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--checkpoint", type=Path, help="model to time, instead of the one shipped")
    parser.add_argument("--rows", type=int, nargs="+", default=(1, 2, 4, 8, 16, 64))
    parser.add_argument("--turns", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(1)
    checkpoint = load_checkpoint(options.checkpoint)
    engines = open_all(checkpoint)
    rows = []
    for count in options.rows:
        took = time_calls(engines, rows=count, turns=max(5, options.turns // max(1, count // 4)))
        rows += summarise(took, engines, rows=count)
    reference = TorchEngine(checkpoint.model)
    parity = {name: measure_parity(engine, reference) for name, engine in engines.items()}
    table = Table(title=f"{checkpoint.info.name}, CPU ms; step = {reference.grid.clip_stride} frames, clip, judgement")
    for heading in ("rows", "engine", "frame", "clip", "judge", "step p50", "p95", "torch / this"):
        table.add_column(heading, justify="right")
    for row in rows:
        figures = (f"{row[key]:.2f}" for key in ("frame_ms", "clip_ms", "judge_ms", "step_p50_ms", "step_p95_ms"))
        table.add_row(str(row["rows"]), str(row["engine"]), *figures, f"{row['torch_over_this']:.2f}x")
    console = Console()
    console.print(table)
    for name, each in parity.items():
        console.print(
            f"{name}: logits {each.logit_error:.1e}, future {each.future_error:.1e}, named alike {each.same:.1%}"
        )
    if options.json:
        errors = {name: {"logits": each.logit_error, "future": each.future_error, "same": each.same}
                  for name, each in parity.items()}  # fmt: skip
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps({"steps": rows, "parity_max_abs": errors}, indent=2) + "\n")


if __name__ == "__main__":
    main()
