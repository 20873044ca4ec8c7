"""Build a bank part by part: draw motions of every source, give them live errors, encode them, write them.

The parts are planned beforehand from the hours and the seed alone, so several processes make them in any order, an
interrupted build goes on where it ended, and the same command gives the same bank.
"""

import math
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import torch

from hitrs_live.errors import ConfigError, DataError
from hitrs_live.negative_bank.bank_format import (
    BANK_FILE,
    BUILT,
    BankInfo,
    part_name,
    read_bank_info,
    read_part,
    write_bank_info,
)
from hitrs_live.negative_bank.encoded_part import LiveMotion, as_seen, write_part
from hitrs_live.negative_bank.encoder import BankEncoder, open_bank_encoder
from hitrs_live.negative_bank.live_view import LiveView, open_live_view
from hitrs_live.negative_bank.sources import SOURCES, MotionSource, motion_rng

_PART_HOURS: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class BuildSettings:
    """What decides the content of a bank."""

    hours: float
    seed: int
    shares: Mapping[str, float]
    """By source; the sum is 1."""
    data: Path
    """The data folder."""
    checkpoint: Path | None
    """The encoder; None for the shipped one."""
    live_view: str
    """As `open_live_view` takes it."""
    step_frames: int
    views: int


@dataclass(frozen=True, kw_only=True)
class PlannedPart:
    """One part of a build: every `stride`-th motion of a source from `offset` on, until it has its hours."""

    name: str
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
    """Plan the parts of a bank, of about half an hour each."""
    planned: list[PlannedPart] = []
    for source, share in shares.items():
        count = max(1, math.ceil(hours * share / _PART_HOURS))
        planned += [
            PlannedPart(
                name=part_name(BUILT, len(planned) + 1 + number), source=source, offset=number, stride=count,
                hours=hours * share / count,
            )
            for number in range(count)
        ]  # fmt: skip
    return planned


def begin_build(folder: Path, settings: BuildSettings) -> list[PlannedPart]:
    """Begin a bank, or go on with one. Returns the parts that are still to be made.

    Raises ConfigError where the folder has a bank built with other settings, or anything else; DataError where its
    description is damaged.
    """
    encoder = open_bank_encoder(settings.checkpoint)
    info = BankInfo(
        encoder=encoder.description, step_frames=settings.step_frames, views=settings.views, recipe=_recipe(settings)
    )
    if (folder / BANK_FILE).exists():
        _check_same(folder, read_bank_info(folder), info)
    elif folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"--out {folder}: not empty and no bank; give a new folder, or remove it")
    else:
        write_bank_info(folder, info)
    return [one for one in plan_parts(settings.hours, settings.shares) if not _is_done(folder, one, info)]


def build_parts(
    folder: Path, settings: BuildSettings, parts: Sequence[PlannedPart], *, workers: int
) -> Iterator[BuiltPart]:
    """Make parts in worker processes, in this one where one is enough. Yields each when it is finished.

    Raises DataError where data is missing, a part cannot be written, or a worker dies; finished parts stay.
    """
    if min(workers, len(parts)) <= 1:
        for one in parts:
            yield build_part(folder, settings, one)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin_worker) as pool:
        waiting: set[Future[BuiltPart]] = {pool.submit(build_part, folder, settings, one) for one in parts}
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


def build_part(folder: Path, settings: BuildSettings, planned: PlannedPart) -> BuiltPart:
    """Make one part and write it. Raises DataError where data is missing or the part cannot be written."""
    began_s = time.process_time()
    encoder = _encoder(settings.checkpoint)
    source = _source(planned.source, settings.data, settings.seed)
    drawn = _draw(
        source, planned, settings.seed, open_live_view(settings.live_view), encoder.description.normaliser.rate_hz
    )
    try:
        streams = write_part(
            folder, planned.name, drawn, encoder, read_bank_info(folder), source=planned.source,
            classes=source.classes, licence=source.licence,
        )  # fmt: skip
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be written ({error.strerror or error}); fix that and run the same command again"
        ) from None
    hours = sum(one.frames for one in streams) / encoder.description.normaliser.rate_hz / 3600
    return BuiltPart(planned=planned, hours=hours, seconds=time.process_time() - began_s)


def _draw(
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


def _recipe(settings: BuildSettings) -> dict[str, str]:
    return {
        "hours": f"{settings.hours:g}",
        "seed": str(settings.seed),
        "sources": ",".join(settings.shares),
        "live errors": settings.live_view,
    }


def _check_same(folder: Path, found: BankInfo, expected: BankInfo) -> None:
    """Raise ConfigError, naming what differs, where a bank was not built with the same settings."""
    if found.encoder.fingerprint != expected.encoder.fingerprint:
        raise ConfigError(
            f"--out {folder}: a bank of the encoder {found.encoder.name} {found.encoder.fingerprint[:12]}, expected "
            f"{expected.encoder.name} {expected.encoder.fingerprint[:12]}; give another folder"
        )
    facts = [{**one.recipe, "step": f"{one.step_frames} frames", "views": str(one.views)} for one in (found, expected)]
    for name, value in facts[1].items():
        if facts[0].get(name) != value:
            raise ConfigError(
                f"--out {folder}: a bank with {name} {facts[0].get(name, 'not stated')}, expected {value}; repeat its "
                "own settings to go on with it, or give another folder"
            )


def _is_done(folder: Path, planned: PlannedPart, info: BankInfo) -> bool:
    """Check whether a part is there and whole; one that is damaged is removed, to be made again."""
    path = folder / planned.name
    if not path.exists():
        return False
    try:
        read_part(path, info)
    except DataError:
        shutil.rmtree(path)
        return False
    return True


@cache
def _encoder(checkpoint: Path | None) -> BankEncoder:
    return open_bank_encoder(checkpoint)


@cache
def _source(name: str, data: Path, seed: int) -> MotionSource:
    return SOURCES[name].open(data, seed)
