"""The measures of naming sequences, each against a count by hand."""

import numpy as np
import pytest

from hitrs_live.evaluation.accuracy import confusion, mistaken_for, recalls, top_k

SCORES = np.array(
    [[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.2, 0.5, 0.3], [0.6, 0.3, 0.1]], np.float32
)  # fmt: skip
LABELS = np.array([0, 1, 2, 2])


def test_confusion_counts_truth_by_row_and_answer_by_column() -> None:
    counts = confusion(SCORES.argmax(1), LABELS, 4)
    assert counts.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]]
    assert recalls(counts) == [1.0, 1.0, 0.0, None]
    assert mistaken_for(counts) == [None, None, 0, None]


def test_top_k_looks_for_the_class_among_the_k_best() -> None:
    assert [top_k(SCORES, LABELS, k) for k in (1, 2, 3)] == pytest.approx([0.5, 0.75, 1.0])


def test_a_class_that_got_no_score_is_not_found_among_its_equals() -> None:
    votes = np.array([[1.0, 0, 0, 0, 0, 0, 0]], np.float32)
    assert top_k(votes, np.array([0]), 5) == 1.0
    assert top_k(votes, np.array([1]), 5) == 0.0


def test_with_no_more_than_k_classes_all_are_found() -> None:
    assert top_k(np.zeros((2, 3), np.float32), np.array([0, 2]), 5) == 1.0
