"""Time several functions in turns, so that other load on the machine affects all of them alike."""

from collections.abc import Callable, Mapping

import torch

Timing = Callable[[], float]
"""Runs its function once and returns the milliseconds that it took."""


def timed(work: Callable[[], object], clock: Callable[[], int]) -> Timing:
    """Wrap a function into a timing, without gradients. clock: returns nanoseconds."""

    @torch.inference_mode()
    def run() -> float:
        began_ns = clock()
        work()
        return (clock() - began_ns) / 1e6

    return run


def in_turns(timings: Mapping[str, Timing], *, turns: int) -> dict[str, list[float]]:
    """Run every timing once as a warm-up, then all in turns. Returns milliseconds by name, one value a turn."""
    took: dict[str, list[float]] = {name: [] for name in timings}
    for turn in range(1 + turns):
        for name, run in timings.items():
            took_ms = run()
            if turn:
                took[name].append(took_ms)
    return took
