"""Write the annotated pictures to a video file."""

import contextlib
import errno
import os
import queue
import shutil
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.errors import ViewUnavailable
from hitrs_live.files.output_files import create_private, why_unwritable
from hitrs_live.messages import Scene
from hitrs_live.views.frame_renderer import FrameRenderer
from hitrs_live.views.projection import LensFor, default_lens
from hitrs_live.views.vp8 import Vp8Encoder, is_key_picture
from hitrs_live.views.webm import WebmWriter

WEBM: Final = ".webm"
CODECS: Final = {".mp4": "mp4v", ".avi": "MJPG"}
"""Formats written by OpenCV at a constant frame rate; video players read them, browsers do not."""
SUFFIXES: Final = (WEBM, *CODECS)
_LONGEST_STILL_S: Final = 5.0
"""A longer gap between frames, as when a camera is away, is shortened to this."""
_WAITING: Final = 8
"""Most pictures that wait for the encoder."""
_PATIENCE_S: Final = 10.0
"""Shorter than a closing run waits for its thread."""
_LEAST_FREE_BYTES: Final = 1 << 20

Picture = NDArray[np.uint8]


class VideoInterrupted(ViewUnavailable):
    """A video file cannot be written any more: its disk is full or fails, or it was removed."""


class _File(Protocol):
    """A file that takes pictures of one size at their times; raises OSError or ViewUnavailable."""

    def write(self, picture: Picture, time_ms: int) -> None: ...

    def close(self) -> None: ...


