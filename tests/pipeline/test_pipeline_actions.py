"""Actions of a stream: each start has its end, at any camera rate and whatever ends the source."""

import threading

import pytest
from pipeline_runs import ENDED, UP, ScriptedSource, actions, demo_frames, last_status, make_pipeline, of, run

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import Config
from hitrs_live.messages import (
    ActionEvent,
    AnyMessage,
    PoseFrame,
    ScoreEvent,
    SourceChange,
    SourceEvent,
    Status,
)
from hitrs_live.streaming.thresholds import ClassThresholds, LoadedThresholds, Thresholds
from hitrs_live.transport.sink import ListSink


@pytest.mark.slow
def test_every_action_of_a_finished_source_has_an_end(checkpoint: Checkpoint) -> None:
    events = actions(run([UP, *demo_frames(20.0)], checkpoint))
    open_actions: set[int] = set()
    for event in events:
        if event.state == "start":
            assert event.track_id not in open_actions, "one action a person at a time"
            open_actions.add(event.track_id)
        if event.state == "end":
            open_actions.remove(event.track_id)
            assert event.reason in ("finished", "track_lost", "source_lost")
            assert event.end_time_ns is not None
            assert event.onset_time_ns <= event.end_time_ns
    assert not open_actions
    assert events, "the demo's first twenty seconds have actions that the model detects"


@pytest.mark.slow
def test_every_end_of_an_action_that_repeats_has_its_count(checkpoint: Checkpoint) -> None:
    events = actions(run([UP, *demo_frames(20.0)], checkpoint))
    squats = [event.count for event in events if event.state == "end" and event.label == "squat"]
    # The demo's figure squats three times at first.
    assert sum(count or 0 for count in squats) == 3
    assert [event.count for event in events if event.state == "start"] == [None] * len(
        [event for event in events if event.state == "start"]
    )


def spans(checkpoint: Checkpoint, rate_hz: float) -> list[tuple[str, float, float]]:
    """Return the actions of thirty seconds at a frame rate: label, onset and end in seconds."""
    ends = [e for e in actions(run([UP, *demo_frames(30.0, rate_hz)], checkpoint)) if e.state == "end"]
    return [(e.label, e.onset_time_ns / 1e9, (e.end_time_ns or 0) / 1e9) for e in ends]


@pytest.fixture(scope="module")
def at_thirty(version_3: Checkpoint) -> list[tuple[str, float, float]]:
    return spans(version_3, 30.0)


@pytest.mark.slow
@pytest.mark.parametrize("rate_hz", [3.0, 10.0, 15.0, 24.0, 60.0])
def test_another_camera_rate_gives_the_same_actions(
    version_3: Checkpoint, rate_hz: float, at_thirty: list[tuple[str, float, float]]
) -> None:
    expected, got = at_thirty, spans(version_3, rate_hz)
    # Joints between a slow camera's frames are interpolated: an action may begin a clip earlier or later, or two of
    # one label may merge; labels may not change.
    missing = [e for e in expected if not any(e[0] == g[0] and e[1] < g[2] and g[1] < e[2] for g in got)]
    assert len(missing) <= len(expected) // 4
    assert expected


@pytest.mark.slow
def test_only_a_source_with_too_few_frames_a_second_has_a_notice_in_its_status(checkpoint: Checkpoint) -> None:
    slow, ordinary = run([UP, *demo_frames(8.0, 1.5)], checkpoint), run([UP, *demo_frames(3.0, 10.0)], checkpoint)
    assert last_status(slow).notices == ("1.5 frames a second are too few to detect actions; at least 2.2 are needed",)
    assert last_status(ordinary).notices == ()


@pytest.mark.slow
def test_a_source_that_stalls_ends_running_actions(checkpoint: Checkpoint) -> None:
    frames = demo_frames(10.0)
    first = next(e for e in actions(run([UP, *frames], checkpoint)) if e.state == "start")
    cut = next(i for i, frame in enumerate(frames) if frame.capture_time_ns >= first.capture_time_ns + 1e8)
    stall = SourceChange(state="stalled", time_ns=frames[cut].capture_time_ns, detail="no picture for 1.0 s")
    messages = run([UP, *frames[: cut + 1], stall], checkpoint)
    assert [(e.state, e.reason) for e in actions(messages)][-1] == ("end", "source_lost")
    assert [e.state for e in messages if isinstance(e, SourceEvent)] == ["up", "stalled", "ended"]


@pytest.mark.slow
def test_a_run_that_is_stopped_ends_actions_as_shutdown_and_publishes_an_ended_status_last(
    checkpoint: Checkpoint,
) -> None:
    stop = threading.Event()

    class StoppingSink(ListSink):
        def publish(self, message: AnyMessage) -> AnyMessage:
            if isinstance(message, ActionEvent) and message.state == "start":
                stop.set()
            return super().publish(message)

    sink = StoppingSink()
    make_pipeline([ScriptedSource([UP, *demo_frames(40.0)])], checkpoint, sink, Config()).run(stop=stop)
    assert [(e.state, e.reason) for e in actions(sink.messages)] == [("start", None), ("end", "shutdown")]
    assert isinstance(sink.messages[-1], Status)
    assert sink.messages[-1].state == "ended"


@pytest.mark.slow
def test_thresholds_that_are_passed_decide_and_their_notice_is_published(checkpoint: Checkpoint) -> None:
    silent = Thresholds(
        checkpoint="", sha256="0" * 64, least_energy=1e3, classes={"walk": ClassThresholds(on=0.6, off=0.3)}
    )
    sink = ListSink()
    source = ScriptedSource([UP, *demo_frames(20.0), ENDED])
    loaded = LoadedThresholds(thresholds=silent, notice="thresholds x.toml: not used")
    make_pipeline([source], checkpoint, sink, thresholds=loaded).run()
    assert actions(sink.messages) == []
    assert {message.labels[0] for message in of(sink.messages, ScoreEvent)} == {"background"}
    assert last_status(sink.messages).notices == ("thresholds x.toml: not used",)


def test_frames_without_people_give_a_status_and_no_messages_about_people(checkpoint: Checkpoint) -> None:
    empty = [PoseFrame(index=i, capture_time_ns=i * 33_333_333, received_ns=0, poses=()) for i in range(60)]
    messages = run([UP, *empty], checkpoint)
    assert {type(message) for message in messages} == {SourceEvent, Status}
