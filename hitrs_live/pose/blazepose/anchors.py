"""The places in a picture about which the detector reports people."""

import numpy as np
from numpy.typing import NDArray

_GRIDS = ((28, 2), (14, 2), (7, 6))
"""Cells in each direction and anchors in each cell: maps of 8, 16 and three times 32 pixels a cell at 224 pixels."""


def anchor_centres() -> NDArray[np.float32]:
    """Return the anchors' centres in the detector's order: (2254, 2), x and y as fractions of its input.

    Every cell has its anchors at its middle; they differ in what the network has learned for each.
    """
    parts = []
    for cells, anchors in _GRIDS:
        middle = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(middle, middle, indexing="ij")
        parts.append(np.stack((x, y), axis=-1).reshape(-1, 2).repeat(anchors, axis=0))
    return np.concatenate(parts).astype(np.float32)
