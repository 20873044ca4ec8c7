"""The straight line in one process: events of a stream, faults of its stages, replay equals live."""

import itertools
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from torch import Tensor

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.config import Config, override
from hitrs_live.errors import PoseProcessFailed, SourceLost
from hitrs_live.inference.backend_selection import OpenedEngine
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.messages import (
    MAX_TIME_NS,
    ActionEvent,
    AnyMessage,
    Array,
    MotionPrediction,
    Pose,
    PoseEvent,
    PoseFrame,
    Scene,
    ScoreEvent,
    SourceChange,
    SourceEvent,
    Status,
)
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.pipeline.pipeline import Pipeline
from hitrs_live.sources.base import SourceItem
from hitrs_live.sources.demo.source import DemoSource
from hitrs_live.sources.recording import RecordingSource
from hitrs_live.streaming.hitrs_stream import HitrsLoader
from hitrs_live.streaming.thresholds import ClassThresholds, LoadedThresholds, Thresholds
from hitrs_live.transport.publisher import Publisher
from hitrs_live.transport.recorder import Recorder
from hitrs_live.transport.sink import ListSink
from hitrs_live.transport.subscriber import subscribe
from hitrs_live.wire.codec import joints_event
from hitrs_live.wire.json_codec import to_json
from hitrs_live.wire.utc import SessionClock


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return load_checkpoint()


EVERY_CLIP = override(Config(), {"model.update": "clip"})
"""For what does not depend on how often the model answers: a third of the time."""


