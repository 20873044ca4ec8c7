"""The live decoder over kept judgements: each stream as if it were alone, starts with their ends."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from hitrs_live.checkpoint import CheckpointInfo
from hitrs_live.config import ActionConfig
from hitrs_live.data.array_format import LabelledSequence
from hitrs_live.evaluation.decode_streams import decide
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
HOP = 7


def stream(judged: list[int], score: float = 0.8) -> KeptStream:
    """A judgement every seven frames from the thirteenth on, of that class, with that score."""
    scores = np.full((len(judged), 3), (1 - score) / 2)
    scores[np.arange(len(judged)), judged] = score
    frames = 13 + HOP * len(judged)
    sequence = LabelledSequence(
        name="made", subject="a", joints_m=np.zeros((frames, 25, 3), np.float32), labels=np.zeros(frames, np.int64),
        valid_mask=np.ones(25, bool),
    )  # fmt: skip
    return KeptStream(
        sequence=sequence, ends=12 + HOP * np.arange(len(judged)), logits=np.log(scores).astype(np.float32)
    )


def speaks_of_s(judgement: float) -> float:
    """The middle of what a judgement speaks of: its last frame less the labels' lag."""
    return (12 + HOP * judgement - 3) / 30


def test_an_action_is_told_with_its_onset_its_telling_and_its_end() -> None:
    (result,) = decide([stream([0, 0, 0, 1, 1, 1, 0, 0, 0])], INFO)
    (action,) = result.told
    assert (action.label, action.score) == ("jump", pytest.approx(0.8))
    # It begins half a hop before what the first judgement speaks of, and ends half a hop before the first without it.
    assert action.onset_s == pytest.approx(speaks_of_s(2.5), abs=1e-6)
    assert action.end_s == pytest.approx(speaks_of_s(5.5), abs=1e-6)
    assert action.told_s == pytest.approx((12 + HOP * 4) / 30, abs=1e-6), "0.3 s are not over before the second"


def test_what_still_goes_on_at_a_streams_end_ends_with_its_last_judgement() -> None:
    short, long = decide([stream([0, 1, 1, 1]), stream([0] * 20)], INFO)
    assert [action.end_s for action in short.told] == [pytest.approx(speaks_of_s(3), abs=1e-6)]
    assert long.told == ()


@pytest.mark.slow
def test_many_streams_of_any_length_are_told_as_each_alone_and_in_their_order() -> None:
    rng = np.random.default_rng(0)
    streams = [
        stream(np.repeat(rng.integers(0, 3, 6), rng.integers(1, 6, 6))[: rng.integers(0, 30)].tolist())
        for _ in range(150)
    ]
    together = decide(streams, INFO)
    assert sum(len(result.told) for result in together) > 150
    for one, result in zip(streams, together, strict=True):
        (alone,) = decide([one], INFO)
        assert result.sequence is one.sequence
        assert result.told == alone.told
        np.testing.assert_array_equal(result.scores, alone.scores)


def test_a_stream_too_short_to_be_judged_is_told_nothing_of() -> None:
    (result,) = decide([stream([])], INFO)
    assert (result.told, result.scores.shape, result.motion_error_mm.shape) == ((), (0, 3), (0, 5))


def test_nothing_is_told_of_a_body_that_a_recording_did_not_see_clearly() -> None:
    clear = stream([0, 1, 1, 1, 0, 0])
    unclear = replace(clear, confidence=np.full((6, 25), 0.1, np.float32))
    assert [len(result.told) for result in decide([clear, unclear], INFO)] == [1, 0]


@pytest.mark.parametrize(("of_pairs", "told"), [(None, ["jump", "hug"]), (False, ["jump"]), (True, ["hug"])])
def test_pairs_are_told_the_actions_of_two_and_single_people_the_rest(of_pairs: bool | None, told: list[str]) -> None:
    results = decide([stream([0, 1, 1, 1, 0, 0]), stream([0, 2, 2, 2, 0, 0])], INFO, of_pairs=of_pairs)
    assert [action.label for result in results for action in result.told] == told


def test_scores_are_those_that_the_decoder_told_by() -> None:
    """Temperatures soften them, and what has little energy is background."""
    loud, faint = stream([0, 1, 1, 1, 0, 0], 0.97), stream([0, 1, 1, 1, 0, 0], 0.97)
    faint = replace(faint, logits=faint.logits - 40)
    thresholds = Thresholds(
        checkpoint="", sha256="0" * 64, least_energy=-20.0, classes={"jump": ClassThresholds(temperature=2.0)}
    )
    result, nothing = decide([loud, faint], INFO, thresholds=thresholds)
    softened = np.exp(loud.logits / [1.0, 2.0, 1.0])
    np.testing.assert_allclose(result.scores, softened / softened.sum(1, keepdims=True), rtol=1e-4)
    (action,) = result.told
    telling = loud.ends.tolist().index(round(30 * action.told_s))
    assert action.score == pytest.approx(result.scores[telling, 1], abs=1e-4)
    assert nothing.told == ()
    np.testing.assert_allclose(nothing.scores, [[1, 0, 0]] * 6, atol=1e-6)


def test_what_is_sure_but_for_the_unknown_is_told_with_its_first_judgement() -> None:
    one = stream([0, 0, 0, 1, 1, 1, 0, 0], 0.97)
    quarter_unknown = Thresholds(checkpoint="", sha256="0" * 64, least_energy=float(np.log(1 / 3)))
    (result,) = decide([one], INFO, thresholds=quarter_unknown)
    (action,) = result.told
    assert action.score == pytest.approx(0.75 * 0.97, abs=1e-4)
    assert action.told_s == pytest.approx(one.ends[3] / 30, abs=1e-6), "0.3 s would be over with the second"


def test_settings_and_pace_of_answers_decide_too() -> None:
    one = stream([0, 1, 1, 1, 0, 0])
    strict = msgspec.structs.replace(ActionConfig(), on=0.9)
    assert decide([one], INFO, strict)[0].told == ()
    every_frame = replace(one, ends=12 + np.arange(6))
    assert decide([every_frame], INFO, step_frames=1)[0].told == (), "three frames are no 0.3 s"
