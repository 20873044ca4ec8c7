"""Video files of what was drawn, and the window where there is a screen."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from views_messages import people_of, scene, standing_people

from hitrs_live.errors import ViewUnavailable
from hitrs_live.messages import Frame, People
from hitrs_live.views.save_video import SaveVideo
from hitrs_live.views.window import Window, windows_in

pytestmark = pytest.mark.slow


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


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".MP4"])
def test_what_was_drawn_can_be_read_back(tmp_path: Path, suffix: str) -> None:
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


@pytest.mark.parametrize(("source_fps", "seconds"), [(10, 2.0), (15, 2.0), (60, 1.0)])
def test_the_file_plays_at_the_true_pace_whatever_the_source_gives(
    tmp_path: Path, source_fps: int, seconds: float
) -> None:
    video = SaveVideo(tmp_path / "paced.avi", fps=30.0)
    for number in range(round(source_fps * seconds)):
        video.show(scene(people_at(round(number * 1e9 / source_fps))))
    video.close()
    assert video.frames == pytest.approx(30 * seconds, abs=3)


def test_jitter_of_a_camera_neither_doubles_nor_drops_frames(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    video = SaveVideo(tmp_path / "jitter.avi", fps=30.0)
    counts = []
    for number in range(60):
        video.show(scene(people_at(round((number / 30 + rng.uniform(-0.004, 0.004)) * 1e9))))
        counts.append(video.frames)
    video.close()
    assert set(np.diff(counts)) == {1}


def test_a_long_silence_is_shortened(tmp_path: Path) -> None:
    video = SaveVideo(tmp_path / "silence.avi", fps=10.0)
    video.show(scene(people_at(0)))
    video.show(scene(people_at(3_600_000_000_000)))
    video.close()
    assert video.frames <= 52


def test_frames_of_another_size_are_fitted_into_the_first_ones(tmp_path: Path) -> None:
    path = tmp_path / "sizes.avi"
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
        ("film.mov", "got the suffix '.mov', wanted one of .mp4, .avi"),
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


def test_a_rate_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fps: got 0"):
        SaveVideo(tmp_path / "film.mp4", fps=0)


def test_a_build_with_windows_is_told_from_one_without() -> None:
    assert not windows_in("  GUI:                           NONE\n  Media I/O:")
    assert windows_in("  GUI:                           QT5\n    QT: YES")
    assert windows_in("  GUI:                           COCOA\n")
    assert not windows_in("nothing of the kind")


@pytest.mark.skipif(windows_in(cv2.getBuildInformation()), reason="the installed OpenCV has windows")
def test_a_headless_opencv_says_how_to_get_a_window() -> None:
    with pytest.raises(ViewUnavailable) as raised:
        Window("test")
    text = str(raised.value)
    assert "pip uninstall opencv-python-headless" in text
    assert "--save-video" in text
    assert "\n" not in text


@pytest.mark.skipif(not windows_in(cv2.getBuildInformation()), reason="the installed OpenCV is headless")
def test_no_screen_is_one_clear_line_not_an_abort(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ViewUnavailable, match="no screen"):
        Window("test")
