"""Metrics of detected starts, on cases small enough to check by hand."""

from dataclasses import replace

import pytest
from hypothesis import given
from starts import DETECTIONS, STARTS, detected, start

from hitrs_live.evaluation.metrics.point import (
    NO_MATCHES,
    DetectedStart,
    TrueStart,
    match_starts,
    point_average_precision,
)


def test_starts_match_once_each_and_the_nearest_first() -> None:
    # True at 1 and 5 s. Detected at 1.2 (right), 0.7 (a second for the same), 8 (nothing there).
    matches = match_starts([(0.7, 1.0), (1.2, 1.6), (8.0, 8.5)], [1.0, 5.0], tolerance_s=0.5)
    assert (matches.right, matches.detected, matches.true) == (1, 3, 2)
    assert matches.delays_s == pytest.approx((0.6,))
    assert matches.precision == pytest.approx(1 / 3)
    assert matches.recall == pytest.approx(1 / 2)
    assert matches.f1 == pytest.approx(2 / 5)


def test_nothing_detected_of_nothing_true_is_zero_not_an_error() -> None:
    matches = match_starts([], [], tolerance_s=0.5)
    assert (matches.precision, matches.recall, matches.f1) == (0.0, 0.0, 0.0)


def test_delays_have_percentiles_where_something_was_right() -> None:
    # Delays 0.1, 0.2, 0.3 over two streams: the middle one is 0.2; 95 % lies 9/10 of the way from 0.2 to 0.3.
    matches = match_starts([(1.0, 1.3)], [1.0], tolerance_s=0.5)
    matches += match_starts([(1.0, 1.1), (5.0, 5.2)], [1.0, 5.0], tolerance_s=0.5)
    assert matches.delay_percentile_s(50) == pytest.approx(0.2)
    assert matches.delay_percentile_s(95) == pytest.approx(0.29)
    assert NO_MATCHES.delay_percentile_s(50) is None


def test_point_average_precision_of_a_case_by_hand() -> None:
    # By score: right, wrong (nothing near), right. Recalls 1/2, 1/2, 1 at precisions 1, 1/2, 2/3. Of the eleven
    # recalls 0 ... 0.5 are six at precision 1, and 0.6 ... 1 five at 2/3.
    true = [start(1.0), start(5.0)]
    detections = [detected(1.4, 0.9), detected(3.0, 0.8), detected(5.1, 0.7)]
    assert point_average_precision(detections, true, offset_s=0.5) == pytest.approx((6 * 1 + 5 * 2 / 3) / 11)


def test_a_start_detected_twice_is_wrong_once() -> None:
    # Right, then wrong since the start is matched already: recall 1 was reached before the mistake.
    assert point_average_precision([detected(1.1, 0.9), detected(1.0, 0.8)], [start(1.0)], offset_s=0.5) == 1.0
    # Of three detections of two starts the second is wrong: recalls up to 0.5 at 1, above at 2/3.
    detections = [detected(1.1, 0.9), detected(1.0, 0.8), detected(5.0, 0.7)]
    value = point_average_precision(detections, [start(1.0), start(5.0)], offset_s=0.5)
    assert value == pytest.approx((6 + 5 * 2 / 3) / 11)


def test_a_second_start_within_the_offset_may_be_taken_by_the_next_detection() -> None:
    # Both detections are nearest to 1.0; the first takes it, the second the start at 1.4.
    detections = [detected(1.0, 0.9), detected(1.1, 0.8)]
    assert point_average_precision(detections, [start(1.0), start(1.4)], offset_s=0.5) == 1.0


def test_a_start_counts_at_the_time_of_detection_not_at_its_onset() -> None:
    late = detected(2.0, 0.9, onset_s=1.0)
    assert point_average_precision([late], [start(1.0)], offset_s=0.5) == 0.0
    assert point_average_precision([late], [start(1.0)], offset_s=1.0) == 1.0


def test_starts_of_other_streams_and_classes_are_not_taken() -> None:
    assert point_average_precision([detected(1.0, 0.9, stream=1)], [start(1.0)], offset_s=0.5) == 0.0
    assert point_average_precision([detected(1.0, 0.9, label=2)], [start(1.0)], offset_s=0.5) == 0.0


def test_detections_of_equal_score_are_one_step() -> None:
    # One right, one wrong, at one threshold: precision 1/2 at recall 1, hence at every recall.
    detections = [detected(1.0, 0.5), detected(9.0, 0.5)]
    assert point_average_precision(detections, [start(1.0)], offset_s=0.5) == pytest.approx(0.5)


def test_of_equal_scores_the_earlier_takes_its_start_first_whatever_the_order_given() -> None:
    # The detection at 1.5 is near the start at 2 alone. It takes that, and leaves the start at 3 to the one at 2.45.
    detections = [detected(1.5, 0.5), detected(2.45, 0.5)]
    for given_ in (detections, detections[::-1]):
        assert point_average_precision(given_, [start(2.0), start(3.0)], offset_s=0.6) == 1.0


def test_recalls_of_tenths_are_reached_exactly() -> None:
    # Three of ten starts: precision 1 at recalls 0, 0.1, 0.2 and 0.3 of the eleven.
    detections, true = [detected(k, 0.5) for k in range(3)], [start(k) for k in range(10)]
    assert point_average_precision(detections, true, offset_s=0) == pytest.approx(4 / 11)


def test_no_true_start_has_no_average_precision_and_nothing_detected_has_zero() -> None:
    assert point_average_precision([detected(1.0, 0.9)], [], offset_s=0.5) is None
    assert point_average_precision([], [start(1.0)], offset_s=0.5) == 0.0


@given(DETECTIONS, STARTS)
def test_point_average_precision_is_a_share_that_does_not_depend_on_the_order_of_streams(
    detections: list[DetectedStart], true: list[TrueStart]
) -> None:
    value = point_average_precision(detections, true, offset_s=1.5)
    assert value is not None
    assert 0 <= value <= 1
    assert point_average_precision(detections[::-1], true[::-1], offset_s=1.5) == pytest.approx(value)
    renamed = [replace(t, stream=2 - t.stream) for t in detections], [replace(s, stream=2 - s.stream) for s in true]
    assert point_average_precision(*renamed, offset_s=1.5) == pytest.approx(value)


@given(STARTS)
def test_every_start_detected_at_once_and_nothing_else_is_worth_one(true: list[TrueStart]) -> None:
    detections = [detected(s.onset_s, 0.5, stream=s.stream) for s in true]
    assert point_average_precision(detections, true, offset_s=0.1) == pytest.approx(1.0)
