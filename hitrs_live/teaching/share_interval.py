"""The interval of a share of few."""

import math
from typing import Final

_Z: Final = 1.959964
"""Of the 95 % interval."""


def share_interval(found: int, of: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share, found of so many; (0, 1) of none."""
    if not of:
        return 0.0, 1.0
    share, square = found / of, _Z * _Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = _Z / (1 + square / of) * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)
