"""Compute the report of online detection: every metric, from the live stages' outputs on recorded streams.

False alarms are counted in `_count_in_stream`: a detected start is one where `false_alarm_frames` marks its frame. The
time in which one can occur is `background_s`; false alarms per hour are the ratio of the two. Frame mAP comes from
`metrics/frame.py`, start F1 and delays from `metrics/point.py`, segment metrics from `metrics/segment.py`.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BACKGROUND, IGNORE
from hitrs_live.evaluation.kept_streams import HORIZONS, StreamResult, frame_scores
from hitrs_live.evaluation.metrics.classification import confusion
from hitrs_live.evaluation.metrics.false_alarms import false_alarm_frames, false_alarms_at_recall
from hitrs_live.evaluation.metrics.frame import (
    average_precision,
    calibrated_average_precision,
    decile_precisions,
)
from hitrs_live.evaluation.metrics.point import (
    NO_MATCHES,
    DetectedStart,
    Matches,
    TrueStart,
    match_starts,
    point_average_precision,
)
from hitrs_live.evaluation.metrics.segment import (
    ActionInterval,
    Segment,
    edit_score,
    interval_mean_average_precision,
    oad_localisation,
    segmental_f1,
    segments_of,
)

LATER_S = 0.2
"""Lookahead of the second frame mAP: each frame takes the newest scores known this much later."""
TOLERANCES_S = (0.1, 0.3, 0.5, 1.0)
TOLERANCE_S = 0.5
"""Tolerance of a start where one value is given: precision, recall, delays, false alarms, the table of classes."""
OFFSETS_S = (*(round(0.1 * k, 1) for k in range(1, 11)), *(float(k) for k in range(2, 11)))
OVERLAPS = (0.1, 0.3, 0.5)
SEGMENTAL_OVERLAPS = (0.1, 0.25, 0.5)
RECALL = 0.8
"""Recall at which false alarms are counted as well, to compare detectors of different thresholds."""
OTHER_CLASSES = "other classes"
"""Name in `confusion` of all classes that the data does not label."""


@dataclass(frozen=True, kw_only=True)
class _Classes:
    """Which of a detector's classes the metrics are of. Numbers, without the background."""

    labelled: frozenset[int]
    """Those that the data labels wherever they occur."""
    measured: frozenset[int]
    """Those of them that the detector reports."""


@dataclass(frozen=True, kw_only=True)
class _Stream:
    """One stream prepared for the metrics: scores and labels by frame, detected and true actions. K classes."""

    number: int
    labels: NDArray[np.int64]
    """(T,)."""
    online: NDArray[np.float32]
    """(T, K); the scores known at each frame."""
    later: NDArray[np.float32]
    """(T, K); those known LATER_S after it."""
    predicted: tuple[Segment, ...]
    """Detected actions of the labelled classes by frame, without frames of unknown class."""
    true: tuple[Segment, ...]
    """Of the measured classes."""
    starts: tuple[TrueStart, ...]
    detected: tuple[DetectedStart, ...]
    intervals: tuple[ActionInterval, ...]
    alone: tuple[bool, ...]
    """For each detected start, whether it is a false alarm: nothing but background is near it."""
    others: tuple[DetectedStart, ...]
    """Detected starts of classes that the data does not label."""
    others_alone: tuple[bool, ...]
    """The same for these."""
    background_s: float
    """Time in which a start would be a false alarm."""


