"""False alarms: detected starts in the middle of background, and their rate per hour.

- `false_alarm_frames` marks the frames in which a detected onset is a false alarm; their number is the time in which
  one can occur, the hours of "false alarms per hour". Reports count by it in
  `reports.detection._count_in_stream`, threshold tuning in `tuning.Tuner._count_false_alarms`.
- `FalseAlarms` is a count by class in so many hours, with the upper confidence limit of its rate.
- `false_alarms_at_recall` is the rate at the score threshold that reaches a recall.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BACKGROUND
from hitrs_live.evaluation.metrics.point import DetectedStart, TrueStart, matched_detections
from hitrs_live.poisson import poisson_upper_limit


def false_alarm_frames(labels: NDArray[np.int64], reach: int) -> NDArray[np.bool_]:
    """Mark frames with nothing but background up to `reach` frames before and after. (T,) int64 -> (T,) bool.

    An onset in such a frame is a false alarm; the number of such frames is the time in which one can occur.
    """
    others = np.concatenate(([0], np.cumsum(labels != BACKGROUND)))
    frames = np.arange(len(labels))
    first, last = np.maximum(frames - reach, 0), np.minimum(frames + reach + 1, len(labels))
    alone: NDArray[np.bool_] = others[last] == others[first]
    return alone


@dataclass(frozen=True, kw_only=True)
class FalseAlarms:
    """Number of false alarms by class number, and the hours of background in which they were counted."""

    by_class: Mapping[int, int]
    hours: float

    @property
    def count(self) -> int:
        """Number of all classes together."""
        return sum(self.by_class.values())

    @property
    def most_per_hour(self) -> float:
        """Upper 95 % confidence limit of the rate (Poisson); 3 / hours where there was no alarm."""
        return poisson_upper_limit(self.count) / self.hours


def false_alarms_at_recall(
    detected: Sequence[DetectedStart],
    true: Sequence[TrueStart],
    *,
    alone: Sequence[bool] | NDArray[np.bool_],
    background_s: float,
    recall: float,
    tolerance_s: float,
) -> float | None:
    """Compute false alarms per hour of background at the highest score threshold that reaches a recall.

    The recall at a threshold is the share of true starts matched by a detection of that score or more, as
    `match_starts` matches them by stream and class. A false alarm is a detection of that score or more that matches
    nothing and lies in background.

    detected, true: any classes and streams; alone: (N,) bool, whether each detection lies in background, as
    `false_alarm_frames` defines it; background_s: the length of background in all streams; recall: in
    (0, 1]. Returns alarms per hour, or None where the recall is never reached or there is no background. Raises
    ValueError where the recall is outside (0, 1] or `alone` has another length than `detected`.
    """
    if not 0 < recall <= 1:
        raise ValueError(f"a recall of {recall}: give a share above 0, at most 1")
    if len(alone) != len(detected):
        raise ValueError(f"{len(alone)} background flags for {len(detected)} detections: give one for each")
    if not true or background_s <= 0:
        return None
    thresholds = sorted({detection.score for detection in detected}, reverse=True)

    def matched_at(threshold: float) -> set[int]:
        return matched_detections(detected, true, threshold, tolerance_s)

    # A further detection never unmatches a true start, so the recall only grows as the threshold falls.
    place = bisect_left(thresholds, True, key=lambda threshold: len(matched_at(threshold)) / len(true) >= recall)
    if place == len(thresholds):
        return None
    threshold = thresholds[place]
    matched = matched_at(threshold)
    alarms = sum(
        bool(alone[i]) for i, detection in enumerate(detected) if detection.score >= threshold and i not in matched
    )
    return alarms * 3600.0 / background_s
