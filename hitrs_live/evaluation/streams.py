"""Run recorded streams through the live stages, all at once, one a row."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import ActionConfig
from hitrs_live.data.arrays import Sequence
from hitrs_live.messages import ActionEvent, Tick
from hitrs_live.streaming.decoder import ActionDecoder, softmax
from hitrs_live.streaming.predictor import Predictor

_START_NS = 1_000_000_000
HORIZONS = (3, 6, 12, 18, 30)
"""Frames ahead at which motion is scored: 100, 200, 400, 600 and 1000 ms."""


@dataclass(frozen=True, kw_only=True)
class StreamResult:
    """What the live stages said of one stream. T frames, N clips, K classes."""

    sequence: Sequence
    clip_ends: NDArray[np.int64]
    """(N,); the frame after which each clip's scores were known."""
    scores: NDArray[np.float32]
    """(N, K)."""
    starts: tuple[tuple[str, float, float], ...]
    """Every action told: label, onset in seconds from the stream's start, moment of telling."""
    motion_error_mm: NDArray[np.float32]
    """(N, H); mean joint error in camera space of each clip's prediction at HORIZONS; NaN past the stream's end."""
    held_error_mm: NDArray[np.float32]
    """(N, H); the same for the pose held still."""


def run_streams(checkpoint: Checkpoint, sequences: list[Sequence], *, rows: int = 32) -> Iterator[StreamResult]:
    """Run every sequence from its first frame to its last; longest first, so that a batch stays full."""
    ordered = sorted(sequences, key=lambda sequence: -len(sequence.labels))
    for first in range(0, len(ordered), rows):
        yield from _run_batch(checkpoint, ordered[first : first + rows])


def _run_batch(checkpoint: Checkpoint, sequences: list[Sequence]) -> Iterator[StreamResult]:
    rows = len(sequences)
    predictor = Predictor(checkpoint, rows=rows, min_joint_confidence=0.0)
    decoder = ActionDecoder(checkpoint.info, ActionConfig(), source_id="evaluation", rows=rows)
    clips: list[list[tuple[int, NDArray[np.float32]]]] = [[] for _ in range(rows)]
    starts: list[list[tuple[str, float, float]]] = [[] for _ in range(rows)]
    motion: list[list[NDArray[np.float32]]] = [[] for _ in range(rows)]
    for frame in range(max(len(sequence.labels) for sequence in sequences)):
        for prediction in predictor.step(_tick(sequences, frame, checkpoint.info.normaliser.rate_hz)):
            scores = softmax(prediction.logits / checkpoint.info.temperature)
            for done in np.flatnonzero(prediction.completed):
                clips[done].append((frame, scores[done]))
                motion[done].append(motion_errors_mm(sequences[done], frame, prediction.future_joints_m[done]))
            for event in decoder.step(prediction):
                if isinstance(event, ActionEvent) and event.state == "start":
                    onset_s, told_s = ((t - _START_NS) / 1e9 for t in (event.onset_time_ns, event.capture_time_ns))
                    starts[event.track_id].append((event.label, onset_s, told_s))
    for row, sequence in enumerate(sequences):
        yield StreamResult(
            sequence=sequence,
            clip_ends=np.array([frame for frame, _ in clips[row]], np.int64),
            scores=np.array([logits for _, logits in clips[row]], np.float32).reshape(-1, len(checkpoint.info.labels)),
            starts=tuple(starts[row]),
            motion_error_mm=np.array([errors[0] for errors in motion[row]], np.float32).reshape(-1, len(HORIZONS)),
            held_error_mm=np.array([errors[1] for errors in motion[row]], np.float32).reshape(-1, len(HORIZONS)),
        )


def motion_errors_mm(sequence: Sequence, frame: int, future_joints_m: NDArray[np.float32]) -> NDArray[np.float32]:
    """Score one prediction, and the held pose, against what came. Returns (2, H) millimetres, NaN past the end.

    future_joints_m: (F, 25, 3), frames 1 ... F after `frame`. Joints that the set does not have are left out.
    """
    errors = np.full((2, len(HORIZONS)), np.nan, np.float32)
    real = sequence.valid_mask
    for column, ahead in enumerate(HORIZONS):
        if frame + ahead < len(sequence.labels):
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
    newest = np.searchsorted(result.clip_ends, frames + lookahead, side="right") - 1
    scores = np.zeros((len(frames), result.scores.shape[1]), np.float32)
    scores[newest >= 0] = result.scores[newest[newest >= 0]]
    return scores
