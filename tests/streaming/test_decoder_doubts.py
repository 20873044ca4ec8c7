"""Unknown input and bodies that are not seen whole start no action."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from decoder_runs import CLIP_NS, EITHER, INFO, JUMP, NOTHING, START_NS, actions, decoder, prediction, run, states_of

from hitrs_live.config import ActionConfig
from hitrs_live.messages import ScoreEvent
from hitrs_live.model.detector import DetectorConfig
from hitrs_live.model.hitrs import HITRS_SMALL
from hitrs_live.skeleton import NTU25
from hitrs_live.streaming.body_confidence import part_confidence
from hitrs_live.streaming.decoder import ActionDecoder
from hitrs_live.streaming.hitrs_stream import describe_stream
from hitrs_live.streaming.scores import energy, known_scores, share_with_unknown, softmax
from hitrs_live.streaming.thresholds import ClassThresholds, Thresholds


def thresholds(energy_threshold: float | None = None, **classes: ClassThresholds) -> Thresholds:
    return Thresholds(checkpoint="test", sha256="0" * 64, least_energy=energy_threshold, classes=classes)


def class_scores(logits: np.ndarray, temperature: np.ndarray, least: np.ndarray | None = None) -> np.ndarray:
    return share_with_unknown(known_scores(logits, temperature, np.ones(3, bool), independent=False), logits, least)


def seen(**parts: float) -> np.ndarray:
    """All joints seen well but those whose names end so."""
    confidence = np.full(25, 0.95, np.float32)
    for part, value in parts.items():
        confidence[[j for j, name in enumerate(NTU25.joints) if name.endswith(part)]] = value
    return confidence


def test_energy_is_the_log_of_the_summed_exponentials_also_of_huge_logits() -> None:
    logits = np.array([[0.0, 0.0, 0.0], [1000.0, 999.0, -1000.0]], np.float32)
    np.testing.assert_allclose(energy(logits), [np.log(3), 1000 + np.log1p(np.exp(-1))], rtol=1e-6)


def test_scores_of_the_unknown_are_all_left_to_the_background() -> None:
    known, unknown = (0.0, 12.0, 1.0), (-12.0, 0.0, -5.0)
    logits = np.array([known, unknown], np.float32)
    scores = class_scores(logits, np.ones(3, np.float32), np.full(3, 6.0, np.float32))
    np.testing.assert_allclose(scores[0], softmax(logits)[0], atol=3e-3)
    np.testing.assert_allclose(scores[1], [1.0, 0.0, 0.0], atol=3e-3)
    # Without that limit the unknown is as much of a jump as the known.
    assert class_scores(logits, np.ones(3, np.float32))[1, 1] > 0.99


def test_the_unknown_is_one_more_class_whose_logit_is_the_least_energy_of_the_likeliest_action() -> None:
    logits = np.array([[0.5, 2.0, 1.0], [0.5, 1.0, 2.0]], np.float32)
    least = np.array([99.0, 3.0, -np.inf], np.float32)
    scores = class_scores(logits, np.ones(3, np.float32), least)
    with_unknown = softmax(np.array([[0.5, 2.0, 1.0, 3.0]], np.float32))
    np.testing.assert_allclose(scores[0], with_unknown[0, :3] + with_unknown[0, 3] * np.array([1, 0, 0]), rtol=1e-5)
    np.testing.assert_array_equal(scores[1], softmax(logits)[1])


def test_no_energy_however_far_from_the_least_spoils_a_score() -> None:
    logits = np.array([[0.0, 5000.0, 0.0], [0.0, -5000.0, -6000.0]], np.float32)
    for least in (-np.inf, -1e6, 0.0, 1e6):
        scores = class_scores(logits, np.ones(3, np.float32), np.full(3, least, np.float32))
        assert np.isfinite(scores).all()
        np.testing.assert_allclose(scores.sum(-1), 1, rtol=1e-5)


def test_a_class_is_softened_by_its_own_temperature() -> None:
    logits = np.array([[2.0, 4.0, 1.0]], np.float32)
    scores = class_scores(logits, np.array([1.0, 2.0, 1.0], np.float32))
    np.testing.assert_allclose(scores, softmax(np.array([[2.0, 2.0, 1.0]], np.float32)))


def test_independent_classes_have_a_sigmoid_each_and_the_background_is_what_the_highest_leaves() -> None:
    logits = np.array([[9.0, 0.0, -1.0], [-9.0, 4.0, 4.0], [0.0, -200.0, -300.0]], np.float32)
    scores = known_scores(logits, np.array([1.0, 1.0, 0.5], np.float32), np.ones(3, bool), independent=True)
    np.testing.assert_allclose(scores[0], [0.5, 0.5, 1 / (1 + np.exp(2))], rtol=1e-5)
    np.testing.assert_allclose(scores[1, 1:], [1 / (1 + np.exp(-4)), 1 / (1 + np.exp(-8))], rtol=1e-5)
    np.testing.assert_array_equal(scores[2], [1.0, 0.0, 0.0])


@pytest.mark.parametrize("independent", [False, True])
def test_the_score_of_a_class_that_is_not_reported_is_left_to_the_background(independent: bool) -> None:
    logits = np.array([[-1.0, 4.0, 0.0]], np.float32)
    reported = np.array([True, False, True])
    scores = known_scores(logits, np.ones(3, np.float32), reported, independent=independent)
    assert scores[0, 1] == 0
    assert scores[0, 0] == pytest.approx(1 - scores[0, 2])
    assert 0 < scores[0, 2] <= 0.5


def test_an_unknown_is_refused_and_its_score_event_says_background() -> None:
    # The helper's logits are logs of scores that sum to one: their energy is 0.
    assert states_of(run(decoder(thresholds(energy_threshold=-4.0)), JUMP, JUMP)) == [("start", "jump")]
    stage = decoder(thresholds(energy_threshold=10.0))
    assert run(stage, JUMP, JUMP) == []
    event = next(e for e in stage.step(prediction(3, JUMP)) if isinstance(e, ScoreEvent))
    assert event.labels[0] == "background"
    assert event.scores[0] > 0.999


def test_a_confident_known_class_starts_at_once_if_its_score_reaches_the_onset_threshold() -> None:
    # An energy of 0 beside a least one of log(1/3): the unknown takes a quarter of every score, 0.96 becomes 0.72.
    quarter, sure = thresholds(energy_threshold=float(np.log(1 / 3))), (0.02, 0.96, 0.02)
    assert states_of(run(decoder(quarter, min_duration_s=0.4), NOTHING, sure)) == [("start", "jump")]
    assert states_of(run(decoder(quarter, min_duration_s=0.4, sure=0.97), NOTHING, sure)) == []
    assert states_of(run(decoder(quarter, min_duration_s=0.4, on=0.75), NOTHING, sure, sure)) == []


def test_a_candidate_that_is_below_on_by_the_unknowns_share_waits_however_sure_it_is_but_for_that() -> None:
    stage = decoder(thresholds(energy_threshold=0.0), on=0.41, off=0.3, min_duration_s=9.0)
    reaches_on = prediction(0, (0.16, 0.83, 0.01))
    below_on = prediction(1, (0.02, 0.96, 0.02))
    below_on = replace(below_on, logits=below_on.logits - np.float32(0.6))
    np.testing.assert_allclose(stage.scores(below_on)[0, 1], 0.96 / (1 + np.exp(0.6)), rtol=1e-5)
    run(stage)
    assert actions(stage, reaches_on) == actions(stage, below_on) == []
    assert states_of(actions(stage, prediction(2, (0.02, 0.96, 0.02)))) == [("start", "jump")]


def test_what_is_sure_only_before_its_temperature_waits() -> None:
    soft = thresholds(**dict.fromkeys(("background", "jump", "squat"), ClassThresholds(temperature=2.0)))
    assert states_of(run(decoder(soft, min_duration_s=0.4), NOTHING, (0.02, 0.96, 0.02))) == []


def test_thresholds_win_over_the_checkpoints_own_and_the_settings() -> None:
    strict = thresholds(jump=ClassThresholds(on=0.9, off=0.5))
    assert run(decoder(strict), JUMP, JUMP) == []
    patient = thresholds(jump=ClassThresholds(min_duration_s=0.6))
    assert states_of(run(decoder(patient), JUMP, JUMP)) == []
    assert states_of(run(decoder(patient), JUMP, JUMP, JUMP)) == [("start", "jump")]


def test_a_body_is_as_sure_as_its_least_seen_part_and_of_a_pair_the_better_side_counts() -> None:
    assert part_confidence(seen()).min() == pytest.approx(0.95)
    assert part_confidence(seen(knee=0.1)).min() == pytest.approx(0.1)
    assert part_confidence(seen(left_knee=0.0, right_elbow=0.0, left_hip=0.0)).min() == pytest.approx(0.95)
    assert part_confidence(seen(hand=0.0, tip=0.0, thumb=0.0, foot=0.0, ankle=0.0)).min() == pytest.approx(0.95)


@pytest.mark.parametrize("hidden", ["knee", "hip", "elbow", "shoulder", "head"])
def test_half_a_body_starts_nothing(hidden: str) -> None:
    half = seen(**{hidden: 0.1})
    stage = decoder()
    assert [e for clip in range(6) for e in actions(stage, prediction(clip, JUMP, confidence=half))] == []
    assert states_of(actions(stage, prediction(6, JUMP))) == [("start", "jump")]


WAVE, SQUAT = (0.2, 0.7, 0.1), (0.2, 0.1, 0.7)
ARMS_ALONE = {"knee": 0.0, "hip": 0.0}


def decoder_of_arms_and_legs(**settings: float) -> ActionDecoder:
    model = describe_stream(msgspec.structs.replace(INFO, labels=("background", "wave", "squat")))
    return ActionDecoder(model, ActionConfig(min_duration_s=0.0, **settings), source_id="cam", rows=1)


@pytest.mark.parametrize("hidden", ["knee", "hip"])
def test_actions_of_the_arms_start_on_people_whose_legs_are_not_seen_and_those_of_the_legs_do_not(hidden: str) -> None:
    stage, half = decoder_of_arms_and_legs(), seen(**{hidden: 0.1})
    assert [e for clip in range(4) for e in actions(stage, prediction(clip, SQUAT, confidence=half))] == []
    assert states_of(actions(stage, prediction(4, WAVE, confidence=half))) == [("start", "wave")]
    (end,) = (e for clip in (5, 6, 7) for e in actions(stage, prediction(clip, NOTHING, confidence=half)))
    assert end.reason == "finished"


@pytest.mark.parametrize("hidden", ["elbow", "shoulder", "head"])
def test_actions_of_the_arms_do_not_start_where_more_than_the_legs_is_hidden(hidden: str) -> None:
    stage, half = decoder_of_arms_and_legs(), seen(knee=0.1, **{hidden: 0.1})
    assert [e for clip in range(4) for e in actions(stage, prediction(clip, WAVE, confidence=half))] == []


def test_an_action_of_the_legs_ends_unclear_where_they_are_no_longer_seen_and_one_of_the_arms_may_follow() -> None:
    stage = decoder_of_arms_and_legs()
    assert states_of(actions(stage, prediction(0, SQUAT))) == [("start", "squat")]
    late = [e for clip in range(1, 9) for e in actions(stage, prediction(clip, WAVE, confidence=seen(**ARMS_ALONE)))]
    assert states_of(late[:2]) == [("end", "squat"), ("start", "wave")]
    assert late[0].reason == "pose_unclear"


def test_an_action_of_the_arms_goes_on_while_legs_come_and_go() -> None:
    stage = decoder_of_arms_and_legs(update_every_s=9.0)
    frames = [seen(**ARMS_ALONE) if clip % 2 else seen() for clip in range(10)]
    events = [e for clip, one in enumerate(frames) for e in actions(stage, prediction(clip, WAVE, confidence=one))]
    assert states_of(events) == [("start", "wave")]


@pytest.mark.parametrize("needed", [True, False])
def test_which_classes_need_legs_can_be_given_whatever_their_names(needed: bool) -> None:
    model = describe_stream(msgspec.structs.replace(INFO, labels=("background", "wave", "squat")))
    stage = ActionDecoder(
        model, ActionConfig(min_duration_s=0.0), source_id="cam", rows=1, legs=np.array([True, needed, True])
    )
    half = seen(**ARMS_ALONE)
    events = [e for clip in range(4) for e in actions(stage, prediction(clip, WAVE, confidence=half))]
    assert states_of(events[:1]) == ([] if needed else [("start", "wave")])


def test_an_open_action_survives_a_moments_doubt_and_ends_with_its_reason_if_that_lasts() -> None:
    half = seen(knee=0.0)
    stage = decoder(update_every_s=9.0)
    run(stage, JUMP, JUMP)
    assert actions(stage, prediction(2, NOTHING, confidence=half)) == []
    assert actions(stage, prediction(3, JUMP)) == []
    assert actions(stage, prediction(4, JUMP, confidence=half)) == []
    assert actions(stage, prediction(5, JUMP, confidence=half)) == []
    (end,) = actions(stage, prediction(6, JUMP, confidence=half))
    assert (end.state, end.reason) == ("end", "pose_unclear")
    # Clip 3 was the last to bear it out; its scores speak of three frames before its end.
    assert end.end_time_ns == pytest.approx(START_NS + 3 * CLIP_NS - 3 / 30 * 1e9, abs=2)


def test_nothing_is_updated_while_the_body_is_unclear() -> None:
    stage = decoder(update_every_s=0.1)
    run(stage, JUMP)
    assert actions(stage, prediction(1, JUMP, confidence=seen(head=0.0))) == []
    assert states_of(actions(stage, prediction(2, JUMP))) == [("update", "jump")]


def test_a_moments_doubt_does_not_put_off_a_start_for_longer_than_it_lasts() -> None:
    stage = decoder(min_duration_s=0.4)
    run(stage, JUMP)
    assert actions(stage, prediction(1, NOTHING, confidence=seen(hip=0.0))) == []
    (start,) = actions(stage, prediction(2, JUMP))
    assert start.onset_time_ns == pytest.approx(START_NS - 12 / 30 * 1e9, abs=2)


def test_after_a_long_unclear_time_a_candidate_begins_again() -> None:
    stage = decoder(min_duration_s=0.4)
    run(stage, JUMP)
    for clip in range(1, 5):
        assert actions(stage, prediction(clip, JUMP, confidence=seen(hip=0.0))) == []
    assert actions(stage, prediction(5, JUMP)) == []
    (start,) = actions(stage, prediction(6, JUMP))
    assert start.onset_time_ns == pytest.approx(START_NS + 5 * CLIP_NS - 6.5 / 30 * 1e9, abs=2)


def test_scores_before_a_long_unclear_time_do_not_date_an_onset_after_it() -> None:
    stage = decoder()
    run(stage, EITHER, EITHER)
    for clip in (2, 3, 4, 5):
        assert actions(stage, prediction(clip, EITHER, confidence=seen(hip=0.0))) == []
    (start,) = actions(stage, prediction(6, JUMP))
    assert start.onset_time_ns == pytest.approx(START_NS + 6 * CLIP_NS - 6.5 / 30 * 1e9, abs=2)


def test_a_moments_doubt_does_not_hide_when_something_began() -> None:
    stage = decoder()
    run(stage, NOTHING, EITHER)
    assert actions(stage, prediction(2, NOTHING, confidence=seen(hip=0.0))) == []
    (start,) = actions(stage, prediction(3, JUMP))
    assert start.onset_time_ns == pytest.approx(START_NS + CLIP_NS - 6.5 / 30 * 1e9, abs=2)


def test_who_trusts_every_pose_can_say_so() -> None:
    stage = decoder(min_pose_confidence=0.0)
    assert states_of(actions(stage, prediction(0, JUMP, confidence=np.zeros(25, np.float32)))) == [("start", "jump")]


@pytest.mark.parametrize(("labels", "pair_labels"), [(("background",), ()), (("background", "hug"), ("hug",))])
@pytest.mark.parametrize("of_pairs", [False, True])
def test_a_model_without_an_action_for_its_rows_scores_the_background_and_never_starts(
    labels: tuple[str, ...], pair_labels: tuple[str, ...], of_pairs: bool
) -> None:
    detector = DetectorConfig(encoder=HITRS_SMALL, classes=len(labels), window_clips=4)
    info = msgspec.structs.replace(INFO, labels=labels, pair_labels=pair_labels, detector=detector)
    deciding = ActionDecoder(describe_stream(info), ActionConfig(), source_id="cam", rows=2, of_pairs=of_pairs)
    events = []
    for clip in range(8):
        seen = prediction(clip, NOTHING, reset=clip == 0)
        events += deciding.step(replace(seen, logits=seen.logits[:, : len(labels)]))
    assert len(events) == 8
    assert all(isinstance(event, ScoreEvent) for event in events)
    assert all(event.labels[0] == "background" and event.scores[0] > 0.9 for event in events)
    assert deciding.close_all("finished") == []
