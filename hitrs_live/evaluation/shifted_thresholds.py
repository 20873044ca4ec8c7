"""Shift all onset and offset thresholds of a detector together, for a curve of misses against false alarms."""

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import ActionConfig
from hitrs_live.streaming.hitrs_stream import describe_stream
from hitrs_live.streaming.thresholds import ClassThresholds, Thresholds, make_threshold_arrays

SHIFTS: Final[Sequence[float]] = (-4.0, -3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0)
"""In log odds of a score; 0 for the thresholds in force."""
_LOWEST, _HIGHEST = 1e-4, 0.9999


def shift_thresholds(
    checkpoint: Checkpoint, config: ActionConfig, thresholds: Thresholds | None, shift: float
) -> Thresholds | None:
    """Shift the onset threshold of every class by the same log odds; the offset threshold keeps its ratio to it.

    shift: above 0 for fewer detections. Temperatures, energy thresholds and durations stay. A shift of 0 returns the
    thresholds as they are.
    """
    if not shift:
        return thresholds
    rules = make_threshold_arrays(describe_stream(checkpoint.info), config, thresholds)
    own = {} if thresholds is None else thresholds.classes
    classes = dict(own)
    for number, label in enumerate(checkpoint.info.labels[1:], start=1):
        if not rules.reported[number]:
            continue
        on, off = float(rules.onset_threshold[number]), float(rules.offset_threshold[number])
        odds = math.log(on / (1 - on)) + shift
        shifted = min(max(1 / (1 + math.exp(-odds)), _LOWEST), _HIGHEST)
        classes[label] = msgspec.structs.replace(own.get(label, ClassThresholds()), on=shifted, off=shifted * off / on)
    if thresholds is None:
        return Thresholds(checkpoint=checkpoint.info.name, sha256=checkpoint.fingerprint, classes=classes)
    return msgspec.structs.replace(thresholds, classes=classes)
