"""A video goes on in its file when the camera was away, and in another one when its file cannot be written."""

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from empty_room import SeesNoOne
from mjpeg_server import MjpegServer
from patience import PATIENCE_S, ManualClock, wait_until
from pipeline.pipeline_runs import ScriptedSource, make_pipeline
from views_messages import people_of, scene, standing_people

from hitrs_live.checkpoint import load_checkpoint
from hitrs_live.config import CameraConfig
from hitrs_live.messages import Frame, SourceEvent, Status
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.pipeline.source_outputs import SourceOutputs
from hitrs_live.sources.camera.source import CameraSource
from hitrs_live.transport.sink import ListSink
from hitrs_live.views.continued_video import ContinuedVideo
from hitrs_live.views.save_video import SaveVideo


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
            [InputStream(source=camera, pose=SeesNoOne(), viewers=(video,))], load_checkpoint("hitrs_tiny_3"), sink
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
    # On a busy machine there may be notices of other things.
    notices = [notice for message in sink.messages if isinstance(message, Status) for notice in message.notices]
    assert not any("view" in notice or "video" in notice for notice in notices)
    times = times_in(path)
    assert len(times) >= video.frames if suffix == ".mp4" else len(times) == video.frames
    assert times[-1] - times[0] > 2.0


PICTURE = np.full((48, 64, 3), 90, np.uint8)


class Film:
    """Pictures of people, thirty a second of a clock that the test advances."""

    def __init__(self, path: Path, make: Callable[[Path], SaveVideo] = SaveVideo) -> None:
        self.clock = ManualClock()
        self.video = ContinuedVideo(path, make, clock=lambda: self.clock.now_ns / 1e9)
        self.shown = 0
        self._people = people_of(standing_people())

    def show(self, count: int = 1) -> None:
        for _ in range(count):
            self.clock.advance(1 / 30)
            people = replace(self._people, capture_time_ns=self.clock.now_ns)
            frame = Frame(index=self.shown, capture_time_ns=self.clock.now_ns, received_ns=0, image=PICTURE)
            self.video.show(scene(people, frame=frame))
            self.shown += 1

    def show_until_paused(self) -> str:
        wait_until(lambda: (self.show(), self.video.notices)[1], "the notice")
        (notice,) = self.video.notices
        assert notice.endswith("it continues in a new file when it can")
        assert "\n" not in notice
        return notice


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".webm", ".mp4"])
def test_a_video_whose_folder_is_removed_pauses_and_continues_in_a_new_file(tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    film = Film(folder / f"film{suffix}")
    film.show(40)
    wait_until((folder / f"film{suffix}").exists, "the first file")
    shutil.rmtree(folder)
    assert "removed" in film.show_until_paused()
    film.show(90)
    assert film.video.notices, "there is no folder"
    folder.mkdir()
    (folder / f"film-0002{suffix}").write_text("precious")
    lost = film.video.lost
    film.clock.advance(3)
    film.show(45)
    assert (film.video.notices, film.video.lost) == ((), lost)
    film.video.close()
    assert (folder / f"film-0002{suffix}").read_text() == "precious"
    assert len(times_in(folder / f"film-0003{suffix}")) == 45


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_video_on_a_full_disk_continues_in_a_new_file(tmp_path: Path) -> None:
    (tmp_path / "film.webm").symlink_to("/dev/full")
    film = Film(tmp_path / "film.webm")
    assert "No space left on device" in film.show_until_paused()
    lost = film.video.lost
    film.show()
    assert film.video.lost == lost + 1
    film.clock.advance(3)
    film.show(45)
    film.video.close()
    assert len(times_in(tmp_path / "film-0002.webm")) == 45


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_files_that_fail_one_after_the_other_are_tried_more_and_more_seldom(tmp_path: Path) -> None:
    (tmp_path / "full.webm").symlink_to("/dev/full")
    tried_ns: list[int] = []

    def on_a_full_disk(path: Path) -> SaveVideo:
        tried_ns.append(film.clock.now_ns if tried_ns else 0)
        return SaveVideo(tmp_path / "full.webm")

    film = Film(tmp_path / "film.webm", on_a_full_disk)
    waits_s: list[float] = []
    for _ in range(8):
        film.show_until_paused()
        # How many pictures later a file fails is up to the writing thread.
        paused_ns, count = film.clock.now_ns, len(tried_ns)
        while len(tried_ns) == count:
            film.clock.advance(0.5)
            film.show()
        waits_s.append((tried_ns[-1] - paused_ns) / 1e9)
    assert waits_s == sorted(waits_s)
    assert waits_s[0] < 10
    assert waits_s[-1] > 60
    film.show_until_paused()


@pytest.mark.slow
def test_a_paused_video_is_in_the_status_and_its_pictures_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    film = Film(folder / "film.webm")
    outputs = SourceOutputs(InputStream(source=ScriptedSource([]), viewers=(film.video,)), ListSink("session"))
    film.show(3)
    shutil.rmtree(folder)
    notice = film.show_until_paused()
    film.show(5)
    assert tuple(outputs.notices) == (notice,)
    assert outputs.drops()["view"] == film.video.lost >= 6
    film.video.close()
