"""How well the starts of actions are told: right or not, how late, and how many false alarms that costs."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.evaluation.metrics.frame import rank

_RECALL_LEVELS = 10
"""Steps between the recalls of the eleven-point mean."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """An action that began. Times count from the beginning of its stream."""

    stream: int
    label: int
    onset_s: float


@dataclass(frozen=True, kw_only=True)
class Told:
    """A start as it was told. Times count from the beginning of its stream."""

    stream: int
    label: int
    onset_s: float
    """When the action is said to have begun."""
    told_s: float
    """Capture time of the frame that told it."""
    score: float


@dataclass(frozen=True, kw_only=True)
class Matches:
    """Starts that were told, against starts that were."""

    right: int
    told: int
    true: int
    delays_s: tuple[float, ...]
    """Of the right ones: from the true start to the capture of the frame that told it."""

    @property
    def precision(self) -> float:
        """Share of what was told that was so; 0 where nothing was told."""
        return self.right / self.told if self.told else 0.0

    @property
    def recall(self) -> float:
        """Share of what was so that was told; 0 where nothing was so."""
        return self.right / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        return 2 * self.right / (self.told + self.true) if self.told + self.true else 0.0

    def delay_percentile_s(self, percent: float) -> float | None:
        """Return the delay that `percent` of the right ones do not exceed, interpolated; None where none is right."""
        return float(np.percentile(self.delays_s, percent)) if self.delays_s else None

    def __add__(self, other: "Matches") -> "Matches":
        return Matches(
            right=self.right + other.right,
            told=self.told + other.told,
            true=self.true + other.true,
            delays_s=self.delays_s + other.delays_s,
        )


NO_MATCHES = Matches(right=0, told=0, true=0, delays_s=())


def match_starts(told: list[tuple[float, float]], true: list[float], *, tolerance_s: float) -> Matches:
    """Match told starts of one class to true ones, each at most once, nearest first.

    told: (onset, moment of telling) in seconds; true: starts in seconds.
    """
    pairs = _pair([onset_s for onset_s, _ in told], true, tolerance_s)
    delays_s = tuple(told[i][1] - true[j] for i, j in pairs)
    return Matches(right=len(pairs), told=len(told), true=len(true), delays_s=delays_s)


def point_average_precision(told: Sequence[Told], true: Sequence[Start], *, offset_s: float) -> float | None:
    """Compute point-level average precision of one class's starts over many streams.

    Shou et al., Online Detection of Action Start, ECCV 2018: by score, highest first, a telling is right if a true
    start of its stream, not yet taken, is within the offset of the moment of telling (told_s: what is told later
    counts as later, whatever onset it names); it takes the nearest. The average is the eleven-point one of the
    public evaluation of this task (Gao et al., WOAD, CVPR 2021): the mean over recalls 0, 0.1 ... 1 of the best
    precision at that recall or more. Tellings of equal score count as one step.

    told, true: of one class; offset_s: seconds. Returns a share in [0, 1], or None where there is no true start.
    """
    if not true:
        return None
    free: dict[tuple[int, int], list[float]] = defaultdict(list)
    for start in sorted(true, key=lambda start: start.onset_s):
        free[start.stream, start.label].append(start.onset_s)
    # Of equal scores the earlier chooses first, so that the order given does not matter.
    ranked = sorted(told, key=lambda telling: (-telling.score, telling.told_s))
    right = [_take_nearest(free[telling.stream, telling.label], telling.told_s, offset_s) for telling in ranked]
    _, ends = rank(np.array([telling.score for telling in ranked], float))
    hits = np.cumsum(right, dtype=np.int64)[ends]
    precision = hits / (ends + 1)
    # In whole numbers: 3 of 10 starts is not quite a recall of 3 * 0.1.
    levels = np.arange(_RECALL_LEVELS + 1)[:, None] * len(true)
    reached = np.where(_RECALL_LEVELS * hits >= levels, precision, 0.0)
    return float(reached.max(axis=1, initial=0.0).mean())


def false_alarms_at_recall(
    told: Sequence[Told],
    true: Sequence[Start],
    *,
    alone: Sequence[bool] | NDArray[np.bool_],
    background_s: float,
    recall: float,
    tolerance_s: float,
) -> float | None:
    """Count false alarms an hour of background where the score's threshold lets just enough starts be found.

    The threshold is the highest at which the share of true starts matched by a telling of that score or more, as
    `match_starts` matches them by stream and class, reaches `recall`. A false alarm is a telling of that score or
    more that matches nothing and lies in background.

    told, true: any classes and streams; alone: (N,) whether each telling lies in background; background_s: its
    length in all streams; recall: in (0, 1]. Returns alarms an hour, or None where the recall is never reached or
    there is no background.
    """
    if not 0 < recall <= 1:
        raise ValueError(f"a recall of {recall}: give a share above 0, at most 1")
    if len(alone) != len(told):
        raise ValueError(f"{len(alone)} marks of what lies alone for {len(told)} tellings: give one for each")
    if not true or background_s <= 0:
        return None
    thresholds = sorted({telling.score for telling in told}, reverse=True)

    def matched_at(threshold: float) -> set[int]:
        return _matched(told, true, threshold, tolerance_s)

    # A telling more never loses a true start that was matched, so the recall only grows as the threshold falls.
    place = bisect_left(thresholds, True, key=lambda threshold: len(matched_at(threshold)) / len(true) >= recall)
    if place == len(thresholds):
        return None
    threshold = thresholds[place]
    matched = matched_at(threshold)
    alarms = sum(bool(alone[i]) for i, telling in enumerate(told) if telling.score >= threshold and i not in matched)
    return alarms * 3600.0 / background_s


def _pair(told_s: Sequence[float], true_s: Sequence[float], tolerance_s: float) -> list[tuple[int, int]]:
    """Pair told onsets and true starts within the tolerance, each at most once, nearest first. Returns indices."""
    pairs = sorted(
        (abs(onset_s - start_s), i, j)
        for i, onset_s in enumerate(told_s)
        for j, start_s in enumerate(true_s)
        if abs(onset_s - start_s) <= tolerance_s
    )
    used_told: set[int] = set()
    used_true: set[int] = set()
    kept = []
    for _, i, j in pairs:
        if i not in used_told and j not in used_true:
            used_told.add(i)
            used_true.add(j)
            kept.append((i, j))
    return kept


def _matched(told: Sequence[Told], true: Sequence[Start], threshold: float, tolerance_s: float) -> set[int]:
    """Find which tellings of the threshold's score or more match a true start of their stream and class."""
    starts: dict[tuple[int, int], list[float]] = defaultdict(list)
    for start in true:
        starts[start.stream, start.label].append(start.onset_s)
    tellings: dict[tuple[int, int], list[int]] = defaultdict(list)
    for i, telling in enumerate(told):
        if telling.score >= threshold:
            tellings[telling.stream, telling.label].append(i)
    return {
        of_key[i]
        for key, of_key in tellings.items()
        for i, _ in _pair([told[i].onset_s for i in of_key], starts[key], tolerance_s)
    }


def _take_nearest(free_s: list[float], told_s: float, offset_s: float) -> bool:
    """Take the nearest start out of those free, where one is within the offset; tell whether one was."""
    nearest = min(free_s, key=lambda start_s: abs(start_s - told_s), default=None)
    if nearest is None or abs(nearest - told_s) > offset_s:
        return False
    free_s.remove(nearest)
    return True
