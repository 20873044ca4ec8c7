"""Compare several cameras in one batch with a pipeline each; then measure latency with and without the batch timeout.

    python benchmarks/speed/several_cameras.py --json reports/several_cameras.json

First at full speed: the pipeline from joints to events (no pose stage), CPU time a frame of one camera, the same
synthetic sources in one pipeline and each in a pipeline of its own, in turns; the ratio is the median over the turns.
Then at 30 frames a second, the cameras' frames spread evenly over the frame time: the age of a frame when its events
have been published, with a batch timeout of 5 ms and of 0. One thread, one person a camera, a prediction every clip,
without mirror averaging.
"""

import argparse
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.config import Config, override
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.inference.backend_selection import open_engine
from hitrs_live.messages import AnyMessage, PoseFrame, Status
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.pipeline.pipeline import Pipeline
from hitrs_live.sources.base import SourceItem
from hitrs_live.sources.demo.source import DemoSource
from hitrs_live.streaming.hitrs_stream import HitrsLoader
from hitrs_live.transport.sink import ListSink

_LONG_MS = 1000.0
RATE_HZ = 30
PACE = {"pose.max_people": 1, "model.update": "clip", "model.mirror": False}


class LastStatus(ListSink):
    """A sink that keeps the last status of each source."""

    def __init__(self) -> None:
        super().__init__()
        self.by_source: dict[str, Status] = {}

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Keep a status; drop any other message."""
        if isinstance(message, Status):
            self.by_source[message.source_id] = message
        return message


class Camera(DemoSource):
    """A synthetic source that ends after `frames` frames and starts `late_s` later than others."""

    def __init__(self, number: int, *, frames: int, late_s: float = 0.0, live: bool = False) -> None:
        super().__init__("real" if live else "max", seed=number, source_id=f"camera-{number}")
        self._last, self._late_s = frames, late_s

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        """Read, the first time with a delay; end after the last frame."""
        if self._late_s:
            time.sleep(self._late_s)
            self._late_s = 0.0
        items = super().read(timeout_s)
        if any(isinstance(item, PoseFrame) and item.index >= self._last for item in items):
            self._loop, self._frames, self._index = False, self._last, self._last
            return super().read(timeout_s)
        return items


def run(checkpoint: Checkpoint, cameras: Sequence[Camera], *, gather_ms: float) -> tuple[float, LastStatus]:
    """Run all cameras to their ends. Returns CPU seconds, with the model's warm-up, without opening the engine."""
    sink, config = LastStatus(), override(Config(), {"model.gather_ms": gather_ms, **PACE})
    engine = open_engine(checkpoint, "auto", "fp32", threads=1)
    pipeline = Pipeline(
        [InputStream(source=camera) for camera in cameras],
        model=HitrsLoader(checkpoint, config.model, lambda: engine),
        config=config,
        sink=sink,
    )
    began_s = time.process_time()
    pipeline.run()
    return time.process_time() - began_s, sink


def compare(checkpoint: Checkpoint, *, cameras: int, frames: int, turns: int) -> dict[str, float]:
    """Time one pipeline for all cameras and one for each. Milliseconds of CPU time a frame of one camera."""
    together_s, apart_s = [], []
    camera = partial(Camera, frames=frames)
    for _ in range(turns):
        together_s.append(run(checkpoint, [camera(n) for n in range(cameras)], gather_ms=_LONG_MS)[0])
        apart_s.append(sum(run(checkpoint, [camera(n)], gather_ms=0.0)[0] for n in range(cameras)))
    per_frame = 1e3 / (cameras * frames)
    return {
        "cameras": cameras,
        "together_ms": float(np.median(together_s)) * per_frame,
        "apart_ms": float(np.median(apart_s)) * per_frame,
        "ratio": float(np.median(np.array(apart_s) / np.array(together_s))),
    }


def live(checkpoint: Checkpoint, *, cameras: int, seconds: float, gather_ms: float) -> dict[str, float]:
    """Run in real time. Returns the age of frames at their events, ms, over all cameras."""
    sources = [
        Camera(n, frames=round(seconds * RATE_HZ), late_s=n / cameras / RATE_HZ, live=True) for n in range(cameras)
    ]
    cpu_s, sink = run(checkpoint, sources, gather_ms=gather_ms)
    ages = [status.stages["frame_to_event"] for status in sink.by_source.values()]
    return {
        "cameras": cameras,
        "gather_ms": gather_ms,
        "p50_ms": float(np.mean([age.p50_ms for age in ages])),
        "p99_ms": max(age.p99_ms for age in ages),
        "cores": cpu_s / seconds,
    }


def main() -> None:
    """Measure and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--cameras", type=int, nargs="+", default=(2, 4, 8))
    parser.add_argument("--frames", type=int, default=600)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=15.0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    checkpoint, console = load_checkpoint(), Console()
    speed = [compare(checkpoint, cameras=n, frames=options.frames, turns=options.turns) for n in options.cameras]
    table = Table("cameras", "one batch, ms a frame", "one each, ms a frame", "ratio", title=checkpoint.info.name)
    for row in speed:
        table.add_row(
            str(row["cameras"]), f"{row['together_ms']:.2f}", f"{row['apart_ms']:.2f}", f"{row['ratio']:.2f}x"
        )
    console.print(table)
    ages = [
        live(checkpoint, cameras=n, seconds=options.seconds, gather_ms=gather_ms)
        for n in options.cameras
        for gather_ms in (0.0, 5.0)
    ]
    table = Table("cameras", "batch timeout", "age p50", "p99", "cores", title="at 30 frames a second, ms")
    for row in ages:
        table.add_row(
            str(row["cameras"]), f"{row['gather_ms']:.0f}", f"{row['p50_ms']:.1f}", f"{row['p99_ms']:.1f}",
            f"{row['cores']:.2f}",
        )  # fmt: skip
    console.print(table)
    if options.json:
        write_report(options.json, {"full_speed": speed, "live": ages})


if __name__ == "__main__":
    main()
