"""Keep the painted pictures as a video file."""

import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.errors import ViewUnavailable
from hitrs_live.messages import Scene
from hitrs_live.views.painter import Painter
from hitrs_live.views.projection import LensFor, imagined_lens

CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
_LONGEST_STILL_S = 5.0
"""A longer gap between frames, as when a camera is away, is shortened to this."""


class SaveVideo:
    """Write one picture a frame to a file, repeated or left out so that the file plays at the true pace.

    The file's size is the first picture's; later ones of another size are fitted into it. Needs no screen.
    """

    def __init__(self, path: str | Path, fps: float = 30.0, *, lens_for: LensFor = imagined_lens) -> None:
        """Make sure that the file can be written. Raise ViewUnavailable or ValueError (rate) where not."""
        if not 0 < fps <= 240:
            raise ValueError(f"fps: got {fps}, wanted more than 0 and at most 240 frames a second")
        self._path = Path(path)
        _refuse_unwritable(self._path)
        self._fps = fps
        self._painter = Painter(lens_for)
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._last_ns = 0
        self._owed = 0.0
        self.frames = 0
        """Pictures in the file so far."""

    def show(self, scene: Scene) -> None:
        """Paint one frame and write it as often as its time asks. Raise ViewUnavailable where writing cannot begin."""
        copies = self._copies(scene.people.capture_time_ns)
        if copies:
            self.write(self._painter.paint(scene), copies)

    def write(self, image: NDArray[np.uint8], copies: int = 1) -> None:
        """Write one picture (height, width, 3) uint8, blue-green-red, so many times."""
        if self._writer is None:
            # Encoders want even sizes.
            self._size = (image.shape[1] // 2 * 2, image.shape[0] // 2 * 2)
            self._writer = self._begin()
        fitted = _fit(image, self._size)
        for _ in range(copies):
            self._writer.write(fitted)
        self.frames += copies

    def close(self) -> None:
        """Finish the file; safe at any time, also twice."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None

    def _copies(self, capture_time_ns: int) -> int:
        """Count the file's frames that fall due between the frame before and this one."""
        if self._writer is None:
            self._owed = 1.0
        else:
            gap_s = (capture_time_ns - self._last_ns) / 1e9
            self._owed += min(max(gap_s, 0.0), _LONGEST_STILL_S) * self._fps
        self._last_ns = capture_time_ns
        # Half a frame of tolerance keeps a camera's jitter from doubling and dropping frames in turn.
        copies = int(self._owed + 0.5)
        self._owed -= copies
        return copies

    def _begin(self) -> cv2.VideoWriter:
        codec = CODECS[self._path.suffix.lower()]
        writer = cv2.VideoWriter(str(self._path), cv2.VideoWriter.fourcc(*codec), self._fps, self._size)
        if not writer.isOpened():
            raise ViewUnavailable(
                f"video {self._path}: this build of OpenCV cannot write {codec} at {self._size[0]} x {self._size[1]}; "
                f"try another suffix of {', '.join(CODECS)}"
            )
        return writer


def _refuse_unwritable(path: Path) -> None:
    if path.suffix.lower() not in CODECS:
        raise ViewUnavailable(
            f"video {path}: got the suffix {path.suffix!r}, wanted one of {', '.join(CODECS)} to say how it is coded"
        )
    if not path.parent.is_dir():
        raise ViewUnavailable(f"video {path}: there is no folder {path.parent}; make it or choose another")
    if path.is_dir():
        raise ViewUnavailable(f"video {path}: is a folder, wanted a file's name")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ViewUnavailable(f"video {path}: may not be written here; choose another folder or ask for the right")


def _fit(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
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
