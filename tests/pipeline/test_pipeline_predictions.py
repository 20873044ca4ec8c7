"""Scores and motion predictions of a stream: when they are published, how they are scored, poses moved to now."""

import re
from collections.abc import Sequence

import numpy as np
import pytest
from pipeline_runs import (
    ENDED,
    EVERY_CLIP,
    UP,
    ScriptedSource,
    demo_frames,
    last_status,
    make_pipeline,
    numbers,
    of,
    run,
)

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import Config, override
from hitrs_live.messages import (
    MotionPrediction,
    PoseEvent,
    PoseFrame,
    ScoreEvent,
)
from hitrs_live.sources.base import SourceItem
from hitrs_live.transport.sink import ListSink


@pytest.mark.slow
def test_every_clip_gives_scores_and_a_motion_prediction_from_the_first_complete_one_on(checkpoint: Checkpoint) -> None:
    messages = run([UP, *demo_frames(3.0)], checkpoint, EVERY_CLIP)
    scores, motions = of(messages, ScoreEvent), of(messages, MotionPrediction)
    assert len(scores) == len(motions) > 8
    # The tracker confirms a person after about 0.1 s, then thirteen frames make the first clip.
    assert scores[0].capture_time_ns < 0.7e9
    for motion in motions:
        within_m = numbers(motion.half_within_m)
        assert within_m.shape == (10, 25)
        assert (within_m > 0).all()
        assert (np.diff(within_m, axis=0) >= 0).all(), "uncertainty grows with the horizon"
    assert np.diff([message.capture_time_ns for message in scores]) == pytest.approx(7 / 30 * 1e9, abs=2)


@pytest.mark.slow
def test_by_default_every_frame_gives_them_equal_at_the_ends_of_clips_and_the_status_has_the_cost(
    checkpoint: Checkpoint,
) -> None:
    seldom = run([UP, *demo_frames(3.0)], checkpoint, EVERY_CLIP)
    often = run([UP, *demo_frames(3.0)], checkpoint, override(Config(), {"publish.predictions_every_s": 0.0}))
    scores, motions = of(often, ScoreEvent), of(often, MotionPrediction)
    assert len(scores) == len(motions) > 60
    assert np.diff([message.capture_time_ns for message in scores]) == pytest.approx(1 / 30 * 1e9, abs=2)
    for kind, field in ((ScoreEvent, "scores"), (MotionPrediction, "joints_m")):
        at = {message.capture_time_ns: numbers(getattr(message, field)) for message in of(often, kind)}
        for message in of(seldom, kind):
            # Scores are published with four digits.
            np.testing.assert_allclose(at[message.capture_time_ns], numbers(getattr(message, field)), atol=1.1e-4)
    assert last_status(seldom).information == ()
    assert last_status(often).notices == ()
    assert re.fullmatch(
        r"predicting every frame: \d+\.\d ms/frame for 2 people; --update clip: \d+\.\d ms",
        last_status(often).information[0],
    )


@pytest.mark.slow
def test_scores_and_predictions_are_published_at_the_configured_interval_however_often_the_model_runs(
    checkpoint: Checkpoint,
) -> None:
    messages = run([UP, *demo_frames(3.0)], checkpoint, Config())
    for kind in (ScoreEvent, MotionPrediction):
        times = [message.capture_time_ns for message in of(messages, kind)]
        assert len(times) > 8
        assert np.diff(times) == pytest.approx(0.2e9, abs=2)
    seldom = run([UP, *demo_frames(3.0)], checkpoint, override(Config(), {"publish.predictions_every_s": 1.0}))
    assert len(of(seldom, ScoreEvent)) == len(of(seldom, MotionPrediction)) == 3


