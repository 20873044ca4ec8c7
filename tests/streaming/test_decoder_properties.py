"""Whatever the scores, events of a row come in order; and the same scores give the same events."""

import hypothesis.strategies as st
import numpy as np
import pytest
from decoder_runs import INFO, LABELS, START_NS
from hypothesis import example, given, settings

from hitrs_live.config import ActionConfig
from hitrs_live.messages import ActionEvent, JointFrame, Prediction, ScoreEvent
from hitrs_live.streaming.decoder import ActionDecoder
from hitrs_live.streaming.hitrs_stream import describe_stream
from hitrs_live.wire.codec import decode, encode

ROWS = 3


@st.composite
def configs(draw: st.DrawFn) -> ActionConfig:
    on = draw(st.sampled_from([0.35, 0.5, 0.7]))
    return ActionConfig(
        on=on,
        off=draw(st.sampled_from([0.1, 0.3, on])),
        sure=draw(st.sampled_from([0.6, 0.9, 1.0])),
        min_duration_s=draw(st.sampled_from([0.0, 0.3, 0.7])),
        max_duration_s=draw(st.sampled_from([0.0, 0.8, 2.0])),
        merge_gap_s=draw(st.sampled_from([0.0, 0.3, 1.0])),
        update_every_s=draw(st.sampled_from([0.1, 0.5])),
    )


def stream(seed: int, count: int, step_frames: int) -> list[Prediction]:
    """Random logits that stay for a while, resets, rows that pause, bodies that cannot be seen."""
    rng = np.random.default_rng(seed)
    logits, ids, predictions = rng.normal(0, 3, (ROWS, 3)), np.arange(ROWS), []
    for number in range(count):
        moved = rng.random(ROWS) < 0.5
        logits[moved] = rng.normal(0, 3, (int(moved.sum()), 3))
        reset = rng.random(ROWS) < (1.0 if number == 0 else 0.05)
        ids = np.where(reset, ids + ROWS, ids)
        time_ns = START_NS + round(number * step_frames / 30 * 1e9)
        confidence = np.where(rng.random((ROWS, 1)) < 0.15, 0.1, 1.0) * np.ones((1, 25))
        joint_frame = JointFrame(
            time_ns=np.full(ROWS, time_ns), track_ids=ids, active=np.ones(ROWS, bool), reset=reset,
            joints_m=np.zeros((ROWS, 25, 3), np.float32), confidence=confidence.astype(np.float32),
        )  # fmt: skip
        future = np.zeros((ROWS, 0, 25, 3), np.float32)
        predictions.append(
            Prediction(
                joint_frame=joint_frame,
                has_output=rng.random(ROWS) < 0.95,
                logits=logits.astype(np.float32),
                future_joints_m=future,
                scales_m=future[..., 0],
            )
        )
    return predictions


def of_rows(prediction: Prediction, rows: slice) -> Prediction:
    """Leave the other rows out."""
    frame = prediction.joint_frame
    return Prediction(
        joint_frame=JointFrame(
            time_ns=frame.time_ns[rows],
            track_ids=frame.track_ids[rows],
            active=frame.active[rows],
            reset=frame.reset[rows],
            joints_m=frame.joints_m[rows],
            confidence=frame.confidence[rows],
        ),
        has_output=prediction.has_output[rows],
        logits=prediction.logits[rows],
        future_joints_m=prediction.future_joints_m[rows],
        scales_m=prediction.scales_m[rows],
    )


def decide(
    config: ActionConfig, predictions: list[Prediction], step_frames: int, rows: slice = slice(None)
) -> list[ActionEvent | ScoreEvent]:
    stage = ActionDecoder(describe_stream(INFO, step_frames), config, source_id="cam", rows=len(range(ROWS)[rows]))
    cut = [of_rows(prediction, rows) for prediction in predictions]
    return [*(event for p in cut for event in stage.step(p)), *stage.close_all("shutdown")]


@given(configs(), st.integers(0, 2**32 - 1), st.integers(1, 80), st.sampled_from([1, 7]))
# Starts while the score is below the onset level; the onset is not before the end of the previous action.
@pytest.mark.slow
@example(ActionConfig(on=0.35, off=0.1, sure=1.0, min_duration_s=0.3, merge_gap_s=0.0, update_every_s=0.1), 0, 8, 7)
@settings(max_examples=80, deadline=None)
def test_events_of_a_row_are_start_updates_end_and_never_two_are_open(
    config: ActionConfig, seed: int, count: int, step_frames: int
) -> None:
    events = [e for e in decide(config, stream(seed, count, step_frames), step_frames) if isinstance(e, ActionEvent)]
    for track in {event.track_id for event in events}:
        going: ActionEvent | None = None
        over_ns = 0
        of_track = [event for event in events if event.track_id == track]
        assert [e.capture_time_ns for e in of_track] == sorted(e.capture_time_ns for e in of_track)
        for event in of_track:
            if event.state == "start":
                assert going is None
                assert event.onset_time_ns >= over_ns, "no two actions of a person at one time"
                going = event
            else:
                assert going is not None
                assert (event.label, event.onset_time_ns) == (going.label, going.onset_time_ns)
            assert event.peak_score is not None
            assert event.mean_score is not None
            assert event.score <= event.peak_score
            assert event.mean_score <= event.peak_score
            assert event.label != LABELS[0]
            assert event.window_start_ns <= event.window_end_ns == event.capture_time_ns
            assert (event.end_time_ns is None) == (event.reason is None) == (event.state != "end")
            if event.end_time_ns is not None:
                assert event.onset_time_ns <= event.end_time_ns <= event.capture_time_ns
                if config.max_duration_s:
                    assert event.end_time_ns - event.onset_time_ns <= config.max_duration_s * 1e9
                over_ns, going = event.end_time_ns, None
        assert going is None, "what is open at the end is closed"


@pytest.mark.slow
@given(configs(), st.integers(0, 2**32 - 1), st.sampled_from([1, 7]))
@settings(max_examples=25, deadline=None)
def test_the_same_logits_give_the_same_events_byte_for_byte_alone_or_beside_others(
    config: ActionConfig, seed: int, step_frames: int
) -> None:
    predictions = stream(seed, 60, step_frames)
    together = decide(config, predictions, step_frames)
    assert [encode(event) for event in together] == [
        encode(event) for event in decide(config, predictions, step_frames)
    ]
    for row in range(ROWS):
        tracks = {int(p.joint_frame.track_ids[row]) for p in predictions}
        alone = decide(config, predictions, step_frames, slice(row, row + 1))
        assert [encode(e) for e in alone] == [encode(e) for e in together if e.track_id in tracks]


@pytest.mark.parametrize("reason", ["too_long", "pose_unclear"])
def test_the_reasons_for_an_end_survive_the_wire(reason: str) -> None:
    event = ActionEvent(
        source_id="cam", capture_time_ns=2, state="end", label="jump", score=0.5, track_id=1, onset_time_ns=0,
        end_time_ns=1, detection_delay_s=0.1, window_start_ns=0, window_end_ns=2, reason=reason,  # type: ignore[arg-type]
    )  # fmt: skip
    assert decode(encode(event)) == event
