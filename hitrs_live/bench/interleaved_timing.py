"""Time works in turns, so that what else the machine does falls on all of them."""

from collections.abc import Callable, Mapping

import torch

Timing = Callable[[], float]
"""Does its work once and tells how many milliseconds that took."""


def timed(work: Callable[[], object], clock: Callable[[], int]) -> Timing:
    """Make a timing of a work, without gradients, by a clock in nanoseconds."""

    @torch.inference_mode()
    def run() -> float:
        began_ns = clock()
        work()
        return (clock() - began_ns) / 1e6

    return run


def in_turns(timings: Mapping[str, Timing], *, turns: int) -> dict[str, list[float]]:
    """Run everything once for nothing, then in turns. Returns ms by name, one a turn."""
    took: dict[str, list[float]] = {name: [] for name in timings}
    for turn in range(1 + turns):
        for name, run in timings.items():
            took_ms = run()
            if turn:
                took[name].append(took_ms)
    return took