class SaveVideo:
    """Write one picture per frame to a file, from a thread of its own.

    In a WebM (VP8), each picture has its own time, from the capture times, and browsers play the file; a killed process
    leaves a file that plays up to its last second. For .mp4 and .avi, pictures are repeated or left out so that the
    file plays in real time. The first picture sets the size; later ones of another size are fitted into it. Needs no
    screen.
    """

    def __init__(
        self,
        path: str | Path,
        fps: float = 30.0,
        *,
        lens_for: LensFor = default_lens,
        wait: bool = True,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        """Check that the file can be written; it is created with the first picture.

        fps: frame rate of .mp4 and .avi, and the approximate one of a WebM. wait: whether `show` waits for an encoder
        that is too slow; otherwise pictures are left out and counted. patience_s: longest time that writing or
        finishing the file may take before it is given up.

        Raises ViewUnavailable if the file cannot be written, ValueError for a wrong frame rate.
        """
        if not 0 < fps <= 240:
            raise ValueError(f"fps: got {fps}, expected more than 0 and at most 240 frames per second")
        self._path, self._fps, self._wait, self._patience_s = Path(path), fps, wait, patience_s
        _refuse_unwritable(self._path)
        self._renderer = FrameRenderer(lens_for)
        self._times = _Times()
        self._pictures: queue.Queue[tuple[Picture, int] | None] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None
        self._fault: Exception | None = None
        self._given_up = False
        self.frames = 0
        """Pictures passed to the file so far."""
        self.lost = 0
        """Pictures left out because the encoder was too slow."""
        self.notices: Sequence[str] = ()
        """Always empty: whatever is wrong is raised."""

    def show(self, scene: Scene) -> None:
        """Render one frame and queue it for the file.

        Raises ViewUnavailable, once, if writing failed, VideoInterrupted where another file may succeed; nothing is
        written from then on.
        """
        if self._thread is not None and self._pictures.full() and not self._wait:
            self.lost += 1
            return
        self.write(self._renderer.render(scene), self._times.take(scene.people.capture_time_ns))

    def write(self, image: Picture, time_ms: int) -> None:
        """Queue one picture (height, width, 3) uint8, blue-green-red. Raises as `show` does."""
        if self._given_up:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="save-video", daemon=True)
            self._thread.start()
        try:
            self._pictures.put((image, time_ms), timeout=self._patience_s)
        except queue.Full:
            raise self._give_up("nothing was written for") from None
        self._raise_fault()
        self.frames += 1

    def close(self) -> None:
        """Finish the file; safe at any time, and to repeat. Raises ViewUnavailable if it fails or takes too long."""
        thread, self._thread = self._thread, None
        if thread is not None and not self._given_up:
            deadline_s = time.monotonic() + self._patience_s
            try:
                self._pictures.put(None, timeout=self._patience_s)
            except queue.Full:
                raise self._give_up("could not be finished in") from None
            thread.join(max(0.0, deadline_s - time.monotonic()))
            if thread.is_alive():
                raise self._give_up("could not be finished in")
        self._raise_fault()

    def _give_up(self, what: str) -> ViewUnavailable:
        """Abandon the thread, which finishes the file if it ever can; return the error to raise."""
        self._given_up = True
        with contextlib.suppress(queue.Empty):
            while True:
                self._pictures.get_nowait()
        self._pictures.put_nowait(None)
        return ViewUnavailable(f"video {self._path}: {what} {self._patience_s:g} s; given up")

    def _raise_fault(self) -> None:
        fault, self._fault = self._fault, None
        if isinstance(fault, ViewUnavailable):
            raise fault
        if fault is not None:
            reason = getattr(fault, "strerror", None) or fault
            kind = VideoInterrupted if isinstance(fault, OSError) else ViewUnavailable
            raise kind(f"video {self._path} ended early: {reason}")

    def _run(self) -> None:
        file: _File | None = None
        size = (0, 0)
        failed = False
        while (item := self._pictures.get()) is not None:
            # After a fault, keep emptying the queue, so that a waiting caller continues.
            if failed:
                continue
            picture, time_ms = item
            try:
                if file is None:
                    # Encoders require even sizes.
                    size = (picture.shape[1] // 2 * 2, picture.shape[0] // 2 * 2)
                    file = self._begin(size)
                file.write(_fit(picture, size), time_ms)
            except Exception as error:  # Raised to the caller of the next `show`.
                failed, self._fault = True, error
        try:
            if file is not None:
                file.close()
        except Exception as error:
            if not failed:
                self._fault = error

    def _begin(self, size: tuple[int, int]) -> _File:
        if self._path.suffix.lower() == WEBM:
            return _WebmFile(self._path, size, self._fps)
        return _ConstantRateFile(self._path, size, self._fps)


class _Times:
    """Convert capture times to times in the file: milliseconds from its first picture, strictly increasing."""

    def __init__(self) -> None:
        self._last_ns: int | None = None
        self._film_ns = 0
        self._last_ms = -1

    def take(self, capture_time_ns: int) -> int:
        if self._last_ns is not None:
            self._film_ns += min(max(capture_time_ns - self._last_ns, 0), round(_LONGEST_STILL_S * 1e9))
        self._last_ns = capture_time_ns
        self._last_ms = max(round(self._film_ns / 1e6), self._last_ms + 1)
        return self._last_ms


class _WebmFile:
    """A WebM file: each picture at its own time."""

    def __init__(self, path: Path, size: tuple[int, int], fps: float) -> None:
        self._encoder = Vp8Encoder(*size, fps)
        self._times_ms: deque[int] = deque()
        try:
            self._file = WebmWriter(path, width=size[0], height=size[1])
        except OSError:
            self._encoder.close()
            raise

    def write(self, picture: Picture, time_ms: int) -> None:
        self._times_ms.append(time_ms)
        self._add(self._encoder.encode(picture))

    def close(self) -> None:
        try:
            self._add(self._encoder.close())
        finally:
            self._file.close()

    def _add(self, encoded: list[bytes]) -> None:
        # This encoder returns one encoded picture for each picture, in order.
        for picture in encoded:
            self._file.write(picture, self._times_ms.popleft(), is_key=is_key_picture(picture))


class _ConstantRateFile:
    """A file of constant frame rate: pictures are repeated or left out so that it plays in real time."""

    def __init__(self, path: Path, size: tuple[int, int], fps: float) -> None:
        self._path, self._fps = path, fps
        self._owed = 1.0
        self._last_ms: int | None = None
        codec = CODECS[path.suffix.lower()]
        # OpenCV empties the file that it finds, and leaves its permissions.
        create_private(path, overwrite=True).close()
        self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, size)
        if not self._writer.isOpened():
            raise ViewUnavailable(
                f"video {path}: this build of OpenCV cannot write {codec} at {size[0]} x {size[1]}; "
                f"try another suffix of {', '.join(SUFFIXES)}"
            )

    def write(self, picture: Picture, time_ms: int) -> None:
        if self._last_ms is not None:
            self._owed += (time_ms - self._last_ms) * self._fps / 1e3
        self._last_ms = time_ms
        # Half a frame of tolerance keeps a camera's jitter from doubling and dropping frames in turn.
        copies = int(self._owed + 0.5)
        self._owed -= copies
        for _ in range(copies):
            self._writer.write(picture)
        # OpenCV's writer reports neither a removed file nor a full disk.
        if not self._path.exists():
            raise FileNotFoundError(errno.ENOENT, "the file or its folder was removed")
        if shutil.disk_usage(self._path.parent).free < _LEAST_FREE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        self._writer.release()


def _refuse_unwritable(path: Path) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise ViewUnavailable(
            f"video {path}: got the suffix {path.suffix!r}, expected one of {', '.join(SUFFIXES)} to choose the format"
        )
    trouble = why_unwritable(path)
    if trouble is not None:
        raise ViewUnavailable(f"video {path}: {trouble}")


def _fit(image: Picture, size: tuple[int, int]) -> Picture:
    """Scale a picture into another size, black at the sides where the shapes differ."""
    width, height = size
    if image.shape[1] == width and image.shape[0] == height:
        return image
    scale = min(width / image.shape[1], height / image.shape[0])
    inner = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    fitted = np.zeros((height, width, 3), np.uint8)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    fitted[top : top + inner[1], left : left + inner[0]] = cv2.resize(image, inner, interpolation=cv2.INTER_AREA)
    return fitted
