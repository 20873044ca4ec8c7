"""Time whole steps of a stream, from joints in metres to logits, with clips ending as they do live."""

import numpy as np
from numpy.typing import NDArray

from hitrs_live.bench.engines import BenchEngine
from hitrs_live.bench.results import FRAME_MS, Capacity, StepTimes
from hitrs_live.streaming.profile_step import time_steps
from hitrs_live.transforms import NormaliserConfig

_MOST_TRIALS = 8
"""Numbers of people tried, at most, in the search for the capacity."""
_PRECISION = 0.02
"""Precision of the search, as a share of the capacity."""
_MOST_PERSONS = 4096


def time_frames(
    engine: BenchEngine, normaliser: NormaliserConfig, *, persons: int, strides: int, at_once: bool = False
) -> NDArray[np.float64]:
    """Time frames of people whose windows are full, a prediction every clip. Returns (strides * clip_stride,) ms.

    at_once: as in `time_steps`.
    """
    return time_steps(
        engine.engine, normaliser, rows=persons, step_frames=engine.engine.grid.clip_stride, strides=strides,
        at_once=at_once, clock=engine.clock,
    ).ravel()  # fmt: skip


def summarise_steps(took_ms: NDArray[np.float64], *, persons: int) -> StepTimes:
    """Compute mean and percentiles of what `time_frames` returns."""
    p50, p95, p99 = np.percentile(took_ms, (50, 95, 99))
    return StepTimes(
        persons=persons, frames=len(took_ms), mean_ms=_ms(took_ms.mean()), p50_ms=_ms(p50), p95_ms=_ms(p95),
        p99_ms=_ms(p99),
    )  # fmt: skip


def find_capacity(
    engine: BenchEngine, normaliser: NormaliserConfig, *, strides: int, at_once: bool = False, first: int = 16
) -> Capacity:
    """Find the largest number of people for which the p99 of a frame is under 33.3 ms.

    The next number tried is interpolated, since cost grows about linearly with people. first: the first number tried.
    """
    fits, too_many = Capacity(persons=0, p99_ms=None), _MOST_PERSONS + 1
    tried = first
    for _ in range(_MOST_TRIALS):
        took_ms = time_frames(engine, normaliser, persons=tried, strides=strides, at_once=at_once)
        p99_ms = float(np.percentile(took_ms, 99))
        if p99_ms < FRAME_MS:
            fits = Capacity(persons=tried, p99_ms=_ms(p99_ms))
        else:
            too_many = tried
        if too_many - fits.persons <= max(1, _PRECISION * fits.persons):
            break
        tried = next_try(int(tried * FRAME_MS / p99_ms), fits.persons, too_many)
    return fits


def next_try(expected: int, fits: int, too_many: int) -> int:
    """Choose a number between one that fits and one that does not: the expected one, at least a step above `fits`."""
    step = max(1, int(_PRECISION * fits))
    return min(max(expected, fits + step), too_many - 1)


def _ms(value: float) -> float:
    return round(float(value), 3)
