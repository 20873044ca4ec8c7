"""The report on clips of real people: which actions were found, which reports were right, and false alarms per hour."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import Config
from hitrs_live.data.formats.real_clips import RealClip
from hitrs_live.evaluation.decode_streams import START_NS
from hitrs_live.evaluation.kept_streams import DetectedAction
from hitrs_live.evaluation.live_actions import detect_actions
from hitrs_live.evaluation.metrics.event import EventCounts, compare_events
from hitrs_live.evaluation.metrics.false_alarms import poisson_interval
from hitrs_live.messages import PoseFrame
from hitrs_live.pose.recorded_landmarks import recorded_pose_frames
from hitrs_live.streaming.hitrs_stream import HitrsStream
from hitrs_live.streaming.thresholds import Thresholds

_ClipResult = tuple[RealClip, Sequence[DetectedAction], dict[str, EventCounts]]


def evaluate_reality(
    checkpoint: Checkpoint, clips: Sequence[RealClip], config: Config, *, thresholds: Thresholds | None
) -> dict[str, Any]:
    """Run every clip through the live stages, from the lifting of landmarks on, and count events.

    The keys of the report:

    - `all`, `per_class`, `per_view`: true actions, those found, detected ones, which of them were right, near or false,
      recall, precision, and detections per found action.
    - `false_alarms`: false detections, and those in clips in which nothing of the model's classes happens, each with
      its hours, its rate per hour and the 95 % interval of that rate.
    - `clips`: the detected actions of each clip.
    """
    labels = checkpoint.info.labels
    model = HitrsStream(checkpoint, step_frames=checkpoint.info.step_frames(config.model.update))
    results: list[_ClipResult] = []
    for clip in clips:
        detected = detect_actions(pose_frames(clip, config), model, config, thresholds=thresholds)
        results.append((clip, detected, compare_events(clip, detected, labels)))
    quiet = [result for result in results if result[0].other]
    return {
        "labelled_s": round(sum(clip.labelled_s for clip, _, _ in results), 1),
        "all": _figures(_sum(results)),
        "per_class": _by(results, lambda clip, label: label),
        "per_view": _by(results, lambda clip, label: clip.view),
        "false_alarms": {"all_clips": _rate(results), "clips_of_other_actions": _rate(quiet)},
        "clips": {
            clip.name: {"view": clip.view, **_figures(_sum([(clip, detected, counts)])), "events": _events(detected)}
            for clip, detected, counts in results
        },
    }


def pose_frames(clip: RealClip, config: Config) -> Iterator[PoseFrame]:
    """Lift a clip's landmarks as the pose stage does. Yields every frame, also those in which no one was seen."""
    return recorded_pose_frames(
        clip.landmarks, clip.frame, frames=clip.frames, rate_hz=clip.fps, size=(clip.width, clip.height),
        config=config, start_ns=START_NS,
    )  # fmt: skip


def _sum(results: Sequence[_ClipResult]) -> EventCounts:
    return sum((one for _, _, counts in results for one in counts.values()), EventCounts())


def _by(results: Sequence[_ClipResult], key_of: Callable[[RealClip, str], Hashable]) -> dict[str, Any]:
    """Sum the counts by class or by view, those with most true actions first."""
    groups: dict[Hashable, EventCounts] = {}
    for clip, _, counts in results:
        for label, one in counts.items():
            key = key_of(clip, label)
            groups[key] = groups.get(key, EventCounts()) + one
    return {str(key): _figures(groups[key]) for key in sorted(groups, key=lambda key: (-groups[key].true, str(key)))}


def _figures(counts: EventCounts) -> dict[str, Any]:
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


def _rate(results: Sequence[_ClipResult]) -> dict[str, Any]:
    hours = sum(clip.labelled_s for clip, _, _ in results) / 3600
    count = _sum(results).false
    low, high = poisson_interval(count)
    return {
        "false": count,
        "hours": round(hours, 4),
        "per_hour": round(count / hours, 1) if hours else None,
        "per_hour_95": [round(low / hours, 1), round(high / hours, 1)] if hours else None,
    }


def _events(detected: Sequence[DetectedAction]) -> list[dict[str, Any]]:
    return [
        {
            "label": one.label,
            "onset_s": round(one.onset_s, 2),
            "detected_s": round(one.detected_s, 2),
            "end_s": round(one.end_s, 2),
            "score": round(one.score, 3),
        }
        for one in detected
    ]


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
