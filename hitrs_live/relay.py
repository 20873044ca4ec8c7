"""The pose stage alone: pictures in, joints out over ZeroMQ, for a pipeline elsewhere."""

import threading
import time

import msgspec

from hitrs_live.codec import joints_event
from hitrs_live.messages import Frame, SourceChange, SourceEvent
from hitrs_live.pose.stage import PoseStage
from hitrs_live.sources.base import Source
from hitrs_live.transport.sink import Sink
from hitrs_live.utc import SessionClock, SourceDates


def relay_joints(
    source: Source, pose: PoseStage, sink: Sink, *, duration_s: float | None, stop: threading.Event
) -> None:
    """Publish everybody's joints in every frame until the source ends, the time is up or `stop` is set.

    Raises SourceUnavailable or PoseProcessFailed where they cannot be started.
    """
    dates = SourceDates(SessionClock.begin())
    deadline_s = None if duration_s is None else time.monotonic() + duration_s
    try:
        source.open()
        pose.start()
        while not stop.is_set() and (deadline_s is None or time.monotonic() < deadline_s):
            for item in source.read(timeout_s=0.1):
                match item:
                    case Frame():
                        for pose_frame in pose.step(item):
                            dates.observe(pose_frame)
                            utc_ns = dates.utc_ns(pose_frame.capture_time_ns)
                            event = joints_event(pose_frame, source.source_id)
                            sink.publish(msgspec.structs.replace(event, utc_ns=utc_ns))
                    case SourceChange():
                        dates.observe(item)
                        sink.publish(
                            SourceEvent(
                                source_id=source.source_id,
                                capture_time_ns=item.time_ns,
                                state=item.state,
                                detail=item.detail,
                                utc_ns=dates.utc_ns(item.time_ns),
                            )
                        )
                        if item.state == "ended":
                            return
    finally:
        source.close()
        pose.close()
        sink.close()
