"""Actions begin once, go on, and end with a reason."""

import msgspec
import numpy as np
import pytest
from decoder_runs import (
    CLIP_NS,
    EITHER,
    INFO,
    JUMP,
    MAYBE,
    NOTHING,
    SQUAT,
    START_NS,
    actions,
    decoder,
    prediction,
    run,
    states_of,
)

from hitrs_live.config import ActionConfig
from hitrs_live.messages import ScoreEvent
from hitrs_live.streaming.decoder import ActionDecoder
from hitrs_live.streaming.hitrs_stream import describe_stream
from hitrs_live.streaming.hysteresis import ActionHysteresis
from hitrs_live.streaming.onset import ScoreBatch
from hitrs_live.streaming.thresholds import make_threshold_arrays


def test_an_action_starts_once_and_ends_when_its_score_falls_below_off() -> None:
    events = run(decoder(), NOTHING, JUMP, MAYBE, JUMP, NOTHING, NOTHING)
    assert states_of(events) == [("start", "jump"), ("end", "jump")]
    assert events[-1].reason == "finished"


def test_a_score_between_off_and_on_starts_nothing_and_ends_nothing() -> None:
    assert states_of(run(decoder(), MAYBE, MAYBE, MAYBE)) == []
    assert states_of(run(decoder(update_every_s=9.0), JUMP, MAYBE, MAYBE)) == [("start", "jump")]


def test_background_is_no_action_however_sure() -> None:
    assert run(decoder(), (1.0 - 2e-6, 1e-6, 1e-6)) == []


def test_the_onset_is_half_a_stride_before_the_first_instant_predicted_and_the_delay_counts_from_it() -> None:
    start = run(decoder(), NOTHING, JUMP)[0]
    clip_ns = START_NS + CLIP_NS
    assert start.onset_time_ns == pytest.approx(clip_ns - 6.5 / 30 * 1e9, abs=2)
    assert start.detection_delay_s == pytest.approx(6.5 / 30, abs=1e-4)
    assert start.capture_time_ns == start.window_end_ns == clip_ns


def test_an_onset_is_dated_to_where_some_action_began_before_its_class_was_clear() -> None:
    start = run(decoder(), NOTHING, EITHER, EITHER, JUMP)[0]
    assert start.onset_time_ns == pytest.approx(START_NS + CLIP_NS - 6.5 / 30 * 1e9, abs=2)
    assert start.capture_time_ns == START_NS + 3 * CLIP_NS
    assert start.detection_delay_s == pytest.approx(20.5 / 30, abs=1e-4)


def test_an_earlier_onset_does_not_make_an_action_start_sooner() -> None:
    assert states_of(run(decoder(min_duration_s=0.4), NOTHING, EITHER, EITHER, JUMP, NOTHING, NOTHING)) == []
    assert states_of(run(decoder(min_duration_s=0.4), NOTHING, EITHER, EITHER, JUMP, JUMP)) == [("start", "jump")]


def test_an_action_began_after_the_background_that_came_last() -> None:
    start = run(decoder(), EITHER, NOTHING, JUMP)[0]
    assert start.onset_time_ns == pytest.approx(START_NS + 2 * CLIP_NS - 6.5 / 30 * 1e9, abs=2)


def test_a_background_that_never_comes_puts_an_onset_no_more_than_a_second_back() -> None:
    start = run(decoder(), *[EITHER] * 20, JUMP)[0]
    candidate_ns = START_NS + 20 * CLIP_NS - 6.5 / 30 * 1e9
    assert start.onset_time_ns == pytest.approx(candidate_ns - 1e9, abs=2)


def test_peak_and_mean_are_of_the_predictions_from_the_start_on_that_confirmed_the_action() -> None:
    best = (0.05, 0.9, 0.05)
    events = run(decoder(update_every_s=0.1), NOTHING, JUMP, MAYBE, NOTHING, best, NOTHING, NOTHING, NOTHING)
    assert states_of(events) == [("start", "jump"), ("update", "jump"), ("update", "jump"), ("end", "jump")]
    scores = [(e.score, e.peak_score, e.mean_score) for e in events]
    mean = (0.85 + 0.5 + 0.9) / 3
    # What the merge gap bridged does not count, nor does the background after the end.
    expected = [(0.85, 0.85, 0.85), (0.5, 0.85, (0.85 + 0.5) / 2), (0.9, 0.9, mean), (0.9, 0.9, mean)]
    for one, own in zip(scores, expected, strict=True):
        assert one == pytest.approx(own, abs=1e-4)


def test_peak_and_mean_begin_again_with_the_next_action() -> None:
    events = run(decoder(merge_gap_s=0.0), (0.02, 0.97, 0.01), NOTHING, NOTHING, JUMP)
    assert states_of(events) == [("start", "jump"), ("end", "jump"), ("start", "jump")]
    assert (events[-1].peak_score, events[-1].mean_score) == pytest.approx((0.85, 0.85), abs=1e-4)


