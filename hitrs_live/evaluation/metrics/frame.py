"""Frame metrics: frame AP of a class, calibrated AP (cAP), and cAP by tenths of an action.

Frame mAP and mcAP of a report are the means of these over classes (`evaluation/reports/detection.py`). Average
precision is the area under the precision-recall curve; cAP is that of De Geest et al., Online Action Detection, ECCV
2016.
"""

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import IGNORE

Scores = NDArray[np.floating]
Flags = NDArray[np.bool_]
_TENTHS = 10


def rank(scores: Scores) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Order by score, highest first, and find where a threshold can lie.

    scores: (N,). Returns the order, (N,), and the places in it, (U,) ascending, of the last of each run of equal
    scores. A threshold includes all of a run or none, so that the result does not depend on how equal scores are
    sorted.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    return order, np.flatnonzero(np.append(ranked[1:] != ranked[:-1], len(ranked) > 0))


def average_precision(scores: Scores, positive: Flags) -> float | None:
    """Compute average precision, the area under precision over recall; frames of equal score count as one step.

    scores: (T,); positive: (T,) bool. Returns a share in [0, 1], or None where there is no positive.
    """
    return calibrated_average_precision(scores, positive, ratio=1.0)


def calibrated_average_precision(scores: Scores, positive: Flags, ratio: float | None = None) -> float | None:
    """Compute calibrated average precision: average precision as if positives were `ratio` times as many.

    De Geest et al., Online Action Detection, ECCV 2016: precision is w TP / (w TP + FP) with w the negatives over
    the positives, which is the default of `ratio`. A rare class then scores no lower for being rare: scores that are
    all equal get 0.5. With `ratio` 1 it is average precision.

    scores: (T,); positive: (T,) bool; ratio: above 0. Returns a share in [0, 1], or None where there is no positive.
    Raises ValueError where the ratio is not above 0.
    """
    if ratio is not None and ratio <= 0:
        raise ValueError(f"a ratio of negatives to positives of {ratio}: give one above 0, or None to have it computed")
    total = int(positive.sum())
    if total == 0:
        return None
    order, ends = rank(scores)
    hits = np.cumsum(positive[order])[ends]
    misses = ends + 1 - hits
    # Without a negative every precision is 1, whatever the weight.
    weight = ratio if ratio is not None else (len(positive) - total) / total or 1.0
    precision = weight * hits / (weight * hits + misses)
    recall = hits / total
    return float((precision * np.diff(recall, prepend=0.0)).sum())


def decile_precisions(scores: Scores, labels: NDArray[np.int64], number: int) -> NDArray[np.float64]:
    """Compute calibrated average precision for each tenth of a class's actions, the first tenth first.

    De Geest et al., ECCV 2016: the positives are the frames of that tenth of each action, the negatives
    all frames of other classes and of background; the action's other frames are left out, and so are unknown ones.
    Frame i of an action of n frames is of tenth 10 i // n, so an action below ten frames has empty tenths.

    An action is an unbroken run of its class. Concatenated streams need an IGNORE frame between them, otherwise an
    action at the end of one and another at the start of the next count as one.

    scores: (T,) of the class; labels: (T,), IGNORE where unknown; number: the class. Returns (10,), shares in
    [0, 1], NaN for a tenth without a frame.
    """
    tenths = _tenths(labels == number)
    negative = (labels != number) & (labels != IGNORE)
    precisions = np.full(_TENTHS, np.nan)
    for tenth in range(_TENTHS):
        positive = tenths == tenth
        known = positive | negative
        precision = calibrated_average_precision(scores[known], positive[known])
        if precision is not None:
            precisions[tenth] = precision
    return precisions


def _tenths(own: Flags) -> NDArray[np.int64]:
    """Number the frames of each run by tenths. own: (T,) bool. Returns (T,), 0 ... 9, -1 outside runs."""
    edges = np.flatnonzero(np.diff(own, prepend=False, append=False))
    begins, lengths = edges[::2], edges[1::2] - edges[::2]
    passed = np.flatnonzero(own) - np.repeat(begins, lengths)
    tenths = np.full(len(own), -1, np.int64)
    tenths[own] = _TENTHS * passed // np.repeat(lengths, lengths)
    return tenths
