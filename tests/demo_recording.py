"""The demo figures as a recording: as many frames in every run, however fast the machine."""

from pathlib import Path

from hitrs_live.messages import PoseFrame
from hitrs_live.sources.demo.source import DemoSource
from hitrs_live.transport.recorder import Recorder
from hitrs_live.wire.codec import joints_event

FRAMES = 800
"""Of the fixture `demo_recording`."""


def record_demo(path: Path, *, people: int = 1, frames: int = 90, every: int = 1, hidden: range = range(0)) -> Path:
    """Record the demo figures at 30 / every frames a second, no person in the hidden frames."""
    source = DemoSource("max", people=people)
    source.open()
    seen = 0
    with Recorder(path, session_id="s", source_id="demo") as recorder:
        while seen < frames:
            for item in source.read(0.0):
                if isinstance(item, PoseFrame):
                    if seen % every == 0:
                        poses = () if seen in hidden else item.poses
                        frame = PoseFrame(
                            index=item.index, capture_time_ns=item.capture_time_ns, received_ns=0, poses=poses
                        )
                        recorder.publish(joints_event(frame, "demo"))
                    seen += 1
    return path