def test_an_unclear_body_counts_neither_for_the_peak_nor_for_the_mean() -> None:
    stage = decoder(update_every_s=0.1)
    stage.step(prediction(-2, NOTHING, reset=True, has_output=False))
    stage.step(prediction(0, JUMP))
    assert actions(stage, prediction(1, (0.01, 0.98, 0.01), confidence=np.zeros(25, np.float32))) == []
    (update,) = actions(stage, prediction(2, JUMP))
    assert (update.peak_score, update.mean_score) == pytest.approx((0.85, 0.85), abs=1e-4)


def test_an_action_never_began_before_the_last_one_ended() -> None:
    events = run(decoder(update_every_s=9.0), JUMP, JUMP, EITHER, EITHER, SQUAT)
    assert states_of(events) == [("start", "jump"), ("end", "jump"), ("start", "squat")]
    assert events[1].end_time_ns == events[2].onset_time_ns
    assert events[2].onset_time_ns == pytest.approx(START_NS + 2 * CLIP_NS - 6.5 / 30 * 1e9, abs=2)


def test_an_action_never_began_before_its_person_came() -> None:
    stage = decoder()
    run(stage, EITHER, EITHER)
    stage.step(prediction(2, EITHER, reset=True, has_output=False))
    (start,) = actions(stage, prediction(3, JUMP))
    assert start.onset_time_ns == pytest.approx(START_NS + 3 * CLIP_NS - 12 / 30 * 1e9, abs=2)


def test_an_action_in_the_first_prediction_began_with_the_first_frame_seen() -> None:
    (start,) = run(decoder(), JUMP)
    assert start.onset_time_ns == pytest.approx(START_NS - 12 / 30 * 1e9, abs=2)
    assert start.detection_delay_s == pytest.approx(12 / 30, abs=1e-4)


def test_a_share_of_unknown_does_not_delay_an_onset() -> None:
    rules = make_threshold_arrays(describe_stream(INFO), ActionConfig(on=0.5, off=0.3, min_duration_s=0.0))
    hysteresis = ActionHysteresis(
        rules, rows=1, confident_threshold=0.9, step_ns=CLIP_NS, lead_ns=CLIP_NS, max_unclear_ns=0
    )
    nothing, doubted, known = (np.array([row], np.float32) for row in ([1.0, 0, 0], [0.9, 0.1, 0], [0.3, 0.7, 0]))
    for clip, (scores, if_known) in enumerate(((nothing, nothing), (doubted, known), (known, known))):
        now = np.array([START_NS + clip * CLIP_NS])
        every = np.ones((1, 3), bool)
        hysteresis.step(
            ScoreBatch(rows=np.array([0]), scores=scores, scores_if_known=if_known, instants_ns=now, visible=every)
        )
        assert hysteresis.label[0] == (1 if clip == 2 else 0)
    assert hysteresis.onset_ns[0] == START_NS + CLIP_NS - CLIP_NS // 2


def test_rounding_does_not_move_the_onset_of_a_score_that_just_reaches_its_threshold() -> None:
    rules = make_threshold_arrays(describe_stream(INFO), ActionConfig(on=0.35, off=0.35, min_duration_s=0.0))
    scores = np.array([[0.65000004, 0.35, 0.0]], np.float32)
    assert 1 - scores[0, 0] < rules.offset_threshold[1] == scores[0, 1]
    hysteresis = ActionHysteresis(
        rules, rows=1, confident_threshold=0.9, step_ns=CLIP_NS, lead_ns=CLIP_NS, max_unclear_ns=0
    )
    now = np.array([START_NS])
    hysteresis.step(
        ScoreBatch(
            rows=np.array([0]), scores=scores, scores_if_known=scores, instants_ns=now, visible=np.ones((1, 3), bool)
        )
    )  # fmt: skip
    assert hysteresis.onset_ns[0] == START_NS - CLIP_NS


def test_a_longer_minimum_waits_for_the_second_clip_and_drops_what_does_not_last() -> None:
    assert states_of(run(decoder(min_duration_s=0.4), JUMP, NOTHING, NOTHING)) == []
    events = run(decoder(min_duration_s=0.4), NOTHING, JUMP, JUMP)
    assert states_of(events) == [("start", "jump")]
    assert events[0].detection_delay_s == pytest.approx(13.5 / 30, abs=1e-4)


def test_a_confident_score_starts_at_once_with_any_minimum_duration() -> None:
    sure = (0.02, 0.96, 0.02)
    assert states_of(run(decoder(min_duration_s=0.4, sure=0.9), NOTHING, sure))[0] == ("start", "jump")
    assert states_of(run(decoder(min_duration_s=0.4, sure=0.97), NOTHING, sure)) == []


