"""Targets of independent classes: done, not done, or unknown."""

import numpy as np

from hitrs_live.data.array_format import BACKGROUND, IGNORE
from hitrs_live.data.similar_classes import SimilarClasses
from hitrs_live.training.class_targets import absent_classes, class_targets, known_classes, recognised_mask

LABELS = ("background", "squat", "stand_to_sit", "wave", "push_up", "fall_side")
SQUAT, SIT, WAVE, PUSH_UP, FALL = 1, 2, 3, 4, 5
SIMILAR = SimilarClasses.among(LABELS)


def _weights(label: int, source: str = "precog16", labelled: tuple[str, ...] = ("squat",)) -> list[int]:
    """Return the numbers of the classes of which a clip teaches something."""
    known, absent = known_classes(labelled, LABELS), absent_classes(source, labelled, LABELS)
    _, weights = class_targets(np.array([label]), known[None], SIMILAR, absent[None], np.array([False]))
    return np.flatnonzero(weights[0]).tolist()


def test_an_action_teaches_that_no_other_is_done_but_similar_ones() -> None:
    none = np.zeros((1, 6), bool)
    targets, _ = class_targets(np.array([SQUAT]), none, SIMILAR, none, np.array([False]))
    assert targets[0].tolist() == [0, 1, 0, 0, 0, 0]
    assert _weights(SQUAT) == [SQUAT, WAVE, PUSH_UP, FALL]


def test_background_teaches_of_what_its_source_labels_and_of_what_never_occurs_in_it() -> None:
    assert _weights(BACKGROUND) == [SQUAT, SIT, PUSH_UP, FALL]


def test_a_clip_of_unknown_class_teaches_of_what_never_occurs_in_its_source() -> None:
    assert _weights(IGNORE) == [SIT, PUSH_UP, FALL]


def test_of_an_unknown_source_every_class_may_occur() -> None:
    assert _weights(IGNORE, source="mine") == []
    assert _weights(BACKGROUND, source="mine") == [SQUAT, FALL]


def _recognised(text: str) -> str:
    """Return a line of the same length: + where the action of that frame, one letter each, is recognised."""
    labels = np.array([[BACKGROUND if one == "." else ord(one) for one in text]])
    return "".join("+" if one else "-" for one in recognised_mask(labels)[0])


def test_an_action_is_recognised_from_its_middle_on_and_one_that_goes_on_after_a_second() -> None:
    assert _recognised("..aaaaaa..") == "-----+++--"
    assert _recognised("aaaaaa.bbb") == "---+++----"
    assert _recognised("." + 40 * "a") == "-" + 30 * "-" + 10 * "+"
    assert _recognised(35 * "a") == 30 * "-" + 5 * "+"
    in_clips = recognised_mask(np.array([[BACKGROUND, *8 * [SQUAT]]]), every_frames=7)[0]
    assert in_clips.tolist() == [False] * 6 + [True] * 3


def test_a_recognised_action_teaches_of_classes_that_looked_alike_at_first() -> None:
    none = np.zeros((1, 6), bool)
    _, weights = class_targets(np.array([SQUAT, SQUAT]), none, SIMILAR, none, np.array([False, True]))
    assert weights[:, SIT].tolist() == [0, 1]
