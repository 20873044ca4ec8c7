"""Metrics of whole actions, on cases small enough to check by hand."""

from dataclasses import replace
from itertools import pairwise
from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitrs_live.data.array_format import IGNORE
from hitrs_live.evaluation.metrics.segment import (
    ActionInterval,
    Segment,
    edit_score,
    interval_average_precision,
    interval_mean_average_precision,
    oad_localisation,
    segmental_f1,
    segments_of,
)


def segment(label: int, start: int, end: int) -> Segment:
    return Segment(label=label, start=start, end=end)


def interval(start_s: float, end_s: float, score: float = 1.0, stream: int = 0, label: int = 1) -> ActionInterval:
    return ActionInterval(stream=stream, label=label, start_s=start_s, end_s=end_s, score=score)


LABELS = st.lists(st.integers(-1, 3), max_size=30).map(lambda labels: segments_of(np.array(labels, np.int64)))
INTERVALS = st.lists(
    st.builds(
        lambda first, length, score, stream, label: interval(first, first + length, score, stream, label),
        st.integers(0, 8), st.integers(1, 6), st.integers(0, 3), st.integers(0, 2), st.integers(1, 2),
    ),
    min_size=1, max_size=12,
)  # fmt: skip
OVERLAPS = (0.1, 0.3, 0.5, 0.7, 0.9)


def test_segments_are_the_runs_of_actions_without_background_and_unknown() -> None:
    labels = np.array([1, 1, 0, 2, 1, IGNORE, IGNORE, 1])
    expected = [segment(1, 0, 2), segment(2, 3, 4), segment(1, 4, 5), segment(1, 7, 8)]
    assert segments_of(labels) == expected
    assert segments_of(np.zeros(0, np.int64)) == []


def test_a_segment_and_an_interval_end_after_they_start() -> None:
    with pytest.raises(ValueError, match="frames 3 to 3"):
        segment(1, 3, 3)
    with pytest.raises(ValueError, match=r"2\.0 to 1\.0 s"):
        interval(2.0, 1.0)


def test_segmental_f1_of_a_case_by_hand() -> None:
    # First stream: 0-10 against 0-8 shares 8 of 10, right at 0.5; 20-30 against 26-36 shares 4 of 16, wrong and
    # missed. Second: one right, one of a wrong label, none missed. Right 2, predicted 4, true 3: F1 4/7.
    true = [[segment(1, 0, 8), segment(1, 26, 36)], [segment(2, 0, 5)]]
    predicted = [[segment(1, 0, 10), segment(1, 20, 30)], [segment(2, 0, 5), segment(1, 5, 9)]]
    assert segmental_f1(predicted, true, overlap=0.5) == pytest.approx(4 / 7)
    # At 0.25 the 4 of 16 are enough: 6/7.
    assert segmental_f1(predicted, true, overlap=0.25) == pytest.approx(6 / 7)


def test_an_action_cut_in_two_is_found_once() -> None:
    # Both pieces share at least a quarter with it; the first takes it: right 1, predicted 2, true 1.
    pieces = [segment(1, 0, 4), segment(1, 5, 10)]
    assert segmental_f1([pieces], [[segment(1, 0, 10)]], overlap=0.25) == pytest.approx(2 / 3)


def test_an_action_found_under_another_name_is_wrong_and_missed() -> None:
    assert segmental_f1([[segment(2, 0, 10)]], [[segment(1, 0, 10)]], overlap=0.5) == 0.0
    assert interval_average_precision([interval(0, 10, label=2)], [interval(0, 10)], [0.5]).tolist() == [0.0]


def test_nothing_predicted_of_nothing_true_is_zero_not_an_error() -> None:
    assert segmental_f1([[]], [[]], overlap=0.5) == 0.0
    assert oad_localisation([[]], [[]]).sl_score == 0.0


def test_an_overlap_is_a_share() -> None:
    with pytest.raises(ValueError, match="an overlap of 50"):
        segmental_f1([[]], [[]], overlap=50)
    with pytest.raises(ValueError, match="an overlap of 0"):
        interval_average_precision([], [], [0])


def test_edit_score_of_cases_by_hand() -> None:
    def score(predicted: list[int], true: list[int]) -> float:
        return edit_score(*([segment(label, i, i + 1) for i, label in enumerate(run)] for run in (predicted, true)))

    # One inserted of four; one exchanged and one left out of three; all wrong; nothing at all of two.
    assert score([1, 2, 1, 3], [1, 2, 3]) == pytest.approx(1 - 1 / 4)
    assert score([1, 3], [1, 2, 2]) == pytest.approx(1 - 2 / 3)
    assert score([1, 1], [2, 2]) == 0.0
    assert score([], [1, 2]) == score([1, 2], []) == 0.0
    assert score([], []) == 1.0
    # Two exchanged neighbours are two changes.
    assert score([2, 1, 3, 4], [1, 2, 3, 4]) == pytest.approx(1 - 2 / 4)