def test_updates_come_at_the_beat_that_was_set() -> None:
    events = run(decoder(update_every_s=0.46), *[JUMP] * 7)
    assert states_of(events) == [("start", "jump"), *[("update", "jump")] * 3]


def test_a_stronger_class_ends_the_action_and_begins_its_own() -> None:
    events = run(decoder(), JUMP, SQUAT)
    assert states_of(events) == [("start", "jump"), ("end", "jump"), ("start", "squat")]
    assert events[1].end_time_ns == events[2].onset_time_ns


def test_a_lost_track_ends_its_action_with_that_reason() -> None:
    stage = decoder()
    run(stage, NOTHING, JUMP, JUMP)
    lost = prediction(9, NOTHING, reset=True, has_output=False)
    events = actions(stage, lost)
    assert [(event.state, event.reason, event.track_id) for event in events] == [("end", "track_lost", 5)]
    assert events[0].onset_time_ns < (events[0].end_time_ns or 0) <= START_NS + 2 * CLIP_NS


def test_closing_ends_each_open_action_once() -> None:
    stage = decoder()
    run(stage, JUMP, JUMP)
    assert [event.reason for event in stage.close_all("source_lost")] == ["source_lost"]
    assert stage.close_all("source_lost") == []


def test_the_window_of_a_judgement_never_reaches_back_before_its_person() -> None:
    start = run(decoder(), JUMP)[0]
    assert start.window_start_ns == START_NS - 2 * CLIP_NS < start.onset_time_ns


def test_scores_come_with_every_clip_highest_first() -> None:
    event = next(e for e in decoder().step(prediction(0, SQUAT)) if isinstance(e, ScoreEvent))
    assert event.labels[0] == "squat"
    assert list(event.scores) == sorted(event.scores, reverse=True)


def test_a_class_may_have_thresholds_of_its_own() -> None:
    strict = ActionDecoder(
        describe_stream(msgspec.structs.replace(INFO, on={"jump": 0.95})), ActionConfig(), source_id="cam", rows=2
    )
    assert run(strict, JUMP, JUMP) == []


def test_a_score_that_flickers_is_one_action_and_ends_where_it_did() -> None:
    events = run(decoder(update_every_s=9.0), JUMP, NOTHING, JUMP, NOTHING, JUMP, NOTHING, NOTHING)
    assert states_of(events) == [("start", "jump"), ("end", "jump")]
    # The last clip that bore it out ended a clip's half before the first that did not.
    assert events[-1].end_time_ns == pytest.approx(START_NS + 4.5 * CLIP_NS - 3 / 30 * 1e9, abs=2)
    assert events[-1].capture_time_ns == START_NS + 6 * CLIP_NS


def test_without_a_merge_gap_every_flicker_ends_an_action() -> None:
    events = run(decoder(merge_gap_s=0.0, update_every_s=9.0), JUMP, NOTHING, JUMP, NOTHING)
    assert states_of(events) == [("start", "jump"), ("end", "jump")] * 2
    assert events[1].capture_time_ns == START_NS + CLIP_NS


def test_a_gap_longer_than_the_merge_gap_makes_two_actions() -> None:
    events = run(decoder(update_every_s=9.0), JUMP, NOTHING, NOTHING, JUMP)
    assert states_of(events) == [("start", "jump"), ("end", "jump"), ("start", "jump")]


def test_another_class_that_does_not_last_does_not_interrupt_an_action() -> None:
    events = run(decoder(min_duration_s=0.4, update_every_s=9.0), JUMP, JUMP, SQUAT, JUMP, JUMP)
    assert states_of(events) == [("start", "jump")]


def test_another_class_that_lasts_ends_the_action_where_it_began_itself() -> None:
    events = run(decoder(min_duration_s=0.4, update_every_s=9.0), JUMP, JUMP, SQUAT, SQUAT)
    assert states_of(events) == [("start", "jump"), ("end", "jump"), ("start", "squat")]
    assert events[1].end_time_ns == events[2].onset_time_ns
    assert events[1].reason == "finished"


def test_a_score_that_stays_high_ends_at_the_maximum_duration_and_starts_again_only_once_it_was_low() -> None:
    events = run(decoder(max_duration_s=1.0, update_every_s=9.0), *[JUMP] * 20)
    assert states_of(events) == [("start", "jump"), ("end", "jump")]
    end = events[-1]
    assert end.reason == "too_long"
    assert (end.end_time_ns or 0) - end.onset_time_ns == 1_000_000_000
    again = run(decoder(max_duration_s=1.0, update_every_s=9.0), *[JUMP] * 20, MAYBE, JUMP, NOTHING, JUMP)
    assert states_of(again) == [("start", "jump"), ("end", "jump"), ("start", "jump")]
    assert again[-1].onset_time_ns > START_NS + 22 * CLIP_NS


