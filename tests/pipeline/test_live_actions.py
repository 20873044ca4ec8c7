"""Actions that the evaluation detects in recorded poses are those that the live pipeline emits on them."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from pipeline_runs import ENDED, EVERY_CLIP, UP, ScriptedSource, demo_frames, make_pipeline

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.evaluation.decode_streams import START_NS
from hitrs_live.evaluation.kept_streams import DetectedAction
from hitrs_live.evaluation.live_actions import detect_actions
from hitrs_live.messages import ActionEvent
from hitrs_live.streaming.hitrs_stream import HitrsStream
from hitrs_live.transport.sink import ListSink


def emitted(events: Sequence[ActionEvent]) -> list[tuple[str, float, float]]:
    """The label, onset and end of each action, in seconds from the first frame."""
    ends = [event for event in events if event.state == "end"]
    return [
        (end.label, (end.onset_time_ns - START_NS) / 1e9, ((end.end_time_ns or 0) - START_NS) / 1e9) for end in ends
    ]


@pytest.mark.slow
@pytest.mark.parametrize("rate_hz", [30.0, 24.0])
def test_the_evaluation_detects_what_the_live_pipeline_emits(checkpoint: Checkpoint, rate_hz: float) -> None:
    frames = [replace(f, capture_time_ns=f.capture_time_ns + START_NS) for f in demo_frames(9.0, rate_hz)]
    sink = ListSink()
    make_pipeline([ScriptedSource([UP, *frames, ENDED])], checkpoint, sink).run()
    events = [message for message in sink.messages if isinstance(message, ActionEvent)]
    model = HitrsStream(checkpoint, step_frames=checkpoint.info.step_frames("clip"))
    detected: Sequence[DetectedAction] = detect_actions(frames, model, EVERY_CLIP, thresholds=None)
    assert [(one.label, one.onset_s, one.end_s) for one in detected] == emitted(events)
    assert len(detected) >= 2
    assert all(one.onset_s <= one.detected_s <= one.end_s for one in detected)
