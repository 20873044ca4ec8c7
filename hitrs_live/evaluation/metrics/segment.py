"""Segment metrics, of whole actions from start to end: segmental F1, edit score, OAD SL/EL scores, interval mAP.

- `segmental_f1`, `edit_score`: Lea et al., Temporal Convolutional Networks, CVPR 2017.
- `oad_localisation`: F1, start and end localisation of the OAD data set (Li et al., ECCV 2016).
- `interval_average_precision`, `interval_mean_average_precision`: AP of intervals (Liu et al., PKU-MMD, 2017).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BACKGROUND, IGNORE
from hitrs_live.evaluation.metrics.frame import rank

_OAD_OVERLAP = 0.6


@dataclass(frozen=True, kw_only=True)
class Segment:
    """An action in frames of its stream."""

    label: int
    start: int
    end: int
    """The first frame after it."""

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"a segment of frames {self.start} to {self.end}: it must end after it starts")


@dataclass(frozen=True, kw_only=True)
class ActionInterval:
    """An action, true or detected, in seconds from the beginning of its stream."""

    stream: int
    label: int
    start_s: float
    end_s: float
    score: float = 1.0
    """Confidence of a detected action; without meaning for a true one."""

    def __post_init__(self) -> None:
        if not self.end_s > self.start_s:
            raise ValueError(f"an interval of {self.start_s} to {self.end_s} s: it must end after it starts")


@dataclass(frozen=True, kw_only=True)
class Localisation:
    """F1, start and end localisation scores of `oad_localisation`; shares in [0, 1]."""

    f1: float
    sl_score: float
    """Of starts."""
    el_score: float
    """Of ends."""


def segments_of(labels: NDArray[np.int64]) -> list[Segment]:
    """Find the runs of equal labels, in order of time. labels: (T,). Runs of background and of IGNORE are none."""
    if not len(labels):
        return []
    edges = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    return [
        Segment(label=int(labels[start]), start=start, end=end)
        for start, end in pairwise(edges)
        if labels[start] not in (BACKGROUND, IGNORE)
    ]


def segmental_f1(predicted: Sequence[Sequence[Segment]], true: Sequence[Sequence[Segment]], *, overlap: float) -> float:
    """Compute segmental F1@k over many streams.

    Lea et al., Temporal Convolutional Networks, CVPR 2017: a predicted segment is right if its
    intersection over union with the true segment of its label that it shares most with is at least `overlap` and no
    earlier one took that segment. Right, wrong and missed ones are summed over the streams.

    predicted, true: a sequence of segments, in order of time, for each stream; overlap: in (0, 1], 0.5 for F1@50.
    Returns a share in [0, 1]; 0 where there is nothing predicted and nothing true.
    """
    right = sum(len(_match(*stream, overlap)) for stream in zip(predicted, true, strict=True))
    predictions, known = sum(map(len, predicted)), sum(map(len, true))
    return 2 * right / (predictions + known) if predictions + known else 0.0


def edit_score(predicted: Sequence[Segment], true: Sequence[Segment]) -> float:
    """Compute the edit score: compare the order of a stream's segments, whatever their lengths.

    Lea et al., CVPR 2017: one minus the Levenshtein distance of the two sequences of labels over the
    longer one's length. Returns a share in [0, 1], not the percentage of the paper; 1 where both are empty.
    """
    rows = [segment.label for segment in predicted]
    columns = np.array([segment.label for segment in true], np.int64)
    steps = np.arange(len(columns) + 1)
    distance = steps
    for label in rows:
        without = np.append(distance[0] + 1, np.minimum(distance[1:] + 1, distance[:-1] + (columns != label)))
        # An insertion costs one for each column passed since the best one before.
        distance = np.minimum.accumulate(without - steps) + steps
    longer = max(len(rows), len(columns))
    return 1.0 - int(distance[-1]) / longer if longer else 1.0


def oad_localisation(predicted: Sequence[Sequence[Segment]], true: Sequence[Sequence[Segment]]) -> Localisation:
    """Compute F1, SL- and EL-score as the OAD data set defines them.

    Li et al., Online Human Action Detection using Joint Classification-Regression Recurrent Neural Networks, ECCV
    2016: a detection is right where its intersection over union with a true action of its class is at least 0.6. It
    scores exp(-|t - t'| / length) for its start t against the true start t' (SL), likewise for its end (EL), with the
    true action's length; false and missed ones score 0. The scores are means over all right, false and missed ones.

    predicted, true: a sequence of segments, in order of time, for each stream; for the figures of one class, give
    only its segments. All three are 0 where there is nothing predicted and nothing true.
    """
    pairs = [pair for stream in zip(predicted, true, strict=True) for pair in _match(*stream, _OAD_OVERLAP)]
    predictions, known = sum(map(len, predicted)), sum(map(len, true))
    if not predictions + known:
        return Localisation(f1=0.0, sl_score=0.0, el_score=0.0)
    # Right detections are among the true and among the predicted ones.
    every = predictions + known - len(pairs)
    return Localisation(
        f1=2 * len(pairs) / (predictions + known),
        sl_score=sum(exp(-abs(p.start - t.start) / (t.end - t.start)) for p, t in pairs) / every,
        el_score=sum(exp(-abs(p.end - t.end) / (t.end - t.start)) for p, t in pairs) / every,
    )


def interval_average_precision(
    predicted: Sequence[ActionInterval], true: Sequence[ActionInterval], overlaps: Sequence[float]
) -> NDArray[np.float64]:
    """Compute interpolated average precision of intervals ranked together, at each overlap.

    Liu et al., PKU-MMD, arXiv 1703.07475: a predicted interval matches the true one of its stream and class with
    which it overlaps most, if their intersection over union is at least the overlap; of several that match the same
    true interval only the first counts. The precision at a recall is the highest at that recall or more, and the
    average is over the true intervals. Intervals of equal score count as one step. The mean over overlaps 0.05,
    0.1 ... 1 is the paper's 2D-AP. The data set's own script reads the precision only just before each further match,
    so it can be lower: for right, wrong, right of two true ones it gives 2/3, the paper's definition 5/6.

    overlaps: (R,) in (0, 1]. Returns (R,), shares in [0, 1], NaN where there is no true interval. Raises ValueError
    where an overlap is outside (0, 1].
    """
    for overlap in overlaps:
        _check(overlap)
    if not true:
        return np.full(len(overlaps), np.nan)
    nearest, shares = _best_of(predicted, true)
    order, ends = rank(np.array([interval.score for interval in predicted], float))
    precisions = np.zeros(len(overlaps))
    for place, overlap in enumerate(overlaps):
        matching = np.flatnonzero(shares[order] >= overlap)
        first = matching[np.unique(nearest[order][matching], return_index=True)[1]]
        hits = np.cumsum(np.bincount(first, minlength=len(order)))[ends]
        best = np.maximum.accumulate((hits / (ends + 1))[::-1])[::-1]
        precisions[place] = (best * np.diff(hits, prepend=0)).sum() / len(true)
    return precisions


def interval_mean_average_precision(
    predicted: Sequence[ActionInterval],
    true: Sequence[ActionInterval],
    overlaps: Sequence[float],
    *,
    by: Literal["action", "video"],
) -> NDArray[np.float64]:
    """Average `interval_average_precision` over classes (mAP_a of PKU-MMD) or over streams (mAP_v), at each overlap.

    The mean is over the classes, or streams, that have a true interval. Predictions of other classes, or in other
    streams, lower only the other mean. overlaps: (R,) in (0, 1]. Returns (R,), shares in [0, 1], NaN where there is no
    true interval.
    """

    def grouped(intervals: Sequence[ActionInterval]) -> dict[int, list[ActionInterval]]:
        groups: dict[int, list[ActionInterval]] = defaultdict(list)
        for interval in intervals:
            groups[interval.label if by == "action" else interval.stream].append(interval)
        return groups

    by_key = grouped(predicted)
    each = [interval_average_precision(by_key[key], known, overlaps) for key, known in sorted(grouped(true).items())]
    return np.mean(each, axis=0) if each else np.full(len(overlaps), np.nan)


def _match(predicted: Sequence[Segment], true: Sequence[Segment], overlap: float) -> list[tuple[Segment, Segment]]:
    """Pair one stream's right segments, predicted and true."""
    _check(overlap)
    bounds = np.array([(segment.start, segment.end) for segment in true], float).reshape(-1, 2)
    labels = np.array([segment.label for segment in true], np.int64)
    taken: set[int] = set()
    pairs = []
    for segment in predicted:
        shares = np.where(labels == segment.label, _shares(segment.start, segment.end, bounds), 0.0)
        best = int(shares.argmax()) if len(shares) else -1
        if best >= 0 and shares[best] >= overlap and best not in taken:
            taken.add(best)
            pairs.append((segment, true[best]))
    return pairs


def _best_of(
    predicted: Sequence[ActionInterval], true: Sequence[ActionInterval]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Find for each predicted interval the true one of its stream and class with the largest overlap.

    Returns its index and the intersection over union, both (N,); 0 and 0 where there is none.
    """
    places: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place in sorted(range(len(true)), key=lambda place: true[place].start_s):
        places[true[place].stream, true[place].label].append(place)
    bounds = {key: np.array([(true[i].start_s, true[i].end_s) for i in of_key]) for key, of_key in places.items()}
    nearest, shares = np.zeros(len(predicted), np.intp), np.zeros(len(predicted))
    for i, interval in enumerate(predicted):
        key = (interval.stream, interval.label)
        if key in bounds:
            with_each = _shares(interval.start_s, interval.end_s, bounds[key])
            nearest[i], shares[i] = places[key][int(with_each.argmax())], with_each.max()
    return nearest, shares


def _shares(start: float, end: float, bounds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the intersection over union of one interval with each of others. bounds: (M, 2). Returns (M,)."""
    shared = np.maximum(0.0, np.minimum(end, bounds[:, 1]) - np.maximum(start, bounds[:, 0]))
    shares: NDArray[np.float64] = shared / ((end - start) + (bounds[:, 1] - bounds[:, 0]) - shared)
    return shares


def _check(overlap: float) -> None:
    if not 0 < overlap <= 1:
        raise ValueError(f"an overlap of {overlap}: give a share above 0, at most 1")