def test_while_one_class_is_barred_another_may_start() -> None:
    events = run(decoder(max_duration_s=0.5, update_every_s=9.0), *[JUMP] * 6, SQUAT)
    assert states_of(events) == [("start", "jump"), ("end", "jump"), ("start", "squat")]


def test_predicted_every_frame_a_short_flicker_is_one_action_and_the_minimum_still_counts_time() -> None:
    stage = decoder(step_frames=1, update_every_s=9.0)
    frames = [NOTHING] * 10 + [JUMP] * 4 + [NOTHING] * 10 + [JUMP] * 12 + [NOTHING] * 5 + [JUMP] * 12 + [NOTHING] * 20
    stage.step(prediction(-2, NOTHING, reset=True, has_output=False))
    events = [e for frame, scores in enumerate(frames) for e in actions(stage, prediction(frame / 7, scores))]
    # Four frames are less than 0.2 s; twelve, five of a gap and twelve are one action.
    assert states_of(events) == [("start", "jump"), ("end", "jump")]
    onset_s, end_s = ((at or 0) / 1e9 - 1 for at in (events[1].onset_time_ns, events[1].end_time_ns))
    assert onset_s == pytest.approx((24 - 3 - 0.5) / 30, abs=1e-6)
    assert end_s == pytest.approx((53 - 3 - 0.5) / 30, abs=1e-6)
    assert events[0].detection_delay_s == pytest.approx((5 + 3 + 0.5) / 30, abs=1e-4)


def test_running_actions_are_given_to_views_by_track() -> None:
    stage = decoder()
    assert stage.running_actions() == {}
    run(stage, JUMP, JUMP)
    assert stage.running_actions() == {5: ("jump", pytest.approx(0.85, abs=1e-4))}
    stage.close_all("shutdown")
    assert stage.running_actions() == {}


def test_an_action_that_was_fading_when_its_source_was_lost_ends_where_it_faded() -> None:
    stage = decoder(update_every_s=9.0)
    run(stage, JUMP, JUMP, NOTHING)
    (end,) = stage.close_all("source_lost")
    assert end.end_time_ns == pytest.approx(START_NS + 1.5 * CLIP_NS - 3 / 30 * 1e9, abs=2)


def test_of_two_candidates_the_stronger_starts_and_only_once_it_lasted() -> None:
    squat, jump = (0.1, 0.4, 0.5), (0.1, 0.5, 0.4)
    assert states_of(run(decoder(on=0.35, off=0.3, min_duration_s=0.4), squat, jump)) == []
    assert states_of(run(decoder(on=0.35, off=0.3, min_duration_s=0.4), squat, jump, jump)) == [("start", "jump")]
    assert states_of(run(decoder(on=0.35, off=0.3, min_duration_s=0.4), squat, squat)) == [("start", "squat")]


def test_a_new_person_is_not_barred_by_what_the_last_one_did_too_long() -> None:
    stage = decoder(max_duration_s=0.5, update_every_s=9.0)
    assert states_of(run(stage, *[JUMP] * 6)) == [("start", "jump"), ("end", "jump")]
    stage.step(prediction(6, NOTHING, reset=True, has_output=False))
    assert states_of(actions(stage, prediction(8, JUMP))) == [("start", "jump")]


def independent_decoder() -> ActionDecoder:
    """Make a decoder of two rows whose classes have a sigmoid each."""
    model = describe_stream(msgspec.structs.replace(INFO, independent=True), 7)
    return ActionDecoder(model, ActionConfig(on=0.6, off=0.4, update_every_s=9.0), source_id="cam", rows=2)


def odds(*scores: float) -> tuple[float, ...]:
    """Return what gives these scores by a sigmoid each, where a decoder run takes scores of a softmax."""
    return tuple(score / (1 - score) for score in scores)


def test_of_independent_classes_one_that_is_somewhat_likelier_does_not_end_an_action_that_goes_on() -> None:
    # A squat pauses: the model also says that someone gets up from a seat.
    jump, both = odds(0.1, 0.9, 0.2), odds(0.1, 0.54, 0.87)
    events = run(independent_decoder(), jump, *[both] * 20, jump)
    assert states_of(events) == [("start", "jump")]


def test_of_independent_classes_one_that_is_much_likelier_takes_over_at_once() -> None:
    jump, squat = odds(0.1, 0.9, 0.2), odds(0.1, 0.45, 0.96)
    events = run(independent_decoder(), jump, jump, squat, squat)
    assert states_of(events) == [("start", "jump"), ("end", "jump"), ("start", "squat")]
    # What is no longer confirmed leaves the place to whatever comes.
    low = odds(0.1, 0.3, 0.7)
    assert states_of(run(independent_decoder(), jump, low, low, low))[-1] == ("start", "squat")
