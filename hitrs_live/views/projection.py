"""Project joints from the camera's frame into the picture."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

NEAREST_M = 0.05
"""Smallest distance from the camera at which a joint can be in the picture."""


class LensLike(Protocol):
    """A pinhole camera: focal lengths and optical axis in pixels, distortion k1, k2, p1, p2, k3."""

    @property
    def fx(self) -> float: ...
    @property
    def fy(self) -> float: ...
    @property
    def cx(self) -> float: ...
    @property
    def cy(self) -> float: ...
    @property
    def distortion(self) -> tuple[float, ...]: ...


LensFor = Callable[[int, int], LensLike]
"""Returns the lens for a picture of (width, height) pixels."""


@dataclass(frozen=True, kw_only=True)
class Lens:
    """The numbers of a camera, for pictures of one size."""

    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0)


def default_lens(width: int, height: int) -> Lens:
    """Return the lens of the empty scene: 60 degrees across, its axis slightly above the middle of the picture."""
    focal = width / 2 / np.tan(np.radians(30.0))
    return Lens(fx=focal, fy=focal, cx=width / 2, cy=height * 0.48)


def project(joints_m: NDArray[np.floating], lens: LensLike) -> NDArray[np.float64]:
    """Compute the pixels of joints.

    joints_m: (..., 3), metres, camera frame, x to the camera's left and y up. Returns (..., 2) float64, pixels to
    the right and down from the picture's top left corner; NaN for joints behind the camera or not finite.
    """
    joints = np.asarray(joints_m, np.float64)
    with np.errstate(all="ignore"):
        seen = np.isfinite(joints).all(-1) & (joints[..., 2] > NEAREST_M)
        z = np.where(seen, joints[..., 2], np.nan)
        x, y = -joints[..., 0] / z, -joints[..., 1] / z
        if any(lens.distortion):
            k1, k2, p1, p2, k3 = lens.distortion
            r2 = x * x + y * y
            radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
            x, y = (
                x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
                y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
            )
        return np.stack((lens.cx + lens.fx * x, lens.cy + lens.fy * y), axis=-1)
