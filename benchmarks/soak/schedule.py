"""Draw the order and the times of faults from a seed."""

import random
from collections.abc import Iterator, Sequence

from faults import Fault


def drawn(faults: Sequence[Fault], seed: int, every_s: float) -> Iterator[tuple[float, Fault]]:
    """Yield pauses and faults without end: each fault once in random order, then each once more.

    The pause after the recovery from the one before is from a half to one and a half times every_s. The same seed draws
    the same.
    """
    draw = random.Random(seed)
    while True:
        for fault in draw.sample(faults, len(faults)):
            yield every_s * draw.uniform(0.5, 1.5), fault
