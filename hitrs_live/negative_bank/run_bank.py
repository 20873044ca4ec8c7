"""Run `hitrs-live bank build` and `bank add`: from their flags to a bank."""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch

from hitrs_live.data.array_format import data_folder
from hitrs_live.negative_bank.bank import Bank
from hitrs_live.negative_bank.build import BuildSettings, begin_build, build_parts, plan_parts
from hitrs_live.negative_bank.encoder import open_bank_encoder
from hitrs_live.negative_bank.recordings import add_recordings
from hitrs_live.negative_bank.sources import check_installed, choose_sources


def run_build(options: argparse.Namespace) -> int:
    """Build a bank, or go on with one, and print a line for every part. Returns the exit code."""
    began_s = time.monotonic()
    encoder = open_bank_encoder(options.encoder).description
    settings = BuildSettings(
        hours=options.hours, seed=options.seed, shares=choose_sources(options.sources),
        data=options.data or data_folder(), checkpoint=options.encoder, live_view=options.live_errors,
        step_frames=1 if options.update == "frame" else encoder.stride_frames, views=2 if options.mirror else 1,
    )  # fmt: skip
    check_installed(settings.shares)
    torch.set_num_threads(1)
    planned = plan_parts(settings.hours, settings.shares)
    missing = begin_build(options.out, settings)
    finished = len(planned) - len(missing)
    if finished:
        print(f"{finished} of {len(planned)} parts are there already")
    hours, all_hours = 0.0, sum(one.hours for one in missing)
    try:
        for built in build_parts(options.out, settings, missing, workers=options.workers or os.cpu_count() or 1):
            finished, hours = finished + 1, hours + built.hours
            left_s = max(all_hours - hours, 0.0) * (time.monotonic() - began_s) / hours
            print(
                f"part {finished} of {len(planned)}: {built.hours:.2f} h of {built.planned.source} in "
                f"{built.seconds:.0f} s; about {left_s / 60:.0f} min left",
                flush=True,
            )
    except KeyboardInterrupt:
        print(f"interrupted; finished parts are kept in {options.out}, the same command goes on", file=sys.stderr)
        raise
    bank = Bank.open(options.out)
    print(
        f"{options.out}: {bank.hours:.2f} h in {len(bank.streams)} streams, {len(bank)} rows, "
        f"{size_bytes(options.out) / 2**20:.0f} MiB, {time.monotonic() - began_s:.0f} s; "
        f"list it with: hitrs-live bank show {options.out}"
    )
    return 0


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
    """Return the size of all files of a bank."""
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())
