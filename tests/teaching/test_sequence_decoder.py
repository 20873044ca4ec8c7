"""Sequences: ended actions that follow each other in time become one event, once all are there."""

import itertools
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitrs_live.errors import ConfigError
from hitrs_live.messages import ActionEvent
from hitrs_live.teaching.running_model import RunningModel
from hitrs_live.teaching.sequence_decoder import SequenceDecoder
from hitrs_live.teaching.step_sequence import StepSequence, check_sequences, make_sequence, unreported_steps

MODEL = RunningModel(
    name="some", encoder="", embedding_width=8, rate_hz=30.0,
    labels=frozenset({"background", "stand", "squat", "hug", "crawl"}),
    pair_labels=frozenset({"hug"}), unreported=frozenset({"crawl"}),
)  # fmt: skip


def _end(label: str, onset_s: float, end_s: float, *, track: int = 1, reported_s: float | None = None) -> ActionEvent:
    """Return the end of an action. reported_s: when it was reported; by default 0.3 s after it ended."""
    seen_ns = round(1e9 * (end_s + 0.3 if reported_s is None else reported_s))
    return ActionEvent(
        source_id="a", capture_time_ns=seen_ns, state="end", label=label, score=0.5 + onset_s / 1000, track_id=track,
        onset_time_ns=round(onset_s * 1e9), end_time_ns=round(end_s * 1e9), detection_delay_s=0.2, window_start_ns=0,
        window_end_ns=seen_ns, reason="finished",
    )  # fmt: skip


def _found(sequences: Sequence[StepSequence], events: Sequence[ActionEvent]) -> list[ActionEvent]:
    decoder = SequenceDecoder(sequences)
    return [one for event in events for one in decoder.step(event)]


def _spans(events: Sequence[ActionEvent]) -> list[tuple[str, float, float]]:
    return [
        (one.label, one.onset_time_ns / 1e9, one.end_time_ns / 1e9)
        for one in events
        if one.state == "end" and one.end_time_ns is not None
    ]


RISE = make_sequence("rise", ["stand", "raise"], [4])


def test_two_steps_become_a_start_and_an_end_once_the_last_has_ended() -> None:
    decoder = SequenceDecoder([RISE])
    assert list(decoder.step(_end("stand", 1, 3))) == []
    start, end = decoder.step(_end("raise", 5, 6.5))
    assert (start.state, start.label, start.onset_time_ns, start.end_time_ns) == ("start", "rise", 10**9, None)
    assert (end.state, end.label, end.onset_time_ns, end.end_time_ns) == ("end", "rise", 10**9, 6_500_000_000)
    assert start.capture_time_ns == end.capture_time_ns == 6_800_000_000
    assert (start.score, start.detection_delay_s, end.reason) == (0.501, 5.8, "finished")


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([_end("raise", 1, 2), _end("stand", 3, 5)], "the other order"),
        ([_end("stand", 1, 3), _end("raise", 7.1, 8)], "later than the limit"),
        ([_end("stand", 1, 3), _end("raise", 4, 5, track=2)], "another person"),
        ([_end("stand", 1, 3), _end("raise", 1.2, 3)], "the same movement"),
        ([_end("stand", 1, 3), _end("bow", 4, 5)], "another action"),
    ],
)
def test_what_does_not_follow_in_time_is_no_sequence(events: Sequence[ActionEvent], why: str) -> None:
    assert _found([RISE], events) == [], why


def test_a_step_may_begin_just_before_the_end_of_the_one_before() -> None:
    assert _spans(_found([RISE], [_end("stand", 1, 3), _end("raise", 2.6, 4)])) == [("rise", 1, 4)]


def test_each_limit_is_of_its_own_step() -> None:
    three = make_sequence("three", ["a", "b", "c"], [1, 5])
    ends = [_end("a", 0, 1), _end("b", 1.5, 2), _end("c", 6, 7)]
    assert _spans(_found([three], ends)) == [("three", 0, 7)]
    assert _found([three], [_end("a", 0, 1), _end("b", 3, 4), _end("c", 5, 7)]) == []


def test_a_step_is_part_of_one_sequence_of_a_name() -> None:
    twice = make_sequence("twice", ["wave", "wave"], [4])
    ends = [_end("wave", at, at + 1) for at in (0, 2, 4, 6, 8)]
    assert _spans(_found([twice], ends)) == [("twice", 0, 3), ("twice", 4, 7)]


def test_the_newest_of_several_first_steps_counts() -> None:
    ends = [_end("stand", 0, 1), _end("stand", 2, 3), _end("raise", 4, 5)]
    assert _spans(_found([RISE], ends)) == [("rise", 2, 5)]


