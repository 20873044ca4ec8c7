"""A video goes on in its file when the camera was away, also where it comes back with another size."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import pytest
import torch
from mjpeg_server import MjpegServer
from patience import PATIENCE_S, wait_until
from pipeline.pipeline_runs import make_pipeline

from hitrs_live.checkpoint import load_checkpoint
from hitrs_live.config import CameraConfig
from hitrs_live.messages import Frame, PoseFrame, SourceEvent, Status
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.skeleton import MEDIAPIPE33
from hitrs_live.sources.camera.source import CameraSource
from hitrs_live.transport.sink import ListSink
from hitrs_live.views.save_video import SaveVideo


class EmptyRoom:
    """A pose estimator that sees no one."""

    skeleton = MEDIAPIPE33
    restarts, notice, people_limit = 0, "", None

    def open(self) -> None:
        pass

    def step(self, frame: Frame) -> PoseFrame | None:
        return PoseFrame(
            index=frame.index, capture_time_ns=frame.capture_time_ns, received_ns=frame.received_ns, poses=()
        )

    def drops(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        pass


def times_in(path: Path) -> list[float]:
    """The time of each picture, seconds, by OpenCV's reader."""
    capture = cv2.VideoCapture(str(path))
    times = []
    while capture.read()[0]:
        times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3)
    capture.release()
    return times


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".webm", ".mp4"])
def test_a_video_continues_when_a_camera_that_was_lost_is_back(tmp_path: Path, suffix: str) -> None:
    torch.set_num_threads(1)
    path, stop = tmp_path / f"film{suffix}", threading.Event()
    sink, video = ListSink("session"), SaveVideo(path, fps=10.0, wait=False)

    def states() -> Sequence[str]:
        return [message.state for message in tuple(sink.messages) if isinstance(message, SourceEvent)]

    with MjpegServer(rate_hz=10.0) as server:
        camera = CameraSource(server.url, CameraConfig(stall_after_s=0.5, lost_after_s=1.0, retry_min_s=0.1))
        pipeline = make_pipeline(
            [InputStream(source=camera, pose=EmptyRoom(), viewers=(video,))], load_checkpoint("hitrs_tiny_3"), sink
        )
        running = threading.Thread(target=lambda: pipeline.run(duration_s=PATIENCE_S, stop=stop))
        running.start()
        try:
            wait_until(lambda: video.frames >= 10, "pictures in the video")
            server.pause()
            server.cut()
            wait_until(lambda: "lost" in states(), "the loss of the camera")
            time.sleep(1.0)
            before = video.frames
            server.flowing.set()
            wait_until(lambda: video.frames >= before + 10, "pictures after the gap")
        finally:
            stop.set()
            running.join(PATIENCE_S)
    assert states()[-2:] == ["up", "ended"]
    assert not any(message.notices for message in sink.messages if isinstance(message, Status))
    times = times_in(path)
    assert len(times) >= video.frames if suffix == ".mp4" else len(times) == video.frames
    assert times[-1] - times[0] > 2.0
