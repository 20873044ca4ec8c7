"""Run streams through the model once, keep its logits, and decide on them as often as one likes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hitrs_live.checkpoint import Checkpoint, CheckpointInfo
from hitrs_live.codec import pose_frame
from hitrs_live.config import ActionConfig, PoseConfig, TrackConfig
from hitrs_live.data.arrays import BACKGROUND
from hitrs_live.evaluation.point_metrics import Told
from hitrs_live.evaluation.streams import StreamResult
from hitrs_live.messages import ActionEvent, JointsEvent, Prediction, Tick
from hitrs_live.pose.tracker import Tracker
from hitrs_live.skeleton import NTU25
from hitrs_live.sources.recording import Recording
from hitrs_live.streaming.decoder import ActionDecoder
from hitrs_live.streaming.predictor import Predictor
from hitrs_live.streaming.resampler import Resampler
from hitrs_live.thresholds import Thresholds

_ROWS = 64
_MOST_PEOPLE = 6
_START_NS = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class KeptStream:
    """What the model said of one stream. T frames, N judgements, K classes."""

    source: str
    """Who or what it is of, for streams that should not be on both sides of a comparison: a person, a recording."""
    labels: NDArray[np.int64]
    """(T,); class of each frame, or IGNORE."""
    ends: NDArray[np.int64]
    """(N,); the frame after which each judgement was known."""
    logits: NDArray[np.float32]
    """(N, K)."""
    confidence: NDArray[np.float32]
    """(N, 25); of the joints of that frame."""


@dataclass(kw_only=True)
class _Row:
    """A stream of a recording so far."""

    source: str
    length: int = 0
    ends: list[int] = field(default_factory=list)
    logits: list[NDArray[np.float32]] = field(default_factory=list)
    confidence: list[NDArray[np.float32]] = field(default_factory=list)

    def close(self) -> Iterator[KeptStream]:
        """Give the stream, or nothing where it was too short for a clip."""
        if self.ends:
            yield KeptStream(
                source=self.source,
                labels=np.full(self.length, BACKGROUND, np.int64),
                ends=np.array(self.ends, np.int64),
                logits=np.stack(self.logits),
                confidence=np.stack(self.confidence),
            )


def keep_result(result: StreamResult) -> KeptStream:
    """Keep of a stream that was run what decisions rest on; every joint of an array file counts as seen."""
    confidence = np.ones((len(result.ends), len(NTU25)), np.float32)
    sequence = result.sequence
    return KeptStream(
        source=sequence.subject, labels=sequence.labels, ends=result.ends, logits=result.logits, confidence=confidence
    )


def keep_recording(checkpoint: Checkpoint, path: Path, *, hop: int | None = None) -> list[KeptStream]:
    """Run a recording of ours through the live stages, a stream for each person followed without a gap.

    All of it counts as background. hop: frames from one judgement to the next, by default the clip stride.
    Raises SourceUnavailable or DataError where the file is none of ours or damaged.
    """
    track, rate_hz = TrackConfig(), checkpoint.info.normaliser.rate_hz
    tracker, resampler = Tracker(_MOST_PEOPLE, track), Resampler(track, rows=_MOST_PEOPLE, rate_hz=rate_hz)
    predictor = Predictor(
        checkpoint, rows=_MOST_PEOPLE, min_joint_confidence=PoseConfig().min_joint_confidence, hop=hop
    )
    kept: list[KeptStream] = []
    rows = [_Row(source=path.stem) for _ in range(_MOST_PEOPLE)]
    for tick in _ticks(path, tracker, resampler):
        for row in np.flatnonzero(tick.reset).tolist():
            kept.extend(rows[row].close())
            rows[row] = _Row(source=path.stem)
        for row in np.flatnonzero(tick.active).tolist():
            rows[row].length += 1
        for prediction in predictor.step(tick):
            for row in np.flatnonzero(prediction.completed).tolist():
                rows[row].ends.append(rows[row].length - 1)
                rows[row].logits.append(prediction.logits[row].copy())
                rows[row].confidence.append(tick.confidence[row].copy())
    return [*kept, *(stream for row in rows for stream in row.close())]


def replay(
    streams: Sequence[KeptStream],
    info: CheckpointInfo,
    config: ActionConfig,
    thresholds: Thresholds | None = None,
    *,
    hop: int | None = None,
) -> list[Told]:
    """Decide anew: run the decoder, and no model, over what was kept. Returns every start that it tells."""
    # The longest first, so that a batch stays full.
    ordered = sorted((n for n in range(len(streams)) if len(streams[n].ends)), key=lambda n: -len(streams[n].ends))
    told: list[Told] = []
    for first in range(0, len(ordered), _ROWS):
        numbers = ordered[first : first + _ROWS]
        decoder = ActionDecoder(
            info, config, source_id="replay", rows=len(numbers), thresholds=thresholds, hop_frames=hop
        )
        for prediction in _predictions([streams[number] for number in numbers], info.normaliser.rate_hz):
            for event in decoder.step(prediction):
                if isinstance(event, ActionEvent) and event.state == "start":
                    told.append(_told(event, numbers[event.track_id], info.labels))
    return told


def _told(event: ActionEvent, stream: int, labels: tuple[str, ...]) -> Told:
    return Told(
        stream=stream,
        label=labels.index(event.label),
        onset_s=(event.onset_time_ns - _START_NS) / 1e9,
        told_s=(event.capture_time_ns - _START_NS) / 1e9,
        score=event.score,
    )


def _ticks(path: Path, tracker: Tracker, resampler: Resampler) -> Iterator[Tick]:
    for event in Recording(path).messages(JointsEvent):
        assert isinstance(event, JointsEvent)
        for people in tracker.step(pose_frame(event, event.capture_time_ns)):
            yield from resampler.step(people)


def _predictions(streams: Sequence[KeptStream], rate_hz: float) -> Iterator[Prediction]:
    """Lay kept streams out in rows again, the n-th judgements of all together; the longest stream comes first."""
    rows, classes = len(streams), streams[0].logits.shape[1]
    counts = np.array([len(stream.ends) for stream in streams])
    no_joints, no_future = np.zeros((rows, len(NTU25), 3), np.float32), np.zeros((rows, 0, len(NTU25), 3), np.float32)
    for number in range(int(counts[0])):
        there = number < counts
        logits, confidence = np.zeros((rows, classes), np.float32), np.ones((rows, len(NTU25)), np.float32)
        ends = np.zeros(rows, np.int64)
        for row in np.flatnonzero(there).tolist():
            logits[row], confidence[row] = streams[row].logits[number], streams[row].confidence[number]
            ends[row] = streams[row].ends[number]
        tick = Tick(
            time_ns=_START_NS + np.round(ends / rate_hz * 1e9).astype(np.int64),
            track_ids=np.arange(rows),
            active=there,
            reset=np.full(rows, number == 0),
            joints_m=no_joints,
            confidence=confidence,
            received_ns=0,
        )
        yield Prediction(tick=tick, completed=there, logits=logits, future_joints_m=no_future)
