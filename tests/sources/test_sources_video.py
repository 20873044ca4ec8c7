"""Every frame of a video file, at the file's own times, and files that are no videos."""

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from patience import PATIENCE_S, ManualClock

from hitrs_live.errors import SourceUnavailable
from hitrs_live.messages import Frame, SourceChange
from hitrs_live.sources.base import SourceItem
from hitrs_live.sources.pacing import Speed
from hitrs_live.sources.video import FileStamps, VideoSource

DATA = Path(os.environ.get("HITRS_DATA", "../shared/data"))


def make_video(path: Path, frames: int, fps: float = 50.0, codec: str = "MJPG") -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, (64, 48))
    for index in range(frames):
        writer.write(np.full((48, 64, 3), 5 * index % 250, np.uint8))
    writer.release()
    return path


def play(path: Path, speed: Speed = "max") -> list[SourceItem]:
    source = VideoSource(path, speed)
    source.open()
    items: list[SourceItem] = []
    while not items or not (isinstance(items[-1], SourceChange) and items[-1].state == "ended"):
        items += source.read(1.0)
    assert source.read(0.0) == ()
    source.close()
    assert source.drops() == {}
    return items


def frames_of(items: list[SourceItem]) -> list[Frame]:
    return [item for item in items if isinstance(item, Frame)]


def last_detail(items: list[SourceItem]) -> str:
    last = items[-1]
    assert isinstance(last, SourceChange)
    return last.detail


@pytest.mark.parametrize(("name", "codec"), [("a.avi", "MJPG"), ("b.mp4", "mp4v")])
def test_every_frame_comes_at_its_time_from_zero(tmp_path: Path, name: str, codec: str) -> None:
    items = play(make_video(tmp_path / name, 30, 50.0, codec))
    frames = frames_of(items)
    assert [frame.index for frame in frames] == list(range(30))
    assert [frame.capture_time_ns for frame in frames] == pytest.approx([20e6 * i for i in range(30)], abs=1e4)
    assert [int(frame.image.mean()) for frame in frames] == pytest.approx([5 * i % 250 for i in range(30)], abs=4)
    assert isinstance(items[0], SourceChange)
    assert items[0].state == "up"
    assert "64 x 48, 50 frames a second" in items[0].detail


