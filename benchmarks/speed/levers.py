"""Time each optimisation of the streaming path with and without it, in one run.

    python benchmarks/speed/levers.py [--size base] --json reports/levers.json

CPU time, one thread, in turns; the ratio is the median over the turns. Measured elsewhere: the exact caches in
`streaming_cost.py`, the folded motion head in `motion_cost.py`, the engines in `hitrs-live bench`.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from hitrs_live.bench.interleaved_timing import in_turns, timed
from hitrs_live.bench.random_models import make_checkpoint
from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.inference.backend_selection import open_engine
from hitrs_live.inference.export import example_inputs
from hitrs_live.inference.submodules import ClipSubmodule, HeadSubmodule
from hitrs_live.model.hitrs import ClipEncoder

Work = Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class Lever:
    """One optimisation: the work without it and with it."""

    description: str
    before: Work
    after: Work


def every_token(encoder: ClipEncoder, tokens: Tensor) -> Tensor:
    """Encode clips with all tokens in the last layer too. tokens: (M, L, J, C_frame) -> (M, C_clip)."""
    x = (encoder.embed(tokens) + encoder.positions).flatten(1, 2)
    x = torch.cat((x, encoder.token.expand(len(x), 1, -1)), dim=1)
    for block in encoder.blocks:
        x = block(x, encoder.attend_mask)
    return x[:, -1]


def levers(checkpoint: Checkpoint, *, people: int) -> list[Lever]:
    """List the optimisations to time for a number of people."""
    model = checkpoint.model.eval()
    encoder, stride = model.encoder, checkpoint.info.detector.encoder.clip_stride
    engine = open_engine(checkpoint, "auto", "fp32", threads=1).engine
    inputs = example_inputs(checkpoint.info.detector, people)
    (joints,), (tokens,), (clips, valid_clips, _) = inputs["frame"], inputs["clip"], inputs["head"]
    valid_clips = torch.full_like(valid_clips, clips.shape[1])
    clip, predict = ClipSubmodule(encoder.clip_encoder), HeadSubmodule(model)
    # People complete their clips spread evenly over the frames of a stride.
    shares = [len(range(frame, people, stride)) for frame in range(stride)]

    def all_rows() -> None:
        for _ in range(stride):
            engine.encode_clips(tokens)

    def completed_rows() -> None:
        for share in shares:
            if share:
                engine.encode_clips(tokens[:share])

    optimisations = [
        Lever(
            description="clip level: its last layer for the token alone (torch)",
            before=lambda: every_token(encoder.clip_encoder, tokens), after=lambda: clip(tokens),
        ),
        Lever(
            description="video level: its last layer for the newest clip alone (torch)",
            before=lambda: encoder.video_encoder(clips)[1][:, -1], after=lambda: predict.read(clips, valid_clips),
        ),
        Lever(
            description="clips of those alone who completed one, a stride", before=all_rows, after=completed_rows,
        ),
    ]  # fmt: skip
    if people > 1:
        optimisations.append(
            Lever(
                description=f"frames of {people} people in one batch",
                before=lambda: [engine.encode_frames(joints[row : row + 1]) for row in range(people)],
                after=lambda: engine.encode_frames(joints),
            )
        )
    return optimisations


def measure(checkpoint: Checkpoint, *, people: int, turns: int) -> list[dict[str, float | str | int]]:
    """Time every optimisation. Milliseconds."""
    rows: list[dict[str, float | str | int]] = []
    for lever in levers(checkpoint, people=people):
        works = {"before": lever.before, "after": lever.after}
        took = in_turns({name: timed(work, time.process_time_ns) for name, work in works.items()}, turns=turns)
        before, after = np.array(took["before"]), np.array(took["after"])
        rows.append(
            {
                "lever": lever.description,
                "people": people,
                "before_ms": float(np.median(before)),
                "after_ms": float(np.median(after)),
                "ratio": float(np.median(before / after)),
            }
        )
    return rows


def main() -> None:
    """Measure at 1 and 16 people and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--size", choices=("base", "small", "tiny"), help="random weights instead of the shipped model")
    parser.add_argument("--people", type=int, nargs="+", default=(1, 16))
    parser.add_argument("--turns", type=int, default=30)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = make_checkpoint(options.size, Path(folder)) if options.size else load_checkpoint()
        rows = [row for people in options.people for row in measure(checkpoint, people=people, turns=options.turns)]
    table = Table("optimisation", "people", "before, ms", "after, ms", "ratio", title=checkpoint.info.name)
    for row in rows:
        table.add_row(
            str(row["lever"]), str(row["people"]), f"{row['before_ms']:.2f}", f"{row['after_ms']:.2f}",
            f"{row['ratio']:.1f}x",
        )  # fmt: skip
    Console().print(table)
    if options.json:
        write_report(options.json, {"checkpoint": checkpoint.info.name, "rows": rows})


if __name__ == "__main__":
    main()
