"""Make the parts of a bank, or of training streams: planned beforehand, drawn by source, made in processes.

The parts depend on the hours and the seed alone, so several processes make them in any order, an interrupted run goes
on where it ended, and the same command gives the same numbers.
"""

import math
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import torch

from hitrs_live.errors import DataError
from hitrs_live.negative_bank.encoded_part import LiveMotion, as_seen
from hitrs_live.negative_bank.live_view import LiveView
from hitrs_live.negative_bank.sources import SOURCES, MotionSource, motion_rng

_PART_HOURS: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class DrawSettings:
    """Which motion is drawn, and how it is seen."""

    hours: float
    seed: int
    shares: Mapping[str, float]
    """By source; the sum is 1."""
    data: Path
    """The data folder."""
    live_view: str
    """As `open_live_view` takes it."""

    @property
    def recipe(self) -> dict[str, str]:
        """The settings as they are kept beside what was made with them."""
        return {
            "hours": f"{self.hours:g}",
            "seed": str(self.seed),
            "sources": ",".join(self.shares),
            "live errors": self.live_view,
        }

    def plan(self) -> "list[PlannedPart]":
        """Plan the parts."""
        return plan_parts(self.hours, self.shares)


@dataclass(frozen=True, kw_only=True)
class PlannedPart:
    """One part of a build: every `stride`-th motion of a source from `offset` on, until it has its hours."""

    number: int
    """From 1, over all sources."""
    source: str
    offset: int
    stride: int
    hours: float


@dataclass(frozen=True, kw_only=True)
class BuiltPart:
    """What was made of a planned part."""

    planned: PlannedPart
    hours: float
    seconds: float


def plan_parts(hours: float, shares: Mapping[str, float]) -> list[PlannedPart]:
    """Plan parts of about half an hour each. shares: of the hours, by source."""
    planned: list[PlannedPart] = []
    for source, share in shares.items():
        count = max(1, math.ceil(hours * share / _PART_HOURS))
        planned += [
            PlannedPart(
                number=len(planned) + 1 + number, source=source, offset=number, stride=count,
                hours=hours * share / count,
            )
            for number in range(count)
        ]  # fmt: skip
    return planned


def make_parts(
    make: Callable[[PlannedPart], BuiltPart], parts: Sequence[PlannedPart], *, folder: Path, workers: int
) -> Iterator[BuiltPart]:
    """Make parts in worker processes, in this one where one is enough. Yields each when it is finished.

    make: can be sent to a process. folder: what is written to, for messages. Raises DataError where data is missing, a
    part cannot be written, or a worker dies; finished parts stay.
    """
    if min(workers, len(parts)) <= 1:
        for one in parts:
            yield make(one)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin_worker) as pool:
        waiting: set[Future[BuiltPart]] = {pool.submit(make, one) for one in parts}
        try:
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        except BrokenProcessPool:
            raise DataError(
                f"{folder}: a building process died, perhaps out of memory; run the same command again with fewer "
                "--workers: finished parts are kept"
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _begin_worker() -> None:
    """Leave Ctrl-C to the parent, end when the parent ends, and compute on one core."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def end_with_parent() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=end_with_parent, name="end-with-parent", daemon=True).start()


def draw_part(
    source: MotionSource, planned: PlannedPart, seed: int, view: LiveView, rate_hz: float
) -> Iterator[LiveMotion]:
    """Draw the motions of a part and see them as live; a person who is lost for too long begins a new history."""
    frames, index = 0, planned.offset
    while frames < planned.hours * 3600 * rate_hz:
        rng = motion_rng(seed, planned.source, index)
        motion = source.draw(index, rng)
        for seen in as_seen(motion, view(motion.joints_m, rng), rate_hz):
            yield seen
            # Frames in which the person is lost are not kept.
            frames += len(seen.motion)
        index += planned.stride


@cache
def open_source(name: str, data: Path, seed: int) -> MotionSource:
    """Open a source of motion, once for each process. data: the data folder."""
    return SOURCES[name].open(data, seed)
