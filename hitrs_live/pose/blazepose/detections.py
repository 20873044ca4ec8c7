"""From the detector's outputs to people: decoding, and suppression of those reported several times."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

# Logits beyond this are clipped, so that the exponential stays finite.
_LARGEST_LOGIT = 100.0
_SMALLEST_AREA = 1e-9
# Two boxes with more overlap (intersection over union) are of one person.
SAME_BOX_OVERLAP = 0.5


@dataclass(frozen=True, kw_only=True)
class Detection:
    """A person as the detector sees one; coordinates are fractions of what it was shown."""

    score: float
    box: Floats
    """(4,): left, top, right, bottom of the face."""
    hips: Floats
    """(2,): the middle of the hips."""
    reach: Floats
    """(2,): a point on the circle about the hips that surrounds the whole person, upwards along the body."""


def decode(
    boxes: NDArray[np.float32],
    logits: NDArray[np.float32],
    anchors: NDArray[np.float32],
    *,
    size: int,
    min_score: float,
) -> list[Detection]:
    """Return the detections of a score of at least min_score, one for each person, best first.

    boxes: (A, 12): centre x, y, width, height, then four points x, y, pixels of the input about the anchor; logits:
    (A, 1); anchors: (A, 2); size: width and height of the input, pixels.
    """
    scores = 1 / (1 + np.exp(-np.clip(logits[:, 0].astype(np.float64), -_LARGEST_LOGIT, _LARGEST_LOGIT)))
    kept = np.flatnonzero(scores >= min_score)
    raw = boxes[kept] / size
    centre, half = raw[:, :2] + anchors[kept], raw[:, 2:4] / 2
    points = raw[:, 4:].reshape(len(kept), 4, 2) + anchors[kept, None]
    corners = np.concatenate((centre - half, centre + half), axis=1)
    return suppress(corners, points, scores[kept])


def suppress(boxes: Floats, points: Floats, scores: Floats) -> list[Detection]:
    """Merge boxes that overlap into the mean of theirs, weighted by score. Returns the merged ones, best first.

    boxes: (D, 4): left, top, right, bottom; points: (D, 2 or more, 2): hips, reach; scores: (D,).
    """
    remaining = np.argsort(-scores, kind="stable")
    merged = []
    while len(remaining):
        best = remaining[0]
        overlap = _overlap(boxes[best], boxes[remaining])
        same = overlap > SAME_BOX_OVERLAP
        # A box of no size overlaps nothing, not even itself.
        same[0] = True
        cluster = remaining[same]
        weights = scores[cluster] / scores[cluster].sum()
        hips, reach = (weights @ points[cluster, place] for place in range(2))
        merged.append(Detection(score=float(scores[best]), box=weights @ boxes[cluster], hips=hips, reach=reach))
        remaining = remaining[~same]
    return merged


def _overlap(box: Floats, others: Floats) -> Floats:
    """Return the intersection over union of a box (4,) with others (D, 4): (D,)."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common: Floats = np.prod(np.maximum(high - low, 0), axis=1)
    union = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1) - common
    overlap: Floats = common / np.maximum(union, _SMALLEST_AREA)
    return overlap
