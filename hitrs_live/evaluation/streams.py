"""Run recorded streams through the live stages, all at once, one a row."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from hitrs_live.checkpoint import Checkpoint, CheckpointInfo
from hitrs_live.config import ActionConfig
from hitrs_live.data.arrays import Sequence
from hitrs_live.messages import ActionEvent, Prediction, Tick
from hitrs_live.streaming.decoder import ActionDecoder
from hitrs_live.streaming.predictor import Predictor
from hitrs_live.thresholds import Thresholds

_START_NS = 1_000_000_000
_ROWS = 32
_NO_MOTION = np.zeros((1, 0, 25, 3), np.float32)
HORIZONS = (3, 6, 12, 18, 30)
"""Frames ahead at which motion is scored: 100, 200, 400, 600 and 1000 ms."""


@dataclass(frozen=True, kw_only=True)
class ToldAction:
    """An action as the events had it. Seconds from the stream's start."""

    label: str
    onset_s: float
    told_s: float
    """Capture time of the frame that told it."""
    end_s: float
    score: float
    """Of its start."""


@dataclass(frozen=True, kw_only=True)
class StreamResult:
    """What the live stages said of one stream. T frames, N judgements, K classes."""

    sequence: Sequence
    ends: NDArray[np.int64]
    """(N,); the frame after which each judgement was known."""
    logits: NDArray[np.float32]
    """(N, K), as the model gave them."""
    scores: NDArray[np.float32]
    """(N, K), as the decoder used them."""
    told: tuple[ToldAction, ...]
    motion_error_mm: NDArray[np.float32]
    """(N, H); mean joint error in camera space of each prediction at HORIZONS; NaN past the stream's end."""
    held_error_mm: NDArray[np.float32]
    """(N, H); the same for the pose held still."""


@dataclass(kw_only=True)
class _Judged:
    """What the model said of one stream so far."""

    ends: list[int] = field(default_factory=list)
    logits: list[NDArray[np.float32]] = field(default_factory=list)
    motion: list[NDArray[np.float32]] = field(default_factory=list)


def run_streams(
    checkpoint: Checkpoint,
    sequences: list[Sequence],
    *,
    config: ActionConfig | None = None,
    thresholds: Thresholds | None = None,
    hop: int | None = None,
) -> Iterator[StreamResult]:
    """Run every sequence from its first frame to its last; longest first, so that a batch stays full.

    hop: frames from one judgement to the next, by default the clip stride.
    """
    info = checkpoint.info
    ordered = sorted(sequences, key=lambda sequence: -len(sequence.labels))
    for first in range(0, len(ordered), _ROWS):
        rows = ordered[first : first + _ROWS]
        for sequence, judged in zip(rows, _judge(checkpoint, rows, hop), strict=True):
            motion = np.array(judged.motion, np.float32).reshape(-1, 2, len(HORIZONS))
            result = tell(
                sequence,
                np.array(judged.ends, np.int64),
                np.array(judged.logits, np.float32).reshape(-1, len(info.labels)),
                info,
                config=config,
                thresholds=thresholds,
                hop=hop,
            )
            yield replace(result, motion_error_mm=motion[:, 0], held_error_mm=motion[:, 1])


def _judge(checkpoint: Checkpoint, sequences: list[Sequence], hop: int | None) -> list[_Judged]:
    """Step the predictor over all sequences at once, one a row."""
    predictor = Predictor(checkpoint, rows=len(sequences), min_joint_confidence=0.0, hop=hop)
    judged = [_Judged() for _ in sequences]
    for frame in range(max(len(sequence.labels) for sequence in sequences)):
        for prediction in predictor.step(_tick(sequences, frame, checkpoint.info.normaliser.rate_hz)):
            for row in np.flatnonzero(prediction.completed):
                judged[row].ends.append(frame)
                judged[row].logits.append(prediction.logits[row].copy())
                judged[row].motion.append(motion_errors_mm(sequences[row], frame, prediction.future_joints_m[row]))
    return judged


