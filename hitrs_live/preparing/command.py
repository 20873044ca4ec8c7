"""`hitrs-live prepare`: read a data set once, and keep it as training reads it."""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from hitrs_live.data.dataset import Dataset
from hitrs_live.data.opening import open_dataset
from hitrs_live.data.protocols import USUAL_RATE_HZ
from hitrs_live.errors import ConfigError, DataError
from hitrs_live.preparing.arrays import copied, copied_index
from hitrs_live.preparing.ntu import plan_ntu
from hitrs_live.preparing.nw_ucla import plan_nw_ucla
from hitrs_live.preparing.pku_mmd import plan_pku_mmd
from hitrs_live.preparing.processes import FileDone
from hitrs_live.preparing.reading import Findings, Plan
from hitrs_live.preparing.recordings import plan_recordings
from hitrs_live.preparing.shards import drop_shards, load_shards, read_shards
from hitrs_live.preparing.writer import REPORT, begin, finish, write_dataset

_LOG_EVERY = 5000
"""Files between lines where there is no terminal to show a bar on."""
_SHOWN_PROBLEMS = 5


def run_prepare(options: argparse.Namespace) -> int:
    """Prepare what the flags name and print what came of it. A run that was broken off goes on where it was."""
    started_s = time.monotonic()
    out: Path = options.out
    findings = Findings()
    if options.kind == "arrays":
        dataset = _copy(options, findings)
        print_summary(dataset, findings)
        return 0
    workers = os.cpu_count() or 1 if options.workers is None else options.workers
    if workers < 1:
        raise ConfigError(f"--workers: got {workers}, wanted at least 1")
    plan = _plan(options)
    findings.left_out.update(plan.left_out)
    part = begin(out, overwrite=options.overwrite)
    try:
        with _progress(len(plan.files)) as file_done:
            shards, files_read = read_shards(plan, part, workers=workers, file_done=file_done)
        read_s = time.monotonic() - started_s
        write_dataset(part, plan.index, load_shards(shards, findings), findings)
    except KeyboardInterrupt:
        print(f"what is read is kept in {part}; the same command goes on from there", file=sys.stderr)
        raise
    drop_shards(part)
    print_summary(finish(part, out), findings)
    print(f"{files_read} files read in {read_s:.1f} s: {files_read / read_s:.0f} files/s, {workers} workers")
    return 0


def print_summary(dataset: Dataset, findings: Findings) -> None:
    """Print what a prepared data set holds and what was met on the way."""
    console = Console()
    bodies = [body for sample in dataset.samples for body in sample.bodies]
    present = {int(label) for label in np.unique(dataset.labels)}
    table = Table(title=str(dataset.path), box=SIMPLE, show_header=False)
    table.add_row("sequences", f"{len(dataset.samples):,}")
    table.add_row("bodies", f"{len(bodies):,}")
    table.add_row("frames of bodies", f"{sum(body.frames for body in bodies):,}, {dataset.index.rate_hz:g} a second")
    table.add_row("classes", f"{len(present - {-1})} of {len(dataset.index.labels)}")
    for name in dataset.index.splits:
        train, test = dataset.split(name)
        table.add_row(f"split {name}", f"{len(train.samples):,} train, {len(test.samples):,} test")
    for name, count in findings.counts.items():
        if count and name not in ("bodies", "frames"):
            table.add_row(name, f"{count:,}")
    for name, problems in (
        ("broken files", findings.broken),
        ("left out", findings.left_out),
        ("notes", findings.notes),
    ):
        table.add_row(name, f"{len(problems):,}")
    console.print(table)
    for file, why in list((findings.broken | findings.left_out | findings.notes).items())[:_SHOWN_PROBLEMS]:
        console.print(f"{file}: {why}", markup=False, highlight=False, soft_wrap=True)
    if len(findings.broken) + len(findings.left_out) + len(findings.notes) > _SHOWN_PROBLEMS:
        console.print(f"... all of them in {dataset.path / REPORT}", markup=False, highlight=False, soft_wrap=True)


def _plan(options: argparse.Namespace) -> Plan:
    folder: Path = options.path
    if not folder.is_dir() and not (options.kind == "recordings" and folder.is_file()):
        raise DataError(
            f"{folder}: {'is no folder' if folder.exists() else 'there is no such folder'}; give the data's"
        )
    name = options.out.name
    if options.kind == "ntu":
        return plan_ntu(folder, name=name, missing=options.missing)
    if options.kind == "pku-mmd":
        return plan_pku_mmd(folder, name=name)
    if options.kind == "nw-ucla":
        return plan_nw_ucla(folder, name=name)
    return plan_recordings(folder, name=name, rate_hz=options.rate_hz or USUAL_RATE_HZ, labels=options.labels)


def _copy(options: argparse.Namespace, findings: Findings) -> Dataset:
    dataset = open_dataset(options.path)
    if options.out.exists() and options.out.samefile(options.path):
        raise ConfigError(f"--out {options.out}: it is what is to be read; give another name")
    part = begin(options.out, overwrite=options.overwrite)
    index = copied_index(dataset, name=options.out.name, rate_hz=options.rate_hz)
    try:
        write_dataset(part, index, copied(dataset, findings, rate_hz=options.rate_hz), findings)
    except BaseException:
        # A copy is quick and does not go on where it was broken off.
        shutil.rmtree(part, ignore_errors=True)
        raise
    drop_shards(part)
    return finish(part, options.out)


@contextmanager
def _progress(files: int) -> Iterator[FileDone]:
    columns = (TextColumn("reading"), BarColumn(), MofNCompleteColumn(), TextColumn("files"), TimeRemainingColumn())
    with Progress(*columns) as display:
        task = display.add_task("reading", total=files)
        done = 0

        def file_done() -> None:
            nonlocal done
            done += 1
            display.advance(task)
            if not display.console.is_terminal and done % _LOG_EVERY == 0:
                print(f"{done} of {files} files", flush=True)

        yield file_done
