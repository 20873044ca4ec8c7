"""Run the live action decoder over stored model outputs."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from hitrs_live.checkpoint import CheckpointInfo
from hitrs_live.config import ActionConfig
from hitrs_live.evaluation.kept_streams import DetectedAction, KeptStream, StreamResult
from hitrs_live.messages import ActionEvent, JointFrame, Prediction
from hitrs_live.skeleton import NTU25
from hitrs_live.streaming.decoder import ActionDecoder
from hitrs_live.streaming.hitrs_stream import describe_stream
from hitrs_live.streaming.thresholds import Thresholds, make_threshold_arrays

_ROWS = 64
START_NS = 1_000_000_000
"""Time of a stream's first frame; above 0, since an onset may lie before it by the label lag."""


def decode_streams(
    streams: Sequence[KeptStream],
    info: CheckpointInfo,
    config: ActionConfig | None = None,
    *,
    thresholds: Thresholds | None = None,
    step_frames: int | None = None,
    of_pairs: bool | None = None,
) -> list[StreamResult]:
    """Decode the actions of each stream. Returns a result for each, in the order given.

    config: by default the live one; step_frames: frames from one prediction to the next, as the streams have them;
    of_pairs: as `ActionDecoder` takes it; the default is for recordings in which it is unknown who takes part in an
    action of two people.
    """
    config = config or ActionConfig()
    model = describe_stream(info, step_frames)
    rules = make_threshold_arrays(model, config, thresholds)
    detected: list[list[DetectedAction]] = [[] for _ in streams]
    # The longest first, so that a batch stays full.
    order = sorted(range(len(streams)), key=lambda number: -len(streams[number].ends))
    for first in range(0, len(order), _ROWS):
        numbers = order[first : first + _ROWS]
        decoder = ActionDecoder(
            model, config, source_id="evaluation", rows=len(numbers), thresholds=thresholds, of_pairs=of_pairs
        )
        events = _events(decoder, [streams[number] for number in numbers], info.normaliser.rate_hz)
        for row, action in pair_starts_with_ends(events):
            detected[numbers[row]].append(action)
    return [
        StreamResult(
            sequence=stream.sequence,
            ends=stream.ends,
            logits=stream.logits,
            confidence=stream.confidence,
            motion_error_mm=stream.motion_error_mm,
            zero_velocity_error_mm=stream.zero_velocity_error_mm,
            scores=rules.scores(stream.logits),
            detected=tuple(detected[number]),
        )
        for number, stream in enumerate(streams)
    ]


def _events(decoder: ActionDecoder, streams: Sequence[KeptStream], rate_hz: float) -> Iterator[ActionEvent]:
    """Decode streams together, one a row; an action still running at a stream's end ends with its last prediction."""
    for prediction in _predictions(streams, rate_hz):
        for event in decoder.step(prediction):
            if isinstance(event, ActionEvent):
                yield event
    yield from decoder.close_all("source_lost")


def pair_starts_with_ends(events: Iterable[ActionEvent]) -> Iterator[tuple[int, DetectedAction]]:
    """Combine start and end events, whose times count from START_NS. One action of a track runs at a time.

    Yields the track's id and the action, in the order of the ends.
    """
    started: dict[int, ActionEvent] = {}
    for event in events:
        if event.state == "start":
            started[event.track_id] = event
        elif event.state == "end":
            assert event.end_time_ns is not None
            start = started.pop(event.track_id)
            yield (
                event.track_id,
                DetectedAction(
                    label=start.label,
                    onset_s=_seconds(start.onset_time_ns),
                    detected_s=_seconds(start.capture_time_ns),
                    end_s=_seconds(event.end_time_ns),
                    score=start.score,
                    count=event.count,
                ),
            )


def _seconds(time_ns: int) -> float:
    return (time_ns - START_NS) / 1e9


def _predictions(streams: Sequence[KeptStream], rate_hz: float) -> Iterator[Prediction]:
    """Put stored outputs into rows, the n-th predictions of all streams together; the longest stream comes first."""
    rows, classes = len(streams), streams[0].logits.shape[1]
    counts = np.array([len(stream.ends) for stream in streams])
    no_joints, no_future = np.zeros((rows, len(NTU25), 3), np.float32), np.zeros((rows, 0, len(NTU25), 3), np.float32)
    for number in range(int(counts[0])):
        there = number < counts
        logits, confidence = np.zeros((rows, classes), np.float32), np.ones((rows, len(NTU25)), np.float32)
        ends = np.zeros(rows, np.int64)
        for row in np.flatnonzero(there).tolist():
            stream = streams[row]
            logits[row], ends[row] = stream.logits[number], stream.ends[number]
            if stream.confidence is not None:
                confidence[row] = stream.confidence[number]
        time_ns = START_NS + np.round(ends / rate_hz * 1e9).astype(np.int64)
        joint_frame = JointFrame.of(no_joints, confidence, time_ns=time_ns, active=there, reset=number == 0)
        yield Prediction(
            joint_frame=joint_frame,
            has_output=there,
            logits=logits,
            future_joints_m=no_future,
            scales_m=no_future[..., 0],
        )
