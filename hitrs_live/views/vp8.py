"""Encode pictures as VP8 with the encoder included in OpenCV.

OpenCV's writer gives every picture the same duration and does not report a full disk, so it does not write the file
here. It writes IVF, the simplest of its formats, into a pipe, and `webm` writes the encoded pictures to a file.

PyAV is not used because its wheels contain x264 and x265, which are GPL. OpenCV's FFmpeg is LGPL and contains libvpx
(BSD).
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
    """Encode pictures. Owns one encoder, the pipe behind it and the thread that reads it; use it from one thread."""

    def __init__(self, width: int, height: int, fps: float) -> None:
        """Start the encoder. fps: approximate frame rate, from which the encoder derives its bit rate.

        Raises ViewUnavailable if there is no such encoder.
        """
        self._changed = threading.Condition()
        self._encoded: list[bytes] = []
        with tempfile.TemporaryDirectory(prefix="hitrs-live-") as folder:
            pipe = Path(folder) / "pictures.ivf"
            try:
                os.mkfifo(pipe)
            except (AttributeError, OSError) as error:
                raise ViewUnavailable(
                    f"--save-video: cannot create a named pipe here ({error}); name the file .mp4 or .avi"
                ) from None
            # The reading end first, and without waiting: the other end is opened only if there is an encoder.
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
        """Encode one picture (height, width, 3) uint8, blue-green-red; return the encoded pictures that are ready."""
        self._writer.write(image)
        return self._take()

    def close(self) -> list[bytes]:
        """End the encoder and return its remaining pictures. Safe to repeat."""
        self._writer.release()
        self._thread.join()
        return self._take()

    def _take(self) -> list[bytes]:
        with self._changed:
            taken, self._encoded = self._encoded, []
            return taken

    def _read(self, reading: int) -> None:
        buffer, skipped = b"", False
        with os.fdopen(reading, "rb", buffering=0) as file:
            while data := file.read(1 << 16):
                buffer += data
                if not skipped:
                    if len(buffer) < _HEADER_BYTES:
                        continue
                    buffer, skipped = buffer[_HEADER_BYTES:], True
                buffer = self._split_pictures(buffer)

    def _split_pictures(self, data: bytes) -> bytes:
        """Store the complete pictures at the front; return the rest."""
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
    """Return whether an encoded picture is a key frame, which needs no other picture (RFC 6386, 9.1)."""
    return bool(encoded) and not encoded[0] & 1
