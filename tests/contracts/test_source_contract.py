"""What every source keeps to, whatever it reads. A new source joins by a line in CASES."""

import contextlib
import itertools
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from patience import PATIENCE_S

from hitrs_live.config import CameraConfig
from hitrs_live.errors import SourceUnavailable
from hitrs_live.messages import Frame, PoseFrame, SourceChange
from hitrs_live.sources.base import Source, SourceItem
from hitrs_live.sources.camera.source import CameraSource
from hitrs_live.sources.demo.source import DemoSource
from hitrs_live.sources.ntu import NtuReplaySource
from hitrs_live.sources.ntu_format import NtuBody, write_skeleton
from hitrs_live.sources.pacing import Speed
from hitrs_live.sources.turned import TurnedSource
from hitrs_live.sources.video import VideoSource

# The servers live with the tests of the sources' room.
sys.path.insert(0, str(Path(__file__).parents[1] / "sources"))

from mjpeg_server import MjpegServer
from rtsp_server import RtspServer

PATIENT = CameraConfig(lost_after_s=2 * PATIENCE_S, max_frame_age_s=PATIENCE_S)
"""On a busy machine, a pause is neither a broken connection nor too old a picture."""

Case = Callable[[Path], contextlib.AbstractContextManager[Source]]
"""Makes a source, not yet open, in an empty folder of its own, and ends what it depends on."""