def slow_distance(one: list[int], other: list[int]) -> int:
    """The definition itself, by recursion."""
    if not one or not other:
        return len(one) + len(other)
    if one[-1] == other[-1]:
        return slow_distance(one[:-1], other[:-1])
    shorter = (one[:-1], other), (one, other[:-1]), (one[:-1], other[:-1])
    return 1 + min(slow_distance(*pair) for pair in shorter)


SHORT = st.lists(st.integers(1, 3), max_size=5)


@pytest.mark.slow
@given(SHORT, SHORT)
def test_edit_score_is_the_definition_by_recursion(one: list[int], other: list[int]) -> None:
    runs = [[segment(label, i, i + 1) for i, label in enumerate(run)] for run in (one, other)]
    longer = max(len(one), len(other), 1)
    assert edit_score(*runs) == pytest.approx(1 - slow_distance(one, other) / longer)


@given(LABELS, LABELS)
def test_segment_scores_are_shares_and_a_copy_is_worth_one(predicted: list[Segment], true: list[Segment]) -> None:
    assert 0 <= segmental_f1([predicted], [true], overlap=0.5) <= 1
    assert 0 <= edit_score(predicted, true) <= 1
    assert edit_score(true, true) == 1.0
    if true:
        assert segmental_f1([true], [true], overlap=1.0) == 1.0
        copied = oad_localisation([true], [true])
        assert (copied.f1, copied.sl_score, copied.el_score) == pytest.approx((1.0, 1.0, 1.0))


@pytest.mark.slow
@given(st.lists(st.tuples(LABELS, LABELS), max_size=4))
def test_segmental_f1_does_not_depend_on_the_order_of_streams_and_falls_with_the_overlap(
    streams: list[tuple[list[Segment], list[Segment]]],
) -> None:
    predicted, true = [stream[0] for stream in streams], [stream[1] for stream in streams]
    values = [segmental_f1(predicted, true, overlap=overlap) for overlap in OVERLAPS]
    assert values == sorted(values, reverse=True)
    assert [segmental_f1(predicted[::-1], true[::-1], overlap=overlap) for overlap in OVERLAPS] == values


def test_oad_localisation_of_a_case_by_hand() -> None:
    # True 10-20 and 30-40, predicted 11-20 (9 of 10, right), 38-48 (2 of 18, false; the second is missed).
    # Three in all: SL (exp(-1/10) + 0 + 0) / 3, EL (exp(-0/10) + 0 + 0) / 3, F1 2*1 / (2 + 2).
    scores = oad_localisation([[segment(1, 11, 20), segment(1, 38, 48)]], [[segment(1, 10, 20), segment(1, 30, 40)]])
    assert scores.f1 == pytest.approx(1 / 2)
    assert scores.sl_score == pytest.approx(exp(-0.1) / 3)
    assert scores.el_score == pytest.approx(1 / 3)


def test_oad_localisation_needs_an_overlap_of_six_tenths() -> None:
    true = [[segment(1, 0, 10)]]
    assert oad_localisation([[segment(1, 0, 6)]], true).f1 == 1.0
    assert oad_localisation([[segment(1, 0, 5)]], true).f1 == 0.0


def test_interval_average_precision_of_a_case_by_hand() -> None:
    # By score: right (8 of 10), wrong (nothing there), right (3 of 5), of two true ones. Precision 1, 1/2, 2/3: at
    # recall 1/2 the best from there on is 1, at recall 1 it is 2/3; their mean. At 0.7 only the first is right.
    true = [interval(0, 10), interval(20, 25)]
    predicted = [interval(0, 8, 0.9), interval(12, 18, 0.8), interval(20, 23, 0.7)]
    found = interval_average_precision(predicted, true, [0.5, 0.7])
    assert found.tolist() == pytest.approx([(1 + 2 / 3) / 2, 1 / 2])


def test_the_precision_at_a_recall_is_the_best_at_that_recall_or_more() -> None:
    # By score: wrong, right, right. Precision 0, 1/2, 2/3; at recall 1/2 too the best from there on is 2/3.
    predicted = [interval(50, 60, 0.9), interval(0, 10, 0.8), interval(20, 25, 0.7)]
    found = interval_average_precision(predicted, [interval(0, 10), interval(20, 25)], [0.5])
    assert found.tolist() == pytest.approx([2 / 3])


