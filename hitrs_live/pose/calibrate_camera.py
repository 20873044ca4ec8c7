"""Measure a camera's intrinsics from photographs of a chessboard."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.errors import ConfigError
from hitrs_live.files.picture_size import why_not_decodable
from hitrs_live.pose.intrinsics import Intrinsics

_FEWEST_PICTURES = 3
_MOST_BYTES = 128 * 2**20
_REFINE = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 50, 1e-3)


def calibrate(
    pictures: Sequence[str | Path], *, inner_corners: tuple[int, int], square_m: float
) -> tuple[Intrinsics, float]:
    """Measure a camera from photographs of a chessboard.

    pictures: at least 3 (10 are better), all of one size, the whole board in each, at different angles and places.
    inner_corners: crossings along the board's two sides. square_m: the side of a square, metres.
    Returns the intrinsics and the root mean square reprojection error, pixels. Pictures without the board are
    left out. Raises ConfigError where too few show it, or one is unreadable or of another size.
    """
    grids = []
    size: tuple[int, int] | None = None
    for path in pictures:
        grey = _read_grey(Path(path))
        this_size = (grey.shape[1], grey.shape[0])
        if size is not None and this_size != size:
            raise ConfigError(
                f"calibration: {path} is {this_size[0]} x {this_size[1]}, the others {size[0]} x {size[1]}; "
                "give pictures of one size"
            )
        size = this_size
        grid = _find_board(grey, inner_corners)
        if grid is not None:
            grids.append(grid)
    if size is None or len(grids) < _FEWEST_PICTURES:
        raise ConfigError(
            f"calibration: a board of {inner_corners[0]} x {inner_corners[1]} inner corners was found in "
            f"{len(grids)} of {len(pictures)} pictures, expected {_FEWEST_PICTURES}; show it whole, sharp, evenly lit"
        )
    # k3 matters for fish-eye lenses only, and a few pictures do not determine it.
    error_px, matrix, distortion, _, _ = cv2.calibrateCamera(
        [_board(inner_corners, square_m)] * len(grids), grids, size, None, None, flags=cv2.CALIB_FIX_K3
    )
    intrinsics = Intrinsics(
        fx=float(matrix[0, 0]),
        fy=float(matrix[1, 1]),
        cx=float(matrix[0, 2]),
        cy=float(matrix[1, 2]),
        width=size[0],
        height=size[1],
        distortion=tuple(float(value) for value in np.ravel(distortion)[:5]),
        origin=f"calibrated from {len(grids)} of {len(pictures)} pictures",
    )
    return intrinsics, float(error_px)


def _read_grey(path: Path) -> NDArray[Any]:
    """Read a picture, (height, width) uint8. Raises ConfigError where it is none, or larger than is decoded."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ConfigError(
            f"calibration: {path} is not a picture that can be read ({reason}); give JPEG or PNG files"
        ) from None
    refusal = why_not_decodable(content)
    grey = None
    if refusal is None:
        with contextlib.suppress(cv2.error):
            grey = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        reason = f" (it {refusal})" if refusal else ""
        raise ConfigError(f"calibration: {path} is not a picture that can be read{reason}; give JPEG or PNG files")
    return np.asarray(grey)


def _board(inner_corners: tuple[int, int], square_m: float) -> NDArray[np.float32]:
    columns, rows = inner_corners
    points = np.zeros((rows * columns, 3), np.float32)
    points[:, :2] = np.mgrid[0:columns, 0:rows].T.reshape(-1, 2) * square_m
    return points


def _find_board(grey: NDArray[Any], inner_corners: tuple[int, int]) -> NDArray[Any] | None:
    """Return the crossings in pixels, (N, 1, 2) float32, or None."""
    found, points = cv2.findChessboardCorners(grey, inner_corners)
    if not found:
        # The second finder sees boards in poor light that the first one misses, and is slow at full size.
        half = cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        found, points = cv2.findChessboardCornersSB(half, inner_corners)
        if not found:
            return None
        points = points * 2 + 0.5
    refined: NDArray[Any] = cv2.cornerSubPix(grey, points, (11, 11), (-1, -1), _REFINE)
    return refined
