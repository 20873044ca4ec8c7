"""Turn a camera's pictures upright, or undo its mirror, before anything else sees them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import Frame
from hitrs_live.sources.base import Source, SourceItem

_CODES: Final = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_LEFT_RIGHT: Final = 1


class TurnedSource:
    """A source of pictures whose camera hangs upside down, lies on its side, or shows a mirror image. A `Source`."""

    has_pictures = True

    def __init__(self, source: Source, *, rotate_deg: int = 0, mirror: bool = False) -> None:
        """Take the source, not yet open.

        rotate_deg: clockwise, 0, 90, 180 or 270; mirror: whether to swap left and right, after that.
        """
        self.source_id, self.live = source.source_id, source.live
        self._source, self._rotate_deg, self._mirror = source, rotate_deg, mirror

    def open(self) -> None:
        """Open the source; as `Source.open`."""
        self._source.open()

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        """Read from the source; its pictures are turned."""
        return tuple(self._turned(item) for item in self._source.read(timeout_s))

    def drops(self) -> dict[str, int]:
        """Count what the source lost."""
        return self._source.drops()

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _turned(self, item: SourceItem) -> SourceItem:
        if not isinstance(item, Frame):
            return item
        return replace(item, image=turned(item.image, rotate_deg=self._rotate_deg, mirror=self._mirror))


def turned(image: NDArray[np.uint8], *, rotate_deg: int, mirror: bool) -> NDArray[np.uint8]:
    """Rotate a picture clockwise, then mirror it. (height, width, 3) uint8 -> the same, or with both exchanged."""
    result = cv2.rotate(image, _CODES[rotate_deg]) if rotate_deg else image
    if mirror:
        result = cv2.flip(result, _LEFT_RIGHT)
    return np.asarray(result, np.uint8)
