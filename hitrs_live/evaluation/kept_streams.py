"""Data classes for the outputs of the model, and of the live decoder, on one recorded stream."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import LabelledSequence

HORIZONS = (3, 6, 12, 18, 30)
"""Frames ahead at which motion is scored: 100, 200, 400, 600 and 1000 ms."""


@dataclass(frozen=True, kw_only=True)
class DetectedAction:
    """An action as the start and end events give it. Seconds from the beginning of the stream."""

    label: str
    onset_s: float
    detected_s: float
    """Capture time of the frame after which the start event was emitted."""
    end_s: float
    score: float
    """Of its start event."""
    count: int | None = None
    """Repetitions, of its end event; None where they were not counted."""


def _no_motion() -> NDArray[np.float32]:
    return np.zeros((0, len(HORIZONS)), np.float32)


@dataclass(frozen=True, kw_only=True)
class KeptStream:
    """A model's outputs on one stream, from which actions are decoded and metrics computed.

    N predictions, K classes, H horizons.
    """

    sequence: LabelledSequence
    ends: NDArray[np.int64]
    """(N,); the frame after which each prediction was known."""
    logits: NDArray[np.float32]
    """(N, K), as the model outputs them."""
    confidence: NDArray[np.float32] | None = None
    """(N, 25); of the joints of that frame. None where all count as seen, as in an array file."""
    motion_error_mm: NDArray[np.float32] = field(default_factory=_no_motion)
    """(N, H); mean joint error in camera space of each prediction at HORIZONS; NaN past the stream's end.

    (0, H) where the model predicts no motion.
    """
    zero_velocity_error_mm: NDArray[np.float32] = field(default_factory=_no_motion)
    """(N, H); the same for the last pose repeated (zero velocity)."""


@dataclass(frozen=True, kw_only=True)
class StreamResult(KeptStream):
    """A model's outputs on one stream, and the actions that the live decoder detected from them."""

    scores: NDArray[np.float32]
    """(N, K), as the decoder used them."""
    detected: tuple[DetectedAction, ...]


def frame_scores(result: StreamResult, *, lookahead: int) -> NDArray[np.float32]:
    """Look up the newest scores known `lookahead` frames after each frame. Returns (T, K); zeros before any."""
    frames = np.arange(len(result.sequence.labels))
    newest = np.searchsorted(result.ends, frames + lookahead, side="right") - 1
    scores = np.zeros((len(frames), result.scores.shape[1]), np.float32)
    scores[newest >= 0] = result.scores[newest[newest >= 0]]
    return scores
