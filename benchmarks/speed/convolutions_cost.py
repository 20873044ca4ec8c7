"""Time a frame of a detector with and without its convolutions, in turns, with the live engine.

    python benchmarks/speed/convolutions_cost.py --checkpoint runs/convolutions.safetensors

A prediction every frame, the mirror image included, one thread, processor time. The ratio is that of the medians.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import msgspec
import torch

from hitrs_live.bench.interleaved_timing import in_turns, timed
from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.errors import CheckpointMismatch
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.inference.backend_selection import open_engine
from hitrs_live.streaming.hitrs_stream import HitrsStream

_FRAMES = 30
"""Of one turn."""


def measure(checkpoint: Checkpoint, *, people: int, turns: int) -> dict[str, Any]:
    """Time both streams. Returns CPU milliseconds a frame for all people, and their ratio."""
    rows = 2 * people
    alone = msgspec.structs.replace(
        checkpoint, convolutions=None, info=msgspec.structs.replace(checkpoint.info, convolutions=None)
    )
    engine = open_engine(checkpoint, "onnx", max_rows=rows, threads=1).engine
    joints, everyone = torch.randn(rows, 25, 3), torch.ones(rows, dtype=torch.bool)
    timings = {}
    for name, one in (("without", alone), ("with", checkpoint)):
        stream = HitrsStream(one, engine=engine, step_frames=1)
        state = stream.empty_state(rows)
        for _ in range(stream.description.window_frames):
            stream.step(joints, state, everyone)

        def run(stream: HitrsStream = stream, state: Any = state) -> None:
            for _ in range(_FRAMES):
                stream.step(joints, state, everyone)

        timings[name] = timed(run, time.process_time_ns)
    took = in_turns(timings, turns=turns)
    medians = {name: float(torch.tensor(values).median()) / _FRAMES for name, values in took.items()}
    return {
        "people": people,
        "without_ms_per_frame": medians["without"],
        "with_ms_per_frame": medians["with"],
        "ratio": medians["with"] / medians["without"],
    }


def main() -> None:
    """Measure and print a line for each number of people."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--checkpoint", type=Path, help="detector to time, instead of the one shipped")
    parser.add_argument("--people", type=int, nargs="+", default=(1, 4))
    parser.add_argument("--turns", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(1)
    checkpoint = load_checkpoint(options.checkpoint)
    if checkpoint.convolutions is None:
        raise CheckpointMismatch(f"{options.checkpoint}: has no convolutions; give a detector of train-convolutions")
    rows = [measure(checkpoint, people=people, turns=options.turns) for people in options.people]
    for row in rows:
        print(
            f"{row['people']} people: {row['without_ms_per_frame']:.2f} ms a frame without, "
            f"{row['with_ms_per_frame']:.2f} with, ratio {row['ratio']:.2f}"
        )
    if options.json:
        write_report(options.json, rows)


if __name__ == "__main__":
    main()
