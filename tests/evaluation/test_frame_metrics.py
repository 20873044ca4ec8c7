"""Metrics of single frames, on cases small enough to check by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitrs_live.data.array_format import IGNORE
from hitrs_live.evaluation.metrics.frame import average_precision, calibrated_average_precision, decile_precisions

# Few different scores, so that equals are met often.
FRAMES = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=40)


def arrays(frames: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([score for score, _ in frames], np.float32), np.array([flag for _, flag in frames], bool)


def test_average_precision_of_a_case_by_hand() -> None:
    # Sorted by score: hit, miss, hit, miss. Precision at the hits is 1 and 2/3; each adds half of the recall.
    scores = np.array([0.9, 0.8, 0.7, 0.1], np.float32)
    positive = np.array([True, False, True, False])
    assert average_precision(scores, positive) == pytest.approx((1 + 2 / 3) / 2)


def test_frames_of_equal_score_are_one_threshold_whatever_their_order() -> None:
    scores = np.array([0.5, 0.5], np.float32)
    assert average_precision(scores, np.array([True, False])) == pytest.approx(0.5)
    assert average_precision(scores, np.array([False, True])) == pytest.approx(0.5)


def test_a_class_that_never_happens_has_no_average_precision() -> None:
    assert average_precision(np.zeros(3, np.float32), np.zeros(3, bool)) is None
    assert calibrated_average_precision(np.zeros(3, np.float32), np.zeros(3, bool)) is None
    assert calibrated_average_precision(np.zeros(0, np.float32), np.zeros(0, bool)) is None


def test_calibrated_average_precision_of_a_case_by_hand() -> None:
    # Sorted: hit, miss, miss, hit, miss, miss; two positives, four negatives, w = 2. Calibrated precision at the
    # hits is 2*1 / (2*1 + 0) = 1 and 2*2 / (2*2 + 2) = 2/3, where the plain one is 1 and 1/2.
    scores = np.array([6, 5, 4, 3, 2, 1], np.float32)
    positive = np.array([True, False, False, True, False, False])
    assert calibrated_average_precision(scores, positive) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(scores, positive) == pytest.approx((1 + 1 / 2) / 2)
    # A stated ratio of 4: 4*1 / (4*1 + 0) = 1 and 4*2 / (4*2 + 2) = 4/5.
    assert calibrated_average_precision(scores, positive, ratio=4.0) == pytest.approx((1 + 4 / 5) / 2)


@pytest.mark.parametrize("negatives", [1, 3, 100])
def test_scores_without_information_are_worth_one_half_however_rare_the_class(negatives: int) -> None:
    positive = np.arange(negatives + 1) == 0
    assert calibrated_average_precision(np.full(negatives + 1, 0.3, np.float32), positive) == pytest.approx(0.5)


def test_without_a_negative_nothing_can_be_wrong() -> None:
    assert calibrated_average_precision(np.array([0.2, 0.1], np.float32), np.ones(2, bool)) == 1.0


def test_a_ratio_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"ratio of negatives to positives of 0\.0"):
        calibrated_average_precision(np.ones(2, np.float32), np.array([True, False]), ratio=0.0)


@given(FRAMES)
def test_average_precisions_are_shares_and_do_not_rest_on_the_order_of_frames(frames: list[tuple[int, bool]]) -> None:
    turned = arrays(frames[::-1])
    for measure in (average_precision, calibrated_average_precision):
        value = measure(*arrays(frames))
        assert value is None or 0 <= value <= 1
        assert measure(*turned) == (value if value is None else pytest.approx(value))


@given(FRAMES)
def test_calibrated_average_precision_does_not_change_when_every_negative_is_doubled(
    frames: list[tuple[int, bool]],
) -> None:
    doubled = frames + [frame for frame in frames if not frame[1]]
    value = calibrated_average_precision(*arrays(frames))
    assert calibrated_average_precision(*arrays(doubled)) == (value if value is None else pytest.approx(value))


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_a_score_that_is_the_truth_is_worth_one(flags: list[bool]) -> None:
    positive = np.array(flags)
    expected = 1.0 if positive.any() else None
    assert average_precision(positive.astype(np.float32), positive) == expected
    assert calibrated_average_precision(positive.astype(np.float32), positive) == expected


def test_each_tenth_of_an_action_stands_alone_against_what_is_not_the_action() -> None:
    # Ten frames of class 1 (one a tenth) between two of background and two of class 2, which all score 0.5. A tenth
    # of score 1 is above its four negatives: 1. One of score 0 is below: w = 4, 4*1 / (4*1 + 4) = 1/2.
    labels = np.array([0, 0, *[1] * 10, 2, 2])
    scores = np.array([0.5, 0.5, *[0.0] * 3, *[1.0] * 7, 0.5, 0.5], np.float32)
    assert decile_precisions(scores, labels, 1).tolist() == pytest.approx([0.5] * 3 + [1.0] * 7)


def test_tenths_are_of_each_action_not_of_all_together() -> None:
    # Twenty frames, two a tenth, and ten frames, one a tenth: the late half of each is found, the early half not.
    labels = np.array([1] * 20 + [0] * 5 + [1] * 10)
    scores = np.array([0.0] * 10 + [1.0] * 10 + [0.5] * 5 + [0.0] * 5 + [1.0] * 5, np.float32)
    assert decile_precisions(scores, labels, 1).tolist() == pytest.approx([0.5] * 5 + [1.0] * 5)


def test_unknown_frames_are_left_out_but_still_part_two_actions() -> None:
    # Two actions of ten frames with an unknown frame between. Its score would be the worst of mistakes, were it
    # counted. As one action of twenty frames the two would have their bad frames in the first half of the tenths.
    labels = np.array([*[1] * 10, IGNORE, *[1] * 10, 0])
    scores = np.array([*[0.0] * 5, *[1.0] * 5, 9.0, *[0.0] * 5, *[1.0] * 5, 0.5], np.float32)
    assert decile_precisions(scores, labels, 1).tolist() == pytest.approx([0.5] * 5 + [1.0] * 5)


def test_a_short_action_leaves_tenths_empty_and_a_missing_class_all() -> None:
    # Five frames: frame i is of tenth 2i.
    precisions = decile_precisions(np.ones(6, np.float32), np.array([0, 1, 1, 1, 1, 1]), 1)
    assert np.isnan(precisions).tolist() == [False, True] * 5
    assert np.isnan(decile_precisions(np.ones(6, np.float32), np.zeros(6, np.int64), 1)).all()


@given(st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 3)), min_size=1, max_size=60))
def test_decile_precisions_are_shares_or_nothing(frames: list[tuple[int, int]]) -> None:
    labels = np.array([label for label, _ in frames])
    values = decile_precisions(np.array([score for _, score in frames], np.float32), labels, 1)
    assert values.shape == (10,)
    assert (np.isnan(values) | ((values >= 0) & (values <= 1))).all()
    assert np.isnan(values).all() == (not (labels == 1).any())
