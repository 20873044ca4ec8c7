"""A pose node whose machine is too slow estimates the poses of fewer pictures, and of all again with room."""

import threading

import numpy as np
import pytest
from empty_room import EmptyRoomCamera, SeesNoOne
from patience import PATIENCE_S, ManualClock

from hitrs_live.messages import AnyMessage, JointsEvent, Status
from hitrs_live.pipeline.pose_load import PoseLoad
from hitrs_live.pipeline.pose_node import relay_joints
from hitrs_live.transport.sink import ListSink


def run(load: PoseLoad, clock: ManualClock, seconds: int, *, pose_s: float) -> list[tuple[int, tuple[str, ...], float]]:
    """Let a node run; return after each change the second, the steps and how many pictures a second are looked at."""
    changes: list[tuple[int, tuple[str, ...], float]] = []
    for second in range(seconds):
        end_ns, frames = clock.now_ns + 10**9, 0
        while clock.now_ns < end_ns:
            # A camera always has a picture.
            waited_s = load.pause_s
            clock.advance(waited_s)
            load.begin_frame()
            received_ns = clock.now_ns
            clock.advance(pose_s)
            load.end_frame(received_ns)
            load.add_wait(round((waited_s + pose_s) * 1e9))
            # The loop's own work.
            clock.advance(0.002)
            frames += 1
        before = load.steps
        load.update()
        if load.steps != before:
            changes.append((second, load.steps, frames))
    return changes


def test_old_frames_lower_the_rate_step_by_step_and_room_raises_it_again() -> None:
    clock = ManualClock()
    load = PoseLoad(clock, adapts=True)
    assert [steps for _, steps, _ in run(load, clock, 60, pose_s=0.3)] == [
        ("rate_15_hz",),
        ("rate_15_hz", "rate_10_hz"),
    ]
    assert "10 pictures a second" in load.notice
    back = run(load, clock, 60, pose_s=0.02)
    assert [steps for _, steps, _ in back] == [("rate_15_hz",), ()]
    # What was looked at in the second before each change: 10, then 15 pictures.
    assert [frames for *_, frames in back] == [pytest.approx(10, abs=1), pytest.approx(15, abs=1)]
    assert load.notice == ""


def test_a_node_that_keeps_up_looks_at_every_picture() -> None:
    clock = ManualClock()
    load = PoseLoad(clock, adapts=True)
    assert run(load, clock, 60, pose_s=0.04) == []
    assert load.pause_s == 0.0


def test_one_that_may_not_adapt_never_does() -> None:
    clock = ManualClock()
    load = PoseLoad(clock, adapts=False)
    assert run(load, clock, 60, pose_s=2.0) == []


class Watching(ListSink):
    """Makes poses fast once both steps are taken, and stops the run a number of frames later, or after so many."""

    def __init__(self, poses: SeesNoOne, stop: threading.Event, most_frames: float) -> None:
        super().__init__("session")
        self._poses, self._stop, self._most_frames = poses, stop, most_frames
        self.reduced: list[int] = []
        """Capture times of the frames after both steps."""

    def publish(self, message: AnyMessage) -> AnyMessage:
        if isinstance(message, Status) and len(message.load_steps) == 2:
            self._poses.takes_s = 0.0
        elif isinstance(message, JointsEvent):
            self._most_frames -= 1
            if not self._poses.takes_s:
                self.reduced.append(message.capture_time_ns)
            if len(self.reduced) > 10 or self._most_frames <= 0:
                self._stop.set()
        return super().publish(message)


@pytest.mark.slow
def test_a_live_node_publishes_its_steps_and_keeps_to_them() -> None:
    stop, poses = threading.Event(), SeesNoOne(takes_s=0.3)
    sink = Watching(poses, stop, float("inf"))
    relay_joints(EmptyRoomCamera("door", live=True), poses, sink, duration_s=PATIENCE_S, stop=stop)
    statuses = [message for message in sink.messages if isinstance(message, Status)]
    assert statuses[0].load_steps == ()
    assert statuses[-1].load_steps == ("rate_15_hz", "rate_10_hz")
    assert any("15 pictures a second, 10 pictures a second" in notice for notice in statuses[-1].notices)
    # The first one may have been on its way when the step was taken.
    assert np.diff(sink.reduced[1:]).min() > 0.095e9


@pytest.mark.slow
def test_a_node_that_reads_a_file_looks_at_every_picture_however_slow_it_is() -> None:
    stop, poses = threading.Event(), SeesNoOne(takes_s=0.3)
    sink = Watching(poses, stop, 60)
    relay_joints(EmptyRoomCamera("door", live=False), poses, sink, duration_s=PATIENCE_S, stop=stop)
    assert {message.load_steps for message in sink.messages if isinstance(message, Status)} == {()}