def video(speed: Speed) -> Case:
    @contextlib.contextmanager
    def make(folder: Path) -> Iterator[Source]:
        writer = cv2.VideoWriter(str(folder / "a film.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 60.0, (64, 48))
        for _ in range(20):
            writer.write(np.zeros((48, 64, 3), np.uint8))
        writer.release()
        yield VideoSource(folder / "a film.avi", speed)

    return make


def skeletons(speed: Speed, files: int) -> Case:
    @contextlib.contextmanager
    def make(folder: Path) -> Iterator[Source]:
        body = NtuBody(body_id="1", joints_m=np.ones((25, 3), np.float32), confidence=np.ones(25, np.float32))
        for number in range(files):
            write_skeleton(folder / f"S{number}.skeleton", [[body], [], [body]] * 4)
        yield NtuReplaySource(folder if files > 1 else folder / "S0.skeleton", speed)

    return make


def camera(server_class: type[MjpegServer] | type[RtspServer]) -> Case:
    @contextlib.contextmanager
    def make(folder: Path) -> Iterator[Source]:
        with server_class() as server:
            yield CameraSource(server.url, PATIENT)

    return make


@contextlib.contextmanager
def demo(folder: Path) -> Iterator[Source]:
    yield DemoSource("max", loop=False)


def turned_video(speed: Speed) -> Case:
    @contextlib.contextmanager
    def make(folder: Path) -> Iterator[Source]:
        with video(speed)(folder) as source:
            yield TurnedSource(source, rotate_deg=90, mirror=True)

    return make


CASES: dict[str, Case] = {
    "video_paced": video("real"),
    "video_unpaced": video("max"),
    "video_turned": turned_video("max"),
    "skeleton_file_paced": skeletons("real", 1),
    "skeleton_folder_unpaced": skeletons("max", 3),
    "camera_http": camera(MjpegServer),
    "camera_rtsp": camera(RtspServer),
    "demo_unpaced": demo,
}

MISSING: dict[str, Callable[[Path], Source]] = {
    "video": lambda folder: VideoSource(folder / "none.mp4"),
    "skeletons": lambda folder: NtuReplaySource(folder / "none"),
    "device": lambda folder: CameraSource(93, CameraConfig()),
    "stream": lambda folder: CameraSource("http://127.0.0.1:9/video", CameraConfig()),
}

AFTER: dict[str, set[str]] = {
    "connecting": {"up", "lost"},
    "up": {"up", "stalled", "ended"},
    "stalled": {"up", "lost", "ended"},
    "lost": {"up", "ended"},
    "ended": set(),
}
"""Which state may follow which; "up" after "up" is a notice, such as the next file's name."""

LIVE_FRAMES = 12


@pytest.fixture(params=CASES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    with CASES[request.param](tmp_path) as made:
        yield made
        made.close()


def read_through(source: Source) -> list[SourceItem]:
    """Read to the end, or for some frames where there is no end."""
    items: list[SourceItem] = []
    give_up_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up_s:
        items += source.read(0.05)
        frames = sum(isinstance(item, (Frame, PoseFrame)) for item in items)
        if (source.live and frames >= LIVE_FRAMES) or (
            items and isinstance(items[-1], SourceChange) and items[-1].state == "ended"
        ):
            return items
    raise AssertionError(f"no end in sight after {len(items)} items")


def time_of(item: SourceItem) -> int:
    return item.time_ns if isinstance(item, SourceChange) else item.capture_time_ns


def test_states_follow_one_another_as_they_may(source: Source) -> None:
    source.open()
    items = read_through(source)
    states = [item.state for item in items if isinstance(item, SourceChange)]
    assert states[0] == ("connecting" if source.live else "up")
    for before, after in itertools.pairwise(states):
        assert after in AFTER[before], states
    first_frame = next(number for number, item in enumerate(items) if not isinstance(item, SourceChange))
    assert any(isinstance(item, SourceChange) and item.state == "up" for item in items[:first_frame])


def test_times_go_forward_and_frames_are_never_at_the_same_time(source: Source) -> None:
    source.open()
    items = read_through(source)
    frames = [item for item in items if isinstance(item, (Frame, PoseFrame))]
    for before, after in itertools.pairwise(frames):
        assert after.capture_time_ns > before.capture_time_ns
        assert after.index > before.index
        assert after.received_ns >= before.received_ns
    assert [time_of(item) for item in items] == sorted(time_of(item) for item in items)
    assert all(isinstance(item.time_ns, int) for item in items if isinstance(item, SourceChange))


def test_frames_are_of_the_kind_that_the_source_says(source: Source) -> None:
    source.open()
    for item in read_through(source):
        if isinstance(item, Frame):
            assert source.has_pictures
            assert item.image.dtype == np.uint8
            assert item.image.ndim == 3
            assert item.image.shape[2] == 3
        elif isinstance(item, PoseFrame):
            assert not source.has_pictures
            for pose in item.poses:
                assert (pose.joints_m.shape, pose.joints_m.dtype) == ((25, 3), np.float32)
                assert (pose.confidence.shape, pose.confidence.dtype) == ((25,), np.float32)
                assert np.isfinite(pose.joints_m).all()
                assert ((pose.confidence >= 0) & (pose.confidence <= 1)).all()


def test_after_the_end_or_the_close_there_is_nothing_more(source: Source) -> None:
    source.open()
    read_through(source)
    if not source.live:
        assert source.read(0.01) == ()
    source.close()
    assert list(source.read(0.01)) == []


def test_losses_are_counted_by_cause_and_a_source_that_waits_has_none(source: Source) -> None:
    source.open()
    read_through(source)
    drops = source.drops()
    assert all(count >= 0 for count in drops.values())
    assert source.live or not any(drops.values())


def test_close_waits_for_nothing_that_comes_later_and_may_be_called_again(source: Source) -> None:
    source.open()
    source.read(0.05)
    source.close()
    source.close()
    assert source.read(PATIENCE_S) == ()


def test_close_without_open_does_nothing(source: Source) -> None:
    source.close()
    source.close()


def test_the_name_fits_into_a_topic(source: Source) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]+", source.source_id)


@pytest.mark.parametrize("kind", MISSING)
def test_what_is_not_there_is_refused_in_one_line_with_the_way_out(kind: str, tmp_path: Path) -> None:
    source = MISSING[kind](tmp_path)
    with pytest.raises(SourceUnavailable) as caught:
        source.open()
    assert "\n" not in str(caught.value)
    assert "--demo" in str(caught.value)
    source.close()
