"""The reality benchmark's report: which actions of other people were found, and how often something was reported that
did not happen; on camera clips, videos, data sets of other sensors and whatever else is given as labelled streams."""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import ActionConfig
from hitrs_live.data.formats.real_clips import RealClip
from hitrs_live.data.reality_classes import BOUTS
from hitrs_live.evaluation.kept_streams import DetectedAction
from hitrs_live.evaluation.metrics.event import (
    EventCounts,
    LabelledRecording,
    compare_events,
    false_detections,
    overlaps,
    unknown_stretches,
)
from hitrs_live.evaluation.metrics.rejection import auroc, known_intervals, scores_within, unknown_intervals
from hitrs_live.evaluation.scored_sets import BestScores, ScoredSet
from hitrs_live.evaluation.shifted_thresholds import SHIFTS, shift_thresholds
from hitrs_live.poisson import poisson_interval
from hitrs_live.streaming.thresholds import Thresholds, reported_classes

GROUPS = {"camera": "people before cameras", "sensor": "other people and sensors", "given": "given streams"}
"""By name: of which sets figures are also given together. Of given streams they are not: they may be the same twice."""
_MOST_MISTAKES = 15


@dataclass(frozen=True, kw_only=True)
class NamedSet:
    """One row of the report."""

    name: str
    title: str
    group: str
    """One of GROUPS."""
    scored: ScoredSet


@dataclass(frozen=True, kw_only=True)
class _Result:
    """One recording, decoded with the thresholds in force."""

    scene: LabelledRecording
    detected: Sequence[DetectedAction]
    counts: Mapping[str, EventCounts]
    best: BestScores


def evaluate_reality(
    checkpoint: Checkpoint, sets: Sequence[NamedSet], config: ActionConfig, *, thresholds: Thresholds | None
) -> dict[str, Any]:
    """Count the events of every set, and of the sets of a group together.

    The keys of the report are `sets` and `groups`, each with a row by name:

    - `recorded_s`, `recordings`; `all`, `per_class`, for clips `per_view`: true actions, those found, detected ones,
      which of them were right, near or false, recall, precision, and detections per found action.
    - `false_alarms`: false detections, and those during actions that the detector does not know, each with its hours,
      its rate per hour and the 95 % interval of that rate.
    - `auroc`: as `metrics.rejection` defines it, by action and by frame.
    - `repetitions`: of clips whose intervals are single repetitions, those counted (the sum of the events' counts,
      1 for an event without) and the true ones; `error` is the sum over clips and classes of the absolute difference,
      divided by the true ones.
    - `det`: misses and false alarms per hour at each shift of all thresholds, in log odds.
    - `mistakes`: the most frequent false detections, and what people did then.
    - `clips`: for clips and videos, the detected actions of each.
    """
    labels = reported_classes(checkpoint.info.labels, config, thresholds)
    results = {one.name: _decode(one.scored, labels, thresholds) for one in sets}
    curves = _curves(checkpoint, sets, config, thresholds, labels)
    report: dict[str, Any] = {"sets": {}, "groups": {}}
    for one in sets:
        report["sets"][one.name] = {
            "title": one.title,
            "group": one.group,
            **_figures(results[one.name], labels, [curves[one.name]]),
            **_by_clip(results[one.name]),
        }
    for group, title in GROUPS.items():
        names = [one.name for one in sets if one.group == group]
        if names and group != "given":
            together = [result for name in names for result in results[name]]
            figures = _figures(together, labels, [curves[name] for name in names])
            report["groups"][group] = {"title": title, "sets": names, **figures}
    return report


def _decode(scored: ScoredSet, labels: Sequence[str], thresholds: Thresholds | None) -> list[_Result]:
    decoded, best = scored.decode(thresholds), scored.best_scores(thresholds)
    return [
        _Result(scene=scene, detected=detected, counts=compare_events(scene, detected, labels), best=scores)
        for scene, detected, scores in zip(scored.scenes, decoded, best, strict=True)
    ]


def _curves(
    checkpoint: Checkpoint,
    sets: Sequence[NamedSet],
    config: ActionConfig,
    thresholds: Thresholds | None,
    labels: Sequence[str],
) -> dict[str, list[EventCounts]]:
    """Count the events of each set at each shift."""
    curves: dict[str, list[EventCounts]] = {one.name: [] for one in sets}
    for shift in SHIFTS:
        shifted = shift_thresholds(checkpoint, config, thresholds, shift)
        for one in sets:
            total = EventCounts()
            for scene, detected in zip(one.scored.scenes, one.scored.decode(shifted), strict=True):
                total = sum(compare_events(scene, detected, labels).values(), total)
            curves[one.name].append(total)
    return curves


def _figures(
    results: Sequence[_Result], labels: Sequence[str], curves: Sequence[Sequence[EventCounts]]
) -> dict[str, Any]:
    recorded_s = sum(result.scene.recorded_s for result in results)
    points = [sum(at_shift, EventCounts()) for at_shift in zip(*curves, strict=True)]
    return {
        "recordings": len(results),
        "recorded_s": round(recorded_s, 1),
        "all": _counts(_sum(results)),
        "per_class": _by(results, lambda scene, label: label),
        "false_alarms": {
            "all": _rate(_sum(results).false, recorded_s),
            "during_unknown_actions": _unknown_rate(results, labels),
        },
        "auroc": _auroc(results, labels),
        "repetitions": _repetitions(results),
        "det": [{"shift": shift, **_point(counts, recorded_s)} for shift, counts in zip(SHIFTS, points, strict=True)],
        "mistakes": _mistakes(results, labels),
    }


