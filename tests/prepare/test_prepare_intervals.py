"""Overlapping actions give one label per frame, whatever their order; none is added, and lost ones are noted."""

import random
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitrs_live.prepare.intervals import SHORTEST_REST, FrameLabels, Span, label_frames

NAMES = tuple(f"class{number}" for number in range(60))


def labelled(*spans: tuple[int, int, int], frames: int = 320) -> FrameLabels:
    return label_frames([Span(label=label, start=start, end=end) for label, start, end in spans], frames, names=NAMES)


def runs(result: FrameLabels) -> list[tuple[int, int, int]]:
    found, at = [], 0
    for label, group in groupby(result.labels.tolist()):
        frames = len(list(group))
        found += [(label, at, at + frames)] if label else []
        at += frames
    return found


def test_actions_without_overlap_are_labelled_as_written() -> None:
    result = labelled((3, 10, 20), (4, 20, 22), (3, 50, 60))
    assert runs(result) == [(3, 10, 20), (4, 20, 22), (3, 50, 60)]
    assert result.notes == ()
    assert not any(result.counts.values())


def test_nested_actions_keep_their_frames_and_the_outer_one_its_longest_piece() -> None:
    result = labelled((8, 100, 300), (39, 150, 200), (10, 203, 250), (43, 253, 300))
    assert runs(result) == [
        (8, 100, 150),
        (39, 150, 200),
        (-1, 200, 203),
        (10, 203, 250),
        (-1, 250, 253),
        (43, 253, 300),
    ]
    assert result.notes == ("1 labels overlapped by others: class8 100-300",)
    assert result.counts["labels overlapped by others"] == 1


def test_a_remaining_piece_too_short_for_an_action_is_dropped_and_noted() -> None:
    result = labelled((8, 100, 200), (9, 100 + SHORTEST_REST - 1, 200))
    assert runs(result) == [(-1, 100, 114), (9, 114, 200)]
    assert "1 labels without a frame left: class8 100-200" in result.notes
    assert runs(labelled((8, 100, 200), (9, 100 + SHORTEST_REST, 200)))[0] == (8, 100, 115)


def test_shared_frames_belong_to_the_shorter_action_and_of_equal_ones_to_the_later() -> None:
    assert runs(labelled((1, 0, 100), (2, 80, 130))) == [(1, 0, 80), (2, 80, 130)]
    assert runs(labelled((1, 0, 60), (2, 40, 100))) == [(1, 0, 40), (2, 40, 100)]


def test_two_names_for_the_same_frames_duplicates_and_labels_outside_are_noted() -> None:
    result = labelled((1, 10, 40), (2, 10, 40), (3, 50, 90), (3, 50, 90), (4, 400, 500), (5, 7, 7))
    assert runs(result) == [(2, 10, 40), (3, 50, 90)]
    assert result.counts == {
        "labels overlapped by others": 1,
        "labels without a frame left": 1,
        "labels outside the recording": 2,
        "labels given twice": 1,
    }
    assert len(result.notes) == 4


SPANS = st.tuples(st.integers(1, 9), st.integers(0, 90), st.integers(1, 60)).map(lambda s: (s[0], s[1], s[1] + s[2]))


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(SPANS, max_size=12), st.randoms())
def test_the_order_of_the_lines_does_not_matter_and_no_action_occurs_twice(
    spans: list[tuple[int, int, int]], order: random.Random
) -> None:
    result = labelled(*spans, frames=100)
    mixed = order.sample(spans, len(spans))
    assert labelled(*mixed, frames=100).labels.tolist() == result.labels.tolist()
    assert labelled(*mixed, frames=100).counts == result.counts
    inside = {span for span in spans if span[1] < 100}
    for label in range(1, 10):
        assert sum(run[0] == label for run in runs(result)) <= sum(span[0] == label for span in inside)
    hidden = result.counts["labels without a frame left"]
    assert sum(run[0] > 0 for run in runs(result)) <= len(inside) - hidden or hidden == 0
    covered = {frame for _, start, end in spans for frame in range(start, min(end, 100))}
    assert {frame for frame, label in enumerate(result.labels.tolist()) if label} == covered
