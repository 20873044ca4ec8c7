"""Make messages of measured poses."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from hitrs_live.messages import Array, ExtrapolatedPoses, People, PoseEvent
from hitrs_live.streaming.last_seen import place_fields


def pose_events(people: People, now: ExtrapolatedPoses | None, *, source_id: str) -> Iterator[PoseEvent]:
    """Make an event for each person present in a frame. now: the extrapolated poses, None for none."""
    for row in np.flatnonzero(people.present):
        yield PoseEvent(
            source_id=source_id,
            capture_time_ns=people.capture_time_ns,
            track_id=int(people.track_ids[row]),
            joints_m=Array.of(people.joints_m[row]),
            confidence=Array.of(people.confidence[row]),
            **place_fields(people, int(row)),
            **(_by_now(now, int(row)) if now is not None and now.known[row] else {}),
        )


def _by_now(now: ExtrapolatedPoses, row: int) -> dict[str, Any]:
    return {
        "now_joints_m": Array.of(now.joints_m[row]),
        "now_ahead_ms": round(float(now.ahead_ms[row]), 1),
        "prediction_age_ms": round(float(now.prediction_age_ms[row]), 1),
    }
