"""Measure the latency from a frame's capture to its published messages, the pipeline running at 30 frames a second."""

import time

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
from hitrs_live.transport.publisher import Publisher
from hitrs_live.transport.sink import Sink

_FREE_PORT = "tcp://127.0.0.1:*"
_PERSONS = 1


def measure_latency(checkpoint: Checkpoint, engine: BenchEngine, *, duration_s: float) -> PipelineLatency | None:
    """Run the synthetic demo source through the pipeline, without a pose stage, in real time, and publish.

    All other messages of a frame are sent before its pose, so the frame ends with that. No subscriber is connected.
    Returns None where no frame was published.
    """
    config = Config(publish=PublishConfig(bind=_FREE_PORT, pose=True))
    with Publisher(config.publish, "bench") as publisher:
        sink = _TimedSink(publisher)
        Pipeline(
            [InputStream(source=DemoSource("real", _PERSONS))],
            model=HitrsLoader(checkpoint, config.model, lambda: OpenedEngine(engine=engine.engine)),
            config=config, sink=sink,
        ).run(duration_s=duration_s)  # fmt: skip
    if len(sink.took_ms) < 2:
        return None
    p50, p95, p99 = np.percentile(sink.took_ms, (50, 95, 99))
    return PipelineLatency(
        engine=engine.name, persons=_PERSONS, frames=len(sink.took_ms), p50_ms=round(float(p50), 3),
        p95_ms=round(float(p95), 3), p99_ms=round(float(p99), 3),
        cpu_ms_per_frame=round((sink.cpu_ns[-1] - sink.cpu_ns[0]) / (len(sink.cpu_ns) - 1) / 1e6, 3),
    )  # fmt: skip


class _TimedSink:
    """Pass messages on; record the age of each pose when it has been sent, and the CPU time until then."""

    def __init__(self, sink: Sink) -> None:
        self.took_ms: list[float] = []
        self.cpu_ns: list[int] = []
        self._sink = sink

    @property
    def drops(self) -> int:
        """Number of messages that the wrapped sink could not send."""
        return self._sink.drops

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Publish, then read the clocks."""
        stamped = self._sink.publish(message)
        if isinstance(message, PoseEvent):
            self.took_ms.append((time.monotonic_ns() - message.capture_time_ns) / 1e6)
            self.cpu_ns.append(time.process_time_ns())
        return stamped

    def close(self) -> None:
        """Close the wrapped sink."""
        self._sink.close()
