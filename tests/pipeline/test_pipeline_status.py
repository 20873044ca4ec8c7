"""The status of a source: losses, time of each stage; and what a late subscriber receives."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from patience import PATIENCE_S, ManualClock
from pipeline_runs import ENDED, EVERY_CLIP, UP, ScriptedSource, demo_frames, last_status, make_pipeline, run
from torch import Tensor

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import override
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.messages import (
    AnyMessage,
    PoseEvent,
    PoseFrame,
    Scene,
    SourceEvent,
    Status,
)
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.skeleton import NTU25
from hitrs_live.sources.base import SourceItem
from hitrs_live.transport.publisher import Publisher
from hitrs_live.transport.sink import ListSink
from hitrs_live.transport.subscriber import subscribe


@pytest.mark.slow
def test_a_subscriber_receives_the_state_at_once_while_nothing_is_published(checkpoint: Checkpoint) -> None:
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
        pipeline = make_pipeline([Silent([UP])], checkpoint, publisher, config)
        thread = threading.Thread(
            target=pipeline.run, kwargs={"stop": stop, "serve_subscribers": publisher.serve_subscribers}
        )
        thread.start()
        try:
            assert up.wait(PATIENCE_S), "the model is loaded and the source is up"
            with subscribe(publisher.address, timeout_s=PATIENCE_S) as late:
                first = next(late)
            assert isinstance(first, SourceEvent)
            assert first.state == "up", "and nothing else was published since"
        finally:
            stop.set()
            thread.join()


class LosingSink(ListSink):
    """A list that reports three lost messages and a notice."""

    notices = ("the list is short",)

    def drops(self) -> dict[str, int]:
        return {"publish": 3, "log": 0}


@pytest.mark.slow
def test_the_status_has_the_drops_and_notices_of_the_sink(checkpoint: Checkpoint) -> None:
    sink = LosingSink()
    source = ScriptedSource([UP, *demo_frames(1.0), ENDED])
    make_pipeline([source], checkpoint, sink).run()
    last = last_status(sink.messages)
    assert (last.drops, last.notices, last.track_resets) == ({"publish": 3}, ("the list is short",), 0)


@pytest.mark.slow
def test_the_status_counts_tracks_that_ended_because_identities_were_ambiguous(checkpoint: Checkpoint) -> None:
    def two(left: float, right: float, index: int) -> PoseFrame:
        (pose,) = demo_frames(1 / 30)[0].poses
        poses = tuple(replace(pose, joints_m=pose.joints_m + np.float32((x, 0, 0))) for x in (left, right))
        return PoseFrame(index=index, capture_time_ns=index * 33_333_333, received_ns=0, poses=poses)

    # They meet, no one is detected for half a second, and two people part again: identities are ambiguous.
    met = [two(-0.75 + i / 60, 0.75 - i / 60, i) for i in range(30)]
    hidden = [replace(two(0, 0, i), poses=()) for i in range(30, 45)]
    parted = [two(-0.5, 0.5, i) for i in range(45, 55)]
    messages = run([UP, *met, *hidden, *parted], checkpoint)
    assert last_status(messages).track_resets == 2


@pytest.mark.slow
def test_each_stage_is_timed_where_it_runs_however_many_sources_there_are(checkpoint: Checkpoint) -> None:
    clock = ManualClock(1)

    class SlowModel(TorchEngine):
        def encode_frames(self, joints: Tensor) -> Tensor:
            clock.advance(0.010)
            return super().encode_frames(joints)

    class SlowSink(ListSink):
        def publish(self, message: AnyMessage) -> AnyMessage:
            if message.source_id == "slow" and isinstance(message, PoseEvent):
                clock.advance(0.003)
            return super().publish(message)

    class SlowView:
        notices, lost = (), 0

        def show(self, scene: Scene) -> None:
            clock.advance(0.007)

        def close(self) -> None:
            pass

    sink = SlowSink()
    make_pipeline(
        [
            InputStream(source=ScriptedSource([UP, *demo_frames(2.0), ENDED], "slow"), viewers=(SlowView(),)),
            ScriptedSource([UP, *demo_frames(2.0), ENDED], "quick"),
        ],
        checkpoint,
        sink,
        override(EVERY_CLIP, {"publish.pose": True, "model.gather_ms": 1000.0, "publish.status_every_s": 1e6}),
        engine=SlowModel(checkpoint.model),
        clock=clock,
    ).run()
    last = {message.source_id: message.stages for message in sink.messages if isinstance(message, Status)}
    for name, overhead_ms in (("slow", 3), ("quick", 0)):
        assert last[name]["model"].p50_ms == 10, name
        assert last[name]["publish"].p50_ms == overhead_ms, name
        assert last[name]["overhead"].p50_ms == overhead_ms, name
    assert last["slow"]["view"].p50_ms == 7
    assert "view" not in last["quick"]


@pytest.mark.slow
@pytest.mark.parametrize("refine", [True, False])
def test_the_status_has_every_stage_that_frames_pass_through(checkpoint: Checkpoint, refine: bool) -> None:
    sink, config = ListSink(), override(EVERY_CLIP, {"pose.refine": refine})
    make_pipeline([ScriptedSource([UP, *demo_frames(1.0), ENDED])], checkpoint, sink, config).run()
    lift = ["lift"] if refine else []
    assert list(last_status(sink.messages).stages) == [
        "wait", "track", "person_check", *lift, "resample", "level", "model", "publish", "overhead", "frame_to_event"
    ]  # fmt: skip


@pytest.mark.slow
def test_time_from_a_frames_arrival_until_it_is_tracked_is_waiting(checkpoint: Checkpoint) -> None:
    sink, arrived = ListSink(), [replace(frame, received_ns=20_000_000) for frame in demo_frames(1.0)]
    source = ScriptedSource([UP, *arrived, ENDED])
    make_pipeline([source], checkpoint, sink, clock=ManualClock(50_000_000)).run()
    stages = last_status(sink.messages).stages
    assert (stages["wait"].p50_ms, stages["frame_to_event"].p50_ms) == (30, 30)


class LossyView:
    """A view that leaves every second picture out."""

    notices = ()

    def __init__(self) -> None:
        self.shown = self.lost = 0

    def show(self, scene: Scene) -> None:
        self.shown += 1
        self.lost = self.shown // 2

    def close(self) -> None:
        pass


@pytest.mark.slow
def test_the_status_counts_pictures_that_a_view_left_out(checkpoint: Checkpoint) -> None:
    sink, view = ListSink("session"), LossyView()
    source = ScriptedSource([UP, *demo_frames(1.0), ENDED])
    make_pipeline([InputStream(source=source, viewers=(view,))], checkpoint, sink).run()
    last = last_status(sink.messages)
    assert last.drops["view"] == view.lost > 5


@pytest.mark.slow
def test_a_person_without_legs_in_the_picture_has_a_reason_in_the_status(checkpoint: Checkpoint) -> None:
    legs = [number for number, name in enumerate(NTU25.joints) if name.endswith(("knee", "ankle", "foot"))]

    def cut(frame: PoseFrame) -> PoseFrame:
        poses = []
        for pose in frame.poses:
            confidence = pose.confidence.copy()
            confidence[legs] = 0
            poses.append(replace(pose, confidence=confidence))
        return replace(frame, poses=tuple(poses))

    def reasons_of(frames: list[PoseFrame]) -> list[str]:
        sink = run([UP, *frames], checkpoint)
        return [one.reason for one in last_status(sink).unclear_people]

    frames = demo_frames(2.0)
    assert reasons_of(frames) == []
    assert set(reasons_of([cut(frame) for frame in frames])) == {"legs_not_seen"}