def detection_report(
    results: Sequence[StreamResult],
    labels: tuple[str, ...],
    *,
    rate_hz: float = 30.0,
    labelled: Collection[str] | None = None,
    reported: Collection[str] | None = None,
) -> dict[str, Any]:
    """Compute the metrics of some streams, ready for JSON.

    labels: the detector's classes, background first; labelled: those that the data labels wherever they occur, by
    default all; reported: those that the detector reports, by default all.

    Frames of unknown class are left out of everything. Seconds, shares in [0, 1], millimetres. A class that does not
    occur has no entry in `per_class`, but its detections count as false alarms. In `confusion` a frame's predicted
    class is the one with the highest score, background included, of the newest prediction known at it; before the
    first prediction it is background.

    Every metric is of the classes that are labelled and reported. What the data does not label may have happened or
    not: detections of such classes are neither right nor wrong, and count in `other_classes`, by class; those in
    background also count in `false_alarms`. A class that occurs and is not reported is in `not_reported` with its
    starts and frames: they do not count as missed, but what is detected there is wrong.
    """
    classes = _classes(labels, labelled, reported)
    streams = [_count_in_stream(number, result, labels, rate_hz, classes) for number, result in enumerate(results)]
    occurring = [k for k in range(1, len(labels)) if any((s.labels == k).any() for s in streams)]
    present = [k for k in occurring if k in classes.measured]
    truth, online, later = (
        np.concatenate([getattr(s, name) for s in streams]) for name in ("labels", "online", "later")
    )
    known = truth != IGNORE
    truth, online, later = truth[known], online[known], later[known]
    right = later.argmax(1) == truth
    measured = np.isin(truth, (BACKGROUND, *classes.measured))
    per_class = {labels[k]: _of_class(streams, k, truth == k, online[:, k], later[:, k], right) for k in present}
    starts = [start for s in streams for start in s.starts]
    detected = [start for s in streams for start in s.detected]
    others = [start for s in streams for start in s.others]
    alone = [flag for s in streams for flag in s.alone] + [flag for s in streams for flag in s.others_alone]
    background_s = sum(s.background_s for s in streams)
    alarms = sum(alone)
    total = {tolerance: _matches(streams, tolerance) for tolerance in TOLERANCES_S}
    at_recall = false_alarms_at_recall(
        [*detected, *others], starts, alone=alone, background_s=background_s, recall=RECALL, tolerance_s=TOLERANCE_S
    )
    return {
        "streams": len(streams),
        "frames": len(truth),
        "frame_map": _mean(per_class, "ap"),
        "frame_map_later": _mean(per_class, "ap_later"),
        "mcap": _mean(per_class, "cap"),
        "mcap_by_decile": _decile_means(streams, present),
        "accuracy_later": _round(float(right[measured].mean())) if measured.any() else None,
        "start_f1": {f"{tolerance:g}": _round(matches.f1) for tolerance, matches in total.items()},
        "start_precision": _round(total[TOLERANCE_S].precision),
        "start_recall": _round(total[TOLERANCE_S].recall),
        "start_map": _start_maps(detected, starts, present),
        "delay_p50_s": _round(total[TOLERANCE_S].delay_percentile_s(50)),
        "delay_p95_s": _round(total[TOLERANCE_S].delay_percentile_s(95)),
        "false_alarms": alarms,
        "background_s": round(background_s, 1),
        "false_alarms_per_hour": round(3600 * alarms / background_s, 2) if background_s else None,
        f"false_alarms_per_hour_at_recall_{RECALL:g}": None if at_recall is None else round(at_recall, 2),
        "other_classes": _other_classes(streams, labels),
        "not_reported": {
            labels[k]: {
                "starts": sum(segment.label == k for s in streams for segment in segments_of(s.labels)),
                "frames": int((truth == k).sum()),
            }
            for k in occurring
            if k not in classes.measured
        },
        "oad": _localisation(streams),
        "segmental_f1": _segmental(streams),
        "edit": _round(float(np.mean([edit_score(s.predicted, s.true) for s in streams]))),
        "map_at_overlap": _interval_maps(streams, rate_hz),
        "motion": motion(results),
        # Where all scores are 0, argmax gives the first class, background.
        "confusion": confusion(
            _with_others_as_one(online.argmax(1), len(labels), classes), truth, (*labels, OTHER_CLASSES)
        ),
        "per_class": per_class,
    }


def _classes(labels: tuple[str, ...], labelled: Collection[str] | None, reported: Collection[str] | None) -> _Classes:
    every = frozenset(range(1, len(labels)))
    named, told = (
        every if names is None else frozenset(k for k in every if labels[k] in names) for names in (labelled, reported)
    )
    return _Classes(labelled=named, measured=named & told)


