"""Time steps of the shipped model with and without its motion head, in one run: the head's share of a step.

    python benchmarks/speed/motion_cost.py --json reports/motion_cost.json

Without the head the predicted motion is zero velocity; everything else is computed. All windows are full, people
appeared in different frames, one thread. Figures are CPU time, so that other processes do not count, and the two take
turns; the share is the median over the turns. The second figure is the time of the model's own head over that of the
folded one, which engines run. ONNX Runtime is timed where the exporter is installed
(`pip install '.[export]'`).
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.errors import EngineUnavailable
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.inference.base import Engine, HeadOutput
from hitrs_live.inference.export import INPUTS, SUBMODULES, export_graphs
from hitrs_live.inference.folded_motion_head import FoldedMotionHead
from hitrs_live.inference.onnx_engine import OPSET, OnnxEngine
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.model.detector import HitrsDetector
from hitrs_live.streaming.profile_step import ms_per_frame, time_steps

Pair = tuple[Engine, Engine]
"""With the head and without."""


class HeadlessTorch(TorchEngine):
    """torch without the motion head: the predicted motion is zero velocity."""

    @torch.inference_mode()
    def predict(self, clips: Tensor, valid_clips: Tensor, recent: Tensor) -> HeadOutput:
        """Predict at the newest clip of each window, as `Engine` does."""
        head = self._submodules["head"]
        return with_zero_velocity(head.action_head(head.read(clips, valid_clips)), recent, self.config.horizon)


class HeadlessOnnx(OnnxEngine):
    """ONNX Runtime with a head graph that ends with the logits."""

    def predict(self, clips: Tensor, valid_clips: Tensor, recent: Tensor) -> HeadOutput:
        """Predict at the newest clip of each window, as `Engine` does."""
        return with_zero_velocity(self._run("head", clips, valid_clips, recent)[0], recent, self.config.horizon)


def with_zero_velocity(logits: Tensor, recent: Tensor, horizon: int) -> HeadOutput:
    """Combine logits with the last pose at every frame ahead."""
    future = recent[:, -1:].expand(-1, horizon, -1, -1)
    return HeadOutput(logits, future, future[..., 0])


def make_pairs(model: HitrsDetector) -> dict[str, Pair]:
    """Open torch and, where graphs can be exported, ONNX Runtime, each with the head and without; by name."""
    pairs: dict[str, Pair] = {"torch fp32": (TorchEngine(model), HeadlessTorch(model))}
    with tempfile.TemporaryDirectory() as place:
        try:
            export_graphs(model, Path(place), opset=OPSET)
        except EngineUnavailable as error:
            print(f"onnx is skipped: {error}", file=sys.stderr)
            return pairs
        graphs = {submodule: (Path(place) / f"{submodule}.onnx").read_bytes() for submodule in SUBMODULES}
    headless = graphs | {"head": without_motion(graphs["head"])}
    pairs["onnx fp32"] = OnnxEngine(model.config, graphs), HeadlessOnnx(model.config, headless)
    return pairs


def without_motion(graph: bytes) -> bytes:
    """Remove what only the motion head computes from a head graph."""
    from onnx import load_model_from_string
    from onnx.utils import Extractor

    cut: bytes = Extractor(load_model_from_string(graph)).extract_model(INPUTS["head"], ["logits"]).SerializeToString()
    return cut


def fold_ratio(model: HitrsDetector, *, people: int, turns: int) -> float:
    """Time the model's own head and the folded one in turns; returns slow over fast, the median."""
    head, folded = model.motion_head, FoldedMotionHead(model.motion_head)
    output = torch.randn(people, model.config.encoder.video_width)
    recent = torch.randn(people, model.config.encoder.clip_span, model.config.encoder.joints, 3)
    took: tuple[list[int], list[int]] = ([], [])
    with torch.inference_mode():
        for _ in range(10 * turns):
            for work, each in zip((head.forecast, folded), took, strict=True):
                began_ns = time.process_time_ns()
                work(output, recent)
                each.append(time.process_time_ns() - began_ns)
    slow, fast = (np.array(each[turns:]) for each in took)
    return float(np.median(slow / fast))


def measure(checkpoint: Checkpoint, pair: Pair, *, people: int, step_frames: int, turns: int) -> dict[str, float]:
    """Time both engines of a pair in turns; milliseconds a frame for all people."""
    strides: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for _ in range(turns):
        for engine, took in zip(pair, strides, strict=True):
            took.append(
                time_steps(
                    engine,
                    checkpoint.info.normaliser,
                    rows=people,
                    step_frames=step_frames,
                    strides=1,
                    clock=time.process_time_ns,
                )
            )
    whole_ms, headless_ms = (np.concatenate(took) for took in strides)
    return {
        "with_ms_per_frame": ms_per_frame(whole_ms),
        "without_ms_per_frame": ms_per_frame(headless_ms),
        "share": float(np.median(1.0 - headless_ms.mean(1) / whole_ms.mean(1))),
    }


def main() -> None:
    """Measure every engine at 1 and 16 people, a prediction every clip and every frame, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--checkpoint", type=Path, help="model to time, instead of the one shipped")
    parser.add_argument("--people", type=int, nargs="+", default=(1, 16))
    parser.add_argument("--turns", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    checkpoint = load_checkpoint(options.checkpoint)
    stride = checkpoint.info.detector.encoder.clip_stride
    rows = [
        {"engine": name, "people": people, "answers": update}
        | measure(checkpoint, pair, people=people, step_frames=step_frames, turns=options.turns)
        for name, pair in make_pairs(checkpoint.model).items()
        for update, step_frames in (("every clip", stride), ("every frame", 1))
        for people in options.people
    ]
    table = Table(title=f"{checkpoint.info.name}, the motion head, CPU ms a frame for all people")
    for heading in ("engine", "people", "predictions", "with", "without", "share of the step"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row["engine"], str(row["people"]), row["answers"], f"{row['with_ms_per_frame']:.2f}",
            f"{row['without_ms_per_frame']:.2f}", f"{row['share']:.1%}",
        )  # fmt: skip
    Console().print(table)
    ratios = {
        str(people): fold_ratio(checkpoint.model, people=people, turns=options.turns) for people in options.people
    }
    listed = ", ".join(f"{ratio:.2f}x for {people}" for people, ratio in ratios.items())
    print(f"the model's own head over the folded one, in torch, by people: {listed}")
    if options.json:
        write_report(options.json, {"steps": rows, "head_over_folded": ratios})


if __name__ == "__main__":
    main()
