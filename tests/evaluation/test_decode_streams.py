"""The live decoder over stored predictions: each stream as if it were alone, starts combined with their ends."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from hitrs_live.checkpoint import CheckpointInfo
from hitrs_live.config import ActionConfig
from hitrs_live.data.array_format import LabelledSequence
from hitrs_live.evaluation.decode_streams import decode_streams
from hitrs_live.evaluation.kept_streams import KeptStream
from hitrs_live.model.detector import DetectorConfig
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.streaming.thresholds import ClassThresholds, Thresholds
from hitrs_live.transforms import NormaliserConfig

TINY = HiTRSConfig(
    frame_width=8, frame_hidden=8, clip_width=8, clip_hidden=8, video_width=8, video_hidden=8, layers=1, heads=2,
    head_width=4, max_clips=8,
)  # fmt: skip
INFO = CheckpointInfo(
    name="tiny", labels=("background", "jump", "hug"), detector=DetectorConfig(encoder=TINY, classes=3, window_clips=4),
    normaliser=NormaliserConfig(), label_lag_frames=3, pair_labels=("hug",),
)  # fmt: skip
STRIDE = 7


def stream(classes: list[int], score: float = 0.8) -> KeptStream:
    """Predictions every seven frames from the thirteenth on, of these classes, with that score."""
    scores = np.full((len(classes), 3), (1 - score) / 2)
    scores[np.arange(len(classes)), classes] = score
    frames = 13 + STRIDE * len(classes)
    sequence = LabelledSequence(
        name="made", subject="a", joints_m=np.zeros((frames, 25, 3), np.float32), labels=np.zeros(frames, np.int64),
        valid_mask=np.ones(25, bool),
    )  # fmt: skip
    return KeptStream(
        sequence=sequence, ends=12 + STRIDE * np.arange(len(classes)), logits=np.log(scores).astype(np.float32)
    )


def labelled_time_s(prediction: float) -> float:
    """The time that a prediction refers to: that of its last frame less the label lag."""
    return (12 + STRIDE * prediction - 3) / 30


def test_an_action_has_its_onset_the_time_of_detection_and_its_end() -> None:
    (result,) = decode_streams([stream([0, 0, 0, 1, 1, 1, 0, 0, 0])], INFO)
    (action,) = result.detected
    assert (action.label, action.score) == ("jump", pytest.approx(0.8))
    # It begins half a stride before the time of its first prediction and ends half a stride before that of the next.
    assert action.onset_s == pytest.approx(labelled_time_s(2.5), abs=1e-6)
    assert action.end_s == pytest.approx(labelled_time_s(5.5), abs=1e-6)
    assert action.detected_s == pytest.approx((12 + STRIDE * 4) / 30, abs=1e-6), "0.3 s are not over before the second"


def test_an_action_running_at_a_streams_end_ends_with_its_last_prediction() -> None:
    short, long = decode_streams([stream([0, 1, 1, 1]), stream([0] * 20)], INFO)
    assert [action.end_s for action in short.detected] == [pytest.approx(labelled_time_s(3), abs=1e-6)]
    assert long.detected == ()


@pytest.mark.slow
def test_many_streams_of_any_length_are_decoded_as_each_alone_and_in_their_order() -> None:
    rng = np.random.default_rng(0)
    streams = [
        stream(np.repeat(rng.integers(0, 3, 6), rng.integers(1, 6, 6))[: rng.integers(0, 30)].tolist())
        for _ in range(150)
    ]
    together = decode_streams(streams, INFO)
    assert sum(len(result.detected) for result in together) > 150
    for one, result in zip(streams, together, strict=True):
        (alone,) = decode_streams([one], INFO)
        assert result.sequence is one.sequence
        assert result.detected == alone.detected
        np.testing.assert_array_equal(result.scores, alone.scores)


def test_a_stream_too_short_for_a_prediction_has_no_action() -> None:
    (result,) = decode_streams([stream([])], INFO)
    assert (result.detected, result.scores.shape, result.motion_error_mm.shape) == ((), (0, 3), (0, 5))


def test_a_body_that_a_recording_did_not_see_clearly_has_no_action() -> None:
    clear = stream([0, 1, 1, 1, 0, 0])
    unclear = replace(clear, confidence=np.full((6, 25), 0.1, np.float32))
    assert [len(result.detected) for result in decode_streams([clear, unclear], INFO)] == [1, 0]


@pytest.mark.parametrize(("of_pairs", "detected"), [(None, ["jump", "hug"]), (False, ["jump"]), (True, ["hug"])])
def test_pairs_get_the_actions_of_two_and_single_people_the_rest(of_pairs: bool | None, detected: list[str]) -> None:
    results = decode_streams([stream([0, 1, 1, 1, 0, 0]), stream([0, 2, 2, 2, 0, 0])], INFO, of_pairs=of_pairs)
    assert [action.label for result in results for action in result.detected] == detected


def test_scores_are_those_that_the_decoder_used() -> None:
    """Temperatures soften them, and what has little energy is background."""
    loud, faint = stream([0, 1, 1, 1, 0, 0], 0.97), stream([0, 1, 1, 1, 0, 0], 0.97)
    faint = replace(faint, logits=faint.logits - 40)
    thresholds = Thresholds(
        checkpoint="", sha256="0" * 64, least_energy=-20.0, classes={"jump": ClassThresholds(temperature=2.0)}
    )
    result, nothing = decode_streams([loud, faint], INFO, thresholds=thresholds)
    softened = np.exp(loud.logits / [1.0, 2.0, 1.0])
    np.testing.assert_allclose(result.scores, softened / softened.sum(1, keepdims=True), rtol=1e-4)
    (action,) = result.detected
    detection = loud.ends.tolist().index(round(30 * action.detected_s))
    assert action.score == pytest.approx(result.scores[detection, 1], abs=1e-4)
    assert nothing.detected == ()
    np.testing.assert_allclose(nothing.scores, [[1, 0, 0]] * 6, atol=1e-6)


def test_an_action_that_is_sure_without_the_unknown_is_detected_with_its_first_prediction() -> None:
    one = stream([0, 0, 0, 1, 1, 1, 0, 0], 0.97)
    quarter_unknown = Thresholds(checkpoint="", sha256="0" * 64, least_energy=float(np.log(1 / 3)))
    (result,) = decode_streams([one], INFO, thresholds=quarter_unknown)
    (action,) = result.detected
    assert action.score == pytest.approx(0.75 * 0.97, abs=1e-4)
    assert action.detected_s == pytest.approx(one.ends[3] / 30, abs=1e-6), "0.3 s would be over with the second"


def test_settings_and_the_rate_of_predictions_matter_too() -> None:
    one = stream([0, 1, 1, 1, 0, 0])
    strict = msgspec.structs.replace(ActionConfig(), on=0.9)
    assert decode_streams([one], INFO, strict)[0].detected == ()
    every_frame = replace(one, ends=12 + np.arange(6))
    assert decode_streams([every_frame], INFO, step_frames=1)[0].detected == (), "three frames are no 0.3 s"
