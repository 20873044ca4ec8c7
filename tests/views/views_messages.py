"""Messages and people for the tests of the views, all of one session."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from hitrs_live.messages import (
    ActionEvent,
    AnyMessage,
    Array,
    EndReason,
    ExtrapolatedPoses,
    Frame,
    MotionPrediction,
    People,
    PoseForecast,
    Scene,
    ScoreEvent,
    SourceEvent,
    SourceState,
    StageLatency,
    Status,
)
from hitrs_live.sources.demo.source import DemoSource

BEGIN_S = 5000.0
"""Monotonic time does not begin at zero."""


def at(seconds: float) -> int:
    return round((BEGIN_S + seconds) * 1e9)


def source(state: SourceState, seconds: float = 0.0, detail: str = "", session_id: str = "s1") -> SourceEvent:
    return SourceEvent(
        source_id="camera-0", session_id=session_id, capture_time_ns=at(seconds), state=state, detail=detail
    )


def started(label: str, seconds: float, track_id: int = 1, score: float = 0.91, **more: Any) -> ActionEvent:
    return ActionEvent(
        source_id="camera-0", session_id="s1", state="start", label=label, score=score, track_id=track_id,
        onset_time_ns=at(seconds), capture_time_ns=at(seconds + 0.28), detection_delay_s=0.28,
        window_start_ns=at(seconds - 2), window_end_ns=at(seconds + 0.28), **more,
    )  # fmt: skip


def ended(
    label: str, seconds: float, end_s: float, track_id: int = 1, reason: EndReason = "finished", score: float = 0.88
) -> ActionEvent:
    return ActionEvent(
        source_id="camera-0", session_id="s1", state="end", label=label, score=score, track_id=track_id,
        onset_time_ns=at(seconds), end_time_ns=at(end_s), capture_time_ns=at(end_s + 0.4), detection_delay_s=0.28,
        window_start_ns=at(seconds), window_end_ns=at(end_s), reason=reason,
    )  # fmt: skip


def scores(seconds: float, track_id: int = 1, **by_label: float) -> ScoreEvent:
    return ScoreEvent(
        source_id="camera-0", session_id="s1", capture_time_ns=at(seconds), track_id=track_id,
        labels=tuple(by_label), scores=tuple(by_label.values()),
    )  # fmt: skip


def motion(
    seconds: float,
    track_id: int = 1,
    error_mm: float = 62.0,
    zero_velocity_mm: float = 118.0,
    reliable: bool | None = True,
) -> MotionPrediction:
    """A prediction at 100 and 400 ms; at 100 ms the errors are half of what they are at 400 ms."""
    return MotionPrediction(
        source_id="camera-0", session_id="s1", capture_time_ns=at(seconds), track_id=track_id,
        horizons_ms=(100.0, 400.0), joints_m=Array.of(np.zeros((2, 25, 3), np.float32)), error_mm=0.75 * error_mm,
        held_error_mm=0.75 * zero_velocity_mm, errors_mm=(error_mm / 2, error_mm),
        held_errors_mm=(zero_velocity_mm / 2, zero_velocity_mm),
        reliable=reliable,
    )  # fmt: skip


def status(seconds: float, state: SourceState = "up", people: tuple[int, ...] = (1,), **more: Any) -> Status:
    fields: dict[str, Any] = {
        "session_id": "s1", "detail": "640 x 480 at 30 fps", "version": "0.1.0", "uptime_s": seconds, "fps": 29.8,
        "frames": 1411, "drops": {"camera": 3, "stale": 0}, "frame_age_ms": 41.0, "memory_mb": 612.0,
        "stages": {"pose": StageLatency(p50_ms=31.2, p99_ms=44.8), "model": StageLatency(p50_ms=4.9, p99_ms=9.2)},
        "motion_error_mm": 62.0, "motion_held_error_mm": 118.0, "motion_horizons_ms": (100.0, 400.0, 1000.0),
        "motion_errors_mm": (31.0, 92.0, None), "motion_held_errors_mm": (30.0, 120.0, None),
    }  # fmt: skip
    return Status(
        source_id="camera-0", capture_time_ns=at(seconds), state=state, people=people, **(fields | more)
    )  # fmt: skip


def session(people: int = 1) -> list[AnyMessage]:
    """A squat that is over, a running side lunge, with scores and predictions for every person."""
    messages: list[AnyMessage] = [
        source("up", 0.0, "640 x 480 at 30 fps"),
        started("squat", 3.0),
        ended("squat", 3.0, 9.5),
    ]
    messages.append(started("side_lunge", 12.0))
    for track_id in range(1, people + 1):
        messages.append(scores(14.0, track_id, side_lunge=0.87, squat=0.06, background=0.04, lunge=0.02, walk=0.01))
        messages.append(motion(14.0, track_id))
    messages.append(status(14.2, people=tuple(range(1, people + 1))))
    return messages


def people_of(joints_m: np.ndarray, confidence: float = 1.0) -> People:
    """Rows of one frame, joints (P, 25, 3), with ids from 1 and one free row at the end."""
    count = len(joints_m)
    return People(
        capture_time_ns=0,
        track_ids=np.array([*range(1, count + 1), -1]),
        present=np.array([True] * count + [False]),
        joints_m=np.concatenate([joints_m, np.full((1, 25, 3), np.nan)]).astype(np.float32),
        confidence=np.full((count + 1, 25), confidence, np.float32),
    )


def standing_people(count: int = 1) -> np.ndarray:
    """The demo figures as they stand at the beginning: (P, 25, 3)."""
    return DemoSource("max", people=count).joints_m[:, 10]


def extrapolated(
    people: People, moved_m: tuple[float, float, float], ahead_ms: float, known: bool = True
) -> ExtrapolatedPoses:
    """All people, present and shifted."""
    rows = len(people.track_ids)
    return ExtrapolatedPoses(
        known=people.present & known,
        joints_m=people.joints_m + np.array(moved_m, np.float32),
        ahead_ms=np.full(rows, ahead_ms, np.float32),
        prediction_age_ms=np.zeros(rows, np.float32),
    )


def forecast(later: ExtrapolatedPoses, now: ExtrapolatedPoses | None = None, *, reliable: bool = True) -> PoseForecast:
    return PoseForecast(later=later, now=now, reliable=np.full(len(later.known), reliable))


def scene(
    people: People,
    actions: Mapping[int, tuple[str, float]] | None = None,
    *,
    frame: Frame | None = None,
    forecast: PoseForecast | None = None,
) -> Scene:
    """A frame of a pipeline at 30 frames per second."""
    return Scene(frame=frame, people=people, actions=actions or {}, forecast=forecast, state="up", fps=30.0)
