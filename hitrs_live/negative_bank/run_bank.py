"""Run `hitrs-live bank build`, `bank streams` and `bank add`: from their flags to a bank or to training streams."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch

from hitrs_live.data.array_format import data_folder
from hitrs_live.negative_bank.bank import Bank
from hitrs_live.negative_bank.build import BuildSettings, EncodeSettings, begin_build, build_part, encode_part
from hitrs_live.negative_bank.encoder import open_bank_encoder
from hitrs_live.negative_bank.parts import BuiltPart, DrawSettings, PlannedPart, make_parts
from hitrs_live.negative_bank.recordings import add_recordings
from hitrs_live.negative_bank.sources import check_installed, choose_sources
from hitrs_live.negative_bank.stream_files import (
    begin_streams,
    stream_files,
    write_stream_file,
)

Settings = TypeVar("Settings", DrawSettings, BuildSettings, EncodeSettings)


def run_build(options: argparse.Namespace) -> int:
    """Build a bank, or go on with one, and print a line for every part. Returns the exit code."""
    began_s = time.monotonic()
    encoder = open_bank_encoder(options.encoder).description
    step_frames = 1 if options.update == "frame" else encoder.stride_frames
    views = 2 if options.mirror else 1
    if options.streams:
        encoded = EncodeSettings(
            streams=options.streams, checkpoint=options.encoder, step_frames=step_frames, views=views
        )
        _make_missing(encode_part, encoded, begin_build(options.out, encoded), options)
    else:
        settings = BuildSettings(
            hours=options.hours, seed=options.seed, shares=choose_sources(options.sources),
            data=options.data or data_folder(), checkpoint=options.encoder, live_view=options.live_errors,
            step_frames=step_frames, views=views,
        )  # fmt: skip
        check_installed(settings.shares)
        _make_missing(build_part, settings, begin_build(options.out, settings), options)
    bank = Bank.open(options.out)
    print(
        f"{options.out}: {bank.hours:.2f} h in {len(bank.streams)} streams, {len(bank)} rows, "
        f"{size_bytes(options.out) / 2**20:.0f} MiB, {time.monotonic() - began_s:.0f} s; "
        f"list it with: hitrs-live bank show {options.out}"
    )
    return 0


def run_streams(options: argparse.Namespace) -> int:
    """Write training streams, or go on with them, and print a line for every part. Returns the exit code."""
    began_s = time.monotonic()
    settings = DrawSettings(
        hours=options.hours, seed=options.seed, shares=choose_sources(options.sources),
        data=options.data or data_folder(), live_view=options.live_errors,
    )  # fmt: skip
    check_installed(settings.shares)
    _make_missing(write_stream_file, settings, begin_streams(options.out, settings), options)
    print(
        f"{options.out}: {len(stream_files(options.out))} files, {size_bytes(options.out) / 2**20:.0f} MiB, "
        f"{time.monotonic() - began_s:.0f} s; train on them with: hitrs-live train-detector --streams {options.out}"
    )
    return 0


def _make_missing(
    make: Callable[[Path, Settings, PlannedPart], BuiltPart],
    settings: Settings,
    missing: Sequence[PlannedPart],
    options: argparse.Namespace,
) -> None:
    """Make the missing ones of the planned parts, with a line for each."""
    began_s, planned = time.monotonic(), len(settings.plan())
    make_one, workers = partial(make, options.out, settings), options.workers or os.cpu_count() or 1
    torch.set_num_threads(1)
    finished = planned - len(missing)
    if finished:
        print(f"{finished} of {planned} parts are there already")
    hours, all_hours = 0.0, sum(one.hours for one in missing)
    try:
        for made in make_parts(make_one, missing, folder=options.out, workers=workers):
            finished, hours = finished + 1, hours + made.hours
            left_s = max(all_hours - hours, 0.0) * (time.monotonic() - began_s) / hours
            print(
                f"part {finished} of {planned}: {made.hours:.2f} h of {made.planned.source} in {made.seconds:.0f} s; "
                f"about {left_s / 60:.0f} min left",
                flush=True,
            )
    except KeyboardInterrupt:
        print(f"interrupted; finished parts are kept in {options.out}, the same command goes on", file=sys.stderr)
        raise


def run_add(options: argparse.Namespace) -> int:
    """Append recordings to a bank. Returns the exit code."""
    torch.set_num_threads(1)
    encoder = open_bank_encoder(options.encoder)
    streams = add_recordings(options.bank, options.recording, encoder, label=options.label)
    seconds = sum(one.frames for one in streams) / encoder.description.normaliser.rate_hz
    print(f"{options.bank}: {len(streams)} streams of {seconds / 60:.1f} min added as {options.label}")
    return 0


def bank_report(bank: Bank) -> dict[str, Any]:
    """Describe a bank for a report."""
    about = bank.info.encoder
    return {
        "encoder": {"name": about.name, "fingerprint": about.fingerprint, "width": about.width},
        "recipe": dict(bank.info.recipe),
        "step_frames": bank.info.step_frames,
        "views": bank.info.views,
        "hours": round(bank.hours, 3),
        "streams": len(bank.streams),
        "rows": len(bank),
        "mib": round(size_bytes(bank.path) / 2**20, 1),
        "core_seconds": round(bank.seconds),
        "ignored_parts": len(bank.ignored),
        "sources": {
            name: {
                "hours": round(one.hours, 3),
                "streams": one.streams,
                "rows": one.rows,
                "rows_of_unknown_class": one.by_label.get("unknown", 0),
                "rows_of_background": one.by_label.get("background", 0),
                "rows_of_near_misses": one.near_misses,
                "lost": round(one.lost, 4),
                "licence": one.licence,
            }
            for name, one in bank.sources().items()
        },
    }


def size_bytes(folder: Path) -> int:
    """Return the size of all files in a folder."""
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())
