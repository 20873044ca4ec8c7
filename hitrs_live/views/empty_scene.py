"""Draw the background for sources without pictures: a dark room with a grid on its floor."""

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25
from hitrs_live.views.projection import LensLike, project

_FEET = [NTU25.index(f"{side}_{name}") for side in ("left", "right") for name in ("ankle", "foot")]
_TOP, _BOTTOM = np.array([34.0, 27.0, 22.0]), np.array([58.0, 46.0, 38.0])
_GRID = np.array([104.0, 88.0, 74.0])
_FLOOR_M = -0.9
"""Height of the floor until feet have been seen."""
_NEAR_M, _FAR_M, _HALF_WIDTH_M = 1.0, 9.0, 5.0


class EmptyScene:
    """Draw empty pictures of one size, with the grid at the height of the lowest recent feet."""

    def __init__(self, width: int, height: int, lens: LensLike) -> None:
        """Set the size in pixels and the lens; the floor is at a default height at first."""
        self._size = (width, height)
        self._lens = lens
        self._floor_m = _FLOOR_M
        self._drawn_at_m: float | None = None
        self._picture = np.zeros((height, width, 3), np.uint8)

    def picture(self, joints_m: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Return a new picture (height, width, 3) uint8, blue-green-red.

        joints_m: (P, 25, 3), metres, camera frame, of the people present; their feet set the height of the floor.
        """
        feet = joints_m[:, _FEET, 1]
        feet = feet[np.isfinite(feet)]
        if feet.size:
            lowest = float(feet.min())
            # Down fast, up slowly: people jump, but cannot stand below the floor.
            self._floor_m += (0.3 if lowest < self._floor_m else 0.002) * (lowest - self._floor_m)
        if self._drawn_at_m is None or abs(self._drawn_at_m - self._floor_m) > 0.02:
            self._drawn_at_m = self._floor_m
            self._picture = _empty_room(self._size, self._lens, self._floor_m)
        return self._picture.copy()


def _empty_room(size: tuple[int, int], lens: LensLike, floor_m: float) -> NDArray[np.uint8]:
    width, height = size
    down = np.linspace(0.0, 1.0, height)[:, None, None]
    picture = np.ascontiguousarray(np.broadcast_to(_TOP + (_BOTTOM - _TOP) * down, (height, width, 3)).astype(np.uint8))
    for away in np.arange(_NEAR_M, _FAR_M + 0.1, 0.5):
        _floor_line(picture, lens, (-_HALF_WIDTH_M, away), (_HALF_WIDTH_M, away), floor_m)
    for left in np.arange(-_HALF_WIDTH_M, _HALF_WIDTH_M + 0.1, 0.5):
        # In segments, so that each fades with its distance.
        for away in np.arange(_NEAR_M, _FAR_M, 1.0):
            _floor_line(picture, lens, (left, away), (left, away + 1.0), floor_m)
    return picture


def _floor_line(
    picture: NDArray[np.uint8], lens: LensLike, begin: tuple[float, float], end: tuple[float, float], floor_m: float
) -> None:
    ends = project(np.array([[begin[0], floor_m, begin[1]], [end[0], floor_m, end[1]]]), lens)
    if not (np.abs(ends) < 3e4).all():
        return
    (x0, y0), (x1, y1) = np.round(ends * 8).astype(int).tolist()
    share = 0.75 * (1.0 - ((begin[1] + end[1]) / 2 - _NEAR_M) / (_FAR_M - _NEAR_M))
    colour = _BOTTOM + (_GRID - _BOTTOM) * max(0.0, share)
    cv2.line(picture, (x0, y0), (x1, y1), tuple(float(value) for value in colour), 1, cv2.LINE_AA, 3)
