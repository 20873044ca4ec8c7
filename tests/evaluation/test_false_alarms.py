"""False alarms are counted where nothing but background is near, and per hour of such time."""

import numpy as np
import pytest
from hypothesis import given
from starts import DETECTIONS, STARTS, detected, start

from hitrs_live.evaluation.metrics.false_alarms import FalseAlarms, false_alarm_frames, false_alarms_at_recall
from hitrs_live.evaluation.metrics.point import DetectedStart, TrueStart


def test_a_detected_onset_is_a_false_alarm_where_only_background_is_near() -> None:
    #                  0  1  2  3  4  5  6  7  8  9
    labels = np.array([0, 0, 0, 3, 3, 0, 0, 0, 0, -1])
    assert false_alarm_frames(labels, 1).tolist() == [True, True] + [False] * 4 + [True, True, False, False]
    assert false_alarm_frames(labels, 0).tolist() == (labels == 0).tolist()


def test_a_count_by_class_has_its_sum_and_the_upper_limit_of_its_rate() -> None:
    alarms = FalseAlarms(by_class={1: 2, 4: 1}, hours=2.0)
    assert alarms.count == 3
    # The 95 % limit of a Poisson mean at a count of 3 is 7.754 (Garwood 1936).
    assert alarms.most_per_hour == pytest.approx(7.754 / 2, abs=1e-3)


ALARMS = [
    detected(1.0, 0.9),
    detected(20.0, 0.8),
    detected(5.0, 0.7),
    detected(21.0, 0.6),
    detected(9.0, 0.5),
    detected(22.0, 0.4),
]
TRUE = [start(1.1), start(5.1), start(9.1)]
ALONE = [False, True, False, True, False, True]


def alarms(recall: float, **changed: object) -> float | None:
    given_ = {"alone": ALONE, "background_s": 1800.0, "recall": recall, "tolerance_s": 0.5} | changed
    return false_alarms_at_recall(ALARMS, TRUE, **given_)  # type: ignore[arg-type]


def test_false_alarms_are_counted_at_the_highest_score_that_finds_enough() -> None:
    # A third is found at 0.9 with no alarm; two thirds at 0.7 with one; all at 0.5 with two, in half an hour each.
    assert alarms(1 / 3) == 0.0
    assert alarms(0.5) == 2.0
    assert alarms(2 / 3) == 2.0
    assert alarms(1.0) == 4.0


def test_what_is_not_in_background_is_no_false_alarm() -> None:
    assert alarms(1.0, alone=[False, False, False, True, False, True]) == 2.0


def test_what_matches_is_no_false_alarm_wherever_it_lies() -> None:
    assert alarms(1.0, alone=[True] * 6) == 4.0


def test_a_recall_that_is_never_reached_has_no_false_alarms() -> None:
    assert alarms(1.0, tolerance_s=0.01) is None
    assert alarms(1.0, background_s=0.0) is None
    assert false_alarms_at_recall([], TRUE, alone=[], background_s=60, recall=0.5, tolerance_s=0.5) is None
    assert false_alarms_at_recall(ALARMS, [], alone=ALONE, background_s=60, recall=0.5, tolerance_s=0.5) is None


def test_false_alarms_need_a_share_and_a_flag_for_each_detection() -> None:
    with pytest.raises(ValueError, match=r"a recall of 0\.0"):
        alarms(0.0)
    with pytest.raises(ValueError, match="1 background flags for 6 detections"):
        alarms(0.5, alone=[True])


@given(DETECTIONS, STARTS)
def test_finding_more_starts_costs_no_fewer_false_alarms(
    detections: list[DetectedStart], true: list[TrueStart]
) -> None:
    def at(recall: float) -> float:
        found = false_alarms_at_recall(
            detections, true, alone=np.ones(len(detections), bool), background_s=3600, recall=recall, tolerance_s=1
        )
        return np.inf if found is None else found

    rates = [at(recall) for recall in (0.25, 0.5, 0.75, 1.0)]
    assert rates == sorted(rates)