def test_a_sequence_is_a_step_of_another_whatever_their_order() -> None:
    outer = make_sequence("outer", ["rise", "bow"], [2])
    ends = [_end("stand", 1, 3), _end("raise", 4, 5), _end("bow", 6, 7)]
    for sequences in ([RISE, outer], [outer, RISE]):
        assert _spans(_found(sequences, ends)) == [("rise", 1, 5), ("outer", 1, 7)]


@given(st.permutations(range(3)))
def test_steps_are_found_in_whatever_order_their_ends_are_reported(order: list[int]) -> None:
    three = make_sequence("three", ["a", "b", "c"], [2])
    ends = [_end("a", 0, 1, reported_s=9), _end("b", 2, 3, reported_s=9), _end("c", 4, 5, reported_s=9)]
    assert _spans(_found([three], [ends[at] for at in order])) == [("three", 0, 5)]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 40), st.integers(1, 6)), max_size=25))
def test_every_sequence_that_is_found_keeps_to_its_limits(made: list[tuple[str, int, int]]) -> None:
    ends = [_end(label, at, at + length, reported_s=99) for label, at, length in made]
    known = {(one.label, one.onset_time_ns, one.end_time_ns) for one in ends}
    for _, onset_s, end_s in _spans(_found([make_sequence("ab", ["a", "b"], [3])], ends)):
        firsts = [end for label, onset, end in known if label == "a" and onset == round(onset_s * 1e9)]
        lasts = [onset for label, onset, end in known if label == "b" and end == round(end_s * 1e9)]
        gaps_s = [(last - first) / 1e9 for first, last in itertools.product(firsts, lasts) if first is not None]
        assert any(-0.5 <= gap_s <= 3 for gap_s in gaps_s)


def test_what_one_person_did_is_found_alike_beside_others() -> None:
    one = [_end("stand", 1, 3), _end("raise", 4, 5)]
    others = [_end("stand", at, at + 1, track=track) for track, at in itertools.product(range(2, 20), range(9))]
    assert _found([RISE], [one[0], *others, one[1]]) == _found([RISE], one)


def test_many_people_and_actions_take_bounded_memory() -> None:
    decoder = SequenceDecoder([RISE])
    for track in range(1000):
        for at in range(50):
            decoder.step(_end("stand", at, at + 1, track=track))
    assert len(decoder._people) <= 64
    assert max(len(one.ended) for one in decoder._people.values()) <= 32


def test_actions_of_two_people_are_no_steps() -> None:
    pair = msgspec.structs.replace(_end("stand", 1, 3), other_track_id=2)
    assert _found([RISE], [pair, _end("raise", 4, 5)]) == []


@pytest.mark.parametrize(
    ("steps", "what"),
    [
        (["stand", "rais"], "step 'rais' is no taught action and no class of some; the nearest is 'raise'"),
        (["background", "raise"], "step 'background' is no taught action"),
        (["stand", "hug"], "step hug takes two people"),
        (["stand", "new"], r"its steps lead back to it \(new, new\)"),
        (["stand", "other"], r"its steps lead back to it \(new, other, new\)"),
    ],
)
def test_a_sequence_that_cannot_be_is_refused_in_one_line(steps: list[str], what: str) -> None:
    sequences = [make_sequence("new", steps, [4]), make_sequence("other", ["new", "raise"], [4])]
    with pytest.raises(ConfigError, match=what) as refusal:
        check_sequences(sequences, ["raise"], MODEL)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["raise", "squat"])
def test_a_sequence_with_the_name_of_an_action_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"sequence {name}: "):
        check_sequences([make_sequence(name, ["stand", "raise"], [4])], ["raise"], MODEL)


def test_a_step_that_is_not_reported_is_named() -> None:
    sequence = make_sequence("new", ["crawl", "raise"], [4])
    check_sequences([sequence], ["raise"], MODEL)
    (line,) = unreported_steps([sequence], MODEL)
    assert "step crawl is a class of some that is not reported" in line
    assert unreported_steps([RISE], MODEL) == []


@pytest.mark.parametrize(
    ("steps", "within_s"), [(["a"], [4]), (["a"] * 11, [4]), (["a", "b"], [1, 2]), (["a", "b"], [0]), (["", "b"], [1])]
)
def test_steps_and_times_that_do_not_fit_together_are_refused(steps: list[str], within_s: list[float]) -> None:
    with pytest.raises(ConfigError, match=r"sequence new: .*--within 4"):
        make_sequence("new", steps, within_s)
