"""Time whole steps of a stream, from metres to logits, in the cadence that they have live."""

import numpy as np
from numpy.typing import NDArray

from hitrs_live.bench.engines import Contender
from hitrs_live.bench.results import FRAME_MS, Crowd, StepTimes
from hitrs_live.streaming.profile_step import time_steps
from hitrs_live.transforms import NormaliserConfig

_PROBES = 8
"""Numbers of people tried, at most, in the search for the largest crowd."""
_CLOSE = 0.02
"""Share of a crowd to which its size is searched for."""
_MOST = 4096


def time_frames(
    contender: Contender, normaliser: NormaliserConfig, *, persons: int, strides: int, at_once: bool = False
) -> NDArray[np.float64]:
    """Time frames of people whose windows are full, an answer every clip. Returns (strides * clip_stride,) ms.

    at_once: as in `time_steps`.
    """
    return time_steps(
        contender.engine, normaliser, rows=persons, step_frames=contender.engine.grid.clip_stride, strides=strides,
        at_once=at_once, clock=contender.clock,
    ).ravel()  # fmt: skip


def summarise_steps(took_ms: NDArray[np.float64], *, persons: int) -> StepTimes:
    """Sum up what `time_frames` timed."""
    p50, p95, p99 = np.percentile(took_ms, (50, 95, 99))
    return StepTimes(
        persons=persons, frames=len(took_ms), mean_ms=_ms(took_ms.mean()), p50_ms=_ms(p50), p95_ms=_ms(p95),
        p99_ms=_ms(p99),
    )  # fmt: skip


def largest_crowd(
    contender: Contender, normaliser: NormaliserConfig, *, strides: int, at_once: bool = False, first: int = 16
) -> Crowd:
    """Find how many people are kept up with: the most whose frames' p99 is under that of 30 frames a second.

    What was measured says where to try next, for cost grows about evenly with people. first: tried first.
    """
    fits, too_many = Crowd(persons=0, p99_ms=None), _MOST + 1
    tried = first
    for _ in range(_PROBES):
        took_ms = time_frames(contender, normaliser, persons=tried, strides=strides, at_once=at_once)
        p99_ms = float(np.percentile(took_ms, 99))
        if p99_ms < FRAME_MS:
            fits = Crowd(persons=tried, p99_ms=_ms(p99_ms))
        else:
            too_many = tried
        if too_many - fits.persons <= max(1, _CLOSE * fits.persons):
            break
        tried = next_try(int(tried * FRAME_MS / p99_ms), fits.persons, too_many)
    return fits


def next_try(expected: int, fits: int, too_many: int) -> int:
    """Choose a number between one that fits and one that does not: what is expected, but a step from either."""
    step = max(1, int(_CLOSE * fits))
    return min(max(expected, fits + step), too_many - 1)


def _ms(value: float) -> float:
    return round(float(value), 3)