def _with_others_as_one(predicted: NDArray[np.int64], classes: int, chosen: _Classes) -> NDArray[np.int64]:
    """Give the classes that the data does not label one number, which follows those of the `classes` classes."""
    own = np.isin(predicted, (BACKGROUND, *chosen.labelled))
    return np.where(own, predicted, classes)


def _other_classes(streams: Sequence[_Stream], labels: tuple[str, ...]) -> dict[str, Any]:
    by_class = Counter(labels[start.label] for s in streams for start in s.others)
    return {
        "detected": by_class.total(),
        "in_background": sum(flag for s in streams for flag in s.others_alone),
        "by_class": dict(by_class.most_common()),
    }


def _count_in_stream(
    number: int, result: StreamResult, labels: tuple[str, ...], rate_hz: float, classes: _Classes
) -> _Stream:
    truth = result.sequence.labels
    online, later = (frame_scores(result, lookahead=frames) for frames in (0, round(LATER_S * rate_hz)))
    predicted = np.full(len(truth), BACKGROUND)
    detected, intervals, alone = [], [], []
    others, others_alone = [], []
    reach = round(TOLERANCE_S * rate_hz)
    away = false_alarm_frames(truth, reach)
    for action in result.detected:
        first, last = (min(len(truth), round(at_s * rate_hz)) for at_s in (action.onset_s, action.end_s))
        label = labels.index(action.label)
        known = label in classes.labelled
        if known:
            predicted[first:last] = label
        onset = min(len(truth) - 1, first)
        if truth[onset] == IGNORE:
            continue
        start = DetectedStart(
            stream=number, label=label, onset_s=action.onset_s, detected_s=action.detected_s, score=action.score
        )
        if not known:
            others.append(start)
            others_alone.append(bool(away[onset]))
            continue
        detected.append(start)
        alone.append(bool(away[onset]))
        if last > first:
            score = float(later[first:last, label].mean())
            intervals.append(
                ActionInterval(stream=number, label=label, start_s=action.onset_s, end_s=action.end_s, score=score)
            )
    predicted[truth == IGNORE] = IGNORE
    true = [segment for segment in segments_of(truth) if segment.label in classes.measured]
    starts = tuple(TrueStart(stream=number, label=s.label, onset_s=s.start / rate_hz) for s in true)
    return _Stream(
        number=number, labels=truth, online=online, later=later, predicted=tuple(segments_of(predicted)),
        true=tuple(true), starts=starts, detected=tuple(detected), intervals=tuple(intervals), alone=tuple(alone),
        others=tuple(others), others_alone=tuple(others_alone), background_s=float(away.sum() / rate_hz),
    )  # fmt: skip


def _of_class(
    streams: Sequence[_Stream],
    number: int,
    positive: NDArray[np.bool_],
    online: NDArray[np.float32],
    later: NDArray[np.float32],
    right: NDArray[np.bool_],
) -> dict[str, Any]:
    """Compute one class's metrics. positive, online, later, right: (T,) over the known frames of all streams."""
    matches = _matches(streams, TOLERANCE_S, number)
    return {
        "frames": int(positive.sum()),
        "ap": _round(average_precision(online, positive)),
        "ap_later": _round(average_precision(later, positive)),
        "cap": _round(calibrated_average_precision(online, positive)),
        "recall_later": _round(float(right[positive].mean())) if positive.any() else None,
        "starts": matches.true,
        "told": matches.detected,
        "precision": _round(matches.precision),
        "start_recall": _round(matches.recall),
        "f1": _round(matches.f1),
        "delay_p50_s": _round(matches.delay_percentile_s(50)),
    }


