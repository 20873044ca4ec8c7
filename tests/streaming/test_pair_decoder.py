"""An action of two people is reported for the pair, and never for one person."""

import numpy as np
import pytest

from hitrs_live.checkpoint import CheckpointInfo
from hitrs_live.config import ActionConfig, Config, PairConfig
from hitrs_live.messages import ActionEvent, JointFrame, Prediction
from hitrs_live.model.detector import DetectorConfig
from hitrs_live.model.hitrs import HITRS_TINY
from hitrs_live.streaming.decoder import ActionDecoder
from hitrs_live.streaming.hitrs_stream import describe_stream
from hitrs_live.streaming.pair_decoder import PairDecoder
from hitrs_live.transforms import NormaliserConfig

INFO = CheckpointInfo(
    name="made", labels=("background", "wave", "hug"), pair_labels=("hug",),
    detector=DetectorConfig(encoder=HITRS_TINY, classes=3), normaliser=NormaliserConfig(), label_lag_frames=3,
)  # fmt: skip
WAVE, HUG = [0.0, 9.0, 0.0], [0.0, 0.0, 9.0]


def predicted(number: int, logits: list[list[float]], apart_m: float) -> Prediction:
    """Two people, seven frames after the previous prediction."""
    joints_m = np.zeros((2, 25, 3), np.float32)
    joints_m[1, :, 0] = apart_m
    both = np.ones(2, bool)
    joint_frame = JointFrame(
        time_ns=np.full(2, 1_000_000_000 + round(number * 7e9 / 30)), track_ids=np.array([4, 7]), active=both,
        reset=np.full(2, number == 0), joints_m=joints_m, confidence=np.ones((2, 25), np.float32),
    )  # fmt: skip
    future = np.zeros((2, 1, 25, 3), np.float32)
    return Prediction(
        joint_frame=joint_frame,
        has_output=both,
        logits=np.array(logits, np.float32),
        future_joints_m=future,
        scales_m=future[..., 0],
    )


def pair_decoder() -> PairDecoder:
    config = Config(pair=PairConfig(near_m=1.0, far_m=2.0))
    return PairDecoder(describe_stream(INFO), config, source_id="hall", rows=2, thresholds=None)


def test_an_action_of_two_carries_both_track_ids_and_ends_when_they_part() -> None:
    decoder = pair_decoder()
    events = [event for n in range(4) for event in decoder.step(predicted(n, [HUG, HUG], 0.5))]
    events += decoder.step(predicted(4, [HUG, HUG], 3.0))
    assert [event.state for event in events if event.state != "update"] == ["start", "end"]
    assert {(event.label, event.track_id, event.other_track_id) for event in events} == {("hug", 4, 7)}


def test_an_action_of_one_person_is_not_reported_for_the_pair() -> None:
    decoder = pair_decoder()
    assert not [event for n in range(4) for event in decoder.step(predicted(n, [WAVE, WAVE], 0.5))]


@pytest.mark.parametrize("apart_m", [0.5, 5.0])
def test_an_action_of_two_is_never_reported_for_one(apart_m: float) -> None:
    single = ActionDecoder(describe_stream(INFO), ActionConfig(), source_id="hall", rows=2)
    events = [event for n in range(4) for event in single.step(predicted(n, [HUG, WAVE], apart_m))]
    actions = [event for event in events if isinstance(event, ActionEvent)]
    assert {(event.label, event.track_id, event.other_track_id) for event in actions} == {("wave", 7, None)}


def test_what_goes_on_ends_with_the_source() -> None:
    decoder = pair_decoder()
    decoder.step(predicted(0, [HUG, HUG], 0.5))
    assert decoder.running_actions() == {4: ("hug", pytest.approx(1.0, abs=0.01))}
    (end,) = decoder.close_all("source_lost")
    assert (end.state, end.reason, end.other_track_id) == ("end", "source_lost", 7)
    assert not decoder.close_all("shutdown")
