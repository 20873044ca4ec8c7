"""Where a picture changes outside the people who are known: a person who walks in moves.

A few thousand pixels of the picture are averaged to some 64 x 36 cells and compared with those of three pictures ago.
That takes a tenth of a millisecond, where the detector takes six.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.pose.blazepose.regions import Region

_CELLS = 64
"""Along the longer side of the picture."""
_SAMPLES = 2
"""Pixels of a cell that are looked at, each way."""
_LAG = 3
"""Pictures. A person who walks slowly moves by less than a cell from one picture to the next."""
_LEAST_LEVELS, _NOISE_FACTOR, _MOST_NOISE = 8.0, 5.0, 4.0
"""A cell has changed by more than so many grey levels, and so many times what cells change by on average, of which
each counts for a few levels at most."""
_FEWEST_CELLS = 3
"""In a group: fewer are noise."""
_NEIGHBOURS = np.ones((3, 3), np.uint8)
_MOST_CELLS = 0.4
"""Of the picture. Where more change, the camera has moved or the light has, and nothing is known."""
_USUAL, _FORGET = 0.5, 0.05
"""A cell that has changed in this share of the pictures lately changes usually, such as a screen. The weight of the
newest picture in that share."""
_BESIDE = 0.15
"""A person's clothes and shadow move so far beyond the landmarks, as a share of their extent."""
_STILL_PICTURES = 15
"""In a row without a change before the scene counts as still."""


@dataclass(frozen=True, kw_only=True)
class Movement:
    """What moves in a picture outside the people who are known."""

    place: Region | None = None
    """The smallest upright square about the largest group of cells that change, and usually do not; None for none."""
    still: bool = False
    """Whether nothing has moved for some time but what does so usually."""


class MotionFinder:
    """Compare pictures of a camera that stands still. Everything depends on past pictures alone."""

    def __init__(self) -> None:
        """Begin without a past."""
        self._past: deque[tuple[NDArray[np.float32], NDArray[np.bool_]]] = deque(maxlen=_LAG)
        self._usual = np.zeros((0, 0), np.float32)
        self._still = 0

    def observe(self, picture: NDArray[np.uint8], people: Sequence[NDArray[np.float32]]) -> Movement:
        """Take a picture (height, width, 3) uint8 and the landmarks (33, 2) of those known in it, pixels."""
        cells = _cells(picture)
        height, width = picture.shape[:2]
        known = _covered(people, cells.shape, width, height)
        if self._past and self._past[0][0].shape != cells.shape:
            self._past.clear()
        if not self._past:
            self._usual, self._still = np.zeros(cells.shape, np.float32), 0
        before = self._past[0] if self._past else None
        # People move away from where they were, which changes too.
        outside = ~np.logical_or.reduce([known, *(covered for _, covered in self._past)])
        self._past.append((cells, known))
        if before is None:
            return Movement()
        changed = _changed(cells - before[0])
        if changed.mean() > _MOST_CELLS:
            self._still = 0
            return Movement()
        changed &= outside
        unusual = changed & (self._usual < _USUAL)
        self._usual += _FORGET * (changed - self._usual)
        place = _largest(unusual, width, height)
        self._still = 0 if place is not None else self._still + 1
        return Movement(place=place, still=self._still >= _STILL_PICTURES)


def _cells(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the mean grey level of each cell: green alone, which is most of it."""
    height, width = picture.shape[:2]
    step = max(1, max(height, width) // (_CELLS * _SAMPLES))
    sampled = np.ascontiguousarray(picture[step // 2 :: step, step // 2 :: step, 1])
    size = (max(1, sampled.shape[1] // _SAMPLES), max(1, sampled.shape[0] // _SAMPLES))
    return cv2.resize(sampled, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _changed(difference: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which cells have changed otherwise than all of them together, as by the camera's exposure."""
    middle = difference.size // 2
    apart = np.abs(difference - np.partition(difference, middle, axis=None)[middle])
    noise = float(np.minimum(apart, _MOST_NOISE).mean())
    return apart > max(_LEAST_LEVELS, _NOISE_FACTOR * noise)  # type: ignore[no-any-return]


def _covered(
    people: Sequence[NDArray[np.float32]], shape: tuple[int, ...], width: int, height: int
) -> NDArray[np.bool_]:
    """Return the cells that show people."""
    covered = np.zeros(shape, np.bool_)
    down, across = shape[0] / height, shape[1] / width
    for points in people:
        (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        beside = _BESIDE * max(right - left, bottom - top)
        rows = slice(max(int((top - beside) * down), 0), max(math.ceil((bottom + beside) * down), 0))
        columns = slice(max(int((left - beside) * across), 0), max(math.ceil((right + beside) * across), 0))
        covered[rows, columns] = True
    return covered


def _largest(cells: NDArray[np.bool_], width: int, height: int) -> Region | None:
    """Return the square about the largest group of cells, pixels; None where there is none large enough."""
    if np.count_nonzero(cells) < _FEWEST_CELLS:
        return None
    # Limbs of one person move apart from each other: cells with one between them belong together.
    _, labels = cv2.connectedComponents(cv2.dilate(cells.astype(np.uint8), _NEIGHBOURS), connectivity=8)
    sizes = np.bincount(labels[cells])
    group = int(sizes.argmax())
    if sizes[group] < _FEWEST_CELLS:
        return None
    rows, columns = np.nonzero(cells & (labels == group))
    scale = max(width / cells.shape[1], height / cells.shape[0])
    x, y = (float(each.min() + each.max() + 1) / 2 for each in (columns, rows))
    side = float(max(np.ptp(columns), np.ptp(rows)) + 1) * scale
    return Region(x=x * width / cells.shape[1], y=y * height / cells.shape[0], side=side, angle=0.0)
