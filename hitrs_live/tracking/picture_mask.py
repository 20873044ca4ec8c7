"""Leave out bodies in parts of the picture that the settings mask: a television, a mirror, a poster, the street."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.errors import ConfigError
from hitrs_live.messages import People

Floats = NDArray[np.float32]
_LEAST_POINTS = 3


def parse_masks(text: str, source_id: str) -> Sequence[Floats]:
    """Read the polygons of a source, (points, 2) each, in shares of the picture.

    text: polygons separated by semicolons, each of three or more points "x,y" separated by spaces, and "SOURCE=" before
    it where it is for one source alone.

    Raises ConfigError where it is anything else.
    """
    polygons = []
    for part in filter(None, map(str.strip, text.split(";"))):
        name, _, points = part.rpartition("=")
        try:
            # As float64 first: a number may be too large for float32.
            polygon = np.array([[float(number) for number in point.split(",")] for point in points.split()], np.float64)
        except ValueError:
            polygon = np.empty((0, 2), np.float64)
        fits = polygon.ndim == 2 and polygon.shape[1] == 2 and len(polygon) >= _LEAST_POINTS
        if not fits or not ((polygon >= 0) & (polygon <= 1)).all():
            raise ConfigError(
                f'camera.mask "{part}": expected three or more points as x,y from 0 to 1, such as '
                '"0.7,0.1 1,0.1 1,0.5 0.7,0.5"; several such polygons are separated by ;'
            )
        if name.strip() in ("", source_id):
            polygons.append(polygon.astype(np.float32))
    return polygons


class PictureMask:
    """Leave out people the middle of whose box is masked. For the people of pictures."""

    def __init__(self, polygons: Sequence[Floats]) -> None:
        """Take the polygons, (points, 2) each, in shares of the picture."""
        self._polygons = tuple(polygons)
        self.rejected = 0
        """Bodies left out since the start, one for each frame."""

    def step(self, people: People) -> People:
        """Return the people of a frame, without those who are masked."""
        if not self._polygons or people.boxes is None:
            return people
        accepted = people.present.copy()
        for row in np.flatnonzero(accepted).tolist():
            accepted[row] = not self._hides(people.boxes[row].reshape(2, 2).mean(axis=0, dtype=np.float32))
        hidden = int(people.present.sum() - accepted.sum())
        self.rejected += hidden
        return replace(people, present=accepted) if hidden else people

    def _hides(self, point: Floats) -> bool:
        """Whether a point, (2,), is in a polygon. A box that is unknown, not a number, is in none."""
        if not np.isfinite(point).all():
            return False
        at = (float(point[0]), float(point[1]))
        return any(cv2.pointPolygonTest(polygon, at, False) >= 0 for polygon in self._polygons)
