"""How a camera's lens maps sight lines to the picture, as nine numbers that travel with poses.

A lens is (9,) float32: the focal lengths and the place of the optical axis as shares of the picture's width and height
(x, y, x, y), then the distortion k1, k2, p1, p2, k3 in OpenCV's order.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

LENS_NUMBERS: Final = 9
# Each round of undoing the distortion leaves about a tenth of it, for lenses up to a wide angle.
_UNDISTORT_ROUNDS = 6


def sight_lines(fractions: NDArray[np.floating], lens: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return where the sight lines of picture points meet the plane one metre ahead.

    fractions: (..., 2), x to the right and y down as fractions of the picture; they may lie outside it. lens: (9,).
    Result: (..., 2) float64, metres to the right and down; the distortion is undone.
    """
    numbers = np.asarray(lens, np.float64)
    return undistorted((np.asarray(fractions, np.float64) - numbers[2:4]) / numbers[:2], numbers[4:])


def undistorted(seen: NDArray[np.float64], distortion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Undo a lens's distortion. seen: (..., 2), where points appear one metre ahead; distortion: (5,)."""
    if not distortion.any():
        return seen
    k1, k2, p1, p2, k3 = distortion.tolist()
    # Far outside the picture the polynomial means nothing; the bounds keep the factor plausible there.
    x0, y0 = seen[..., 0], seen[..., 1]
    x, y = x0, y0
    for _ in range(_UNDISTORT_ROUNDS):
        r2 = x * x + y * y
        radial = np.clip(1 + r2 * (k1 + r2 * (k2 + r2 * k3)), 0.5, 2.0)
        x, y = (
            (x0 - 2 * p1 * x * y - p2 * (r2 + 2 * x * x)) / radial,
            (y0 - p1 * (r2 + 2 * y * y) - 2 * p2 * x * y) / radial,
        )
    return np.stack((x, y), axis=-1)


def is_lens(lens: NDArray[np.floating]) -> bool:
    """Return whether nine numbers can be a lens: finite, with positive focal lengths."""
    return lens.shape == (LENS_NUMBERS,) and bool(np.isfinite(lens).all()) and bool((lens[:2] > 0).all())
