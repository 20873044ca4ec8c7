"""Move landmarks to where the network's heat maps have them."""

import numpy as np
from numpy.typing import NDArray

_REACH = 3
"""Cells on each side of a landmark that are looked at: 7 x 7."""
_MIN_CONFIDENCE = 0.5
_OFFSETS = np.arange(-_REACH, _REACH + 1)


def refine(points: NDArray[np.floating], heat: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return landmarks moved to the mean place of their heat map about them, where it is confident of one.

    points: (L, 2), fractions of the crop; heat: (cells, cells, L) logits. A landmark outside the crop stays as it is.
    """
    cells = heat.shape[0]
    column, row = (points * cells).astype(int).T
    inside = ((points >= 0) & (points < 1)).all(axis=1)
    rows, columns = row[:, None, None] + _OFFSETS[:, None], column[:, None, None] + _OFFSETS
    valid = (rows >= 0) & (rows < cells) & (columns >= 0) & (columns < cells)
    near = heat[
        np.clip(rows, 0, cells - 1), np.clip(columns, 0, cells - 1), np.arange(len(points))[:, None, None]
    ].astype(np.float64)
    confidence = np.where(valid, 1 / (1 + np.exp(-np.clip(near, -100, 100))), 0)
    total = np.maximum(confidence.sum(axis=(1, 2)), 1e-9)
    mean = np.stack(((confidence * columns).sum(axis=(1, 2)), (confidence * rows).sum(axis=(1, 2))), axis=-1)
    moved = inside & (confidence.max(axis=(1, 2)) >= _MIN_CONFIDENCE)
    return np.where(moved[:, None], mean / total[:, None] / cells, points).astype(np.float32)
