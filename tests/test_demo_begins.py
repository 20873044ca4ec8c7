"""What a user sees in the first seconds of the demo."""

import threading
from pathlib import Path

import pytest

from hitrs_live.checkpoint import SHIPPED, load_checkpoint
from hitrs_live.config import Config
from hitrs_live.messages import ActionEvent, AnyMessage
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.pipeline.pipeline import Pipeline
from hitrs_live.sources.demo.source import DemoSource
from hitrs_live.streaming.hitrs_stream import HitrsLoader
from hitrs_live.streaming.thresholds import find_thresholds
from hitrs_live.transport.sink import ListSink

pytestmark = pytest.mark.slow

SEEN_S = 40.5


class Until(ListSink):
    """Keep messages, and stop the run at a time of the source."""

    def __init__(self, time_s: float) -> None:
        super().__init__("first")
        self.over = threading.Event()
        self._time_ns = round(time_s * 1e9)

    def publish(self, message: AnyMessage) -> AnyMessage:
        if message.capture_time_ns >= self._time_ns:
            self.over.set()
        return super().publish(message)


def test_the_demo_begins_with_what_the_shipped_model_reports_and_little_else_is_reported() -> None:
    demo, sink = DemoSource("max", loop=False), Until(SEEN_S)
    checkpoint, config = load_checkpoint(None), Config()
    thresholds = find_thresholds(config.action.thresholds, checkpoint, Path(SHIPPED))
    feeds = [InputStream(source=demo)]
    Pipeline(feeds, model=HitrsLoader(checkpoint, config.model), config=config, sink=sink, thresholds=thresholds).run(
        stop=sink.over
    )
    starts = [m for m in sink.messages if isinstance(m, ActionEvent) and m.state == "start"]
    shown = [span for span in demo.script if span.end_time_s < SEEN_S]
    assert [span.label for span in shown] == ["squat", "jumping_jack", "walk", "arm_circle"]
    # The figure walks to and fro, and turns at either end.
    begun = list(dict.fromkeys(event.label for event in starts))
    assert begun == ["squat", "jumping_jack", "walk", "turn", "arm_circle"]
    for event in starts:
        for span in shown:
            if span.label == event.label:
                assert span.start_time_s - 0.5 <= event.onset_time_ns / 1e9 <= span.end_time_s
