"""Pipelines over scripted sources, run to their end in one process."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import Config, override
from hitrs_live.inference.backend_selection import OpenedEngine
from hitrs_live.inference.base import Engine
from hitrs_live.messages import ActionEvent, AnyMessage, Array, Pose, PoseFrame, SourceChange, Status
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.pipeline.pipeline import Pipeline
from hitrs_live.sources.base import SourceItem
from hitrs_live.sources.demo.source import DemoSource
from hitrs_live.streaming.hitrs_stream import HitrsLoader
from hitrs_live.transport.sink import ListSink, Sink

EVERY_CLIP = override(Config(), {"model.update": "clip"})
"""For what does not depend on how often the model predicts: a third of the time."""
EVERY_POSE = override(EVERY_CLIP, {"publish.pose": True})
UP = SourceChange(state="up", time_ns=0)
ENDED = SourceChange(state="ended", time_ns=0)


class ScriptedSource:
    """Give a fixed list of items, one a read."""

    has_pictures = False
    live = False

    def __init__(self, items: Sequence[SourceItem], source_id: str = "script") -> None:
        self.source_id = source_id
        self._items = iter(items)

    def open(self) -> None:
        pass

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        return tuple(itertools.islice(self._items, 1))

    def drops(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        pass


def demo_frames(seconds: float, rate_hz: float = 30.0) -> list[PoseFrame]:
    """The demo figure's first seconds, seen by a camera of this rate."""
    joints = DemoSource("max").joints_m[0]
    times_s = np.arange(0, seconds, 1 / rate_hz)
    at = times_s * 30
    low = np.floor(at).astype(int)
    share = (at - low)[:, None, None]
    seen = (joints[low] * (1 - share) + joints[low + 1] * share).astype(np.float32)
    return [
        PoseFrame(
            index=index,
            capture_time_ns=round(time_s * 1e9),
            received_ns=0,
            poses=(Pose(joints_m=pose, confidence=np.ones(25, np.float32)),),
        )
        for index, (time_s, pose) in enumerate(zip(times_s, seen, strict=True))
    ]


def make_pipeline(
    inputs: Sequence[InputStream | ScriptedSource],
    checkpoint: Checkpoint,
    sink: Sink,
    config: Config = EVERY_CLIP,
    *,
    engine: Engine | None = None,
    **more: Any,
) -> Pipeline:
    """Build a pipeline of the shipped model. engine: what computes it; None for the reference."""
    streams = [each if isinstance(each, InputStream) else InputStream(source=each) for each in inputs]
    loader = HitrsLoader(checkpoint, config.model, None if engine is None else lambda: OpenedEngine(engine=engine))
    return Pipeline(streams, model=loader, config=config, sink=sink, **more)


def run(items: Sequence[SourceItem], checkpoint: Checkpoint, config: Config = EVERY_CLIP) -> list[AnyMessage]:
    """Run a pipeline over the items of one source, which then ends; return what it published."""
    sink = ListSink("session")
    make_pipeline([ScriptedSource([*items, ENDED])], checkpoint, sink, config).run()
    return sink.messages


def of(messages: list[AnyMessage], kind: type) -> list[AnyMessage]:
    """Return the messages of one type."""
    return [message for message in messages if isinstance(message, kind)]


def actions(messages: list[AnyMessage]) -> list[ActionEvent]:
    """Return the action events."""
    return [message for message in messages if isinstance(message, ActionEvent)]


def last_status(messages: list[AnyMessage], source_id: str | None = None) -> Status:
    """Return the last status, of any source or of one."""
    statuses = [m for m in messages if isinstance(m, Status) and source_id in (None, m.source_id)]
    return statuses[-1]


def numbers(value: Array | tuple[float | None, ...] | None) -> np.ndarray:
    """Return the numbers of a message's field as an array."""
    return value.numpy() if isinstance(value, Array) else np.array(value)