def _matches(streams: Sequence[_Stream], tolerance_s: float, number: int | None = None) -> Matches:
    """Match the starts of one class, or of every class where `number` is None."""
    total = NO_MATCHES
    for stream in streams:
        occurring = {s.label for s in stream.starts} | {s.label for s in stream.detected}
        labels = occurring if number is None else {number}
        for label in labels:
            total += match_starts(
                [(s.onset_s, s.detected_s) for s in stream.detected if s.label == label],
                [s.onset_s for s in stream.starts if s.label == label],
                tolerance_s=tolerance_s,
            )
    return total


def _decile_means(streams: Sequence[_Stream], present: Sequence[int]) -> list[float | None]:
    """Average each tenth over classes; an IGNORE frame separates the streams."""
    gap = np.array([IGNORE])
    labels = np.concatenate([part for s in streams for part in (s.labels, gap)])
    scores = np.concatenate([part for s in streams for part in (s.online, np.zeros_like(s.online[:1]))])
    if not present:
        return [None] * 10
    tenths = np.stack([decile_precisions(scores[:, k], labels, k) for k in present])
    return [_round(float(np.nanmean(column))) if np.isfinite(column).any() else None for column in tenths.T]


def _start_maps(
    detected: Sequence[DetectedStart], starts: Sequence[TrueStart], present: Sequence[int]
) -> dict[str, float | None]:
    by_offset: dict[str, float | None] = {}
    for offset_s in OFFSETS_S:
        values = [
            point_average_precision(
                [s for s in detected if s.label == k], [s for s in starts if s.label == k], offset_s=offset_s
            )
            for k in present
        ]
        known = [value for value in values if value is not None]
        by_offset[f"{offset_s:g}"] = _round(float(np.mean(known))) if known else None
    return by_offset


def _segments(streams: Sequence[_Stream]) -> tuple[list[Sequence[Segment]], list[Sequence[Segment]]]:
    return [stream.predicted for stream in streams], [stream.true for stream in streams]


def _localisation(streams: Sequence[_Stream]) -> dict[str, float | None]:
    figures = oad_localisation(*_segments(streams))
    return {"f1": _round(figures.f1), "sl_score": _round(figures.sl_score), "el_score": _round(figures.el_score)}


def _segmental(streams: Sequence[_Stream]) -> dict[str, float | None]:
    predicted, true = _segments(streams)
    return {
        f"{100 * overlap:g}": _round(segmental_f1(predicted, true, overlap=overlap)) for overlap in SEGMENTAL_OVERLAPS
    }


def _interval_maps(streams: Sequence[_Stream], rate_hz: float) -> dict[str, dict[str, float | None]]:
    detected = [interval for stream in streams for interval in stream.intervals]
    true = [
        ActionInterval(stream=stream.number, label=s.label, start_s=s.start / rate_hz, end_s=s.end / rate_hz)
        for stream in streams
        for s in stream.true
    ]
    return {
        f"by_{by}": {
            f"{overlap:g}": _round(float(value))
            for overlap, value in zip(
                OVERLAPS, interval_mean_average_precision(detected, true, OVERLAPS, by=by), strict=True
            )
        }
        for by in ("action", "video")
    }


def motion(results: Sequence[StreamResult]) -> dict[str, dict[str, float | None]]:
    """Average the errors of the predicted motion and of zero velocity over all predictions, in mm by horizon in ms."""
    columns = [str(round(frames * 1000 / 30)) for frames in HORIZONS]
    figures: dict[str, dict[str, float | None]] = {}
    for name, kept in (("mpjpe_mm", "motion_error_mm"), ("held_mm", "zero_velocity_error_mm")):
        errors = np.concatenate([getattr(result, kept) for result in results])
        known = [column[np.isfinite(column)] for column in errors.T]
        figures[name] = {
            column: round(float(values.mean()), 1) if len(values) else None
            for column, values in zip(columns, known, strict=True)
        }
    return figures


def _round(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else round(value, 4)


def _mean(per_class: dict[str, Any], key: str) -> float | None:
    values = [figures[key] for figures in per_class.values() if figures[key] is not None]
    return round(float(np.mean(values)), 4) if values else None
