"""Measure a checkpoint on the people of the ship data that no training saw."""

from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.data.arrays import Sequence
from hitrs_live.data.compose import place_after
from hitrs_live.data.ship import BACKGROUND, IGNORE, read_ship
from hitrs_live.evaluation.metrics import NO_MATCHES, Matches, average_precision, match_starts
from hitrs_live.evaluation.streams import HORIZONS, StreamResult, frame_scores, run_streams

LOOKAHEAD = 6
"""Frames (0.2 s) that the second of the two frame measures lets the scores come later."""
TOLERANCE_S = 0.5
_BLEND = 15


def evaluate_held_out(checkpoint: Checkpoint, folder: Path) -> dict[str, Any]:
    """Run all test subjects' streams and return figures by source and by class, ready for JSON.

    Raises DataError where the data is missing.
    """
    sources = read_ship(folder, test=True)
    sources["ui_prmd_kinect"] = join_repetitions(sources["ui_prmd_kinect"])
    report: dict[str, Any] = {"lookahead_s": LOOKAHEAD / 30, "start_tolerance_s": TOLERANCE_S, "sources": {}}
    for name, sequences in sources.items():
        known = [sequence for sequence in sequences if (sequence.labels != IGNORE).any()]
        results = list(run_streams(checkpoint, known))
        report["sources"][name] = summarise(results, checkpoint.info.labels)
    return report


def summarise(results: list[StreamResult], labels: tuple[str, ...]) -> dict[str, Any]:
    """Compute the figures of one source: by class, their means, and false alarms in its background."""
    truth = np.concatenate([result.sequence.labels for result in results])
    known = truth != IGNORE
    online, later = (
        np.concatenate([frame_scores(result, lookahead=frames) for result in results])[known]
        for frames in (0, LOOKAHEAD)
    )
    truth = truth[known]
    per_class: dict[str, Any] = {}
    total = NO_MATCHES
    for number, label in enumerate(labels):
        if number == BACKGROUND or not (truth == number).any():
            continue
        starts = sum((_match(result, number, label) for result in results), NO_MATCHES)
        total += starts
        per_class[label] = {
            "frames": int((truth == number).sum()),
            "ap_online": _share(average_precision(online[:, number], truth == number)),
            "ap": _share(average_precision(later[:, number], truth == number)),
            "recall": _share(float((later.argmax(1) == number)[truth == number].mean())),
            **_starts(starts),
        }
    return {
        "streams": len(results),
        "frames": len(truth),
        "frame_map_online": _mean(per_class, "ap_online"),
        "frame_map": _mean(per_class, "ap"),
        "accuracy": _share(float((later.argmax(1) == truth).mean())),
        "starts": _starts(total),
        "false_alarms": false_alarms(results),
        "motion": motion(results),
        "per_class": per_class,
    }


def join_repetitions(sequences: list[Sequence]) -> list[Sequence]:
    """Lay the repetitions of one exercise by one person end to end, as they were done, with blended joins."""

    def family(sequence: Sequence) -> tuple[str, str, str]:
        movement, subject, _, correctness = sequence.name.split("_")
        return movement, subject, correctness

    joined = []
    for _, group in groupby(sorted(sequences, key=lambda s: (*family(s), s.name)), key=family):
        first, *others = group
        stream = first
        for other in others:
            placed = place_after(other.joints_m, stream.joints_m[-1])
            ease = np.linspace(0, 1, _BLEND + 2, dtype=np.float32)[1:-1, None, None]
            blend = stream.joints_m[-1] * (1 - ease) + placed[0] * ease
            stream = replace(
                stream,
                joints_m=np.concatenate((stream.joints_m, blend, placed)),
                labels=np.concatenate((stream.labels, np.full(_BLEND, BACKGROUND), other.labels)),
            )
        joined.append(stream)
    return joined


def true_starts(labels: NDArray[np.int64], number: int, rate_hz: float = 30.0) -> list[float]:
    """Find where runs of a class begin, in seconds."""
    begins = (labels == number) & np.append(True, labels[:-1] != number)
    return [float(frame) / rate_hz for frame in np.flatnonzero(begins)]


def false_alarms(results: list[StreamResult]) -> dict[str, float]:
    """Count actions told where nothing but background is within the tolerance, and the time that is so."""
    count, background = 0, 0
    reach = round(TOLERANCE_S * 30)
    for result in results:
        other = np.concatenate(([0], np.cumsum(result.sequence.labels != BACKGROUND)))
        frames = np.arange(len(other) - 1)
        first, last = np.maximum(frames - reach, 0), np.minimum(frames + reach + 1, len(frames))
        alone = other[last] == other[first]
        background += int(alone.sum())
        count += sum(bool(alone[min(len(alone) - 1, round(onset_s * 30))]) for _, onset_s, _ in result.starts)
    return {"count": count, "background_s": round(background / 30.0, 1)}


def motion(results: list[StreamResult]) -> dict[str, dict[str, float]]:
    """Average the errors of the predictions and of the held pose, in mm by horizon in ms, over all clips."""
    columns = [str(round(frames * 1000 / 30)) for frames in HORIZONS]
    means = (
        np.nanmean(np.concatenate([getattr(result, field) for result in results]), axis=0)
        for field in ("motion_error_mm", "held_error_mm")
    )
    return {
        name: {column: round(float(value), 1) for column, value in zip(columns, mean, strict=True)}
        for name, mean in zip(("mpjpe_mm", "held_mm"), means, strict=True)
    }


def _match(result: StreamResult, number: int, label: str) -> Matches:
    truth = result.sequence.labels
    told = [
        (onset_s, told_s)
        for name, onset_s, told_s in result.starts
        if name == label and truth[min(len(truth) - 1, round(onset_s * 30))] != IGNORE
    ]
    return match_starts(told, true_starts(truth, number), tolerance_s=TOLERANCE_S)


def _starts(matches: Matches) -> dict[str, Any]:
    delays = np.array(matches.delays_s)
    return {
        "starts": matches.true,
        "precision": round(matches.precision, 3),
        "start_recall": round(matches.recall, 3),
        "f1": round(matches.f1, 3),
        "delay_p50_s": None if not len(delays) else round(float(np.median(delays)), 3),
    }


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _mean(per_class: dict[str, Any], key: str) -> float | None:
    values = [figures[key] for figures in per_class.values() if figures[key] is not None]
    return round(float(np.mean(values)), 3) if values else None
