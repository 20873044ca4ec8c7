"""A replayed recording gives the events of the live run, byte for byte, with their dates."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from pipeline_runs import ENDED, EVERY_POSE, UP, ScriptedSource, actions, demo_frames, make_pipeline, of, run

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import Config, override
from hitrs_live.messages import (
    ActionEvent,
    AnyMessage,
    PoseEvent,
    PoseFrame,
    SourceChange,
    SourceEvent,
    Status,
)
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.sources.recording import RecordingSource
from hitrs_live.transport.recorder import Recorder
from hitrs_live.transport.sink import ListSink
from hitrs_live.wire.codec import joints_event
from hitrs_live.wire.json_codec import to_json
from hitrs_live.wire.utc import SessionClock

ONE_DAY = SessionClock(monotonic_ns=10**9, utc_ns=1_772_366_400_000_000_000)
ANOTHER_DAY = SessionClock(monotonic_ns=10**12, utc_ns=1_900_000_000_000_000_000)


def events(messages: list[AnyMessage]) -> list[bytes]:
    """Encode all messages but statuses, without the time of publishing."""
    return [to_json(msgspec.structs.replace(m, publish_time_ns=0)) for m in messages if not isinstance(m, Status)]


@pytest.mark.slow
def test_a_replayed_recording_gives_the_same_events_byte_for_byte(checkpoint: Checkpoint, tmp_path: Path) -> None:
    file = tmp_path / "demo.mcap"
    sink = ListSink("session-1")
    source = ScriptedSource([UP, *demo_frames(6.0), SourceChange(state="ended", time_ns=6_000_000_000)])
    recorder = Recorder(file, session_id="session-1", source_id="script")
    make_pipeline([InputStream(source=source, sinks=(recorder,))], checkpoint, sink, Config()).run()
    replay = RecordingSource(file, "max")
    again = ListSink(replay.session_id)
    make_pipeline([replay], checkpoint, again, Config()).run()

    assert events(again.messages) == events(sink.messages)
    assert actions(sink.messages)


def replayed(file: Path, checkpoint: Checkpoint) -> list[AnyMessage]:
    """Replay a recording on another day, every pose published; return the messages."""
    source = RecordingSource(file, "max")
    sink = ListSink(source.session_id)
    make_pipeline([source], checkpoint, sink, EVERY_POSE, session=ANOTHER_DAY).run()
    return sink.messages


def pictured(frames: Sequence[PoseFrame]) -> list[PoseFrame]:
    """Give the same people boxes and keypoints, as if seen from the front in a picture."""
    with_pictures = []
    for frame in frames:
        poses = []
        for pose in frame.poses:
            positions = 0.5 - pose.joints_m[:, :2] / 4
            points = np.concatenate((positions, pose.confidence[:, None]), axis=-1).round(5).astype(np.float32)
            box = np.concatenate((positions.min(axis=0), positions.max(axis=0))).astype(np.float32)
            poses.append(replace(pose, box=box, keypoints=points))
        with_pictures.append(replace(frame, poses=tuple(poses), keypoint_layout="ntu25"))
    return with_pictures


@pytest.mark.slow
@pytest.mark.parametrize("begin_ns", [0, 5 * 10**12], ids=["file", "camera"])
def test_a_replay_has_the_dates_boxes_and_keypoints_of_the_live_run(
    checkpoint: Checkpoint, tmp_path: Path, begin_ns: int
) -> None:
    frames = [replace(f, capture_time_ns=begin_ns + f.capture_time_ns) for f in pictured(demo_frames(20.0))]
    up, ended = (SourceChange(state=s, time_ns=begin_ns + t) for s, t in (("up", 0), ("ended", 20 * 10**9)))
    sink = ListSink("session-1")
    recorder = Recorder(tmp_path / "a.mcap", session_id="session-1", source_id="script", session=ONE_DAY)
    input_stream = InputStream(source=ScriptedSource([up, *frames, ended]), sinks=(recorder,))
    make_pipeline([input_stream], checkpoint, sink, EVERY_POSE, session=ONE_DAY).run()

    assert events(replayed(tmp_path / "a.mcap", checkpoint)) == events(sink.messages)
    poses = of(sink.messages, PoseEvent)
    assert actions(sink.messages)
    for event in (*poses, *actions(sink.messages)):
        assert isinstance(event, (PoseEvent, ActionEvent))
        assert event.box is not None
        assert event.keypoints is not None
        assert event.keypoints.shape == (25, 3)
        assert (event.keypoint_layout, event.root_m is None) == ("ntu25", False)
    # Time 0 of a file is when the session began; a camera's times are those of the monotonic clock.
    offset_ns = ONE_DAY.utc_ns if begin_ns == 0 else ONE_DAY.utc_offset_ns
    assert {m.utc_ns - m.capture_time_ns for m in sink.messages if m.utc_ns is not None} == {offset_ns}
    assert all(m.utc_ns is not None for m in sink.messages if not isinstance(m, Status) or m.frames)


@pytest.mark.slow
def test_a_recording_without_dates_gives_the_same_events_without_dates(checkpoint: Checkpoint, tmp_path: Path) -> None:
    sink = ListSink("session-1")
    ended = SourceChange(state="ended", time_ns=20 * 10**9)
    with Recorder(tmp_path / "old.mcap", session_id="session-1", source_id="script") as recorder:
        recorder.publish(SourceEvent(source_id="script", capture_time_ns=0, state="up"))
        for frame in demo_frames(20.0):
            recorder.publish(joints_event(frame, "script"))
        recorder.publish(SourceEvent(source_id="script", capture_time_ns=ended.time_ns, state="ended"))
    source = ScriptedSource([UP, *demo_frames(20.0), ended])
    make_pipeline([source], checkpoint, sink, EVERY_POSE).run()
    again = replayed(tmp_path / "old.mcap", checkpoint)

    def undated(messages: list[AnyMessage]) -> list[bytes]:
        return [
            to_json(msgspec.structs.replace(m, publish_time_ns=0, utc_ns=None))
            for m in messages
            if not isinstance(m, Status)
        ]

    assert {m.utc_ns for m in again} == {None}
    assert actions(again)
    assert undated(again) == undated(sink.messages)


@pytest.mark.slow
def test_sequence_numbers_count_each_topic_without_a_gap(checkpoint: Checkpoint) -> None:
    messages = run([UP, *demo_frames(5.0)], checkpoint, override(Config(), {"publish.pose": True}))
    assert of(messages, PoseEvent)
    for topic in {message.topic for message in messages}:
        assert [m.seq for m in messages if m.topic == topic] == list(range(sum(m.topic == topic for m in messages)))


@pytest.mark.slow
def test_sources_of_one_session_have_the_same_offset_to_utc(checkpoint: Checkpoint) -> None:
    sink = ListSink()
    sources = [ScriptedSource([UP, *demo_frames(1.0), ENDED], name) for name in "ab"]
    make_pipeline(sources, checkpoint, sink).run()
    offsets = {m.source_id: m.utc_ns - m.capture_time_ns for m in sink.messages if m.utc_ns is not None}
    assert len(offsets) == 2
    assert len(set(offsets.values())) == 1


def test_a_status_from_before_the_first_frame_has_no_date(checkpoint: Checkpoint) -> None:
    sink = ListSink()
    begin_ns = ONE_DAY.monotonic_ns + 1
    source = ScriptedSource([SourceChange(state=s, time_ns=begin_ns) for s in ("connecting", "ended")])
    make_pipeline([source], checkpoint, sink, session=ONE_DAY).run()
    assert [m.utc_ns for m in of(sink.messages, Status)] == [None]
    assert {m.utc_ns for m in of(sink.messages, SourceEvent)} == {begin_ns + ONE_DAY.utc_offset_ns}
