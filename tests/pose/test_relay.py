"""The pose stage alone sends all that it knows of people, dated, to whoever tracks them elsewhere."""

import threading
from collections.abc import Callable, Sequence

from hitrs_live.codec import pose_frame
from hitrs_live.config import PoseConfig
from hitrs_live.messages import Frame, JointsEvent, SourceChange, SourceEvent
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.pose.stage import PoseStage
from hitrs_live.relay import relay_joints
from hitrs_live.sources.base import SourceItem
from hitrs_live.transport.sink import ListSink


class _Pictures:
    """Give a few pictures, one a read, and end."""

    source_id = "door"
    has_pictures = True
    live = False

    def __init__(self, items: Sequence[SourceItem]) -> None:
        self._items = iter(items)

    def open(self) -> None:
        pass

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        return (next(self._items),)

    def drops(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        pass


def test_joints_are_relayed_with_box_keypoints_and_date(show: Callable[..., Frame]) -> None:
    up, ended = (SourceChange(state=state, time_ns=time_ns) for state, time_ns in (("up", 0), ("ended", 99_999_999)))
    source, sink = _Pictures([up, *(show(index, 150) for index in range(3)), ended]), ListSink("s")
    stage = PoseStage(PoseConfig(), Intrinsics.from_field_of_view(60, width=640, height=480))
    relay_joints(source, stage, sink, duration_s=None, stop=threading.Event())
    joints = [message for message in sink.messages if isinstance(message, JointsEvent)]
    assert [event.index for event in joints] == [0, 1, 2]
    for event in joints:
        frame = pose_frame(event, received_ns=0)
        assert frame.poses
        assert frame.keypoint_layout == "mediapipe33"
        assert all(pose.box is not None and pose.keypoints is not None for pose in frame.poses)
    states = [message.state for message in sink.messages if isinstance(message, SourceEvent)]
    assert states == ["up", "ended"]
    # A file that counts from 0: its time 0 is when the session began.
    assert len({message.utc_ns - message.capture_time_ns for message in sink.messages if message.utc_ns}) == 1
    assert all(message.utc_ns is not None for message in sink.messages)