def tell(
    sequence: Sequence,
    ends: NDArray[np.int64],
    logits: NDArray[np.float32],
    info: CheckpointInfo,
    *,
    config: ActionConfig | None = None,
    thresholds: Thresholds | None = None,
    hop: int | None = None,
) -> StreamResult:
    """Let the live decoder tell what the judgements on one stream, whoever made them, come to.

    ends: (N,), the frames after which they were known; logits: (N, K). The result has no motion.
    """
    config = config or ActionConfig()
    decoder = ActionDecoder(
        info, config, source_id="evaluation", rows=1, thresholds=thresholds, hop_frames=hop, of_pairs=None
    )
    scores = np.zeros_like(logits)
    events: list[ActionEvent] = []
    for number, frame in enumerate(ends.tolist()):
        tick = _tick([sequence], frame, info.normaliser.rate_hz)
        prediction = Prediction(
            tick=replace(tick, reset=np.full(1, number == 0)), completed=np.ones(1, bool),
            logits=logits[number : number + 1], future_joints_m=_NO_MOTION,
        )  # fmt: skip
        scores[number] = decoder.scores(prediction)[0]
        events += [event for event in decoder.step(prediction) if isinstance(event, ActionEvent)]
    events += decoder.close_all("source_lost")
    none = np.full((len(ends), len(HORIZONS)), np.nan, np.float32)
    return StreamResult(
        sequence=sequence, ends=ends, logits=logits, scores=scores, told=_told(events), motion_error_mm=none,
        held_error_mm=none,
    )  # fmt: skip


def _told(events: list[ActionEvent]) -> tuple[ToldAction, ...]:
    """Put starts and ends together. Only one action of a person goes on at a time: they alternate."""
    starts = [event for event in events if event.state == "start"]
    stops = [event for event in events if event.state == "end"]
    return tuple(
        ToldAction(
            label=start.label,
            onset_s=_seconds(start.onset_time_ns),
            told_s=_seconds(start.capture_time_ns),
            end_s=_seconds(start.onset_time_ns if stop.end_time_ns is None else stop.end_time_ns),
            score=start.score,
        )
        for start, stop in zip(starts, stops, strict=True)
    )


def _seconds(time_ns: int) -> float:
    return (time_ns - _START_NS) / 1e9


def motion_errors_mm(sequence: Sequence, frame: int, future_joints_m: NDArray[np.float32]) -> NDArray[np.float32]:
    """Score one prediction, and the held pose, against what came. Returns (2, H) millimetres, NaN past the end.

    future_joints_m: (F, 25, 3), frames 1 ... F after `frame`; past F there is nothing to score. Joints that the set
    does not have are left out.
    """
    errors = np.full((2, len(HORIZONS)), np.nan, np.float32)
    real = sequence.valid_mask
    for column, ahead in enumerate(HORIZONS):
        if ahead <= len(future_joints_m) and frame + ahead < len(sequence.labels):
            truth = sequence.joints_m[frame + ahead][real]
            for row, guess in enumerate((future_joints_m[ahead - 1], sequence.joints_m[frame])):
                errors[row, column] = 1000 * np.linalg.norm(guess[real] - truth, axis=-1).mean()
    return errors


def _tick(sequences: list[Sequence], frame: int, rate_hz: float) -> Tick:
    rows = len(sequences)
    joints_m = np.stack([s.joints_m[min(frame, len(s.labels) - 1)] for s in sequences])
    return Tick(
        time_ns=np.full(rows, _START_NS + round(frame / rate_hz * 1e9)),
        track_ids=np.arange(rows),
        active=np.array([frame < len(s.labels) for s in sequences]),
        reset=np.full(rows, frame == 0),
        joints_m=joints_m,
        confidence=np.ones(joints_m.shape[:2], np.float32),
        received_ns=0,
    )


def frame_scores(result: StreamResult, *, lookahead: int) -> NDArray[np.float32]:
    """Give every frame the newest scores known `lookahead` frames after it. Returns (T, K); zeros before any."""
    frames = np.arange(len(result.sequence.labels))
    newest = np.searchsorted(result.ends, frames + lookahead, side="right") - 1
    scores = np.zeros((len(frames), result.scores.shape[1]), np.float32)
    scores[newest >= 0] = result.scores[newest[newest >= 0]]
    return scores
