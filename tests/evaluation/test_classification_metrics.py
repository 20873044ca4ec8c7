"""Classification metrics, each against a count by hand."""

import numpy as np
import pytest

from hitrs_live.evaluation.metrics.classification import confusion, confusion_counts, mistaken_for, recalls, top_k

SCORES = np.array(
    [[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.2, 0.5, 0.3], [0.6, 0.3, 0.1]], np.float32
)  # fmt: skip
LABELS = np.array([0, 1, 2, 2])


def test_confusion_counts_truth_by_row_and_prediction_by_column() -> None:
    counts = confusion_counts(SCORES.argmax(1), LABELS, 4)
    assert counts.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]]
    assert recalls(counts) == [1.0, 1.0, 0.0, None]
    assert mistaken_for(counts) == [None, None, 0, None]


def test_confusion_for_a_report_names_only_the_classes_that_occur() -> None:
    names = ("background", "jump", "wave", "squat")
    assert confusion(np.array([3, 0, 3]), np.array([3, 3, 1]), names) == {
        "labels": ["background", "jump", "squat"],
        "counts": [[0, 0, 0], [0, 0, 1], [1, 0, 1]],
    }
    empty = np.zeros(0, np.int64)
    assert confusion(empty, empty, names) == {"labels": [], "counts": []}


def test_top_k_looks_for_the_class_among_the_k_best() -> None:
    assert [top_k(SCORES, LABELS, k) for k in (1, 2, 3)] == pytest.approx([0.5, 0.75, 1.0])


def test_a_class_that_got_no_score_is_not_found_among_its_equals() -> None:
    votes = np.array([[1.0, 0, 0, 0, 0, 0, 0]], np.float32)
    assert top_k(votes, np.array([0]), 5) == 1.0
    assert top_k(votes, np.array([1]), 5) == 0.0


def test_with_no_more_than_k_classes_all_are_found() -> None:
    assert top_k(np.zeros((2, 3), np.float32), np.array([0, 2]), 5) == 1.0
