"""Where the detector looks, and when: as seldom as finds people soon."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hitrs_live.pose.blazepose.detector import whole_picture
from hitrs_live.pose.blazepose.motion import Movement
from hitrs_live.pose.blazepose.regions import Region

_EVERY, _EVERY_LATER, _EVERY_FULL = 3, 6, 15
"""Pictures from one search to the next while someone is seen and no one is missing: at first, once that has changed
nothing for some time, and while as many people are seen as are wanted."""
_EVERY_STILL = 12
"""The same, later, while nothing moves outside the people who are seen."""
_EVERY_EMPTY = 4
"""The same where no one is seen, later, while nothing moves: else every picture is searched."""
_LATER = 60
"""Pictures after which it is later."""
_EVERY_MOVING = 2
"""Pictures from one search to the next while something moves where no one is known."""
# In a picture nearly square, people are large enough without a search of its parts.
_OBLONG = 1.2
_TILE = 0.6
"""Side of a tile, as a share of the picture's shorter side: in it, people are large who are small in the whole."""
_SMALLEST_TILE_PX = 400
"""Smaller tiles show the detector little more than it sees of the whole, and things in the background."""
_OVERLAP = 1 / 3
"""Of neighbouring tiles, so that no one is cut by all that show a part of them."""
_AROUND = 1.2
"""Side of the part about a missing person's last region, as a share of that region's."""
_AROUND_MOVING = 2.5
"""Side of the part about what moves, as a share of its own: mostly a part of a person moves."""
_LARGE_PX, _SMALL_TILE_PX = 800, 400
"""Where the shorter side is as long as the first, small tiles of the second are looked at too: in one, a person of 100
pixels is as large for the detector as one of a quarter of the picture's height in the whole of it."""
_SMALLEST_MOVING_PX = 320
"""Little larger than the detector's own input: the part is about a person of whom a limb may be all that moves."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """What the detector is shown."""

    region: Region
    strict: bool = False
    """Whether people found here must be more certain than others."""


class Search:
    """Choose what the detector is shown of each picture. Everything depends on past pictures alone."""

    def __init__(self) -> None:
        """Begin with the whole picture."""
        self._pictures_since = 0
        self._seen, self._unchanged = 0, 0
        self._around_last = False
        self._around_moving_last = False
        self._turn, self._small_turn = 0, 0

    def next_parts(
        self,
        width: int,
        height: int,
        *,
        seen: int,
        missing: Sequence[Region],
        full: bool = False,
        movement: Movement | None = None,
        spare: bool = True,
    ) -> list[Part]:
        """Return the parts to search now, in order: none, one, or two where no one is seen yet.

        seen: how many people are seen in this picture. missing: where those who were lost lately have been, in pixels.
        full: whether as many are seen as are wanted. movement: outside those who are seen, where that is known.
        spare: whether there is time for searches that can wait.
        """
        self._pictures_since += 1
        if full:
            if self._pictures_since < _EVERY_FULL:
                return []
            self._pictures_since = 0
            return [Part(region=whole_picture(width, height))]
        self._unchanged = self._unchanged + 1 if seen == self._seen else 0
        self._seen = seen
        wait = 1 if missing else self._wait(seen, movement)
        if self._pictures_since < wait:
            return self._small_tile(width, height) if spare and self._is_free(wait, movement) else []
        self._pictures_since = 0
        moving = self._moving(width, height, None if missing else movement)
        self._around_last = bool(missing) and not self._around_last
        if self._around_last:
            return [_around(missing[0])]
        whole, parts = Part(region=whole_picture(width, height)), _parts(width, height)
        if moving is not None and seen:
            # The place of a part; the whole picture is next.
            self._turn += self._turn % 2
            return [moving]
        if moving is not None and moving != whole:
            return [whole, moving]
        self._turn += 1
        if not parts:
            return [whole]
        if not seen and self._unchanged < _LATER:
            return [whole, Part(region=parts[self._turn % len(parts)], strict=True)]
        if self._turn % 2:
            return [whole]
        return [Part(region=parts[self._turn // 2 % len(parts)], strict=True)]

    def _moving(self, width: int, height: int, movement: Movement | None) -> Part | None:
        """Return the part about what moves, in every other search; None for the others."""
        place = None if movement is None else movement.place
        self._around_moving_last = place is not None and not self._around_moving_last
        return _around_moving(place, width, height) if place is not None and self._around_moving_last else None

    def _is_free(self, wait: int, movement: Movement | None) -> bool:
        """Whether this is the picture halfway between two searches that a still scene has made seldom."""
        still = movement is not None and movement.still
        return still and wait in (_EVERY_STILL, _EVERY_EMPTY) and self._pictures_since == wait // 2

    def _small_tile(self, width: int, height: int) -> list[Part]:
        """Return the small tile whose turn it is; none in a picture that is not large."""
        if min(width, height) < _LARGE_PX:
            return []
        tiles = _grid(width, height, _SMALL_TILE_PX)
        self._small_turn += 1
        return [Part(region=tiles[self._small_turn % len(tiles)], strict=True)]

    def _wait(self, seen: int, movement: Movement | None) -> int:
        """Return how many pictures there are from the last search to the next, where no one is missing."""
        later, still = self._unchanged >= _LATER, movement is not None and movement.still
        if not seen:
            return _EVERY_EMPTY if later and still else 1
        if movement is not None and movement.place is not None:
            return _EVERY_MOVING
        if not later:
            return _EVERY
        return _EVERY_STILL if still else _EVERY_LATER


def _around(region: Region) -> Part:
    return Part(region=Region(x=region.x, y=region.y, side=region.side * _AROUND, angle=0.0))


def _around_moving(place: Region, width: int, height: int) -> Part:
    side = max(place.side * _AROUND_MOVING, _SMALLEST_MOVING_PX)
    if side >= min(width, height):
        return Part(region=whole_picture(width, height))
    return Part(region=Region(x=place.x, y=place.y, side=side, angle=0.0), strict=True)


def _parts(width: int, height: int) -> list[Region]:
    """Return the parts of a picture in the order of the search: squares of an oblong one, tiles of a large one."""
    side = min(width, height)
    oblong = max(width, height) >= _OBLONG * side
    squares = _grid(width, height, side, along=3) if oblong else []
    tiles = _grid(width, height, side * _TILE) if side * _TILE >= _SMALLEST_TILE_PX else []
    parts: list[Region] = []
    for place in range(max(len(squares), len(tiles))):
        parts += squares[place : place + 1] + tiles[place : place + 1]
    return parts


def _grid(width: int, height: int, side: float, *, along: int = 0) -> list[Region]:
    """Return squares of that side over a picture; along: how many in the longer direction, else by their overlap."""
    long = max(width, height)
    columns, rows = (
        along if along and size == long else 1 + math.ceil((size - side) / (side * (1 - _OVERLAP)) - 1e-9)
        for size in (width, height)
    )
    return [
        Region(x=float(x), y=float(y), side=side, angle=0.0)
        for y in np.linspace(side / 2, height - side / 2, rows)
        for x in np.linspace(side / 2, width - side / 2, columns)
    ]
