"""Read a video file as a source: every frame, none dropped."""

import codecs
import math
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.errors import SourceUnavailable
from hitrs_live.files.file_names import why_unusable
from hitrs_live.files.picture_size import MOST_PIXELS
from hitrs_live.messages import Frame, SourceChange
from hitrs_live.sources.base import SourceItem
from hitrs_live.sources.camera.opencv_quiet import quiet_opencv
from hitrs_live.sources.kinds import SourceOptions
from hitrs_live.sources.naming import name_source
from hitrs_live.sources.pacing import MonotonicClock, Pacer, Speed

_FALLBACK_FPS = 30.0
_LONGEST_JUMP_S = 60.0
"""A time stamp further ahead than this is damage, not a pause of the camera."""


def make_video(value: str, options: SourceOptions) -> "VideoSource":
    """Make the source of `--video`."""
    return VideoSource(value, options.speed, source_id=options.source_id)


class VideoSource:
    """Read a video file through FFmpeg.

    Speed "real": a frame is returned when the file's own time stamp is due, and its capture time is the monotonic time
    of the first read plus that stamp; a reader too slow for the file falls behind, and loses no frame. Speed "max":
    frames come as fast as they are read, capture time counts from 0.
    Stamps that repeat or go back are replaced by the last one plus one frame interval.
    A file that is cut short ends where it can no longer be decoded.
    """

    has_pictures = True
    live = False

    def __init__(
        self,
        path: str | Path,
        speed: Speed = "real",
        *,
        source_id: str = "",
        clock: MonotonicClock = time.monotonic_ns,
    ) -> None:
        """Take the file's name; nothing is opened yet. Raise ValueError for an unknown speed or a bad name."""
        self._path = Path(path)
        self.source_id = name_source(source_id, self._path.stem)
        self._clock = clock
        self._pacer = Pacer(speed, clock)
        self._stamps = FileStamps(_FALLBACK_FPS)
        self._capture: Any = None
        self._using_capture = threading.Lock()
        self._pending: tuple[int, NDArray[np.uint8]] | None = None
        self._index = 0
        self._last_ns = 0
        self._begun = False
        self._over = False

    def open(self) -> None:
        """Open the file and decode its first frame. Raise SourceUnavailable where that fails."""
        _refuse_unreadable(self._path)
        quiet_opencv()
        # An absolute path has no scheme and no pattern: FFmpeg can only read it as a file.
        self._capture = cv2.VideoCapture(str(self._path.resolve()), cv2.CAP_FFMPEG)
        is_text_film = int(self._capture.get(cv2.CAP_PROP_FOURCC)) == cv2.VideoWriter.fourcc(*"ansi")
        if is_text_film or not self._capture.isOpened():
            self.close()
            raise _unavailable(self._path, "is no video that FFmpeg can read, or was cut off before its index")
        width, height = self._size()
        if width * height > MOST_PIXELS:
            self.close()
            raise _unavailable(
                self._path,
                f"has pictures of {width} x {height} pixels, expected at most {MOST_PIXELS // 1_000_000} million",
            )
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self._stamps = FileStamps(fps if math.isfinite(fps) and 0 < fps <= 1000 else _FALLBACK_FPS)
        self._pending = self._decode()
        if self._pending is None:
            self.close()
            raise _unavailable(self._path, "holds no frame that can be decoded")

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        """Return one item, or () where the next frame is not due within timeout_s or all is over."""
        if self._over:
            return ()
        if self._capture is None:
            raise ValueError(f"video {self._path}: read before open; call open() first")
        if not self._begun:
            self._begun = True
            self._pacer.start()
            return (self._change_up(),)
        # Decoded before the wait, so that decoding does not delay a frame beyond its due time.
        if self._pending is None:
            self._pending = self._decode()
        if self._pending is None:
            return () if self._over else (self._change_ended(),)
        file_time_ns, image = self._pending
        if not self._pacer.wait(file_time_ns, timeout_s):
            return ()
        self._pending = None
        self._last_ns = self._pacer.capture_time_ns(file_time_ns)
        frame = Frame(index=self._index, capture_time_ns=self._last_ns, received_ns=self._clock(), image=image)
        self._index += 1
        return (frame,)

    def drops(self) -> dict[str, int]:
        """Return {}: a file loses nothing."""
        return {}

    def close(self) -> None:
        """Close the file."""
        self._over = True
        self._pacer.cancel()
        with self._using_capture:
            if self._capture is not None:
                self._capture.release()

    def _decode(self) -> tuple[int, NDArray[np.uint8]] | None:
        with self._using_capture:
            decoded, image = self._capture.read()
            stamp_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3
        return (self._stamps.next_ns(stamp_s), image) if decoded else None

    def _size(self) -> tuple[int, int]:
        width, height = (int(self._capture.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        return width, height

    def _change_up(self) -> SourceChange:
        width, height = self._size()
        detail = f"{self._path.name}: {width} x {height}, {1 / self._stamps.interval_s:.4g} frames a second"
        return SourceChange(state="up", time_ns=self._pacer.capture_time_ns(0), detail=detail)

    def _change_ended(self) -> SourceChange:
        promised = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        detail = f"{self._path.name}: {self._index} frames"
        # Containers without an index promise an estimate, or a count below zero.
        if self._index < promised < 2**31:
            detail += f" of {promised} promised; the file is cut short or damaged"
        self._over = True
        return SourceChange(state="ended", time_ns=self._last_ns, detail=detail)


class FileStamps:
    """Make a file's time stamps count from 0 and always increase."""

    def __init__(self, fps: float) -> None:
        self.interval_s = 1.0 / fps
        self._first_s: float | None = None
        self._last_s = 0.0

    def next_ns(self, stamp_s: float) -> int:
        """Take the next frame's stamp in seconds; return its time from the first frame in nanoseconds."""
        if self._first_s is None:
            self._first_s = stamp_s if math.isfinite(stamp_s) else 0.0
            return 0
        time_s = stamp_s - self._first_s
        # One comparison for repeated, backward, absurd and (being false for it) not-a-number stamps.
        if not self._last_s < time_s <= self._last_s + _LONGEST_JUMP_S:
            time_s = self._last_s + self.interval_s
        self._last_s = time_s
        return round(time_s * 1e9)


def _refuse_unreadable(path: Path) -> None:
    # With all its links followed, because that name is the one that is opened.
    if unusable := why_unusable(path) or why_unusable(path.resolve()):
        raise _unavailable(path, unusable)
    if not path.exists():
        raise _unavailable(path, "there is no such file")
    if not path.is_file():
        raise _unavailable(path, "is a folder, expected a file" if path.is_dir() else "is no ordinary file")
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise _unavailable(path, f"cannot be read ({error.strerror})") from None
    if not head:
        raise _unavailable(path, "is empty")
    # FFmpeg plays text as a film of letters, and a playlist, which is text too, may name other hosts.
    if _is_text(head):
        raise _unavailable(path, "holds text, expected a video")


def _is_text(head: bytes) -> bool:
    try:
        # Incremental, because the head may end in the middle of a letter.
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return not any(character < " " and character not in "\t\n\r\f" for character in text)


def _unavailable(path: Path, reason: str) -> SourceUnavailable:
    return SourceUnavailable(f"video {path}: {reason}; give another --video FILE, or try --camera N or --demo")
