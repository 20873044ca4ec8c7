"""Which classes one movement may show at once."""

import numpy as np

from hitrs_live.data.shipped_classes import LABELS
from hitrs_live.data.similar_classes import SAME, SimilarClasses, named_alike
from hitrs_live.synthesis.stream import MotionSynthesiser


def test_similarity_goes_both_ways_and_no_class_is_similar_to_itself() -> None:
    mask = SimilarClasses.among(LABELS).at_first
    assert (mask == mask.T).all()
    assert not mask.diagonal().any()
    assert not mask[0].any(), "the background is no action"
    assert mask[LABELS.index("lunge"), LABELS.index("side_lunge")]
    assert not mask[LABELS.index("squat"), LABELS.index("sit_to_stand")], "who squats stood before"
    assert not mask[LABELS.index("squat"), LABELS.index("walk")]


def test_sides_are_similar_to_their_own_side_alone() -> None:
    labels = ("background", "punch_left", "punch_right", "hook_left", "hook_right")
    np.testing.assert_array_equal(np.argwhere(np.triu(SimilarClasses.among(labels).at_first)), [[1, 3], [2, 4]])


def test_once_a_movement_is_recognised_fewer_classes_are_left() -> None:
    labels = ("background", "squat", "stand_to_sit", "walk", "carry")
    similar = SimilarClasses.among(labels)
    np.testing.assert_array_equal(np.argwhere(np.triu(similar.at_first)), [[1, 2], [3, 4]])
    np.testing.assert_array_equal(np.argwhere(np.triu(similar.still)), [[3, 4]])


def test_every_class_that_is_named_can_be_synthesised() -> None:
    synthesised = set(MotionSynthesiser(seed=0).classes)
    assert set(SAME) | set(SAME.values()) <= synthesised
    everything = (*LABELS, *(name for name in synthesised if name not in LABELS))
    assert SimilarClasses.among(everything).at_first.sum() > 100
    assert named_alike("squat") == "squat"
