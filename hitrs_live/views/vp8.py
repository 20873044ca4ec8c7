"""Encode pictures as VP8, by the encoder that OpenCV brings.

OpenCV's writer gives every picture the same length and says nothing of a full disk, so it writes no file here: it
writes IVF, the plainest of its formats, into a pipe, and what comes out is put into a file by `webm`.

Why not PyAV: its wheels hold x264 and x265, which are GPL. OpenCV's FFmpeg is LGPL and holds libvpx (BSD).
"""

import os
import struct
import tempfile
import threading
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.errors import ViewUnavailable

_HEADER_BYTES: Final = 32
_PICTURE_HEADER: Final = struct.Struct("<IQ")


class Vp8Encoder:
    """Own one encoder, the pipe behind it and the thread that reads it. Use it from one thread."""

    def __init__(self, width: int, height: int, fps: float) -> None:
        """Start. fps: about how many pictures a second there will be, by which the encoder chooses their size.

        Raises ViewUnavailable where there is no such encoder.
        """
        self._changed = threading.Condition()
        self._encoded: list[bytes] = []
        with tempfile.TemporaryDirectory(prefix="hitrs-live-") as folder:
            pipe = Path(folder) / "pictures.ivf"
            try:
                os.mkfifo(pipe)
            except (AttributeError, OSError) as error:
                raise ViewUnavailable(f"--save-video: no named pipe can be made here ({error}); name it .avi") from None
            # The reading end first, and without waiting: the other end is opened only where there is an encoder.
            reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
            self._writer = cv2.VideoWriter(
                str(pipe), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"VP80"), fps, (width, height)
            )
        if not self._writer.isOpened():
            os.close(reading)
            raise ViewUnavailable("--save-video: this build of OpenCV has no VP8 encoder; name the file .mp4 or .avi")
        os.set_blocking(reading, True)
        self._thread = threading.Thread(target=self._read, args=(reading,), name="vp8-reader", daemon=True)
        self._thread.start()

    def encode(self, image: NDArray[np.uint8]) -> list[bytes]:
        """Encode one picture (height, width, 3) uint8, blue-green-red; return the encoded ones that are ready."""
        self._writer.write(image)
        return self._take()

    def close(self) -> list[bytes]:
        """Return what was left in the encoder, and end it. Safe twice."""
        self._writer.release()
        self._thread.join()
        return self._take()

    def _take(self) -> list[bytes]:
        with self._changed:
            taken, self._encoded = self._encoded, []
            return taken

    def _read(self, reading: int) -> None:
        begun, skipped = b"", False
        with os.fdopen(reading, "rb", buffering=0) as file:
            while data := file.read(1 << 16):
                begun += data
                if not skipped:
                    if len(begun) < _HEADER_BYTES:
                        continue
                    begun, skipped = begun[_HEADER_BYTES:], True
                begun = self._part(begun)

    def _part(self, data: bytes) -> bytes:
        """Take whole pictures off the front; return the rest."""
        while len(data) >= _PICTURE_HEADER.size:
            size, _ = _PICTURE_HEADER.unpack_from(data)
            end = _PICTURE_HEADER.size + size
            if len(data) < end:
                break
            with self._changed:
                self._encoded.append(data[_PICTURE_HEADER.size : end])
            data = data[end:]
        return data


def is_key_picture(encoded: bytes) -> bool:
    """Tell whether an encoded picture stands for itself (RFC 6386, 9.1)."""
    return bool(encoded) and not encoded[0] & 1
