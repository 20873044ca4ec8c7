"""Where the detector looks, and when: as seldom as finds people soon."""

from collections.abc import Sequence
from dataclasses import dataclass

from hitrs_live.pose.blazepose.detector import whole_picture
from hitrs_live.pose.blazepose.regions import Region

_EVERY = 5
"""Pictures from one search to the next while someone is seen and nobody is missing."""
_EVERY_FULL = 15
"""The same while as many people are seen as are wanted."""
# In a picture nearly square, people are large enough without a search of its parts.
_OBLONG = 1.2
_AROUND = 1.2
"""Side of the part about a missing person's last region, as a share of that region's."""


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
        self._around_last = False
        self._turn = 0

    def next_parts(
        self, width: int, height: int, *, seen: int, missing: Sequence[Region], full: bool = False
    ) -> list[Part]:
        """Return the parts to search now, in order: none, one, or two where nobody is seen.

        seen: how many people are seen in this picture. missing: where those who were lost lately have been, in pixels.
        full: whether as many are seen as are wanted.
        """
        self._pictures_since += 1
        if full:
            if self._pictures_since < _EVERY_FULL:
                return []
            self._pictures_since = 0
            return [Part(region=whole_picture(width, height))]
        if seen and not missing and self._pictures_since < _EVERY:
            return []
        self._pictures_since = 0
        self._around_last = bool(missing) and not self._around_last
        if self._around_last:
            return [_around(missing[0])]
        whole, parts = Part(region=whole_picture(width, height)), _squares(width, height)
        self._turn += 1
        if self._turn % 2 or not parts:
            return [whole]
        part = Part(region=parts[self._turn // 2 % len(parts)], strict=True)
        return [part] if seen else [whole, part]


def _around(region: Region) -> Part:
    return Part(region=Region(x=region.x, y=region.y, side=region.side * _AROUND, angle=0.0))


def _squares(width: int, height: int) -> list[Region]:
    """Return the three squares that cover an oblong picture; none for another picture."""
    side = min(width, height)
    if max(width, height) < _OBLONG * side:
        return []
    return [
        Region(x=side / 2 + (width - side) * turn / 2, y=side / 2 + (height - side) * turn / 2, side=side, angle=0.0)
        for turn in range(3)
    ]
