"""Targets of independent classes: done, not done, or unknown."""

import numpy as np

from hitrs_live.data.array_format import BACKGROUND, IGNORE
from hitrs_live.data.similar_classes import similar_mask
from hitrs_live.training.class_targets import absent_classes, class_targets, known_classes

LABELS = ("background", "squat", "sit_to_stand", "wave", "push_up", "fall_side")
SQUAT, SIT, WAVE, PUSH_UP, FALL = 1, 2, 3, 4, 5


def _weights(label: int, source: str = "precog16", labelled: tuple[str, ...] = ("squat",)) -> list[int]:
    """Return the numbers of the classes of which a clip teaches something."""
    known, absent = known_classes(labelled, LABELS), absent_classes(source, labelled, LABELS)
    _, weights = class_targets(np.array([label]), known[None], similar_mask(LABELS), absent[None])
    return np.flatnonzero(weights[0]).tolist()


def test_an_action_teaches_that_no_other_is_done_but_similar_ones() -> None:
    targets, _ = class_targets(
        np.array([SQUAT]), np.zeros((1, 6), bool), similar_mask(LABELS), np.zeros((1, 6), bool)
    )  # fmt: skip
    assert targets[0].tolist() == [0, 1, 0, 0, 0, 0]
    assert _weights(SQUAT) == [SQUAT, WAVE, PUSH_UP, FALL]


def test_background_teaches_of_what_its_source_labels_and_of_what_never_occurs_in_it() -> None:
    assert _weights(BACKGROUND) == [SQUAT, SIT, PUSH_UP, FALL]


def test_a_clip_of_unknown_class_teaches_of_what_never_occurs_in_its_source() -> None:
    assert _weights(IGNORE) == [SIT, PUSH_UP, FALL]


def test_of_an_unknown_source_every_class_may_occur() -> None:
    assert _weights(IGNORE, source="mine") == []
    assert _weights(BACKGROUND, source="mine") == [SQUAT, FALL]