@pytest.mark.slow
def test_predictions_are_scored_by_horizon_and_the_status_has_the_mean(checkpoint: Checkpoint) -> None:
    messages = run([UP, *demo_frames(6.0)], checkpoint)
    motions = [message for message in messages if isinstance(message, MotionPrediction)]
    assert (motions[0].reliable, motions[0].errors_mm) == (None, (None,) * 10)
    last, status = motions[-1], last_status(messages)
    assert isinstance(last.reliable, bool)
    assert len(last.errors_mm) == len(last.held_errors_mm) == len(last.horizons_ms)
    # The mean of one person is that person's; frames after the last prediction change it a little.
    assert status.motion_horizons_ms == last.horizons_ms
    assert numbers(status.motion_errors_mm) == pytest.approx(numbers(last.errors_mm), rel=0.2)
    assert numbers(status.motion_held_errors_mm) == pytest.approx(numbers(last.held_errors_mm), rel=0.2)


@pytest.mark.slow
def test_predictions_that_are_not_published_are_scored_too(checkpoint: Checkpoint) -> None:
    messages = run([UP, *demo_frames(3.0)], checkpoint, override(Config(), {"publish.motion": False}))
    assert not of(messages, MotionPrediction)
    assert last_status(messages).motion_errors_mm[0] is not None


class LateSource(ScriptedSource):
    """Deliver each frame a fixed time after its capture, by a clock that the pipeline reads."""

    def __init__(self, items: Sequence[SourceItem], late_ms: float) -> None:
        super().__init__(items)
        self._late_ns = round(late_ms * 1e6)
        self._now_ns = 0

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        items = super().read(timeout_s)
        for item in items:
            if isinstance(item, PoseFrame):
                self._now_ns = item.capture_time_ns + self._late_ns
        return items

    def clock(self) -> int:
        return self._now_ns


def poses_moved_to_now(checkpoint: Checkpoint, late_ms: float) -> tuple[list[PoseEvent], list[MotionPrediction]]:
    sink = ListSink()
    source = LateSource([UP, *demo_frames(6.0), ENDED], late_ms)
    config = override(EVERY_CLIP, {"publish.now": True})
    make_pipeline([source], checkpoint, sink, config, clock=source.clock).run()
    poses = [message for message in sink.messages if isinstance(message, PoseEvent)]
    return poses, [message for message in sink.messages if isinstance(message, MotionPrediction)]


@pytest.mark.slow
def test_poses_are_published_for_the_moment_of_publishing_too_while_predictions_are_reliable(
    checkpoint: Checkpoint,
) -> None:
    poses, motions = poses_moved_to_now(checkpoint, late_ms=80.0)
    assert len(poses) > 150, "every pose is published, although publish.pose is off"
    moved = [pose for pose in poses if pose.now_joints_m is not None]
    assert {pose.now_ahead_ms for pose in moved} == {80.0}
    # A clip is seven frames, and the frame that completes it is published with its own prediction.
    assert {round(pose.prediction_age_ms or 0) for pose in moved} == {round(n * 1000 / 30) for n in range(7)}
    reliable_at = {motion.capture_time_ns: motion.reliable for motion in motions}
    has_now = {
        pose.capture_time_ns: pose.now_joints_m is not None for pose in poses if pose.capture_time_ns in reliable_at
    }
    assert has_now == {time_ns: reliable is True for time_ns, reliable in reliable_at.items()}
    assert {None, True} <= set(reliable_at.values()), "both cases must occur"


@pytest.mark.slow
def test_a_frame_without_latency_is_now_where_it_was_measured(checkpoint: Checkpoint) -> None:
    moved = [pose for pose in poses_moved_to_now(checkpoint, late_ms=0.0)[0] if pose.now_joints_m is not None]
    assert moved
    for pose in moved:
        np.testing.assert_array_equal(numbers(pose.now_joints_m), pose.joints_m.numpy())


@pytest.mark.slow
@pytest.mark.parametrize("late_ms", [2500.0, -100.0])
def test_poses_with_times_of_another_clock_or_of_an_unpaced_file_are_not_moved_to_now(
    checkpoint: Checkpoint, late_ms: float
) -> None:
    poses, _ = poses_moved_to_now(checkpoint, late_ms)
    assert poses
    assert all(pose.now_joints_m is None and pose.now_ahead_ms is None for pose in poses)
