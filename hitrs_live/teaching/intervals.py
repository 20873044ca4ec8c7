"""Intervals of shares and rates from few counts."""

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


def rate_interval(count: int, hours: float) -> tuple[float, float]:
    """Return the 95 % interval of a rate an hour by Byar's approximation; where the count is 0 by the rule of three."""
    if hours <= 0:
        return 0.0, math.inf
    if not count:
        return 0.0, 3.0 / hours
    low = count * (1 - 1 / (9 * count) - _Z / (3 * math.sqrt(count))) ** 3
    more = count + 1
    high = more * (1 - 1 / (9 * more) + _Z / (3 * math.sqrt(more))) ** 3
    return max(0.0, low) / hours, high / hours
