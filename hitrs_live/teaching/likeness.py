"""Compare the movements of segments: how like each other they are, whatever their tempo."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Span = tuple[int, int]

_FRAMES: Final = 24
"""Each segment is resampled to so many before it is aligned."""
_BAND: Final = 5
"""How far apart aligned frames may be: pauses within a repetition may differ."""


def movement_differences(poses: Floats, spans: Sequence[Span]) -> Floats:
    """Measure how different the movements of segments are. poses: (N, D); spans: S of them, [first, end).

    Returns (S, S): the mean distance of their aligned poses, relative to how far the poses are from the rest at either
    edge. 0 for the same movement, about 1 for unrelated ones.
    """
    if not spans:
        return np.zeros((0, 0), np.float32)
    segments = np.stack([_resampled(poses, span) for span in spans])
    moved = np.asarray(segments - (segments[:, :1] + segments[:, -1:]) / 2, np.float32)
    scale = np.sqrt((moved**2).sum(axis=2).mean(axis=1))
    one, other = np.triu_indices(len(spans), 1)
    result = np.zeros((len(spans), len(spans)), np.float32)
    if len(one):
        between = np.maximum((scale[one] + scale[other]) / 2, 1e-6)
        result[one, other] = _align(moved[one], moved[other]) / between
    return result + result.T


def _resampled(poses: Floats, span: Span) -> Floats:
    at = np.linspace(span[0], span[1] - 1, _FRAMES)
    low = np.minimum(at.astype(int), len(poses) - 2)
    share = (at - low)[:, None].astype(np.float32)
    return np.asarray(poses[low] * (1 - share) + poses[low + 1] * share, np.float32)


def _align(one: Floats, other: Floats) -> Floats:
    """Align pairs of segments by dynamic time warping. (P, L, D) each; returns (P,): the mean cost along the path."""
    squares = (one**2).sum(2)[:, :, None] + (other**2).sum(2)[:, None] - 2 * one @ other.transpose(0, 2, 1)
    cost = np.sqrt(np.maximum(squares, 0))
    total = np.full((len(one), _FRAMES + 1, _FRAMES + 1), np.inf, np.float32)
    total[:, 0, 0] = 0
    for row in range(_FRAMES):
        for column in range(max(0, row - _BAND), min(_FRAMES, row + _BAND + 1)):
            # A diagonal step counts twice, so that every path is of the same length.
            total[:, row + 1, column + 1] = np.minimum(
                np.minimum(total[:, row, column + 1], total[:, row + 1, column]) + cost[:, row, column],
                total[:, row, column] + 2 * cost[:, row, column],
            )
    return np.asarray(total[:, -1, -1] / (2 * _FRAMES), np.float32)
