"""AUROC of known against unknown actions, on scores small enough to count by hand."""

import numpy as np
import pytest
from scenes import scene

from hitrs_live.evaluation.metrics.rejection import auroc, known_intervals, scores_within, unknown_intervals

LABELS = ("background", "squat", "walk")


def test_auroc_is_the_chance_that_a_known_action_scores_higher() -> None:
    # Of the six pairs known is higher in 0.9 > 0.1, 0.9 > 0.5, 0.9 > 0.8, 0.5 > 0.1; 0.5 = 0.5 counts half.
    assert auroc(np.array([0.9, 0.5]), np.array([0.1, 0.5, 0.8])) == pytest.approx(4.5 / 6)
    assert auroc(np.array([0.9]), np.array([0.1])) == 1.0
    assert auroc(np.array([0.1]), np.array([0.9])) == 0.0
    assert auroc(np.zeros(0), np.array([0.9])) is None
    assert auroc(np.array([0.9]), np.zeros(0)) is None


def test_actions_of_no_class_are_unknown_unless_some_class_is_nearly_right() -> None:
    seen = scene(("squat", 1, 2), ("wave", 3, 4), ("bow", 5, 6, ("walk",)), ("unlabelled", 7, 8))
    assert known_intervals(seen, LABELS) == [(1, 2)]
    assert unknown_intervals(seen, LABELS) == [(3, 4)]
    assert unknown_intervals(seen, (*LABELS, "wave")) == []


def test_a_recording_of_nothing_known_is_cut_into_pieces() -> None:
    pieces = unknown_intervals(scene(other=True, labelled_s=10.0), LABELS)
    assert pieces == [pytest.approx((10 * n / 3, 10 * (n + 1) / 3)) for n in range(3)]
    assert unknown_intervals(scene(other=True, near=("walk",)), LABELS) == []


def test_only_scores_within_an_interval_count() -> None:
    within = scores_within(np.array([0.5, 1.0, 1.5, 2.0]), np.array([0.1, 0.2, 0.3, 0.4]), [(1, 2), (5, 6)])
    assert [one.tolist() for one in within] == [[0.2, 0.3]]