class ScriptedSource:
    """Give a fixed list of items, one a read."""

    source_id = "script"
    has_pictures = False
    live = False

    def __init__(self, items: Sequence[SourceItem]) -> None:
        self._items = iter(items)

    def open(self) -> None:
        pass

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        return tuple(itertools.islice(self._items, 1))

    def drops(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        pass


def show(seconds: float, rate_hz: float = 30.0) -> list[PoseFrame]:
    """The demo figure's first seconds, seen by a camera of this rate."""
    joints = DemoSource("max").joints_m[0]
    times_s = np.arange(0, seconds, 1 / rate_hz)
    at = times_s * 30
    low = np.floor(at).astype(int)
    share = (at - low)[:, None, None]
    seen = (joints[low] * (1 - share) + joints[low + 1] * share).astype(np.float32)
    return [
        PoseFrame(
            index=index,
            capture_time_ns=round(time_s * 1e9),
            received_ns=0,
            poses=(Pose(joints_m=pose, confidence=np.ones(25, np.float32)),),
        )
        for index, (time_s, pose) in enumerate(zip(times_s, seen, strict=True))
    ]


UP = SourceChange(state="up", time_ns=0)


def run(items: Sequence[SourceItem], checkpoint: Checkpoint, config: Config | None = None) -> list[AnyMessage]:
    sink = ListSink("session")
    source = ScriptedSource([*items, SourceChange(state="ended", time_ns=0)])
    Pipeline(
        [InputStream(source=source)],
        model=HitrsLoader(checkpoint, (config or EVERY_CLIP).model),
        config=config or EVERY_CLIP,
        sink=sink,
    ).run()
    return sink.messages


def of(messages: list[AnyMessage], kind: type) -> list[AnyMessage]:
    return [message for message in messages if isinstance(message, kind)]


def numbers(value: Array | tuple[float | None, ...] | None) -> np.ndarray:
    return value.numpy() if isinstance(value, Array) else np.array(value)


def actions(messages: list[AnyMessage]) -> list[ActionEvent]:
    return [message for message in messages if isinstance(message, ActionEvent)]


@pytest.mark.slow
def test_every_clip_gives_scores_and_a_motion_prediction_from_the_first_possible_on(checkpoint: Checkpoint) -> None:
    messages = run([UP, *show(3.0)], checkpoint, EVERY_CLIP)
    scores, motions = of(messages, ScoreEvent), of(messages, MotionPrediction)
    assert len(scores) == len(motions) > 8
    # The tracker takes about 0.1 s to believe in a person, then thirteen frames make the first clip.
    assert scores[0].capture_time_ns < 0.7e9
    for motion in motions:
        within_m = numbers(motion.half_within_m)
        assert within_m.shape == (10, 25)
        assert (within_m > 0).all()
        assert (np.diff(within_m, axis=0) >= 0).all(), "the farther ahead, the less sure"
    assert np.diff([message.capture_time_ns for message in scores]) == pytest.approx(7 / 30 * 1e9, abs=2)


@pytest.mark.slow
def test_every_frame_gives_them_unless_asked_otherwise_the_same_where_a_clip_ends_and_the_status_tells_the_cost(
    checkpoint: Checkpoint,
) -> None:
    seldom = run([UP, *show(3.0)], checkpoint, EVERY_CLIP)
    often = run([UP, *show(3.0)], checkpoint, override(Config(), {"publish.predictions_every_s": 0.0}))
    scores, motions = of(often, ScoreEvent), of(often, MotionPrediction)
    assert len(scores) == len(motions) > 60
    assert np.diff([message.capture_time_ns for message in scores]) == pytest.approx(1 / 30 * 1e9, abs=2)
    for kind, field in ((ScoreEvent, "scores"), (MotionPrediction, "joints_m")):
        at = {message.capture_time_ns: numbers(getattr(message, field)) for message in of(often, kind)}
        for message in of(seldom, kind):
            # Scores are told to the fourth digit.
            np.testing.assert_allclose(at[message.capture_time_ns], numbers(getattr(message, field)), atol=1.1e-4)
    assert of(seldom, Status)[-1].information == ()
    assert of(often, Status)[-1].notices == ()
    assert re.fullmatch(
        r"predicting every frame: \d+\.\d ms/frame for 2 people; --update clip: \d+\.\d ms",
        of(often, Status)[-1].information[0],
    )


@pytest.mark.slow
def test_scores_and_predictions_come_no_oftener_than_asked_however_often_the_model_answers(
    checkpoint: Checkpoint,
) -> None:
    messages = run([UP, *show(3.0)], checkpoint, Config())
    for kind in (ScoreEvent, MotionPrediction):
        times = [message.capture_time_ns for message in of(messages, kind)]
        assert len(times) > 8
        assert np.diff(times) == pytest.approx(0.2e9, abs=2)
    seldom = run([UP, *show(3.0)], checkpoint, override(Config(), {"publish.predictions_every_s": 1.0}))
    assert len(of(seldom, ScoreEvent)) == len(of(seldom, MotionPrediction)) == 3


@pytest.mark.slow
def test_predictions_are_scored_by_horizon_and_judged_and_the_status_tells_the_mean(checkpoint: Checkpoint) -> None:
    messages = run([UP, *show(6.0)], checkpoint)
    motions = [message for message in messages if isinstance(message, MotionPrediction)]
    assert (motions[0].reliable, motions[0].errors_mm) == (None, (None,) * 10)
    last, status = motions[-1], [message for message in messages if isinstance(message, Status)][-1]
    assert isinstance(last.reliable, bool)
    assert len(last.errors_mm) == len(last.held_errors_mm) == len(last.horizons_ms)
    # Of one person the mean is that person's; what came true after the last prediction moves it a little.
    assert status.motion_horizons_ms == last.horizons_ms
    assert numbers(status.motion_errors_mm) == pytest.approx(numbers(last.errors_mm), rel=0.2)
    assert numbers(status.motion_held_errors_mm) == pytest.approx(numbers(last.held_errors_mm), rel=0.2)


@pytest.mark.slow
def test_predictions_that_are_not_published_are_scored_all_the_same(checkpoint: Checkpoint) -> None:
    messages = run([UP, *show(3.0)], checkpoint, override(Config(), {"publish.motion": False}))
    assert not of(messages, MotionPrediction)
    assert of(messages, Status)[-1].motion_errors_mm[0] is not None  # type: ignore[union-attr]


class LateSource(ScriptedSource):
    """Hand over each frame so much after its capture, by a clock that a pipeline may read."""

    def __init__(self, items: Sequence[SourceItem], late_ms: float) -> None:
        super().__init__(items)
        self._late_ns = round(late_ms * 1e6)
        self._now_ns = 0

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        items = super().read(timeout_s)
        for item in items:
            if isinstance(item, PoseFrame):
                self._now_ns = item.capture_time_ns + self._late_ns
        return items

    def clock(self) -> int:
        return self._now_ns


def poses_by_now(checkpoint: Checkpoint, late_ms: float) -> tuple[list[PoseEvent], list[MotionPrediction]]:
    sink = ListSink()
    source = LateSource([UP, *show(6.0), SourceChange(state="ended", time_ns=0)], late_ms)
    config = override(EVERY_CLIP, {"publish.now": True})
    Pipeline(
        [InputStream(source=source)],
        model=HitrsLoader(checkpoint, config.model),
        config=config,
        sink=sink,
        clock=source.clock,
    ).run()
    poses = [message for message in sink.messages if isinstance(message, PoseEvent)]
    return poses, [message for message in sink.messages if isinstance(message, MotionPrediction)]


@pytest.mark.slow
def test_poses_are_told_for_the_moment_of_publishing_too_while_predictions_are_reliable(checkpoint: Checkpoint) -> None:
    poses, motions = poses_by_now(checkpoint, late_ms=80.0)
    assert len(poses) > 150, "every pose is published, though publish.pose does not ask for it"
    moved = [pose for pose in poses if pose.now_joints_m is not None]
    assert {pose.now_ahead_ms for pose in moved} == {80.0}
    # A clip is seven frames, and the frame that completes it is told with its own prediction.
    assert {round(pose.prediction_age_ms or 0) for pose in moved} == {round(n * 1000 / 30) for n in range(7)}
    reliable_at = {motion.capture_time_ns: motion.reliable for motion in motions}
    told = {
        pose.capture_time_ns: pose.now_joints_m is not None for pose in poses if pose.capture_time_ns in reliable_at
    }
    assert told == {time_ns: reliable is True for time_ns, reliable in reliable_at.items()}
    assert {None, True} <= set(reliable_at.values()), "or this shows nothing"


@pytest.mark.slow
def test_a_frame_that_came_at_once_is_by_now_where_it_was_measured(checkpoint: Checkpoint) -> None:
    moved = [pose for pose in poses_by_now(checkpoint, late_ms=0.0)[0] if pose.now_joints_m is not None]
    assert moved
    for pose in moved:
        np.testing.assert_array_equal(numbers(pose.now_joints_m), pose.joints_m.numpy())


@pytest.mark.slow
@pytest.mark.parametrize("late_ms", [2500.0, -100.0])
def test_times_of_another_clock_or_of_a_file_read_at_no_pace_have_no_now(
    checkpoint: Checkpoint, late_ms: float
) -> None:
    poses, _ = poses_by_now(checkpoint, late_ms)
    assert poses
    assert all(pose.now_joints_m is None and pose.now_ahead_ms is None for pose in poses)


@pytest.mark.slow
def test_actions_of_a_finished_source_are_all_closed(checkpoint: Checkpoint) -> None:
    told = actions(run([UP, *show(20.0)], checkpoint))
    open_actions: set[int] = set()
    for event in told:
        if event.state == "start":
            assert event.track_id not in open_actions, "one action a person at a time"
            open_actions.add(event.track_id)
        if event.state == "end":
            open_actions.remove(event.track_id)
            assert event.reason in ("finished", "track_lost", "source_lost")
            assert event.end_time_ns is not None
            assert event.onset_time_ns <= event.end_time_ns
    assert not open_actions
    assert told, "the demo's first twenty seconds hold actions that the model knows"


def spans(checkpoint: Checkpoint, rate_hz: float) -> list[tuple[str, float, float]]:
    """Return the actions of thirty seconds seen at a rate: label, begin and end in seconds."""
    ends = [e for e in actions(run([UP, *show(30.0, rate_hz)], checkpoint)) if e.state == "end"]
    return [(e.label, e.onset_time_ns / 1e9, (e.end_time_ns or 0) / 1e9) for e in ends]


@pytest.fixture(scope="module")
def at_thirty(checkpoint: Checkpoint) -> list[tuple[str, float, float]]:
    return spans(checkpoint, 30.0)


@pytest.mark.slow
@pytest.mark.parametrize("rate_hz", [3.0, 10.0, 15.0, 24.0, 60.0])
def test_another_camera_rate_tells_the_same_actions(
    checkpoint: Checkpoint, rate_hz: float, at_thirty: list[tuple[str, float, float]]
) -> None:
    expected, got = at_thirty, spans(checkpoint, rate_hz)
    # Joints between a slow camera's frames are interpolated: an action may begin a clip earlier or later, or bridge
    # a gap in itself; its name may not change.
    missing = [e for e in expected if not any(e[0] == g[0] and e[1] < g[2] and g[1] < e[2] for g in got)]
    assert len(missing) <= len(expected) // 4
    assert expected


@pytest.mark.slow
def test_a_source_that_is_too_slow_says_so_in_its_status_and_one_that_is_not_does_not(checkpoint: Checkpoint) -> None:
    slow, ordinary = run([UP, *show(8.0, 1.5)], checkpoint), run([UP, *show(3.0, 10.0)], checkpoint)
    assert of(slow, Status)[-1].notices == (  # type: ignore[union-attr]
        "1.5 frames a second are too few to detect actions; at least 2.2 are needed",
    )
    assert of(ordinary, Status)[-1].notices == ()  # type: ignore[union-attr]


@pytest.mark.slow
def test_a_source_that_stalls_ends_what_is_going_on(checkpoint: Checkpoint) -> None:
    frames = show(10.0)
    first = next(e for e in actions(run([UP, *frames], checkpoint)) if e.state == "start")
    cut = next(i for i, frame in enumerate(frames) if frame.capture_time_ns >= first.capture_time_ns + 1e8)
    stall = SourceChange(state="stalled", time_ns=frames[cut].capture_time_ns, detail="no picture for 1.0 s")
    messages = run([UP, *frames[: cut + 1], stall], checkpoint)
    assert [(e.state, e.reason) for e in actions(messages)][-1] == ("end", "source_lost")
    assert [e.state for e in messages if isinstance(e, SourceEvent)] == ["up", "stalled", "ended"]


@pytest.mark.slow
def test_sequence_numbers_count_each_topic_without_a_gap(checkpoint: Checkpoint) -> None:
    messages = run([UP, *show(5.0)], checkpoint, override(Config(), {"publish.pose": True}))
    assert of(messages, PoseEvent)
    for topic in {message.topic for message in messages}:
        assert [m.seq for m in messages if m.topic == topic] == list(range(sum(m.topic == topic for m in messages)))


@pytest.mark.slow
def test_a_recording_replayed_gives_the_same_events_byte_for_byte(checkpoint: Checkpoint, tmp_path: Path) -> None:
    file = tmp_path / "demo.mcap"
    sink = ListSink("session-1")
    source = ScriptedSource([UP, *show(6.0), SourceChange(state="ended", time_ns=6_000_000_000)])
    recorder = Recorder(file, session_id="session-1", source_id="script")
    Pipeline(
        [InputStream(source=source, recorder=recorder)],
        model=HitrsLoader(checkpoint, Config().model),
        config=Config(),
        sink=sink,
    ).run()
    replay = RecordingSource(file, "max")
    again = ListSink(replay.session_id)
    Pipeline(
        [InputStream(source=replay)], model=HitrsLoader(checkpoint, Config().model), config=Config(), sink=again
    ).run()

    def events(messages: list[AnyMessage]) -> list[bytes]:
        return [to_json(msgspec.structs.replace(m, publish_time_ns=0)) for m in messages if not isinstance(m, Status)]

    assert events(again.messages) == events(sink.messages)
    assert actions(sink.messages)


def replayed(file: Path, checkpoint: Checkpoint) -> list[AnyMessage]:
    """What a recording gives, every pose published."""
    source = RecordingSource(file, "max")
    sink = ListSink(source.session_id)
    Pipeline(
        [InputStream(source=source)],
        model=HitrsLoader(checkpoint, EVERY_POSE.model),
        config=EVERY_POSE,
        sink=sink,
        session=ANOTHER_DAY,
    ).run()
    return sink.messages


def pictured(frames: Sequence[PoseFrame]) -> list[PoseFrame]:
    """The same people, seen in a picture: their joints from the front are where they are in it."""
    found = []
    for frame in frames:
        poses = []
        for pose in frame.poses:
            spots = 0.5 - pose.joints_m[:, :2] / 4
            points = np.concatenate((spots, pose.confidence[:, None]), axis=-1).round(5).astype(np.float32)
            box = np.concatenate((spots.min(axis=0), spots.max(axis=0))).astype(np.float32)
            poses.append(replace(pose, box=box, keypoints=points))
        found.append(replace(frame, poses=tuple(poses), keypoint_layout="ntu25"))
    return found


EVERY_POSE = override(EVERY_CLIP, {"publish.pose": True})
ONE_DAY = SessionClock(monotonic_ns=10**9, utc_ns=1_772_366_400_000_000_000)
ANOTHER_DAY = SessionClock(monotonic_ns=10**12, utc_ns=1_900_000_000_000_000_000)


@pytest.mark.slow
@pytest.mark.parametrize("begin_ns", [0, 5 * 10**12], ids=["file", "camera"])
def test_a_replay_keeps_dates_boxes_and_keypoints_and_so_does_a_replay_of_its_recording(
    checkpoint: Checkpoint, tmp_path: Path, begin_ns: int
) -> None:
    frames = [replace(f, capture_time_ns=begin_ns + f.capture_time_ns) for f in pictured(show(20.0))]
    up, ended = (SourceChange(state=s, time_ns=begin_ns + t) for s, t in (("up", 0), ("ended", 20 * 10**9)))
    sink = ListSink("session-1")
    recorder = Recorder(tmp_path / "a.mcap", session_id="session-1", source_id="script", session=ONE_DAY)
    input_stream = InputStream(source=ScriptedSource([up, *frames, ended]), recorder=recorder)
    Pipeline(
        [input_stream], model=HitrsLoader(checkpoint, EVERY_POSE.model), config=EVERY_POSE, sink=sink, session=ONE_DAY
    ).run()

    def events(messages: list[AnyMessage]) -> list[bytes]:
        return [to_json(msgspec.structs.replace(m, publish_time_ns=0)) for m in messages if not isinstance(m, Status)]

    assert events(replayed(tmp_path / "a.mcap", checkpoint)) == events(sink.messages)
    poses = of(sink.messages, PoseEvent)
    assert actions(sink.messages)
    for event in (*poses, *actions(sink.messages)):
        assert isinstance(event, (PoseEvent, ActionEvent))
        assert event.box is not None
        assert event.keypoints is not None
        assert event.keypoints.shape == (25, 3)
        assert (event.keypoint_layout, event.root_m is None) == ("ntu25", False)
    # Of a file time 0 is when the session began; a camera's times are of the monotonic clock.
    offset_ns = ONE_DAY.utc_ns if begin_ns == 0 else ONE_DAY.utc_offset_ns
    assert {m.utc_ns - m.capture_time_ns for m in sink.messages if m.utc_ns is not None} == {offset_ns}
    assert all(m.utc_ns is not None for m in sink.messages if not isinstance(m, Status) or m.frames)


@pytest.mark.slow
def test_a_recording_without_dates_gives_the_same_events_as_ever_and_no_dates(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    sink = ListSink("session-1")
    ended = SourceChange(state="ended", time_ns=20 * 10**9)
    with Recorder(tmp_path / "old.mcap", session_id="session-1", source_id="script") as recorder:
        recorder.write(SourceEvent(source_id="script", capture_time_ns=0, state="up"))
        for frame in show(20.0):
            recorder.write(joints_event(frame, "script"))
        recorder.write(SourceEvent(source_id="script", capture_time_ns=ended.time_ns, state="ended"))
    source = ScriptedSource([UP, *show(20.0), ended])
    Pipeline(
        [InputStream(source=source)], model=HitrsLoader(checkpoint, EVERY_POSE.model), config=EVERY_POSE, sink=sink
    ).run()
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
def test_who_subscribes_while_nothing_happens_is_told_the_state_at_once(checkpoint: Checkpoint) -> None:
    class Silent(ScriptedSource):
        def read(self, timeout_s: float) -> Sequence[SourceItem]:
            return super().read(timeout_s) or (time.sleep(timeout_s) or ())

    up, stop = threading.Event(), threading.Event()

    class Watched(Publisher):
        def publish(self, message: AnyMessage) -> AnyMessage:
            stamped = super().publish(message)
            up.set()
            return stamped

    config = override(EVERY_CLIP, {"publish.status_every_s": 1e6, "publish.bind": "tcp://127.0.0.1:0"})
    with Watched(config.publish, "s") as publisher:
        pipeline = Pipeline(
            [InputStream(source=Silent([UP]))],
            model=HitrsLoader(checkpoint, config.model),
            config=config,
            sink=publisher,
        )
        thread = threading.Thread(target=pipeline.run, kwargs={"stop": stop, "attend": publisher.attend})
        thread.start()
        try:
            assert up.wait(100), "the model is loaded and the source is up"
            with subscribe(publisher.address, timeout_s=100) as late:
                first = next(late)
            assert isinstance(first, SourceEvent)
            assert first.state == "up", "and nothing else was published since"
        finally:
            stop.set()
            thread.join()


@pytest.mark.slow
def test_sources_of_one_session_share_their_offset(checkpoint: Checkpoint) -> None:
    sink = ListSink()
    inputs = [
        InputStream(source=NamedSource(name, [UP, *show(1.0), SourceChange(state="ended", time_ns=0)])) for name in "ab"
    ]
    Pipeline(inputs, model=HitrsLoader(checkpoint, EVERY_CLIP.model), config=EVERY_CLIP, sink=sink).run()
    offsets = {m.source_id: m.utc_ns - m.capture_time_ns for m in sink.messages if m.utc_ns is not None}
    assert len(offsets) == 2
    assert len(set(offsets.values())) == 1


def test_a_status_from_before_the_first_frame_has_no_date(checkpoint: Checkpoint) -> None:
    sink = ListSink()
    begin_ns = ONE_DAY.monotonic_ns + 1
    source = ScriptedSource([SourceChange(state=s, time_ns=begin_ns) for s in ("connecting", "ended")])
    Pipeline(
        [InputStream(source=source)],
        model=HitrsLoader(checkpoint, EVERY_CLIP.model),
        config=EVERY_CLIP,
        sink=sink,
        session=ONE_DAY,
    ).run()
    assert [m.utc_ns for m in of(sink.messages, Status)] == [None]
    assert {m.utc_ns for m in of(sink.messages, SourceEvent)} == {begin_ns + ONE_DAY.utc_offset_ns}


@pytest.mark.slow
def test_the_status_counts_what_could_not_be_published(checkpoint: Checkpoint) -> None:
    sink = ListSink()
    sink.drops = 3
    source = ScriptedSource([UP, *show(1.0), SourceChange(state="ended", time_ns=0)])
    Pipeline(
        [InputStream(source=source)], model=HitrsLoader(checkpoint, EVERY_CLIP.model), config=EVERY_CLIP, sink=sink
    ).run()
    last = of(sink.messages, Status)[-1]
    assert isinstance(last, Status)
    assert (last.drops, last.track_resets) == ({"publish": 3}, 0)


@pytest.mark.slow
def test_the_status_counts_tracks_that_were_ended_for_doubt(checkpoint: Checkpoint) -> None:
    def two(left: float, right: float, index: int) -> PoseFrame:
        (pose,) = show(1 / 30)[0].poses
        poses = tuple(replace(pose, joints_m=pose.joints_m + np.float32((x, 0, 0))) for x in (left, right))
        return PoseFrame(index=index, capture_time_ns=index * 33_333_333, received_ns=0, poses=poses)

    # They meet, nobody is seen for half a second, and two come apart again: who is who, nobody knows.
    met = [two(-0.75 + i / 60, 0.75 - i / 60, i) for i in range(30)]
    hidden = [replace(two(0, 0, i), poses=()) for i in range(30, 45)]
    parted = [two(-0.5, 0.5, i) for i in range(45, 55)]
    messages = run([UP, *met, *hidden, *parted], checkpoint)
    last = of(messages, Status)[-1]
    assert isinstance(last, Status)
    assert last.track_resets == 2


@pytest.mark.slow
def test_being_told_to_stop_closes_actions_with_that_reason_and_says_so_last(checkpoint: Checkpoint) -> None:
    stop = threading.Event()

    class StoppingSink(ListSink):
        def publish(self, message: AnyMessage) -> AnyMessage:
            if isinstance(message, ActionEvent) and message.state == "start":
                stop.set()
            return super().publish(message)

    sink = StoppingSink()
    source = ScriptedSource([UP, *show(40.0)])
    Pipeline(
        [InputStream(source=source)], model=HitrsLoader(checkpoint, Config().model), config=Config(), sink=sink
    ).run(stop=stop)
    assert [(e.state, e.reason) for e in actions(sink.messages)] == [("start", None), ("end", "shutdown")]
    assert isinstance(sink.messages[-1], Status)
    assert sink.messages[-1].state == "ended"


@pytest.mark.slow
def test_thresholds_that_were_found_decide_and_what_was_passed_by_is_a_notice(checkpoint: Checkpoint) -> None:
    silent = Thresholds(
        checkpoint="", sha256="0" * 64, least_energy=1e3, classes={"walk": ClassThresholds(on=0.6, off=0.3)}
    )
    sink = ListSink()
    source = ScriptedSource([UP, *show(20.0), SourceChange(state="ended", time_ns=0)])
    found = LoadedThresholds(thresholds=silent, notice="thresholds x.toml: not used")
    Pipeline(
        [InputStream(source=source)],
        model=HitrsLoader(checkpoint, EVERY_CLIP.model),
        config=EVERY_CLIP,
        sink=sink,
        thresholds=found,
    ).run()
    assert actions(sink.messages) == []
    assert {message.labels[0] for message in of(sink.messages, ScoreEvent)} == {"background"}
    assert of(sink.messages, Status)[-1].notices == ("thresholds x.toml: not used",)


def test_a_source_of_pictures_without_a_pose_stage_is_the_callers_mistake() -> None:
    source = ScriptedSource([])
    source.has_pictures = True  # type: ignore[misc]
    with pytest.raises(ValueError, match="expected a pose estimator"):
        InputStream(source=source)


def test_nobody_in_sight_publishes_status_and_nothing_of_people(checkpoint: Checkpoint) -> None:
    empty = [PoseFrame(index=i, capture_time_ns=i * 33_333_333, received_ns=0, poses=()) for i in range(60)]
    messages = run([UP, *empty], checkpoint)
    assert {type(message) for message in messages} == {SourceEvent, Status}


class NamedSource(ScriptedSource):
    """A scripted source of another name."""

    def __init__(self, source_id: str, items: Sequence[SourceItem]) -> None:
        super().__init__(items)
        self.source_id = source_id


def told_of(messages: list[AnyMessage], source_id: str) -> list[tuple[object, ...]]:
    """What was told of one source, numbers rounded: a larger batch may differ in the last digit."""

    def rounded(message: AnyMessage) -> tuple[object, ...]:
        if isinstance(message, ScoreEvent):
            # Classes that are as good as equally unlikely may change places.
            return (message.topic, message.capture_time_ns, message.labels[0], round(message.scores[0], 2))
        if isinstance(message, ActionEvent):
            return (message.topic, message.seq, message.state, message.label, message.onset_time_ns, message.reason)
        return (message.topic, message.seq, message.capture_time_ns)

    return [rounded(m) for m in messages if m.source_id == source_id and not isinstance(m, Status)]


@pytest.mark.slow
def test_sources_side_by_side_are_told_as_each_is_alone_and_share_their_batches(checkpoint: Checkpoint) -> None:
    frames, ended = show(15.0), SourceChange(state="ended", time_ns=15_000_000_000)
    scripts = {"door": [UP, *frames, ended], "hall": [UP, *frames[60:350], ended], "yard": [UP, *frames[::2], ended]}
    batches: list[int] = []

    class Watched(TorchEngine):
        def encode_frames(self, joints: Tensor) -> Tensor:
            batches.append(len(joints))
            return super().encode_frames(joints)

    sink = ListSink()
    inputs = [InputStream(source=NamedSource(name, items)) for name, items in scripts.items()]
    config = override(EVERY_CLIP, {"model.gather_ms": 1000.0})
    Pipeline(
        inputs,
        model=HitrsLoader(checkpoint, config.model, lambda: OpenedEngine(engine=Watched(checkpoint.model))),
        config=config,
        sink=sink,
    ).run()
    for name, items in scripts.items():
        alone = ListSink()
        source = NamedSource(name, items)
        Pipeline(
            [InputStream(source=source)], model=HitrsLoader(checkpoint, EVERY_CLIP.model), config=EVERY_CLIP, sink=alone
        ).run()
        assert told_of(sink.messages, name) == told_of(alone.messages, name)
        assert actions(alone.messages)
        last = [message for message in sink.messages if message.source_id == name][-1]
        assert isinstance(last, Status)
        assert last.state == "ended"
    # How many frames meet in one batch is the machine's to say; that they do is the pipeline's.
    assert 2 * 3 in batches, "everybody, and everybody's mirror image"


@pytest.mark.slow
def test_a_source_that_fails_ends_alone_and_its_fault_is_raised_once_all_have_ended(checkpoint: Checkpoint) -> None:
    class Failing(NamedSource):
        def read(self, timeout_s: float) -> Sequence[SourceItem]:
            items = super().read(timeout_s)
            if not items:
                raise PoseProcessFailed("five times in a row")
            return items

    sink = ListSink()
    sound = NamedSource("sound", [UP, *show(6.0), SourceChange(state="ended", time_ns=6_000_000_000)])
    inputs = [InputStream(source=Failing("broken", [UP, *show(1.0)])), InputStream(source=sound)]
    with pytest.raises(PoseProcessFailed, match="five times in a row"):
        Pipeline(inputs, model=HitrsLoader(checkpoint, Config().model), config=Config(), sink=sink).run()
    ends = {m.source_id: (m.state, m.detail) for m in sink.messages if isinstance(m, SourceEvent)}
    assert ends == {"broken": ("ended", "five times in a row"), "sound": ("ended", "")}
    assert [m.frames for m in sink.messages if isinstance(m, Status) and m.source_id == "sound"][-1] == 180


@pytest.mark.slow
def test_a_source_whose_frames_a_stage_cannot_take_ends_alone_and_the_fault_is_raised_afterwards(
    checkpoint: Checkpoint,
) -> None:
    sink = ListSink()

    class Breaking(NamedSource):
        broken = closed = 0

        def read(self, timeout_s: float) -> Sequence[SourceItem]:
            if not any(event.source_id == self.source_id for event in actions(sink.messages)):
                return super().read(timeout_s)
            self.broken += 1
            return (replace(show(0.1)[0], capture_time_ns=2**64),)

        def close(self) -> None:
            self.closed += 1

    breaking = Breaking("broken", [UP, *show(40.0)])
    sound = NamedSource("sound", [UP, *show(6.0), SourceChange(state="ended", time_ns=6_000_000_000)])
    inputs = [InputStream(source=breaking), InputStream(source=sound)]
    with pytest.raises(OverflowError):
        Pipeline(inputs, model=HitrsLoader(checkpoint, EVERY_CLIP.model), config=EVERY_CLIP, sink=sink).run()
    assert (breaking.broken, breaking.closed > 0) == (1, True), "it is read no further"
    ends = {m.source_id: m for m in sink.messages if isinstance(m, SourceEvent)}
    assert (ends["broken"].state, ends["broken"].fault) == ("ended", True)
    assert ends["broken"].detail.startswith("OverflowError: ")
    told = [event for event in actions(sink.messages) if event.source_id == "broken"]
    assert [(event.state, event.reason) for event in told][-1] == ("end", "source_lost")
    assert (ends["sound"].state, ends["sound"].fault) == ("ended", False)
    assert [m.frames for m in sink.messages if isinstance(m, Status) and m.source_id == "sound"][-1] == 180


@pytest.mark.slow
def test_a_clock_that_jumps_over_all_times_that_a_message_can_carry_ends_no_source(checkpoint: Checkpoint) -> None:
    jumps = [0, MAX_TIME_NS - 10**12, -MAX_TIME_NS, 5, MAX_TIME_NS - 10**12]
    frames = [replace(f, capture_time_ns=jump + f.capture_time_ns) for jump in jumps for f in show(1.0)]
    messages = run([UP, *frames], checkpoint)
    last = of(messages, Status)[-1]
    assert isinstance(last, Status)
    assert (last.frames, last.state) == (len(frames), "ended")
    assert all(abs(m.utc_ns or 0) <= MAX_TIME_NS for m in messages)


class ManualClock:
    """Stand still until somebody says how long something took."""

    def __init__(self) -> None:
        self.now_ns = 1

    def __call__(self) -> int:
        return self.now_ns

    def take_ms(self, duration_ms: float) -> None:
        self.now_ns += round(duration_ms * 1e6)


@pytest.mark.slow
def test_each_stage_is_timed_where_it_runs_however_many_sources_there_are(checkpoint: Checkpoint) -> None:
    clock = ManualClock()

    class SlowModel(TorchEngine):
        def encode_frames(self, joints: Tensor) -> Tensor:
            clock.take_ms(10)
            return super().encode_frames(joints)

    class SlowSink(ListSink):
        def publish(self, message: AnyMessage) -> AnyMessage:
            if message.source_id == "slow" and isinstance(message, PoseEvent):
                clock.take_ms(3)
            return super().publish(message)

    class SlowView(QuietView):
        def show(self, scene: Scene) -> None:
            clock.take_ms(7)

    ended = SourceChange(state="ended", time_ns=0)
    sink = SlowSink()
    Pipeline(
        [
            InputStream(source=NamedSource("slow", [UP, *show(2.0), ended]), viewers=(SlowView(),)),
            InputStream(source=NamedSource("quick", [UP, *show(2.0), ended])),
        ],
        model=HitrsLoader(checkpoint, EVERY_CLIP.model, lambda: OpenedEngine(engine=SlowModel(checkpoint.model))),
        config=override(EVERY_CLIP, {"publish.pose": True, "model.gather_ms": 1000.0, "publish.status_every_s": 1e6}),
        sink=sink,
        clock=clock,
    ).run()
    last = {message.source_id: message.stages for message in sink.messages if isinstance(message, Status)}
    for name, overhead_ms in (("slow", 3), ("quick", 0)):
        assert last[name]["model"].p50_ms == 10, name
        assert last[name]["overhead"].p50_ms == overhead_ms, name
    assert last["slow"]["view"].p50_ms == 7
    assert "view" not in last["quick"]


class QuietView:
    """Show nothing; count what came."""

    def __init__(self) -> None:
        self.shown = 0
        self.closed = 0

    def show(self, scene: Scene) -> None:
        self.shown += 1

    def close(self) -> None:
        self.closed += 1


class FaultyView(QuietView):
    """Fail at the third picture, and again at the end."""

    def show(self, scene: Scene) -> None:
        super().show(scene)
        if self.shown == 3:
            raise RuntimeError("no screen\nany more")

    def close(self) -> None:
        super().close()
        raise OSError("cannot be closed either")


class FaultyRecorder(Recorder):
    """Fail at the tenth message in a way that a recorder does not expect."""

    written = 0

    def write(self, message: AnyMessage) -> None:
        self.written += 1
        if self.written == 10:
            raise ValueError("not to be written")
        super().write(message)


@pytest.mark.slow
def test_a_view_and_a_recording_that_fail_end_alone_and_the_status_says_why(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    ended = SourceChange(state="ended", time_ns=0)
    broken, sound, elsewhere = FaultyView(), QuietView(), QuietView()
    recorder = FaultyRecorder(tmp_path / "a.mcap", session_id="s", source_id="a")
    sink = ListSink()
    Pipeline(
        [
            InputStream(source=NamedSource("a", [UP, *show(1.0), ended]), recorder=recorder, viewers=(broken, sound)),
            InputStream(source=NamedSource("b", [UP, *show(1.0), ended]), viewers=(elsewhere,)),
        ],
        model=HitrsLoader(checkpoint, EVERY_CLIP.model),
        config=EVERY_CLIP,
        sink=sink,
    ).run()
    assert (broken.shown, sound.shown, elsewhere.shown, recorder.written) == (3, 30, 30, 10)
    assert (broken.closed, sound.closed, elsewhere.closed) == (1, 1, 1)
    last = {message.source_id: message for message in sink.messages if isinstance(message, Status)}
    assert last["a"].notices == (
        "view FaultyView ended by RuntimeError: no screen any more",
        "view FaultyView ended by OSError: cannot be closed either",
        "the recording ended by ValueError: not to be written",
    )
    assert (last["b"].notices, last["a"].frames, last["b"].frames) == ((), 30, 30)
    # Of the joints of 30 frames and what was published, nine messages were recorded; the last status came after them.
    published = sum(message.source_id == "a" for message in sink.messages)
    assert last["a"].drops == {"record": 30 + published - 1 - 9}
    assert last["b"].drops == {}


def test_a_view_that_cannot_be_finished_is_in_the_last_status_and_keeps_nothing_else_open(
    checkpoint: Checkpoint,
) -> None:
    class Unfinished(QuietView):
        def close(self) -> None:
            raise OSError("disk full")

    sink, other = ListSink(), QuietView()
    source = ScriptedSource([UP, *show(0.5), SourceChange(state="ended", time_ns=0)])
    input_stream = InputStream(source=source, viewers=(Unfinished(), other))
    Pipeline([input_stream], model=HitrsLoader(checkpoint, EVERY_CLIP.model), config=EVERY_CLIP, sink=sink).run()
    assert other.closed == 1
    assert sink.messages[-1].notices == ("view Unfinished ended by OSError: disk full",)  # type: ignore[union-attr]


class Film:
    """A view that leaves every second picture out."""

    def __init__(self) -> None:
        self.shown = self.lost = 0

    def show(self, scene: Scene) -> None:
        self.shown += 1
        self.lost = self.shown // 2

    def close(self) -> None:
        pass


@pytest.mark.slow
def test_pictures_that_a_view_leaves_out_are_counted_in_the_status(checkpoint: Checkpoint) -> None:
    sink, film = ListSink("session"), Film()
    source = ScriptedSource([UP, *show(1.0), SourceChange(state="ended", time_ns=0)])
    Pipeline(
        [InputStream(source=source, viewers=(film,))],
        model=HitrsLoader(checkpoint, EVERY_CLIP.model),
        config=EVERY_CLIP,
        sink=sink,
    ).run()
    last = of(sink.messages, Status)[-1]
    assert isinstance(last, Status)
    assert last.drops["view"] == film.lost > 5


def test_a_source_that_a_fault_ended_says_so(checkpoint: Checkpoint) -> None:
    class Breaking(ScriptedSource):
        def read(self, timeout_s: float) -> Sequence[SourceItem]:
            items = super().read(timeout_s)
            if not items:
                raise SourceLost("the file broke off")
            return items

    sink = ListSink("session")
    pipeline = Pipeline(
        [InputStream(source=Breaking([UP, *show(0.2)]))],
        model=HitrsLoader(checkpoint, EVERY_CLIP.model),
        config=EVERY_CLIP,
        sink=sink,
    )
    with pytest.raises(SourceLost):
        pipeline.run()
    ended = of(sink.messages, SourceEvent)[-1]
    assert isinstance(ended, SourceEvent)
    assert (ended.state, ended.detail, ended.fault) == ("ended", "the file broke off", True)
