"""Share one picture's pixels between two processes."""

import mmap
import os
import tempfile

import cv2
import numpy as np
from numpy.typing import NDArray

_MEMORY_FOLDER = "/dev/shm"


class NoRoomForPicture(Exception):
    """There is no memory for a picture now. `isolated` alone catches it, and goes on with the next picture."""


class SharedPixels:
    """Hold one picture in a file without a name, in memory where the system has such a place.

    It has no name, so that nothing is left behind however the processes end. It grows with the pictures.
    """

    def __init__(self) -> None:
        in_memory = os.path.isdir(_MEMORY_FOLDER) and os.access(_MEMORY_FOLDER, os.W_OK)
        self._descriptor, path = tempfile.mkstemp(dir=_MEMORY_FOLDER if in_memory else None)
        os.unlink(path)
        self._map: mmap.mmap | None = None

    @property
    def descriptor(self) -> int:
        """The open file's number, for a child process to inherit."""
        return self._descriptor

    def write(self, image: NDArray[np.uint8]) -> None:
        """Store a picture. image: (height, width, 3) uint8, blue-green-red; it is stored red-green-blue.

        Raises NoRoomForPicture where there is no room for it.
        """
        if self._map is None or len(self._map) < image.nbytes:
            self._map = self._grow(image.nbytes)
        place = np.frombuffer(self._map, np.uint8, count=image.nbytes).reshape(image.shape)
        cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=place)

    def close(self) -> None:
        """Free the memory."""
        self._map = None
        os.close(self._descriptor)

    def _grow(self, size: int) -> mmap.mmap:
        try:
            # A file that is only extended has no pages yet, and running out of them later kills the process.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self.descriptor, 0, size)
            else:
                os.ftruncate(self.descriptor, size)
            return mmap.mmap(self.descriptor, size)
        except OSError as error:
            raise NoRoomForPicture(
                f"no room to share a picture of {size} bytes with the pose process ({error}); "
                f"make {_MEMORY_FOLDER} larger or the picture smaller"
            ) from None
