"""How the people in a picture move during its exposure, and the blur that this makes."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

_CELL_PX: Final = 12
"""The velocity is computed on a grid of this spacing."""
_SAMPLES: Final = 5
_LEAST_BLUR_PX: Final = 1.0
"""A smaller movement during the exposure is not worth its cost."""
_REACH: Final = 0.09
"""How far a joint's velocity reaches, as a share of the person's height in the picture."""


@dataclass(frozen=True, kw_only=True)
class Motion:
    """Points of people in a picture and their velocities. N points."""

    pixels: NDArray[np.float32]
    """(N, 2)."""
    velocity_px_s: NDArray[np.float32]
    """(N, 2), pixels a second."""
    height_px: float
    """Height of the largest person in the picture."""


def smear(picture: NDArray[np.uint8], motion: Motion, *, shutter_s: float, readout_s: float) -> NDArray[np.uint8]:
    """Blur the moving parts of a picture along their movement, and shift them by when their row was read.

    picture: (height, width, 3). readout_s: time from the first row to the last; the middle row is read at the
    frame's own time.
    """
    height, width = picture.shape[:2]
    speed = np.linalg.norm(motion.velocity_px_s, axis=-1)
    fast = (speed * max(shutter_s, readout_s / 2) > _LEAST_BLUR_PX) & np.isfinite(motion.pixels).all(axis=-1)
    if not fast.any():
        return picture
    reach = max(_REACH * motion.height_px, 2.0 * _CELL_PX)
    points = motion.pixels[fast]
    margin = 2 * reach + speed[fast].max() * shutter_s
    left, top = (int(v) for v in np.clip(points.min(axis=0) - margin, 0, (width, height)))
    right, bottom = (int(v) for v in np.clip(points.max(axis=0) + margin + 1, 0, (width, height)))
    if right - left < 2 or bottom - top < 2:
        return picture
    columns, rows = np.meshgrid(np.arange(left, right, dtype=np.float32), np.arange(top, bottom, dtype=np.float32))
    velocity = _velocity_field(motion, reach, (left, top, right, bottom))
    read_s = (rows / height - 0.5) * readout_s
    total = np.zeros((bottom - top, right - left, 3), np.float32)
    for share in np.linspace(-0.5, 0.5, _SAMPLES):
        time_s = (read_s + share * shutter_s).astype(np.float32)
        # What is at a pixel at that time was elsewhere in the picture rendered for the frame's own time.
        sample = cv2.remap(
            picture, columns - time_s * velocity[..., 0], rows - time_s * velocity[..., 1], cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        cv2.accumulate(sample, total)
    smeared = picture.copy()
    smeared[top:bottom, left:right] = cv2.convertScaleAbs(total, alpha=1 / _SAMPLES)
    return smeared


def _velocity_field(motion: Motion, reach: float, box: tuple[int, int, int, int]) -> NDArray[np.float32]:
    """Return (h, w, 2): velocity of each pixel of the box, pixels a second; it falls to zero away from the points."""
    left, top, right, bottom = box
    size = (max(2, (right - left) // _CELL_PX), max(2, (bottom - top) // _CELL_PX))
    x = left + (np.arange(size[0], dtype=np.float32) + 0.5) * (right - left) / size[0]
    y = top + (np.arange(size[1], dtype=np.float32) + 0.5) * (bottom - top) / size[1]
    finite = np.isfinite(motion.pixels).all(axis=-1)
    points, velocities = motion.pixels[finite], motion.velocity_px_s[finite]
    across = np.exp(-((x[:, None] - points[:, 0]) ** 2) / (2 * reach * reach))
    down = np.exp(-((y[:, None] - points[:, 1]) ** 2) / (2 * reach * reach))
    weight = down[:, None] * across[None]
    moved = weight @ velocities / (weight.sum(axis=-1, keepdims=True) + 0.15)
    return np.asarray(cv2.resize(moved.astype(np.float32), (right - left, bottom - top)), np.float32)
