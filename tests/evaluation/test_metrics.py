"""Metrics on cases small enough to check by hand."""

import numpy as np
import pytest

from hitrs_live.evaluation.metrics import average_precision, match_starts


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


def test_starts_match_once_each_and_the_nearest_first() -> None:
    # True at 1 and 5 s. Told at 1.2 (right), 0.7 (a second for the same), 8 (nothing there).
    matches = match_starts([(0.7, 1.0), (1.2, 1.6), (8.0, 8.5)], [1.0, 5.0], tolerance_s=0.5)
    assert (matches.right, matches.told, matches.true) == (1, 3, 2)
    assert matches.delays_s == pytest.approx((0.6,))
    assert matches.precision == pytest.approx(1 / 3)
    assert matches.recall == pytest.approx(1 / 2)
    assert matches.f1 == pytest.approx(2 / 5)


def test_nothing_told_of_nothing_true_is_zero_not_an_error() -> None:
    matches = match_starts([], [], tolerance_s=0.5)
    assert (matches.precision, matches.recall, matches.f1) == (0.0, 0.0, 0.0)