def test_two_unpaced_readings_have_the_same_times(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.avi", 10)
    first, second = ([frame.capture_time_ns for frame in frames_of(play(path))] for _ in range(2))
    assert first == second


def test_a_paced_file_takes_its_own_time_on_the_monotonic_clock(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.avi", 11)
    begun_ns = time.monotonic_ns()
    frames = frames_of(play(path, "real"))
    spans = np.diff([frame.capture_time_ns for frame in frames])
    assert spans == pytest.approx(20e6, abs=1e4)
    assert frames[0].capture_time_ns >= begun_ns
    assert all(frame.received_ns >= frame.capture_time_ns for frame in frames)


def test_a_paced_frame_that_is_not_due_is_not_returned(tmp_path: Path) -> None:
    clock = ManualClock()
    source = VideoSource(make_video(tmp_path / "slow.avi", 2, fps=1.0), "real", clock=clock)
    source.open()
    assert [type(item) for _ in range(2) for item in source.read(1.0)] == [SourceChange, Frame]
    assert source.read(0.01) == ()
    clock.advance(1)
    assert [type(item) for item in source.read(0.0)] == [Frame]
    source.close()
    assert source.read(1.0) == ()


def test_a_slow_reader_loses_no_frame(tmp_path: Path) -> None:
    source = VideoSource(make_video(tmp_path / "a.avi", 12, fps=200.0), "real")
    source.open()
    frames: list[SourceItem] = []
    while len(frames) < 14:
        frames += source.read(1.0)
        time.sleep(0.01)
    source.close()
    assert [item.index for item in frames if isinstance(item, Frame)] == list(range(12))


def test_a_file_cut_short_ends_with_a_message_about_it(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.avi", 40)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    items = play(path)
    assert 5 < len(frames_of(items)) < 40
    assert "of 40 promised; the file is cut short or damaged" in last_detail(items)


def _folder(path: Path) -> None:
    path.mkdir()


def _text(path: Path) -> None:
    path.write_text("This is no video.\n" * 50)


def _latin_text(path: Path) -> None:
    path.write_bytes("Das ist kein Film für euch.\n".encode("latin-1") * 50)


def _playlist(path: Path) -> None:
    path.write_text("#EXTM3U\n#EXTINF:2,\nhttp://camera.invalid/a.ts\n#EXT-X-ENDLIST\n")


def _empty(path: Path) -> None:
    path.touch()


def _garbage(path: Path) -> None:
    path.write_bytes(np.random.default_rng(3).bytes(20_000))


def _half_an_mp4(path: Path) -> None:
    whole = make_video(path.with_name("whole.mp4"), 30, 30.0, "mp4v")
    path.write_bytes(whole.read_bytes()[:2000])


def _no_frames(path: Path) -> None:
    make_video(path, 0)


@pytest.mark.parametrize("name", ["a.mp4", "a.txt", "a.avi"])
@pytest.mark.parametrize("make", [_folder, _text, _latin_text, _playlist, _empty, _garbage, _half_an_mp4, _no_frames])
def test_what_is_no_video_is_refused_in_one_line(tmp_path: Path, name: str, make: Callable[[Path], None]) -> None:
    path = tmp_path / name
    make(path)
    source = VideoSource(path, "max")
    with pytest.raises(SourceUnavailable) as caught:
        source.open()
    source.close()
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert "--demo" in message


@pytest.mark.slow
def test_refusals_leave_no_line_of_other_libraries_on_the_terminal(tmp_path: Path) -> None:
    _half_an_mp4(tmp_path / "half.mp4")
    _garbage(tmp_path / "garbage.mp4")
    cut = make_video(tmp_path / "cut.avi", 40)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    # A process of its own: the libraries' log levels are read once.
    program = """
import sys
from hitrs_live.errors import SourceUnavailable
from hitrs_live.sources.video import VideoSource
for path in sys.argv[1:]:
    source = VideoSource(path, "max")
    try:
        source.open()
    except SourceUnavailable:
        continue
    while source.read(1.0):
        pass
    source.close()
"""
    paths = [str(tmp_path / name) for name in ("half.mp4", "garbage.mp4", "cut.avi")]
    done = subprocess.run([sys.executable, "-c", program, *paths], capture_output=True, check=True, timeout=PATIENCE_S)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_a_missing_file_is_refused_as_such(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="there is no such file"):
        VideoSource(tmp_path / "none.mp4").open()


def test_a_pattern_or_a_url_is_taken_for_a_file_name_and_nothing_else() -> None:
    for name in ("http://camera.invalid/a.mp4", "frame%03d.png"):
        with pytest.raises(SourceUnavailable, match="there is no such file"):
            VideoSource(name).open()


@pytest.mark.parametrize(
    ("stamps_s", "times_ms"),
    [
        ([0.0, 0.1, 0.2], [0, 100, 200]),
        ([5.0, 5.1, 5.2], [0, 100, 200]),
        ([0.0, 0.0, 0.0], [0, 100, 200]),
        ([0.0, 0.1, 0.1, 0.3], [0, 100, 200, 300]),
        ([0.0, 0.5, 0.1, 0.7], [0, 500, 600, 700]),
        ([0.0, 0.1, 1e9, 0.3], [0, 100, 200, 300]),
        ([math.nan, math.nan, math.inf], [0, 100, 200]),
    ],
)
def test_stamps_count_from_zero_and_always_increase(stamps_s: list[float], times_ms: list[float]) -> None:
    stamps = FileStamps(10.0)
    assert [stamps.next_ns(stamp) / 1e6 for stamp in stamps_s] == pytest.approx(times_ms)


def test_a_source_must_be_opened_before_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="call open"):
        VideoSource(tmp_path / "a.mp4").read(0.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "frames", "fps"),
    [("sports2d_demo.mp4", 230, 30.0), ("pose2sim_multi_cam01.mp4", 100, 60.0)],
)
def test_a_real_video_gives_all_its_frames_at_its_rate(name: str, frames: int, fps: float) -> None:
    path = DATA / "video" / name
    if not path.is_file():
        pytest.skip(f"no {path}; set HITRS_DATA to the folder with the data")
    source = VideoSource(path, "max")
    source.open()
    times_ns = []
    while items := source.read(1.0):
        # The pictures are let go of one by one; together they would fill a gigabyte.
        times_ns += [item.capture_time_ns for item in items if isinstance(item, Frame)]
    source.close()
    assert len(times_ns) == frames
    assert np.diff(times_ns) == pytest.approx(1e9 / fps, abs=2e4)
