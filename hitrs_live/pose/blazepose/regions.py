"""The part of a picture that a network looks at: a square, turned so that the person stands upright in it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

# The network was trained on squares so much larger than the circle about the person.
_MARGIN = 1.25
# Of the side, of the logarithm of the side, and radians. The margin is larger.
_HARDLY = 0.06
_SMALLEST_PX = 1.0


@dataclass(frozen=True, kw_only=True)
class Region:
    """A turned square in a picture."""

    x: float
    """Of its middle, pixels from the left."""
    y: float
    """Of its middle, pixels from the top."""
    side: float
    """Width and height, pixels."""
    angle: float
    """Of the person's up from the picture's up, radians, positive clockwise as seen."""

    @classmethod
    def about(cls, hips: NDArray[np.floating], reach: NDArray[np.floating]) -> "Region":
        """Return the region of a person. hips: (2,), pixels; reach: (2,), a point above them on the circle about all.

        Turned and as large as the line between the two demands.
        """
        across, down = (float(value) for value in reach - hips)
        return cls(
            x=float(hips[0]), y=float(hips[1]), angle=float(np.arctan2(across, -down)),
            side=max(2 * float(np.hypot(across, down)) * _MARGIN, _SMALLEST_PX),
        )  # fmt: skip

    def steadied(self, before: "Region") -> "Region":
        """Return the region before this one where the two hardly differ.

        The network's points move with its crop, by more than a person who stands still: a crop that stays as it is
        gives points that do.
        """
        moved = np.hypot(self.x - before.x, self.y - before.y) / before.side
        grown = abs(np.log(self.side / before.side))
        turned = abs((self.angle - before.angle + np.pi) % (2 * np.pi) - np.pi)
        return before if max(moved, grown, turned) < _HARDLY else self

    def to_picture(self) -> NDArray[np.float64]:
        """Return the map (2, 3) from the unit square of the region to pixels of the picture."""
        cos, sin = np.cos(self.angle) * self.side, np.sin(self.angle) * self.side
        return np.array([[cos, -sin, self.x - (cos - sin) / 2], [sin, cos, self.y - (sin + cos) / 2]])

    def crop(self, picture: NDArray[np.uint8], size: int, *, black_outside: bool) -> NDArray[np.uint8]:
        """Cut the region out of a picture.

        picture: (height, width, 3) uint8. Returns (size, size, 3); where it is not black, what lies outside the
        picture repeats its edge.
        """
        matrix = self.to_picture()
        matrix[:, :2] /= size
        if self.side > size:
            # Sampling reads the picture in jumps. From a copy, which is read in one go, that takes half the time.
            left, top, right, bottom = self._bounds(*picture.shape[:2])
            picture = picture[top:bottom, left:right].copy()
            matrix[:, 2] -= (left, top)
        cut: NDArray[np.uint8] = cv2.warpAffine(  # type: ignore[assignment]
            picture, matrix, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT if black_outside else cv2.BORDER_REPLICATE,
        )  # fmt: skip
        return cut

    def place(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """Move points (..., 2) from fractions of the region to pixels of the picture."""
        matrix = self.to_picture()
        return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)

    def turn(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn points (..., 3) of an upright person, x right, y down, z away, as the person stands in the picture."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        turned = points.copy()
        turned[..., 0] = cos * points[..., 0] - sin * points[..., 1]
        turned[..., 1] = sin * points[..., 0] + cos * points[..., 1]
        return turned

    def _bounds(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Return left, top, right, bottom of the part of a picture that a crop reads, at least two pixels each way."""
        half = self.side / 2 * (abs(np.cos(self.angle)) + abs(np.sin(self.angle))) + 2
        left, right = np.clip((self.x - half, self.x + half + 1), (0, 2), (width - 2, width)).astype(int)
        top, bottom = np.clip((self.y - half, self.y + half + 1), (0, 2), (height - 2, height)).astype(int)
        return int(left), int(top), int(right), int(bottom)
