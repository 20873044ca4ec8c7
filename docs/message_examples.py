"""One message of every kind, as MESSAGES.md shows them."""

from typing import Any, Final

import numpy as np

from hitrs_live.messages import (
    ActionEvent,
    AnyMessage,
    Array,
    JointsEvent,
    MotionPrediction,
    PoseEvent,
    ScoreEvent,
    SourceEvent,
    StageLatency,
    Status,
    UnclearPerson,
)

_CAPTURED_NS, _UTC_NS = 81_204_500_000_000, 1_796_000_000_000_000_000


def _stamp(*, seq: int, late_ms: int) -> dict[str, Any]:
    return {
        "session_id": "3f1c9a52",
        "source_id": "hall",
        "seq": seq,
        "capture_time_ns": _CAPTURED_NS,
        "publish_time_ns": _CAPTURED_NS + late_ms * 1_000_000,
        "utc_ns": _UTC_NS,
    }


def _standing(*shape: int) -> Array:
    """Lay out joints that all stand where the first one does: (..., 25, 3), metres."""
    return Array.of(np.broadcast_to(np.array((0.25, -0.125, 2.5)), (*shape, 25, 3)))


def _filled(value: float, *shape: int) -> Array:
    return Array.of(np.full(shape, value, np.float32))


EXAMPLES: Final[tuple[AnyMessage, ...]] = (
    ActionEvent(
        **_stamp(seq=0, late_ms=61), state="start", label="squat", score=0.71, track_id=1,
        onset_time_ns=_CAPTURED_NS - 300_000_000, detection_delay_s=0.3,
        window_start_ns=_CAPTURED_NS - 5_800_000_000, window_end_ns=_CAPTURED_NS, peak_score=0.71, mean_score=0.71,
        box=(0.375, 0.125, 0.625, 0.875), keypoints=Array.of(np.array([(0.5, 0.25, 0.875)] * 33)),
        keypoint_layout="mediapipe33", root_m=(0.25, -0.125, 2.5), count=None, log_seq=2,
    ),
    MotionPrediction(
        **_stamp(seq=41, late_ms=62), track_id=1, horizons_ms=(100.0, 200.0, 400.0, 600.0, 1000.0),
        joints_m=_standing(5), error_mm=64.2, held_error_mm=92.7, errors_mm=(21.5, 38.0, 70.25, 90.5, None),
        held_errors_mm=(31.0, 58.5, 104.0, 140.5, None), reliable=True, half_within_m=_filled(0.03125, 5, 25),
    ),
    ScoreEvent(
        **_stamp(seq=41, late_ms=62), track_id=1,
        labels=("squat", "background", "sit_to_stand", "lunge", "jump"), scores=(0.71, 0.2, 0.05, 0.02, 0.01),
    ),
    PoseEvent(
        **_stamp(seq=290, late_ms=63), track_id=1, joints_m=_standing(), confidence=_filled(0.875, 25),
        now_joints_m=_standing(), now_ahead_ms=63.0, prediction_age_ms=100.0, box=(0.375, 0.125, 0.625, 0.875),
        keypoints=Array.of(np.array([(0.5, 0.25, 0.875)] * 33)), keypoint_layout="mediapipe33",
        root_m=(0.25, -0.125, 2.5),
    ),
    JointsEvent(
        **_stamp(seq=301, late_ms=48), index=301, joints_m=_standing(1), confidence=_filled(0.875, 1, 25),
        boxes=Array.of(np.array([(0.375, 0.125, 0.625, 0.875)])),
    ),
    SourceEvent(**_stamp(seq=1, late_ms=4), state="up", detail="camera 0: 640x480 at 30 fps", log_seq=1),
    Status(
        **_stamp(seq=12, late_ms=70), state="up", detail="camera 0: 640x480 at 30 fps", version="0.2.0",
        uptime_s=12.0, fps=29.9, frames=352, drops={"camera": 3}, frame_age_ms=70.0,
        stages={"pose": StageLatency(p50_ms=22.5, p99_ms=41.0), "model": StageLatency(p50_ms=4.25, p99_ms=13.5)},
        people=(1,), memory_mb=412.5, motion_error_mm=64.2, motion_held_error_mm=92.7,
        motion_horizons_ms=(100.0, 200.0), motion_errors_mm=(21.5, 38.0), motion_held_errors_mm=(31.0, 58.5),
        information=("model hitrs_tiny on ONNX Runtime",), pose_people_limit=2,
        unclear_people=(UnclearPerson(track_id=1, reason="legs_not_seen"),),
    ),
)  # fmt: skip
"""Values are typical, not measured."""
