"""The benchmark of latency: which frame a prediction is of, and what counts."""

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hitrs_live.messages import Array, PoseEvent, ScoreEvent

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "speed" / "event_latency.py"
MS = 1_000_000


@pytest.fixture(scope="module")
def arrivals() -> Any:
    return runpy.run_path(str(SCRIPT))["Arrivals"]


def pose(frame_ms: int, track_id: int = 1) -> PoseEvent:
    joints = Array.of(np.zeros((25, 3), np.float32))
    return PoseEvent(
        source_id="door", capture_time_ns=frame_ms * MS, track_id=track_id, joints_m=joints,
        confidence=Array.of(np.ones(25, np.float32)),
    )  # fmt: skip


def scores(resampled_ms: int, published_ms: int) -> ScoreEvent:
    return ScoreEvent(
        source_id="door", capture_time_ns=resampled_ms * MS, publish_time_ns=published_ms * MS, track_id=1,
        labels=("squat",), scores=(0.5,),
    )  # fmt: skip


def test_a_prediction_counts_from_the_frame_that_led_to_it_and_not_from_its_resampled_time(arrivals: Any) -> None:
    taken = arrivals()
    taken.take(scores(80, 138), 140 * MS)
    taken.take(pose(100), 141 * MS)
    assert taken.latency_ms == {100 * MS: 40.0}
    assert taken.transport_ms == [2.0]


def test_of_several_predictions_of_a_frame_the_last_one_counts(arrivals: Any) -> None:
    taken = arrivals()
    for received_ms in (140, 144):
        taken.take(scores(80, 138), received_ms * MS)
    taken.take(pose(100, track_id=1), 145 * MS)
    taken.take(pose(100, track_id=2), 146 * MS)
    assert taken.latency_ms == {100 * MS: 44.0}
    assert taken.frames == 1


def test_a_frame_without_a_prediction_is_left_out(arrivals: Any) -> None:
    taken = arrivals()
    taken.take(pose(100), 130 * MS)
    taken.take(scores(110, 160), 165 * MS)
    taken.take(pose(120), 166 * MS)
    assert taken.latency_ms == {120 * MS: 45.0}
    assert taken.frames == 2


def test_the_first_seconds_can_be_left_out(arrivals: Any) -> None:
    taken = arrivals()
    for frame_ms, late_ms in ((1000, 300), (2000, 40), (4000, 50)):
        taken.take(scores(frame_ms, frame_ms), (frame_ms + late_ms) * MS)
        taken.take(pose(frame_ms), (frame_ms + late_ms) * MS)
    assert taken.after(1.0) == [40.0, 50.0]
    assert taken.after(9.0) == arrivals().after(1.0) == []
