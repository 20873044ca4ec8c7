"""Event metrics, on clips small enough to count by hand."""

from dataclasses import replace

import msgspec
import numpy as np
from scenes import scene

from hitrs_live.data.array_format import LabelledSequence
from hitrs_live.data.formats.real_clips import TrueAction
from hitrs_live.data.measure_sets import MeasuredStream
from hitrs_live.evaluation.kept_streams import DetectedAction
from hitrs_live.evaluation.metrics.event import EventCounts, compare_events, false_detections, unknown_stretches

LABELS = ("background", "squat", "jump", "walk")


def seen(label: str, onset_s: float, end_s: float) -> DetectedAction:
    return DetectedAction(label=label, onset_s=onset_s, detected_s=onset_s + 0.3, end_s=end_s, score=0.9)


def test_an_action_is_found_where_a_detection_of_its_class_overlaps_it() -> None:
    true = scene(("squat", 1.0, 2.0), ("squat", 4.0, 5.0), ("jump", 7.0, 8.0))
    counts = compare_events(true, [seen("squat", 1.9, 2.6), seen("walk", 4.0, 5.0), seen("jump", 8.0, 9.0)], LABELS)
    assert counts["squat"] == EventCounts(true=2, found=1, right=1, fragments=1)
    # One that begins where the true one ends does not overlap it.
    assert counts["jump"] == EventCounts(true=1, false=1)
    assert counts["walk"] == EventCounts(false=1)


def test_an_action_in_pieces_is_found_once_and_each_piece_is_right() -> None:
    counts = compare_events(scene(("squat", 1.0, 5.0)), [seen("squat", 1.0, 2.0), seen("squat", 3.0, 4.0)], LABELS)
    assert counts["squat"] == EventCounts(true=1, found=1, right=2, fragments=2)
    assert counts["squat"].fragments_per_found == 2.0


def test_one_detection_over_two_actions_finds_both_and_is_right_once() -> None:
    counts = compare_events(scene(("squat", 1.0, 2.0), ("squat", 3.0, 4.0)), [seen("squat", 1.0, 4.0)], LABELS)
    assert counts["squat"] == EventCounts(true=2, found=2, right=1, fragments=2)


def test_near_classes_are_neither_right_nor_false_but_may_be_right() -> None:
    true = scene(("squat", 1.0, 2.0), near=("squat", "jump"))
    counts = compare_events(true, [seen("squat", 1.0, 2.0), seen("squat", 9.0, 10.0), seen("jump", 1.0, 2.0)], LABELS)
    assert counts["squat"] == EventCounts(true=1, found=1, right=1, near=1, fragments=1)
    assert counts["jump"] == EventCounts(near=1)
    assert (counts["squat"].precision, counts["jump"].precision) == (1.0, None)


def test_classes_that_the_model_does_not_know_are_not_missed() -> None:
    assert compare_events(scene(("burpee", 1.0, 2.0)), [], LABELS) == {}


def test_what_lies_after_the_labelled_part_is_left_out() -> None:
    true = scene(("squat", 1.0, 2.0), ("squat", 12.0, 13.0), labelled_s=10.0)
    counts = compare_events(true, [seen("jump", 11.0, 12.0)], LABELS)
    assert counts == {"squat": EventCounts(true=1)}


def test_a_class_may_be_nearly_right_during_one_action_alone() -> None:
    true = scene(("wave", 1.0, 2.0, ("jump",)), ("throw", 4.0, 5.0))
    detected = [seen("jump", 1.5, 2.5), seen("jump", 4.0, 5.0), seen("walk", 1.0, 2.0)]
    assert compare_events(true, detected, LABELS) == {
        "jump": EventCounts(near=1, false=1),
        "walk": EventCounts(false=1),
    }
    assert false_detections(true, detected, LABELS) == detected[1:]
    # A model that knows the action is measured on it.
    assert compare_events(true, [], (*LABELS, "throw")) == {"throw": EventCounts(true=1)}


def test_an_event_of_several_repetitions_is_one_detection_of_all_of_them() -> None:
    true = scene(("jump", 1.0, 9.0))
    detected = [
        replace(seen("jump", 1.0, 5.0), count=4),
        seen("jump", 6.0, 7.0),
        replace(seen("walk", 1.0, 2.0), count=2),
    ]
    counts = compare_events(true, detected, LABELS)
    assert counts["jump"] == EventCounts(true=1, found=1, right=2, fragments=2, more_repetitions=3)
    assert sum(counts.values(), EventCounts()).more_repetitions == 4


def test_an_action_of_unknown_side_is_found_by_either_class() -> None:
    punch = TrueAction(label="punch", start_s=1.0, end_s=2.0, right=frozenset({"punch_left", "punch_right"}))
    true = msgspec.structs.replace(scene(), actions=(punch,))
    counts = compare_events(true, [seen("punch_left", 1.0, 2.0), seen("punch_right", 5.0, 6.0)], ("", "punch_left"))
    assert counts == {
        "punch": EventCounts(true=1, found=1, right=1, fragments=1),
        "punch_right": EventCounts(false=1),
    }


def test_what_begins_where_nothing_is_known_is_not_counted() -> None:
    sequence = LabelledSequence(
        name="one", subject="a", joints_m=np.zeros((300, 25, 3), np.float32), labels=np.zeros(300, np.int64),
        valid_mask=np.ones(25, bool),
    )  # fmt: skip
    stream = MeasuredStream(sequence=sequence, actions=(), recorded_s=7.0, left_out=((2.0, 5.0),))
    assert compare_events(stream, [seen("walk", 2.5, 6.0), seen("jump", 5.0, 6.0)], LABELS) == {
        "jump": EventCounts(false=1)
    }


def test_unknown_stretches_are_those_of_no_class_of_the_model() -> None:
    true = scene(("squat", 1.0, 2.0), ("wave", 3.0, 4.0, ("jump",)), ("unlabelled", 5.0, 6.0), labelled_s=3.5)
    assert unknown_stretches(true, LABELS) == [(3.0, 3.5, {"jump"})]
    other = scene(("push_up", 1.0, 2.0), near=("walk",), other=True, labelled_s=9.0)
    assert unknown_stretches(other, LABELS) == [(0.0, 9.0, {"walk"})]
    assert unknown_stretches(other, (*LABELS, "push_up")) == []


def test_counts_of_several_clips_are_added() -> None:
    both = EventCounts(true=3, found=1, right=1, fragments=2) + EventCounts(true=1, found=1, right=2, near=1, false=3)
    assert (both.true, both.found, both.detected) == (4, 2, 7)
    assert (both.recall, both.precision) == (0.5, 0.5)
    assert EventCounts().recall is None
