"""Two people who stand together form a pair, and a third who passes by separates no pair."""

import numpy as np
import pytest

from hitrs_live.config import PairConfig
from hitrs_live.messages import JointFrame, Prediction
from hitrs_live.streaming.pairs import PairStage

CONFIG = PairConfig(near_m=1.0, far_m=2.0)


def predicted(
    places: list[float | None],
    logits: list[float] | None = None,
    has_output: list[bool] | None = None,
    reset: list[bool] | None = None,
) -> Prediction:
    """People along a line, metres; None is no person. The second class of two has the logit given."""
    rows = len(places)
    there = np.array([place is not None for place in places])
    joints_m = np.zeros((rows, 25, 3), np.float32)
    joints_m[:, :, 0] = np.array([0.0 if place is None else place for place in places])[:, None]
    values = np.zeros((rows, 2), np.float32)
    values[:, 1] = [0.0] * rows if logits is None else logits
    return Prediction(
        joint_frame=JointFrame(
            time_ns=np.zeros(rows, np.int64), track_ids=np.where(there, 10 + np.arange(rows), -1), active=there,
            reset=np.zeros(rows, bool) if reset is None else np.array(reset), joints_m=joints_m,
            confidence=np.linspace(0.5, 0.9, rows, dtype=np.float32)[:, None].repeat(25, 1),
        ),
        has_output=there if has_output is None else np.array(has_output), logits=values,
        future_joints_m=np.zeros((rows, 1, 25, 3), np.float32), scales_m=np.zeros((rows, 1, 25), np.float32),
    )  # fmt: skip


def stage(rows: int) -> PairStage:
    return PairStage(CONFIG, rows=rows, classes=2)


def pairs(paired: Prediction) -> list[tuple[int, int]]:
    others = paired.joint_frame.other_track_ids
    assert others is not None
    return [(int(one), int(other)) for one, other in zip(paired.joint_frame.track_ids, others, strict=True) if one >= 0]


def test_two_who_come_near_are_a_pair_until_they_are_far() -> None:
    pair = stage(2)
    assert [pairs(pair.step(predicted([0.0, at]))) for at in (1.5, 0.9, 1.5, 1.9, 2.1, 1.5)] == [
        [], [(10, 11)], [(10, 11)], [(10, 11)], [], [],
    ]  # fmt: skip


def test_a_third_person_who_comes_nearer_separates_no_pair() -> None:
    pair = stage(3)
    pair.step(predicted([0.0, 0.8, 9.0]))
    assert pairs(pair.step(predicted([0.0, 0.8, 0.1]))) == [(10, 11)]


def test_the_nearest_pair_first_and_everyone_once() -> None:
    assert pairs(stage(4).step(predicted([0.0, 0.7, 1.0, 1.9]))) == [(11, 12)]
    assert pairs(stage(4).step(predicted([0.0, 0.7, 1.5, 2.0]))) == [(10, 11), (12, 13)]


def test_a_pairs_logits_are_the_mean_of_its_peoples_newest() -> None:
    pair = stage(2)
    pair.step(predicted([0.0, 0.5], logits=[2.0, 6.0]))
    paired = pair.step(predicted([0.0, 0.5], logits=[4.0, 99.0], has_output=[True, False]))
    assert paired.has_output.tolist() == [True, False]
    assert paired.logits[0, 1] == pytest.approx((4.0 + 6.0) / 2)
    assert paired.joint_frame.confidence[0, 0] == pytest.approx(0.5), "the confidence of the less visible of the two"


def test_a_pair_has_no_prediction_before_both_people_have_one() -> None:
    pair = stage(2)
    assert not pair.step(predicted([0.0, 0.5], has_output=[True, False])).has_output.any()
    assert pair.step(predicted([0.0, 0.5], has_output=[False, True])).has_output.tolist() == [True, False]


def test_forming_and_separating_reset_a_pair_and_staying_does_not() -> None:
    pair = stage(2)
    resets = [pair.step(predicted([0.0, at])).joint_frame.reset.tolist() for at in (5.0, 0.5, 0.6, 5.0, 5.0)]
    assert resets == [[False, False], [True, False], [False, False], [True, False], [False, False]]


def test_who_is_lost_leaves_the_pair() -> None:
    pair = stage(2)
    pair.step(predicted([0.0, 0.5]))
    paired = pair.step(predicted([0.0, None], reset=[False, True]))
    assert pairs(paired) == []
    assert paired.joint_frame.reset.tolist() == [True, False]
    assert not paired.has_output.any()
