"""Start detection metrics (point metrics): start precision, recall and F1, delay, point-level AP.

A start is one instant, the onset of an action. These metrics compare detected starts with true ones:

- `match_starts`: precision, recall, F1 and delay of starts within a tolerance, at the decoder's own thresholds.
- `point_average_precision`: point-level average precision (Shou et al., Online Detection of Action Start, ECCV 2018).

False alarms are in `false_alarms`.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hitrs_live.evaluation.metrics.frame import rank

_RECALL_LEVELS = 10
"""Steps between the recalls of the eleven-point mean."""


@dataclass(frozen=True, kw_only=True)
class TrueStart:
    """The start of a labelled action. Times count from the beginning of its stream."""

    stream: int
    label: int
    onset_s: float


@dataclass(frozen=True, kw_only=True)
class DetectedStart:
    """The start of a detected action. Times count from the beginning of its stream."""

    stream: int
    label: int
    onset_s: float
    """When the action began, as the event dates it."""
    detected_s: float
    """Capture time of the frame after which the event was emitted."""
    score: float


@dataclass(frozen=True, kw_only=True)
class Matches:
    """Counts of detected and true starts, and how many of them match."""

    right: int
    detected: int
    true: int
    delays_s: tuple[float, ...]
    """Of the matches: from the true start to the capture of the frame after which it was reported."""

    @property
    def precision(self) -> float:
        """Share of detected starts that match a true one; 0 where nothing was detected."""
        return self.right / self.detected if self.detected else 0.0

    @property
    def recall(self) -> float:
        """Share of true starts that were detected; 0 where there is none."""
        return self.right / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 where there is neither a detected nor a true start."""
        return 2 * self.right / (self.detected + self.true) if self.detected + self.true else 0.0

    def delay_percentile_s(self, percent: float) -> float | None:
        """Return a percentile of the delays, interpolated linearly; None where nothing matches."""
        return float(np.percentile(self.delays_s, percent)) if self.delays_s else None

    def __add__(self, other: "Matches") -> "Matches":
        return Matches(
            right=self.right + other.right,
            detected=self.detected + other.detected,
            true=self.true + other.true,
            delays_s=self.delays_s + other.delays_s,
        )


NO_MATCHES = Matches(right=0, detected=0, true=0, delays_s=())


def match_starts(detected: list[tuple[float, float]], true: list[float], *, tolerance_s: float) -> Matches:
    """Match detected starts of one class and stream to true ones: each at most once, nearest pair first.

    detected: (onset, capture time of the frame after which it was reported), seconds; true: onsets, seconds;
    tolerance_s: largest distance of two onsets that match.
    """
    pairs = _pair([onset_s for onset_s, _ in detected], true, tolerance_s)
    delays_s = tuple(detected[i][1] - true[j] for i, j in pairs)
    return Matches(right=len(pairs), detected=len(detected), true=len(true), delays_s=delays_s)


def point_average_precision(
    detected: Sequence[DetectedStart], true: Sequence[TrueStart], *, offset_s: float
) -> float | None:
    """Compute point-level average precision of one class's starts over many streams.

    Shou et al., Online Detection of Action Start, ECCV 2018: in descending order of score, a detection is right if a
    true start of its stream, not yet matched, is within the offset of the time of detection (detected_s: a late report
    counts as late, whatever onset it names). It takes the nearest. The average is the eleven-point one of the public
    evaluation of this task (Gao et al., WOAD, CVPR 2021): the mean over recalls 0, 0.1 ... 1 of the best precision at
    that recall or more. Detections of equal score count as one step.

    detected, true: of one class; offset_s: seconds. Returns a share in [0, 1], or None where there is no true start.
    """
    if not true:
        return None
    free: dict[tuple[int, int], list[float]] = defaultdict(list)
    for start in sorted(true, key=lambda start: start.onset_s):
        free[start.stream, start.label].append(start.onset_s)
    # Of equal scores the earlier chooses first, so that the order given does not matter.
    ranked = sorted(detected, key=lambda detection: (-detection.score, detection.detected_s))
    right = [
        _take_nearest(free[detection.stream, detection.label], detection.detected_s, offset_s) for detection in ranked
    ]
    _, ends = rank(np.array([detection.score for detection in ranked], float))
    hits = np.cumsum(right, dtype=np.int64)[ends]
    precision = hits / (ends + 1)
    # In whole numbers: 3 of 10 starts is not quite a recall of 3 * 0.1.
    levels = np.arange(_RECALL_LEVELS + 1)[:, None] * len(true)
    reached = np.where(_RECALL_LEVELS * hits >= levels, precision, 0.0)
    return float(reached.max(axis=1, initial=0.0).mean())


def _pair(detected_s: Sequence[float], true_s: Sequence[float], tolerance_s: float) -> list[tuple[int, int]]:
    """Pair detected and true onsets within the tolerance, each at most once, nearest first. Returns indices."""
    pairs = sorted(
        (abs(onset_s - start_s), i, j)
        for i, onset_s in enumerate(detected_s)
        for j, start_s in enumerate(true_s)
        if abs(onset_s - start_s) <= tolerance_s
    )
    used_detected: set[int] = set()
    used_true: set[int] = set()
    matched = []
    for _, i, j in pairs:
        if i not in used_detected and j not in used_true:
            used_detected.add(i)
            used_true.add(j)
            matched.append((i, j))
    return matched


def matched_detections(
    detected: Sequence[DetectedStart], true: Sequence[TrueStart], threshold: float, tolerance_s: float
) -> set[int]:
    """Find which detections of the threshold's score or more match a true start of their stream and class."""
    starts: dict[tuple[int, int], list[float]] = defaultdict(list)
    for start in true:
        starts[start.stream, start.label].append(start.onset_s)
    candidates: dict[tuple[int, int], list[int]] = defaultdict(list)
    for i, detection in enumerate(detected):
        if detection.score >= threshold:
            candidates[detection.stream, detection.label].append(i)
    return {
        of_key[i]
        for key, of_key in candidates.items()
        for i, _ in _pair([detected[i].onset_s for i in of_key], starts[key], tolerance_s)
    }


def _take_nearest(free_s: list[float], detected_s: float, offset_s: float) -> bool:
    """Remove the nearest free start within the offset. Returns whether there was one."""
    nearest = min(free_s, key=lambda start_s: abs(start_s - detected_s), default=None)
    if nearest is None or abs(nearest - detected_s) > offset_s:
        return False
    free_s.remove(nearest)
    return True
