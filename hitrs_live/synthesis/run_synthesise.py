"""`hitrs-live synthesise`: write streams of synthetic motion to a folder, an hour after the other."""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from hitrs_live.data.labelled_motion import LabelledMotion, write_motions
from hitrs_live.errors import ConfigError, DataError
from hitrs_live.process.line_writer import write_line
from hitrs_live.synthesis.program import read_programs, shipped_programs
from hitrs_live.synthesis.smoothing import RATE_HZ
from hitrs_live.synthesis.stream import MotionSynthesiser, StreamSettings, class_names
from hitrs_live.version import __version__

_FILE_HOURS: Final = 0.25
"""Hours in one file: written whole, so that an interrupted run goes on with the next."""


def run_synthesise(options: argparse.Namespace) -> int:
    """Write what is not there yet. Returns the exit code."""
    programs = shipped_programs() + (read_programs(options.programs) if options.programs else ())
    if options.list:
        for name in class_names(programs):
            write_line(name, sys.stdout)
        return 0
    if options.out is None:
        raise ConfigError("--out is missing; expected the folder to write to, or --list")
    settings = StreamSettings(seconds=options.seconds, falls=options.falls)
    synthesiser = MotionSynthesiser(
        sorted(options.classes) if options.classes else None, seed=options.seed, settings=settings, programs=programs
    )
    began, written = time.monotonic(), 0.0
    for path, first, count in plan(options.out, options.hours, settings.seconds):
        if path.exists():
            continue
        motions = [synthesiser.stream(index) for index in range(first, first + count)]
        _write(path, motions, synthesiser, options.seed)
        written += sum(map(len, motions)) / RATE_HZ / 3600
        rate = written / max(time.monotonic() - began, 1e-9) * 3600
        write_line(f"{path}: {written:.2f} h written, {rate:.0f} h an hour", sys.stderr)
    return 0


def plan(out: Path, hours: float, seconds: float) -> Iterator[tuple[Path, int, int]]:
    """Yield the files of a folder: path, number of the first stream and count of streams."""
    total = max(1, round(hours * 3600 / seconds))
    each = max(1, round(_FILE_HOURS * 3600 / seconds))
    for number, first in enumerate(range(0, total, each)):
        yield out / f"synthetic_{number:04d}.npz", first, min(each, total - first)


def _write(path: Path, motions: list[LabelledMotion], synthesiser: MotionSynthesiser, seed: int) -> None:
    meta: dict[str, Any] = {
        "source": f"synthetic motion of hitrs_live {__version__}",
        "licence": "generated",
        "seed": seed,
        "rate_hz": RATE_HZ,
    }
    try:
        write_motions(path, motions, synthesiser.classes, meta)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror or error}); give another --out") from None
