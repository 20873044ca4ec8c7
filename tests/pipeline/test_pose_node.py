"""The pose verb publishes joints, boxes, keypoints and dates, and the state of its source."""

import itertools
import threading
from collections.abc import Callable, Sequence

import pytest
from patience import PATIENCE_S

from hitrs_live.config import PoseConfig, PublishConfig
from hitrs_live.errors import SourceLost
from hitrs_live.messages import AnyMessage, Frame, JointsEvent, SourceChange, SourceEvent, Status
from hitrs_live.pipeline.pose_node import relay_joints
from hitrs_live.pose.factory import make_pose_estimator
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.pose.isolated import IsolatedPoseEstimator
from hitrs_live.sources.base import SourceItem
from hitrs_live.transport.publisher import Publisher
from hitrs_live.transport.sink import ListSink
from hitrs_live.transport.subscriber import subscribe
from hitrs_live.wire.codec import pose_frame
from hitrs_live.wire.utc import SessionClock


class _Pictures:
    """Give a few pictures, one a read."""

    source_id = "door"
    has_pictures = True
    live = False
    on_end: Callable[[], object] = staticmethod(lambda: None)
    """Called by each read after the last item."""

    def __init__(self, items: Sequence[SourceItem]) -> None:
        self._items = iter(items)

    def open(self) -> None:
        pass

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        items = tuple(itertools.islice(self._items, 1))
        if not items:
            self.on_end()
        return items

    def drops(self) -> dict[str, int]:
        return {"stale": 4, "camera": 0}

    def close(self) -> None:
        pass


def _stage() -> IsolatedPoseEstimator:
    return make_pose_estimator(PoseConfig(), Intrinsics.from_field_of_view(60, width=640, height=480))


CONNECTING = SourceChange(state="connecting", time_ns=7)


@pytest.mark.slow
def test_joints_are_published_with_box_keypoints_and_date(show: Callable[..., Frame]) -> None:
    up, ended = (SourceChange(state=state, time_ns=time_ns) for state, time_ns in (("up", 0), ("ended", 99_999_999)))
    source, sink = _Pictures([up, *(show(index, 150) for index in range(3)), ended]), ListSink("s")
    stage = _stage()
    relay_joints(source, stage, sink, duration_s=None, stop=threading.Event())
    assert stage.process_id is None
    joints = [message for message in sink.messages if isinstance(message, JointsEvent)]
    assert [event.index for event in joints] == [0, 1, 2]
    for event in joints:
        frame = pose_frame(event, received_ns=0)
        assert frame.poses
        assert frame.keypoint_layout == "mediapipe33"
        assert all(pose.box is not None and pose.keypoints is not None for pose in frame.poses)
    states = [message.state for message in sink.messages if isinstance(message, SourceEvent)]
    assert states == ["up", "ended"]
    last = sink.messages[-1]
    assert isinstance(last, Status)
    assert (last.state, last.frames, last.drops, last.notices) == ("ended", 3, {"stale": 4}, ())
    assert list(last.stages) == ["pose"]
    # Times of a file count from 0, which is when the session began.
    assert len({message.utc_ns - message.capture_time_ns for message in sink.messages if message.utc_ns}) == 1
    assert all(message.utc_ns is not None for message in sink.messages)


@pytest.mark.slow
def test_a_stopped_run_ends_as_shutdown_and_its_last_status_counts_the_losses() -> None:
    class Losing(ListSink):
        def drops(self) -> dict[str, int]:
            return {"publish": 3}

    stop, source, sink = threading.Event(), _Pictures([CONNECTING]), Losing("s")
    source.on_end = stop.set
    relay_joints(source, _stage(), sink, duration_s=None, stop=stop)
    *_, ended, last = sink.messages
    assert isinstance(ended, SourceEvent)
    assert (ended.state, ended.detail, ended.fault) == ("ended", "shutdown", False)
    assert isinstance(last, Status)
    assert (last.state, last.detail, last.drops) == ("ended", "shutdown", {"stale": 4, "publish": 3})


@pytest.mark.slow
def test_the_status_is_published_during_the_run() -> None:
    stop, source = threading.Event(), _Pictures([CONNECTING])

    class Stopping(ListSink):
        def publish(self, message: AnyMessage) -> AnyMessage:
            if isinstance(message, Status):
                stop.set()
            return super().publish(message)

    sink = Stopping("s")
    relay_joints(source, _stage(), sink, duration_s=None, stop=stop, status_every_s=0.01)
    assert [message.state for message in sink.messages if isinstance(message, Status)] == ["connecting", "ended"]


@pytest.mark.slow
def test_messages_are_dated_by_the_clock_of_the_session() -> None:
    stop, source, sink = threading.Event(), _Pictures([CONNECTING]), ListSink("s")
    source.on_end = stop.set
    session = SessionClock(monotonic_ns=0, utc_ns=1_772_366_400_000_000_000)
    relay_joints(source, _stage(), sink, duration_s=None, stop=stop, session=session)
    assert sink.messages[0].utc_ns == session.utc_ns + CONNECTING.time_ns


@pytest.mark.slow
def test_an_error_of_the_source_is_published_and_raised() -> None:
    source, sink = _Pictures([CONNECTING]), ListSink("s")

    def fail() -> None:
        raise SourceLost("the file broke off")

    source.on_end = fail
    with pytest.raises(SourceLost, match="the file broke off"):
        relay_joints(source, _stage(), sink, duration_s=None, stop=threading.Event())
    ended = [message for message in sink.messages if isinstance(message, SourceEvent)][-1]
    assert (ended.state, ended.detail, ended.fault) == ("ended", "the file broke off", True)
    assert isinstance(sink.messages[-1], Status)


@pytest.mark.slow
def test_a_subscriber_receives_the_state_at_once_while_no_frames_come() -> None:
    stop, source, silent = threading.Event(), _Pictures([CONNECTING]), threading.Event()
    source.on_end = silent.set
    publisher = Publisher(PublishConfig(bind="tcp://127.0.0.1:0"), "s")
    relay = threading.Thread(
        target=relay_joints,
        args=(source, _stage(), publisher),
        kwargs={
            "duration_s": None,
            "stop": stop,
            "serve_subscribers": publisher.serve_subscribers,
            "status_every_s": 1e6,
        },
    )
    relay.start()
    try:
        assert silent.wait(PATIENCE_S), "the pose estimator runs and the source has no more items"
        with subscribe(publisher.address, timeout_s=PATIENCE_S) as late:
            first = next(late)
        assert isinstance(first, SourceEvent)
        assert first.state == "connecting"
    finally:
        stop.set()
        relay.join(PATIENCE_S)
