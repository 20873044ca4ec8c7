"""The least share that few repetitions leave possible.

A repetition is measured without its own example, and without all those of its person where others showed the action
too. The fitted action has these templates as well, so it finds what was found and perhaps more: what is measured has a
lower limit and no upper one.
"""

import math
from typing import Final

_Z: Final = 1.644854
"""Of the one-sided limit of 95 %."""


def least_share(found: int, of: int) -> float:
    """Return Wilson's lower limit of a share, found of so many, one-sided, of 95 %; 0 of none."""
    if not of:
        return 0.0
    share, square = found / of, _Z * _Z
    half = _Z * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    return max(0.0, (share + square / (2 * of) - half) / (1 + square / of))
