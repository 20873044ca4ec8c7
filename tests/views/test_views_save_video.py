"""Video files of the drawn pictures, and the window if there is a screen."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from patience import wait_until
from views_messages import people_of, scene, standing_people

from hitrs_live.errors import ViewUnavailable
from hitrs_live.messages import Frame, People
from hitrs_live.views.save_video import SaveVideo
from hitrs_live.views.vp8 import Vp8Encoder, is_key_picture
from hitrs_live.views.webm import WebmWriter
from hitrs_live.views.window import Window, windows_in

pytestmark = pytest.mark.slow


def small(shade: int) -> np.ndarray:
    """A picture of one shade of grey, (48, 64, 3)."""
    return np.full((48, 64, 3), shade, np.uint8)


def people_at(time_ns: int) -> People:
    people = people_of(standing_people())
    return People(**{**vars(people), "capture_time_ns": time_ns})


def read_back(path: Path) -> list[np.ndarray]:
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        decoded, image = capture.read()
        if not decoded:
            capture.release()
            return frames
        frames.append(image)


def times_in(path: Path) -> list[float]:
    """The time of each picture, milliseconds, by OpenCV's reader."""
    capture = cv2.VideoCapture(str(path))
    times = []
    while capture.read()[0]:
        times.append(capture.get(cv2.CAP_PROP_POS_MSEC))
    capture.release()
    return times


@pytest.mark.parametrize("suffix", [".webm", ".mp4", ".avi", ".MP4"])
def test_drawn_pictures_can_be_read_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"drawn{suffix}"
    video = SaveVideo(path, fps=30.0)
    for number in range(12):
        video.show(scene(people_at(number * 33_333_333), {1: ("squat", 0.9)}))
    video.close()
    video.close()
    frames = read_back(path)
    assert len(frames) == video.frames == 12
    assert frames[0].shape == (720, 960, 3)
    assert frames[-1].std() > 5


def test_in_webm_every_picture_has_its_own_time(tmp_path: Path) -> None:
    path = tmp_path / "timed.webm"
    video = SaveVideo(path)
    times_ms = [0, 17, 34, 134, 135, 900, 2000, 2033, 6500]
    for time_ms in times_ms:
        video.write(small(time_ms % 251), time_ms)
    video.close()
    assert times_in(path) == pytest.approx(times_ms, abs=0.01)


def test_times_are_the_capture_times_from_the_first_on(tmp_path: Path) -> None:
    path = tmp_path / "timed.webm"
    video = SaveVideo(path)
    # As captured; then a camera that was away for an hour, and a clock that runs back.
    for time_ms in (0, 40, 110, 3_600_110, 3_600_150, 3_600_140, 3_600_180):
        video.show(scene(people_at(5_000_000_000_000 + time_ms * 1_000_000)))
    video.close()
    assert times_in(path) == pytest.approx([0, 40, 110, 5110, 5150, 5151, 5190], abs=0.01)


def test_a_video_longer_than_an_hour_keeps_its_times(tmp_path: Path) -> None:
    path = tmp_path / "long.webm"
    file = WebmWriter(path, width=64, height=48)
    encoder = Vp8Encoder(64, 48, 30.0)
    encoded = [*encoder.encode(small(1)), *encoder.encode(small(99)), *encoder.encode(small(9)), *encoder.close()]
    for picture, time_ms in zip(encoded, (0, 4_000_000, 90_000_000), strict=True):
        file.write(picture, time_ms, is_key=is_key_picture(picture))
    file.close()
    assert times_in(path) == pytest.approx([0, 4_000_000, 90_000_000], abs=0.01)


def test_a_file_that_was_never_finished_plays_up_to_its_last_second(tmp_path: Path) -> None:
    path = tmp_path / "killed.webm"
    video = SaveVideo(path)
    for number in range(90):
        video.write(small(number), round(number * 1000 / 30))
    wait_until(lambda: path.exists() and len(times_in(path)) >= 55, "two clusters in the file", pause_s=0.05)
    cut = tmp_path / "cut.webm"
    cut.write_bytes(path.read_bytes())
    video.close()
    assert len(times_in(path)) == 90
    assert times_in(cut) == times_in(path)[: len(times_in(cut))]
    # Cut in the middle of a cluster, as a power cut may leave it.
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 0 < len(times_in(cut)) < 90


def test_a_picture_that_is_not_later_is_refused(tmp_path: Path) -> None:
    file = WebmWriter(tmp_path / "film.webm", width=64, height=48)
    file.write(b"x", 10, is_key=True)
    with pytest.raises(ValueError, match="time_ms: got 10"):
        file.write(b"x", 10, is_key=False)
    file.close()
    file.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_reported_once_and_nothing_hangs(tmp_path: Path) -> None:
    path = tmp_path / "full.webm"
    path.symlink_to("/dev/full")
    video = SaveVideo(path)
    errors = []
    for number in range(60):
        try:
            video.write(small(number), number * 33)
        except ViewUnavailable as fault:
            errors.append(str(fault))
    try:
        video.close()
    except ViewUnavailable as fault:
        errors.append(str(fault))
    assert errors == [f"video {path} ended early: No space left on device"]


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[Path]:
    """Yield a file that blocks every write, because it has no reader; at the end, release blocked writers."""
    path = tmp_path / "stuck.webm"
    os.mkfifo(path)
    yield path
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    wait_until(lambda: not any(thread.name == "save-video" for thread in threading.enumerate()), "the thread's end")
    os.close(reader)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_file_that_cannot_be_finished_in_time_is_reported_once(stuck: Path) -> None:
    video = SaveVideo(stuck, patience_s=0.1)
    video.write(small(1), 0)
    with pytest.raises(ViewUnavailable) as raised:
        video.close()
    assert str(raised.value) == f"video {stuck}: could not be finished in 0.1 s; given up"
    video.close()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_file_that_cannot_be_written_in_time_is_given_up_once(stuck: Path) -> None:
    video = SaveVideo(stuck, patience_s=0.1)
    reported = []
    for number in range(20):
        try:
            video.write(small(number), number * 33)
        except ViewUnavailable as fault:
            reported.append(str(fault))
    video.close()
    assert reported == [f"video {stuck}: nothing was written for 0.1 s; given up"]


