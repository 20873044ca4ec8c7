"""The live stage: taught actions become events, at constant state, by row, without changing the built-in ones."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from pipeline_runs import ENDED, UP, ScriptedSource, make_pipeline
from taught_folder import Taught
from taught_joints import lift, standing

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import Config, override
from hitrs_live.messages import ActionEvent, AnyMessage, JointFrame, Pose, PoseFrame
from hitrs_live.streaming.hitrs_stream import HitrsStream
from hitrs_live.streaming.predictor import Predictor
from hitrs_live.teaching.actions_file import TaughtActions, load_actions, save_actions
from hitrs_live.teaching.taught_decoder import TaughtDecoder
from hitrs_live.transport.sink import ListSink

STARTS = (90, 240, 330)
LENGTH = 45
FRAMES = 450


def _person(seed: int, starts: Sequence[int] = STARTS) -> NDArray[np.float32]:
    joints_m = standing(FRAMES, np.random.default_rng(seed))
    for start in starts:
        lift(joints_m, "right", start, start + LENGTH)
    return joints_m


def _run(
    taught: TaughtActions, checkpoint: Checkpoint, people: Sequence[NDArray[np.float32]], config: Config | None = None
) -> list[ActionEvent]:
    """Pass people through the model and the stage, one row each; return the events."""
    model = HitrsStream(checkpoint, step_frames=1)
    predictor = Predictor(model, rows=len(people), mirror=False)
    decoder = TaughtDecoder(taught, model.description, config or Config(), source_id="a", rows=len(people))
    events: list[ActionEvent] = []
    for frame in range(FRAMES):
        joint_frame = JointFrame.of(
            np.stack([one[frame] for one in people]), time_ns=round(frame * 1e9 / 30), reset=frame == 0
        )
        events += decoder.step(joint_frame, predictor.step(joint_frame))
    return [*events, *decoder.close_all("shutdown")]


def test_each_repetition_is_an_event_that_begins_where_the_movement_began(
    taught: Taught, checkpoint: Checkpoint
) -> None:
    events = _run(taught.fitted.taught, checkpoint, [_person(1)])
    ends = [event for event in events if event.state == "end"]
    assert [event.label for event in ends] == ["raise"] * len(STARTS)
    for event, start in zip(ends, STARTS, strict=True):
        assert abs(event.onset_time_ns / 1e9 - start / 30) < 0.5
        assert event.count == 1
        assert event.end_time_ns is not None
        assert event.onset_time_ns <= event.end_time_ns


def test_start_and_end_of_an_event_have_one_onset(taught: Taught, checkpoint: Checkpoint) -> None:
    events = _run(taught.fitted.taught, checkpoint, [_person(1)])
    starts = [event.onset_time_ns for event in events if event.state == "start"]
    assert starts == [event.onset_time_ns for event in events if event.state == "end"]


def test_repetitions_of_an_exercise_are_one_event_with_a_count(taught: Taught, checkpoint: Checkpoint) -> None:
    actions = tuple(
        msgspec.structs.replace(one, kind="exercise", merge_gap_s=3.0) for one in taught.fitted.taught.actions
    )
    exercise = msgspec.structs.replace(taught.fitted.taught, actions=actions)
    events = _run(exercise, checkpoint, [_person(2, starts=(90, 150, 210, 270))])
    ends = [event for event in events if event.state == "end"]
    assert [(event.label, event.count) for event in ends] == [("raise", 4)]


def test_someone_who_stands_does_nothing(taught: Taught, checkpoint: Checkpoint) -> None:
    assert _run(taught.fitted.taught, checkpoint, [_person(3, starts=())]) == []


def test_a_person_is_found_alike_beside_others_and_alone(taught: Taught, checkpoint: Checkpoint) -> None:
    def about(events: Sequence[ActionEvent], track: int) -> list[tuple[object, ...]]:
        return [(one.state, one.label, one.onset_time_ns) for one in events if one.track_id == track]

    both = _run(taught.fitted.taught, checkpoint, [_person(1), _person(4, starts=(200,))])
    alone = _run(taught.fitted.taught, checkpoint, [_person(1)])
    assert about(both, 0) == about(alone, 0)
    assert [state for state, *_ in about(both, 1)] == ["start", *["update"] * (len(about(both, 1)) - 2), "end"]


def _pipeline_events(
    checkpoint: Checkpoint, taught: TaughtActions | None, people: NDArray[np.float32]
) -> Sequence[AnyMessage]:
    frames = [
        PoseFrame(
            index=index, capture_time_ns=round(index * 1e9 / 30), received_ns=0,
            poses=(Pose(joints_m=joints_m, confidence=np.ones(25, np.float32)),),
        )
        for index, joints_m in enumerate(people)
    ]  # fmt: skip
    sink = ListSink()
    make_pipeline(
        [ScriptedSource([UP, *frames, ENDED])], checkpoint, sink, override(Config(), {"model.update": "frame"}),
        taught=taught,
    ).run()  # fmt: skip
    return sink.messages


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
    person = _person(1)
    without = _pipeline_events(checkpoint, None, person)
    with_taught = _pipeline_events(checkpoint, taught.fitted.taught, person)
    assert built_in(without) == built_in(with_taught)
    found = [one for one in with_taught if isinstance(one, ActionEvent) and one.label in names]
    assert [one.label for one in found if one.state == "end"] == ["raise"] * len(STARTS)
    assert not any(isinstance(one, ActionEvent) and one.label in names for one in without)


@pytest.mark.parametrize("gap", [1, 20])
def test_the_future_changes_no_event(taught: Taught, checkpoint: Checkpoint, gap: int) -> None:
    person, changed = _person(1), _person(1)
    changed[300 + gap :] += np.float32(0.3)
    until_ns = 300 / 30 * 1e9
    before, after = (
        [event for event in _run(taught.fitted.taught, checkpoint, [one]) if event.capture_time_ns <= until_ns]
        for one in (person, changed)
    )
    assert before == after
    assert before


def test_a_file_gives_the_events_of_what_was_saved(taught: Taught, checkpoint: Checkpoint, tmp_path: Path) -> None:

    save_actions(tmp_path / "a.actions", taught.fitted.taught)
    loaded = load_actions(tmp_path / "a.actions")
    person = [_person(1)]
    assert _run(loaded, checkpoint, person) == _run(taught.fitted.taught, checkpoint, person)
