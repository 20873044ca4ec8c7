"""`hitrs-live synthesise`: write streams of synthetic motion to a folder, an hour after the other."""

import argparse
import hashlib
import json
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from hitrs_live.data.labelled_motion import RATE_HZ, LabelledMotion, write_motions
from hitrs_live.errors import ConfigError, DataError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.process.line_writer import write_line
from hitrs_live.synthesis.program import read_programs, shipped_programs
from hitrs_live.synthesis.stream import MotionSynthesiser, StreamSettings, class_names
from hitrs_live.version import __version__

_FILE_HOURS: Final = 0.25
"""Hours in one file: written whole, so that an interrupted run goes on with the next."""
_SETTINGS_FILE: Final = "settings.json"


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
    _check_folder(options.out, _settings_of(options, synthesiser))
    began, written = time.monotonic(), 0.0
    for path, first, count in plan(options.out, options.hours, settings.seconds):
        if _streams_in(path) >= count:
            continue
        motions = [synthesiser.stream(index) for index in range(first, first + count)]
        _write(path, motions, synthesiser, options.seed)
        written += sum(map(len, motions)) / RATE_HZ / 3600
        rate = written / max(time.monotonic() - began, 1e-9) * 3600
        write_line(f"{path}: {written:.2f} h written, {rate:.0f} h an hour", sys.stderr)
    if not written:
        write_line(f"{options.out}: is complete, nothing to write", sys.stderr)
    return 0


def plan(out: Path, hours: float, seconds: float) -> Iterator[tuple[Path, int, int]]:
    """Yield the files of a folder: path, number of the first stream and count of streams."""
    total = max(1, round(hours * 3600 / seconds))
    each = max(1, round(_FILE_HOURS * 3600 / seconds))
    for number, first in enumerate(range(0, total, each)):
        yield out / f"synthetic_{number:04d}.npz", first, min(each, total - first)


def _settings_of(options: argparse.Namespace, synthesiser: MotionSynthesiser) -> dict[str, Any]:
    """Return what must be the same for all files of a folder."""
    programs = options.programs.read_bytes() if options.programs else b""
    return {
        "seed": options.seed,
        "seconds": options.seconds,
        "falls": options.falls,
        "classes": list(synthesiser.classes),
        "programs": hashlib.sha256(programs).hexdigest()[:12] if programs else "",
        "version": __version__,
    }


def _check_folder(out: Path, settings: dict[str, Any]) -> None:
    """Record the settings of a folder, or raise ConfigError where it has files of others."""
    record = out / _SETTINGS_FILE
    try:
        out.mkdir(parents=True, exist_ok=True)
        if record.exists():
            written = json.loads(record.read_text("utf-8"))
        elif any(out.glob("synthetic_*.npz")):
            raise ConfigError(
                f"{out}: has motion but no {_SETTINGS_FILE}, so its settings are unknown; give another --out"
            )
        else:
            with whole_file(record) as unfinished:
                unfinished.write_text(json.dumps(settings, indent=1) + "\n", "utf-8")
            return
    except OSError as error:
        raise DataError(f"{out}: cannot be written ({error.strerror or error}); give another --out") from None
    except ValueError:
        raise DataError(f"{record}: no JSON; delete the folder or give another --out") from None
    if not isinstance(written, dict):
        raise DataError(f"{record}: no settings; delete the folder or give another --out")
    if other := [key for key, value in settings.items() if written.get(key) != value]:
        found = ", ".join(f"{key} {_short(written.get(key))}" for key in other)
        wanted = ", ".join(f"{key} {_short(settings[key])}" for key in other)
        raise ConfigError(f"{out}: was written with {found}, now {wanted}; give another --out or the same settings")


def _short(value: Any) -> str:
    return f"({len(value)} classes)" if isinstance(value, list) else repr(value)


def _streams_in(path: Path) -> int:
    """Return how many streams a file has; 0 where there is none, or it is damaged and to be written again."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return len(arrays["length"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return 0


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
