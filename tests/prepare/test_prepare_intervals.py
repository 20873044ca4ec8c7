"""Actions that overlap are laid out one a frame: in any order alike, without new actions, and none unsaid."""

import random
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitrs_live.prepare.intervals import SHORTEST_REST, Laid, Span, lay_out

NAMES = tuple(f"class{number}" for number in range(60))


def lay(*spans: tuple[int, int, int], frames: int = 320) -> Laid:
    return lay_out([Span(label=label, start=start, end=end) for label, start, end in spans], frames, names=NAMES)


def runs(laid: Laid) -> list[tuple[int, int, int]]:
    found, at = [], 0
    for label, group in groupby(laid.labels.tolist()):
        frames = len(list(group))
        found += [(label, at, at + frames)] if label else []
        at += frames
    return found


def test_actions_apart_or_one_after_another_are_as_written() -> None:
    laid = lay((3, 10, 20), (4, 20, 22), (3, 50, 60))
    assert runs(laid) == [(3, 10, 20), (4, 20, 22), (3, 50, 60)]
    assert laid.notes == ()
    assert not any(laid.counts.values())


def test_nested_actions_keep_their_frames_and_the_outer_one_its_longest_rest() -> None:
    laid = lay((8, 100, 300), (39, 150, 200), (10, 203, 250), (43, 253, 300))
    assert runs(laid) == [(8, 100, 150), (39, 150, 200), (-1, 200, 203), (10, 203, 250), (-1, 250, 253), (43, 253, 300)]
    assert laid.notes == ("1 labels overlapped by others: class8 100-300",)
    assert laid.counts["labels overlapped by others"] == 1


def test_a_rest_too_short_to_be_an_action_is_none_and_is_told() -> None:
    laid = lay((8, 100, 200), (9, 100 + SHORTEST_REST - 1, 200))
    assert runs(laid) == [(-1, 100, 114), (9, 114, 200)]
    assert "1 labels without a frame left: class8 100-200" in laid.notes
    assert runs(lay((8, 100, 200), (9, 100 + SHORTEST_REST, 200)))[0] == (8, 100, 115)


def test_what_overlaps_in_part_gives_the_shared_frames_to_the_shorter_and_then_to_the_later() -> None:
    assert runs(lay((1, 0, 100), (2, 80, 130))) == [(1, 0, 80), (2, 80, 130)]
    assert runs(lay((1, 0, 60), (2, 40, 100))) == [(1, 0, 40), (2, 40, 100)]


def test_the_same_frames_under_two_names_twice_the_same_and_outside_are_told() -> None:
    laid = lay((1, 10, 40), (2, 10, 40), (3, 50, 90), (3, 50, 90), (4, 400, 500), (5, 7, 7))
    assert runs(laid) == [(2, 10, 40), (3, 50, 90)]
    assert laid.counts == {
        "labels overlapped by others": 1,
        "labels without a frame left": 1,
        "labels outside the recording": 2,
        "labels given twice": 1,
    }
    assert len(laid.notes) == 4


SPANS = st.tuples(st.integers(1, 9), st.integers(0, 90), st.integers(1, 60)).map(lambda s: (s[0], s[1], s[1] + s[2]))


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(SPANS, max_size=12), st.randoms())
def test_the_order_of_the_lines_says_nothing_and_no_action_comes_twice(
    spans: list[tuple[int, int, int]], order: random.Random
) -> None:
    laid = lay(*spans, frames=100)
    mixed = order.sample(spans, len(spans))
    assert lay(*mixed, frames=100).labels.tolist() == laid.labels.tolist()
    assert lay(*mixed, frames=100).counts == laid.counts
    inside = {span for span in spans if span[1] < 100}
    for label in range(1, 10):
        assert sum(run[0] == label for run in runs(laid)) <= sum(span[0] == label for span in inside)
    hidden = laid.counts["labels without a frame left"]
    assert sum(run[0] > 0 for run in runs(laid)) <= len(inside) - hidden or hidden == 0
    covered = {frame for _, start, end in spans for frame in range(start, min(end, 100))}
    assert {frame for frame, label in enumerate(laid.labels.tolist()) if label} == covered
