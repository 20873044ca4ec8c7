"""Measure the latency from a frame's capture to its published messages, the pipeline running at 30 frames a second."""

import time
from collections.abc import Sequence

import numpy as np

from hitrs_live.bench.engines import BenchEngine
from hitrs_live.bench.results import PipelineLatency
from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import Config, PublishConfig
from hitrs_live.inference.backend_selection import OpenedEngine
from hitrs_live.messages import AnyMessage, PoseEvent
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.pipeline.pipeline import Pipeline
from hitrs_live.sources.demo.source import DemoSource
from hitrs_live.streaming.hitrs_stream import HitrsLoader
from hitrs_live.transport.multi_sink import MultiSink
from hitrs_live.transport.publisher import Publisher

_FREE_PORT = "tcp://127.0.0.1:*"
_PERSONS = 1


def measure_latency(checkpoint: Checkpoint, engine: BenchEngine, *, duration_s: float) -> PipelineLatency | None:
    """Run the synthetic demo source through the pipeline, without a pose stage, in real time, and publish.

    All other messages of a frame are sent before its pose, so the frame ends with that. No subscriber is connected.
    Returns None where no frame was published.
    """
    config = Config(publish=PublishConfig(bind=_FREE_PORT, pose=True))
    with Publisher(config.publish, "bench") as publisher:
        times = _PoseTimes()
        Pipeline(
            [InputStream(source=DemoSource("real", _PERSONS))],
            model=HitrsLoader(checkpoint, config.model, lambda: OpenedEngine(engine=engine.engine)),
            config=config, sink=MultiSink(publisher, [times]),
        ).run(duration_s=duration_s)  # fmt: skip
    if len(times.took_ms) < 2:
        return None
    p50, p95, p99 = np.percentile(times.took_ms, (50, 95, 99))
    return PipelineLatency(
        engine=engine.name, persons=_PERSONS, frames=len(times.took_ms), p50_ms=round(float(p50), 3),
        p95_ms=round(float(p95), 3), p99_ms=round(float(p99), 3),
        cpu_ms_per_frame=round((times.cpu_ns[-1] - times.cpu_ns[0]) / (len(times.cpu_ns) - 1) / 1e6, 3),
    )  # fmt: skip


class _PoseTimes:
    """Record the age of each pose when the sink before has sent it, and the CPU time until then."""

    name = "the timing"
    notices: Sequence[str] = ()

    def __init__(self) -> None:
        self.took_ms: list[float] = []
        self.cpu_ns: list[int] = []

    def drops(self) -> dict[str, int]:
        return {}

    def publish(self, message: AnyMessage) -> AnyMessage:
        if isinstance(message, PoseEvent):
            self.took_ms.append((time.monotonic_ns() - message.capture_time_ns) / 1e6)
            self.cpu_ns.append(time.process_time_ns())
        return message

    def close(self) -> None:
        """Do nothing."""