def _by_clip(results: Sequence[_Result]) -> dict[str, Any]:
    """Give what only clips have: the view, and few enough actions to list."""
    clips = [(result, result.scene) for result in results if isinstance(result.scene, RealClip)]
    if not clips:
        return {}
    views = {clip.name: clip.view for _, clip in clips}
    return {
        "per_view": _by(results, lambda scene, label: views[scene.name]),
        "clips": {
            clip.name: {
                "view": clip.view,
                **_counts(sum(result.counts.values(), EventCounts())),
                "events": [_event(one) for one in result.detected],
            }
            for result, clip in clips
        },
    }


def _sum(results: Sequence[_Result]) -> EventCounts:
    return sum((one for result in results for one in result.counts.values()), EventCounts())


def _by(results: Sequence[_Result], key_of: Callable[[LabelledRecording, str], Hashable]) -> dict[str, Any]:
    """Sum the counts by class or by view, those with most true actions first."""
    groups: dict[Hashable, EventCounts] = {}
    for result in results:
        for label, one in result.counts.items():
            key = key_of(result.scene, label)
            groups[key] = groups.get(key, EventCounts()) + one
    return {str(key): _counts(groups[key]) for key in sorted(groups, key=lambda key: (-groups[key].true, str(key)))}


def _counts(counts: EventCounts) -> dict[str, Any]:
    return {
        "true": counts.true,
        "found": counts.found,
        "detected": counts.detected,
        "right": counts.right,
        "near": counts.near,
        "false": counts.false,
        "recall": _round(counts.recall),
        "precision": _round(counts.precision),
        "detections_per_found": _round(counts.fragments_per_found),
    }


def _rate(count: int, seconds: float) -> dict[str, Any]:
    hours = seconds / 3600
    low, high = poisson_interval(count)
    return {
        "false": count,
        "hours": round(hours, 4),
        "per_hour": round(count / hours, 1) if hours else None,
        "per_hour_95": [round(low / hours, 1), round(high / hours, 1)] if hours else None,
    }


def _unknown_rate(results: Sequence[_Result], labels: Sequence[str]) -> dict[str, Any]:
    """Count the false detections that overlap an unknown action, and the time of such actions."""
    count, seconds = 0, 0.0
    for result in results:
        stretches = [(start_s, end_s) for start_s, end_s, _ in unknown_stretches(result.scene, labels)]
        seconds += sum(end_s - start_s for start_s, end_s in stretches)
        count += sum(
            any(one.onset_s < end_s and one.end_s > start_s for start_s, end_s in stretches)
            for one in false_detections(result.scene, result.detected, labels)
        )
    return _rate(count, seconds)


def _auroc(results: Sequence[_Result], labels: Sequence[str]) -> dict[str, Any]:
    known = [one for r in results for one in scores_within(r.best.at_s, r.best.score, known_intervals(r.scene, labels))]
    unknown = [
        one for r in results for one in scores_within(r.best.at_s, r.best.score, unknown_intervals(r.scene, labels))
    ]
    peaks = [np.array([one.max() for one in some]) for some in (known, unknown)]
    frames = [np.concatenate([*some, np.zeros(0, np.float32)]) for some in (known, unknown)]
    return {
        "known": len(known),
        "unknown": len(unknown),
        "by_action": _round(auroc(*peaks)),
        "by_frame": _round(auroc(*frames)),
    }


def _repetitions(results: Sequence[_Result]) -> dict[str, Any]:
    """Compare numbers of repetitions, of clips alone: a data set's clip is one repetition, which recall covers."""
    true = counted = wrong = 0
    for result in results:
        if not isinstance(result.scene, RealClip):
            continue
        for label, one in result.counts.items():
            if one.true and label not in BOUTS:
                found = one.right + one.false + one.more_repetitions
                true, counted, wrong = true + one.true, counted + found, wrong + abs(found - one.true)
    return {"true": true, "counted": counted, "error": round(wrong / true, 4) if true else None}


def _point(counts: EventCounts, seconds: float) -> dict[str, Any]:
    return {
        "found": counts.found,
        "false": counts.false,
        "miss_rate": _round(1 - counts.found / counts.true) if counts.true else None,
        "per_hour": round(counts.false / seconds * 3600, 1) if seconds else None,
    }


def _mistakes(results: Sequence[_Result], labels: Sequence[str]) -> list[dict[str, Any]]:
    times: Counter[tuple[str, str]] = Counter()
    for result in results:
        for one in false_detections(result.scene, result.detected, labels):
            times[one.label, _doing(one, result.scene)] += 1
    ordered = sorted(times.items(), key=lambda item: (-item[1], item[0]))
    return [{"reported": label, "doing": doing, "times": count} for (label, doing), count in ordered[:_MOST_MISTAKES]]


def _doing(detected: DetectedAction, scene: LabelledRecording) -> str:
    """Name the action that a detection overlaps most; empty for none."""

    def shared_s(number: int) -> float:
        action = scene.actions[number]
        return min(action.end_s, detected.end_s) - max(action.start_s, detected.onset_s)

    here = [number for number, action in enumerate(scene.actions) if overlaps(detected, action)]
    return scene.actions[max(here, key=shared_s)].label if here else ""


def _event(one: DetectedAction) -> dict[str, Any]:
    return {
        "label": one.label,
        "onset_s": round(one.onset_s, 2),
        "detected_s": round(one.detected_s, 2),
        "end_s": round(one.end_s, 2),
        "score": round(one.score, 3),
        "count": one.count,
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
