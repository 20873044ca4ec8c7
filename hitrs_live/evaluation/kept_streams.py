"""What is kept of a stream: what the model said of it, and what the live decoder made of that."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import LabelledSequence

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


def _no_motion() -> NDArray[np.float32]:
    return np.zeros((0, len(HORIZONS)), np.float32)


@dataclass(frozen=True, kw_only=True)
class KeptStream:
    """What a model said of one stream: all that decisions and figures rest on. N judgements, K classes."""

    sequence: LabelledSequence
    ends: NDArray[np.int64]
    """(N,); the frame after which each judgement was known."""
    logits: NDArray[np.float32]
    """(N, K), as the model gave them."""
    confidence: NDArray[np.float32] | None = None
    """(N, 25); of the joints of that frame. None where all count as seen, as in an array file."""
    motion_error_mm: NDArray[np.float32] = field(default_factory=_no_motion)
    """(N, H); mean joint error in camera space of each prediction at HORIZONS; NaN past the stream's end.

    (0, H) where the model predicts no motion.
    """
    held_error_mm: NDArray[np.float32] = field(default_factory=_no_motion)
    """(N, H); the same for the pose held still."""


@dataclass(frozen=True, kw_only=True)
class StreamResult(KeptStream):
    """A kept stream and what was decided on it."""

    scores: NDArray[np.float32]
    """(N, K), as the decoder used them."""
    told: tuple[ToldAction, ...]


def frame_scores(result: StreamResult, *, lookahead: int) -> NDArray[np.float32]:
    """Give every frame the newest scores known `lookahead` frames after it. Returns (T, K); zeros before any."""
    frames = np.arange(len(result.sequence.labels))
    newest = np.searchsorted(result.ends, frames + lookahead, side="right") - 1
    scores = np.zeros((len(frames), result.scores.shape[1]), np.float32)
    scores[newest >= 0] = result.scores[newest[newest >= 0]]
    return scores