def test_an_action_detected_twice_counts_once_with_the_higher_score() -> None:
    # Right, wrong since it is matched already, right: as in the case by hand.
    predicted = [interval(0, 10, 0.9), interval(0, 9, 0.8), interval(20, 25, 0.7)]
    found = interval_average_precision(predicted, [interval(0, 10), interval(20, 25)], [0.5])
    assert found.tolist() == pytest.approx([(1 + 2 / 3) / 2])


def test_intervals_of_equal_score_are_one_step() -> None:
    # One right, one wrong, at one threshold: precision 1/2 at recall 1.
    predicted = [interval(0, 10, 0.5), interval(20, 30, 0.5)]
    assert interval_average_precision(predicted, [interval(0, 10)], [0.5]).tolist() == [0.5]


def test_means_are_taken_by_action_or_by_video() -> None:
    # Stream 0 has class 1, found; stream 1 has class 1, missed, and class 2, found by the higher of two scores.
    # By action: class 1 finds one of two (1/2), class 2 all (1): 3/4. By video: 1 and one of two (1/2): 3/4 with
    # the second stream's mistake below its hit.
    true = [interval(0, 10), interval(0, 10, stream=1), interval(20, 30, stream=1, label=2)]
    second, mistake = interval(20, 30, 0.8, stream=1, label=2), interval(40, 50, 0.7, stream=1, label=2)
    predicted = [interval(0, 10, 0.9), second, mistake]
    by_action = interval_mean_average_precision(predicted, true, [0.5], by="action")
    by_video = interval_mean_average_precision(predicted, true, [0.5], by="video")
    assert (by_action.tolist(), by_video.tolist()) == ([0.75], [0.75])
    # A mistake of higher score, of a class that never happens, costs in its stream only: precision 1/2 at recall 1/2.
    predicted.append(interval(40, 50, 0.95, stream=1, label=3))
    assert interval_mean_average_precision(predicted, true, [0.5], by="action").tolist() == [0.75]
    assert interval_mean_average_precision(predicted, true, [0.5], by="video").tolist() == [(1 + 1 / 4) / 2]


def test_nothing_true_has_no_average_precision_and_nothing_predicted_none_of_it() -> None:
    assert np.isnan(interval_average_precision([interval(0, 1)], [], [0.5, 0.7])).tolist() == [True, True]
    assert np.isnan(interval_mean_average_precision([interval(0, 1)], [], [0.5], by="video")).all()
    assert interval_average_precision([], [interval(0, 1)], [0.5]).tolist() == [0.0]


@pytest.mark.slow
@given(INTERVALS, INTERVALS)
def test_interval_average_precision_is_a_share_that_falls_with_the_overlap(
    predicted: list[ActionInterval], true: list[ActionInterval]
) -> None:
    each = [
        interval_average_precision(predicted, true, OVERLAPS),
        interval_mean_average_precision(predicted, true, OVERLAPS, by="action"),
        interval_mean_average_precision(predicted, true, OVERLAPS, by="video"),
    ]
    for values in each:
        assert ((values >= 0) & (values <= 1)).all()
        assert all(lower <= higher + 1e-12 for higher, lower in pairwise(values))


@pytest.mark.slow
@given(INTERVALS, INTERVALS)
def test_interval_average_precision_does_not_depend_on_the_order_of_streams(
    predicted: list[ActionInterval], true: list[ActionInterval]
) -> None:
    values = interval_average_precision(predicted, true, OVERLAPS)
    turned = interval_average_precision(predicted[::-1], true[::-1], OVERLAPS)
    np.testing.assert_allclose(turned, values)
    renamed = ([replace(item, stream=2 - item.stream) for item in items] for items in (predicted, true))
    np.testing.assert_allclose(interval_average_precision(*renamed, OVERLAPS), values)


@pytest.mark.slow
@given(INTERVALS)
def test_every_action_detected_exactly_is_worth_one(true: list[ActionInterval]) -> None:
    apart = list({(item.stream, item.label, item.start_s, item.end_s): item for item in true}.values())
    assert interval_average_precision(apart, apart, [1.0]).tolist() == pytest.approx([1.0])
    for by in ("action", "video"):
        assert interval_mean_average_precision(apart, apart, [0.5, 1.0], by=by).tolist() == pytest.approx([1.0, 1.0])
