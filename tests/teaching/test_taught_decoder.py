"""The live stage: taught actions become events, at constant state, by row, without changing the built-in ones."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from seen_people import CHANGED_FROM, LENGTH, STARTS, SeenPeople, people, raises, see
from taught_folder import Taught
from taught_pipeline import pipeline_messages

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.messages import ActionEvent, AnyMessage
from hitrs_live.teaching.actions_file import load_actions, save_actions


@pytest.fixture(scope="module")
def events(taught: Taught, seen: SeenPeople) -> dict[str, list[ActionEvent]]:
    """What is found of each person."""
    return seen.events(taught.fitted.taught)


def test_each_repetition_is_an_event_that_begins_where_the_movement_began(
    events: dict[str, list[ActionEvent]],
) -> None:
    ends = [event for event in events["raises"] if event.state == "end"]
    assert [event.label for event in ends] == ["raise"] * len(STARTS)
    for event, start in zip(ends, STARTS, strict=True):
        assert abs(event.onset_time_ns / 1e9 - start / 30) < 0.5
        assert event.count == 1
        assert event.end_time_ns is not None
        assert event.onset_time_ns <= event.end_time_ns


def test_start_and_end_of_an_event_have_one_onset(events: dict[str, list[ActionEvent]]) -> None:
    starts = [event.onset_time_ns for event in events["raises"] if event.state == "start"]
    assert starts == [event.onset_time_ns for event in events["raises"] if event.state == "end"]


def test_repetitions_of_an_exercise_are_one_event_with_a_count(taught: Taught, seen: SeenPeople) -> None:
    actions = tuple(
        msgspec.structs.replace(one, kind="exercise", merge_gap_s=3.0) for one in taught.fitted.taught.actions
    )
    exercise = msgspec.structs.replace(taught.fitted.taught, actions=actions)
    ends = [event for event in seen.events(exercise)["exercises"] if event.state == "end"]
    assert [(event.label, event.count) for event in ends] == [("raise", 4)]


def test_someone_who_stands_does_nothing(events: dict[str, list[ActionEvent]]) -> None:
    assert events["stands"] == []


def test_a_person_is_found_alike_beside_others_and_alone(
    taught: Taught, checkpoint: Checkpoint, events: dict[str, list[ActionEvent]]
) -> None:
    def about(events: Sequence[ActionEvent]) -> list[tuple[object, ...]]:
        return [(one.state, one.label, one.onset_time_ns) for one in events]

    alone = see(checkpoint, {"raises": people()["raises"]}).events(taught.fitted.taught)
    assert about(events["raises"]) == about(alone["raises"])
    once = about(events["raises_once"])
    assert [state for state, *_ in once] == ["start", *["update"] * (len(once) - 2), "end"]


def test_built_in_messages_do_not_change_by_a_byte_when_actions_are_taught(
    taught: Taught, checkpoint: Checkpoint
) -> None:
    def built_in(messages: Sequence[AnyMessage]) -> list[bytes]:
        kept = [one for one in messages if one.topic.startswith(("action", "scores", "motion"))]
        own = [one for one in kept if getattr(one, "label", "") not in names]
        # The running numbers of messages, and when they were sent, are no part of what was found.
        changed = [msgspec.structs.replace(one, seq=0, publish_time_ns=0, utc_ns=None) for one in own]
        return [
            msgspec.json.encode(msgspec.structs.replace(one, log_seq=0) if isinstance(one, ActionEvent) else one)
            for one in changed
        ]

    names = taught.fitted.taught.names
    person = raises(1, STARTS[:1], frames=STARTS[0] + 2 * LENGTH)
    without = pipeline_messages(checkpoint, None, person)
    with_taught = pipeline_messages(checkpoint, taught.fitted.taught, person)
    assert built_in(without) == built_in(with_taught)
    found = [one for one in with_taught if isinstance(one, ActionEvent) and one.label in names]
    assert [one.label for one in found if one.state == "end"] == ["raise"]
    assert not any(isinstance(one, ActionEvent) and one.label in names for one in without)


@pytest.mark.parametrize("name", CHANGED_FROM)
def test_the_future_changes_no_event(events: dict[str, list[ActionEvent]], name: str) -> None:
    until_ns = (min(CHANGED_FROM.values()) - 1) / 30 * 1e9
    before, after = (
        [(one.state, one.label, one.score, one.onset_time_ns) for one in events[who] if one.capture_time_ns <= until_ns]
        for who in ("raises", name)
    )
    assert before == after
    assert before


def test_a_file_gives_the_events_of_what_was_saved(
    taught: Taught, seen: SeenPeople, events: dict[str, list[ActionEvent]], tmp_path: Path
) -> None:
    save_actions(tmp_path / "a.actions", taught.fitted.taught)
    assert seen.events(load_actions(tmp_path / "a.actions")) == events
