"""Make targets of independent classes: what of each clip is known to be done, known not to be, or unknown."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BACKGROUND, IGNORE
from hitrs_live.data.similar_classes import SimilarClasses
from hitrs_live.data.unlabelled_classes import NEVER_UNLABELLED, may_occur_unlabelled
from hitrs_live.training.batches_detection import frames_since_start

_RECOGNISED_FRAMES: Final = 30
"""Frames, a second, after which any action is recognised."""


def known_classes(classes: Sequence[str], labels: Sequence[str]) -> NDArray[np.bool_]:
    """Return whether a source labels each class wherever it occurs, (K,).

    classes: that the source labels; labels: the detector's. What a source does not label is unknown, not background:
    recordings of exercises do not say whether a person turned or waved in between.
    """
    return np.array([name in classes or name in NEVER_UNLABELLED for name in labels])


def absent_classes(source: str, classes: Sequence[str], labels: Sequence[str]) -> NDArray[np.bool_]:
    """Return whether each class is known not to occur in a source where it is not labelled, (K,).

    classes: that the source labels; labels: the detector's. It is so for frames of unknown class too.
    """
    return np.array([name not in classes and not may_occur_unlabelled(source, name) for name in labels])


def recognised_mask(labels: NDArray[np.int64], every_frames: int = 1) -> NDArray[np.bool_]:
    """Return where more than half of an action has passed, or a second of it. labels: (B, T) -> (B, T).

    An action that began before the first frame has lasted since then at least; one that goes on after the last frame
    is taken to end far away. every_frames: how many frames each of the T labels stands for.
    """
    count = labels.shape[1]
    frames = np.arange(count)
    since = np.minimum(frames_since_start(labels), frames)
    ends = np.diff(labels, axis=1, append=labels[:, -1:]) != 0
    until = np.minimum.accumulate(np.where(ends, frames, 2 * count)[:, ::-1], axis=1)[:, ::-1] - frames
    return (labels > BACKGROUND) & (since >= np.minimum(until, -(-_RECOGNISED_FRAMES // every_frames)))


def class_targets(
    labels: NDArray[np.int64],
    known: NDArray[np.bool_],
    similar: SimilarClasses,
    absent: NDArray[np.bool_],
    recognised: NDArray[np.bool_],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return targets and weights, (..., K) each; a weight is 1 where the target is known, else 0.

    labels: (...), class of each clip, IGNORE where unknown; known: (..., K), which classes its source labels, broadcast
    to the clips; absent: as known, which classes do not occur in the source without a label; recognised: (...), where
    an action has gone on for so long that it may show only the classes that are similar still. Who does one action does
    none of the others but similar ones; a clip without an action says so only of classes that its source labels, and a
    clip of unknown class only of those that are absent.
    """
    classes = np.arange(similar.still.shape[0])
    targets = (labels[..., None] == classes) & (classes > BACKGROUND)
    acting = (labels > BACKGROUND)[..., None]
    rows = np.maximum(labels, BACKGROUND)
    also = np.where(recognised[..., None], similar.still[rows], similar.at_first[rows])
    weights = ((labels != IGNORE)[..., None] & (acting | known) | absent) & ~also & (classes > BACKGROUND)
    return targets.astype(np.float32), weights.astype(np.float32)
