"""Actions begin once, go on, and end with a reason."""

import msgspec
import numpy as np
import pytest

from hitrs_live.checkpoint import CheckpointInfo
from hitrs_live.config import ActionConfig
from hitrs_live.messages import ActionEvent, Prediction, ScoreEvent, Tick
from hitrs_live.model.detector import DetectorConfig
from hitrs_live.model.hitrs import HITRS_SMALL
from hitrs_live.streaming.decoder import ActionDecoder
from hitrs_live.transforms import NormaliserConfig

LABELS = ("background", "jump", "squat")
CLIP_NS = round(7 / 30 * 1e9)
INFO = CheckpointInfo(
    name="test", labels=LABELS, detector=DetectorConfig(encoder=HITRS_SMALL, classes=3, window_clips=4),
    normaliser=NormaliserConfig(), label_lag_frames=3,
)  # fmt: skip


def decoder(**settings: float) -> ActionDecoder:
    config = ActionConfig(**({"on": 0.6, "off": 0.4, "min_duration_s": 0.2, "update_every_s": 0.5} | settings))
    return ActionDecoder(INFO, config, source_id="cam", rows=2)


def prediction(clip: int, scores: tuple[float, ...], *, reset: bool = False, completed: bool = True) -> Prediction:
    """Row 0 has these scores after this clip; row 1 is nobody."""
    tick = Tick(
        time_ns=np.full(2, 1_000_000_000 + clip * CLIP_NS),
        track_ids=np.array([5, -1]),
        active=np.array([True, False]),
        reset=np.array([reset, False]),
        joints_m=np.zeros((2, 25, 3), np.float32),
        confidence=np.ones((2, 25), np.float32),
        received_ns=0,
    )
    logits = np.log(np.array([scores, (1 / 3, 1 / 3, 1 / 3)], np.float32))
    future = np.zeros((2, 30, 25, 3), np.float32)
    return Prediction(tick=tick, completed=np.array([completed, False]), logits=logits, future_joints_m=future)


NOTHING, JUMP, MAYBE, SQUAT = (0.9, 0.05, 0.05), (0.1, 0.85, 0.05), (0.45, 0.5, 0.05), (0.1, 0.1, 0.8)


def run(stage: ActionDecoder, *scores: tuple[float, ...]) -> list[ActionEvent]:
    stage.step(prediction(-2, NOTHING, reset=True, completed=False))
    events = [event for clip, s in enumerate(scores) for event in stage.step(prediction(clip, s))]
    return [event for event in events if isinstance(event, ActionEvent)]


def told(events: list[ActionEvent]) -> list[tuple[str, str]]:
    return [(event.state, event.label) for event in events]


def test_an_action_starts_once_and_ends_when_its_score_falls_below_off() -> None:
    events = run(decoder(), NOTHING, JUMP, MAYBE, JUMP, NOTHING, NOTHING)
    assert told(events) == [("start", "jump"), ("end", "jump")]
    assert events[-1].reason == "finished"


def test_a_score_between_off_and_on_starts_nothing_and_ends_nothing() -> None:
    assert told(run(decoder(), MAYBE, MAYBE, MAYBE)) == []
    assert told(run(decoder(update_every_s=9.0), JUMP, MAYBE, MAYBE)) == [("start", "jump")]


def test_background_is_no_action_however_sure() -> None:
    assert run(decoder(), (1.0 - 2e-6, 1e-6, 1e-6)) == []


def test_onset_lies_half_a_stride_before_the_first_instant_judged_and_the_delay_counts_from_it() -> None:
    start = run(decoder(), NOTHING, JUMP)[0]
    clip_ns = 1_000_000_000 + CLIP_NS
    assert start.onset_time_ns == pytest.approx(clip_ns - 6.5 / 30 * 1e9, abs=2)
    assert start.detection_delay_s == pytest.approx(6.5 / 30, abs=1e-4)
    assert start.capture_time_ns == start.window_end_ns == clip_ns


def test_a_longer_minimum_waits_for_the_second_clip_and_drops_what_does_not_last() -> None:
    assert told(run(decoder(min_duration_s=0.4), JUMP, NOTHING, NOTHING)) == []
    events = run(decoder(min_duration_s=0.4), NOTHING, JUMP, JUMP)
    assert told(events) == [("start", "jump")]
    assert events[0].detection_delay_s == pytest.approx(13.5 / 30, abs=1e-4)


def test_a_sure_score_is_told_at_once_whatever_the_minimum() -> None:
    sure = (0.02, 0.96, 0.02)
    assert told(run(decoder(min_duration_s=0.4, sure=0.9), NOTHING, sure))[0] == ("start", "jump")
    assert told(run(decoder(min_duration_s=0.4, sure=0.97), NOTHING, sure)) == []


def test_updates_come_at_the_beat_that_was_set() -> None:
    events = run(decoder(update_every_s=0.46), *[JUMP] * 7)
    assert told(events) == [("start", "jump"), *[("update", "jump")] * 3]


def test_a_stronger_class_ends_the_action_and_begins_its_own() -> None:
    events = run(decoder(), JUMP, SQUAT)
    assert told(events) == [("start", "jump"), ("end", "jump"), ("start", "squat")]
    assert events[1].end_time_ns == events[2].onset_time_ns


def test_a_lost_track_ends_its_action_with_that_reason() -> None:
    stage = decoder()
    run(stage, NOTHING, JUMP, JUMP)
    lost = prediction(9, NOTHING, reset=True, completed=False)
    events = [event for event in stage.step(lost) if isinstance(event, ActionEvent)]
    assert [(event.state, event.reason, event.track_id) for event in events] == [("end", "track_lost", 5)]
    assert events[0].onset_time_ns < (events[0].end_time_ns or 0) <= 1_000_000_000 + 2 * CLIP_NS


def test_closing_ends_each_open_action_once() -> None:
    stage = decoder()
    run(stage, JUMP, JUMP)
    assert [event.reason for event in stage.close_all("source_lost")] == ["source_lost"]
    assert stage.close_all("source_lost") == []


def test_the_window_of_a_judgement_never_reaches_back_before_its_person() -> None:
    start = run(decoder(), JUMP)[0]
    assert start.window_start_ns == 1_000_000_000 - 2 * CLIP_NS < start.onset_time_ns


def test_scores_come_with_every_clip_highest_first() -> None:
    event = next(e for e in decoder().step(prediction(0, SQUAT)) if isinstance(e, ScoreEvent))
    assert event.labels[0] == "squat"
    assert list(event.scores) == sorted(event.scores, reverse=True)


def test_a_class_may_have_thresholds_of_its_own() -> None:
    strict = ActionDecoder(msgspec.structs.replace(INFO, on={"jump": 0.95}), ActionConfig(), source_id="cam", rows=2)
    assert run(strict, JUMP, JUMP) == []