def test_a_slow_encoder_loses_pictures_but_does_not_block(tmp_path: Path) -> None:
    path = tmp_path / "slow.webm"
    video = SaveVideo(path, wait=False)
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (720, 1280, 3), np.uint8)
    for number in range(60):
        frame = Frame(index=number, capture_time_ns=0, received_ns=0, image=image)
        video.show(scene(people_at(number * 33_000_000), frame=frame))
    video.close()
    assert video.frames + video.lost == 60
    times = times_in(path)
    assert len(times) == video.frames
    # Those that are there have their own times.
    assert all(round(time_ms) % 33 == 0 for time_ms in times)


@pytest.mark.parametrize(("source_fps", "seconds"), [(10, 2.0), (15, 2.0), (60, 1.0)])
def test_a_file_of_constant_frame_rate_plays_in_real_time(tmp_path: Path, source_fps: int, seconds: float) -> None:
    path = tmp_path / "paced.avi"
    video = SaveVideo(path, fps=30.0)
    for number in range(round(source_fps * seconds)):
        video.show(scene(people_at(round(number * 1e9 / source_fps))))
    video.close()
    assert len(read_back(path)) == pytest.approx(30 * seconds, abs=3)


def test_camera_jitter_neither_doubles_nor_drops_frames_in_a_file_of_constant_frame_rate(tmp_path: Path) -> None:
    path = tmp_path / "jitter.avi"
    rng = np.random.default_rng(0)
    video = SaveVideo(path, fps=30.0)
    for number in range(60):
        video.write(small(4 * number), round((number / 30 + rng.uniform(-0.004, 0.004)) * 1e3) + 10)
    video.close()
    shades = [round(frame.mean() / 4) for frame in read_back(path)]
    assert shades == list(range(60))


def test_a_long_gap_is_shortened(tmp_path: Path) -> None:
    path = tmp_path / "silence.avi"
    video = SaveVideo(path, fps=10.0)
    video.show(scene(people_at(0)))
    video.show(scene(people_at(3_600_000_000_000)))
    video.close()
    assert len(read_back(path)) <= 52


@pytest.mark.parametrize("suffix", [".webm", ".avi"])
def test_frames_of_another_size_are_fitted_into_the_first_ones(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"sizes{suffix}"
    video = SaveVideo(path)
    for number, (width, height) in enumerate([(641, 481), (320, 480), (1280, 720)]):
        image = np.full((height, width, 3), 200, np.uint8)
        frame = Frame(index=number, capture_time_ns=0, received_ns=0, image=image)
        video.show(scene(people_at(number * 33_333_333), frame=frame))
    video.close()
    frames = read_back(path)
    assert [frame.shape for frame in frames] == [(480, 640, 3)] * 3
    assert frames[1][240, 10].max() < 40
    assert frames[1][100, 320].min() > 150


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("film.mov", "got the suffix '.mov', expected one of .webm, .mp4, .avi"),
        ("film", "got the suffix ''"),
        ("nowhere/film.mp4", "there is no folder"),
        ("folder.mp4", "is a folder"),
    ],
)
def test_a_file_that_cannot_be_written_is_one_clear_line(tmp_path: Path, name: str, complaint: str) -> None:
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(ViewUnavailable) as raised:
        SaveVideo(tmp_path / name)
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_frame_rate_of_zero_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fps: got 0"):
        SaveVideo(tmp_path / "film.mp4", fps=0)


def test_an_opencv_build_with_windows_is_recognised() -> None:
    assert not windows_in("  GUI:                           NONE\n  Media I/O:")
    assert windows_in("  GUI:                           QT5\n    QT: YES")
    assert windows_in("  GUI:                           COCOA\n")
    assert not windows_in("nothing of the kind")


@pytest.mark.skipif(windows_in(cv2.getBuildInformation()), reason="the installed OpenCV has windows")
def test_the_error_for_a_headless_opencv_explains_how_to_get_a_window() -> None:
    with pytest.raises(ViewUnavailable) as raised:
        Window("test")
    text = str(raised.value)
    assert "pip uninstall opencv-python-headless" in text
    assert "--save-video" in text
    assert "\n" not in text


@pytest.mark.skipif(not windows_in(cv2.getBuildInformation()), reason="the installed OpenCV is headless")
def test_a_missing_screen_is_one_clear_line_not_an_abort(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ViewUnavailable, match="no screen"):
        Window("test")
