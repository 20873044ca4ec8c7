"""`hitrs-live prepare`: read a data set once, and keep it as training reads it."""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from hitrs_live.data.dataset import Dataset, Index
from hitrs_live.data.open_dataset import open_dataset
from hitrs_live.errors import ConfigError, DataError
from hitrs_live.prepare.array_file import ENDING, check_target, report_path, write_array_file
from hitrs_live.prepare.arrays import copied, copied_index
from hitrs_live.prepare.readers import READERS
from hitrs_live.prepare.reading import Findings, Plan, Recorded
from hitrs_live.prepare.shards import drop_shards, load_shards, read_shards
from hitrs_live.prepare.worker_processes import FileDone
from hitrs_live.prepare.writer import REPORT, begin, finish, write_dataset

_LOG_EVERY = 5000
"""Files between lines where there is no terminal to show a bar on."""
_SHOWN_PROBLEMS = 5


def run_prepare(options: argparse.Namespace) -> int:
    """Prepare what the flags name and print what came of it. A run that was broken off goes on where it was."""
    started_s = time.monotonic()
    out: Path = options.out
    findings = Findings()
    if options.kind == "arrays":
        print_summary(_copy(options, findings), findings)
        return 0
    workers = os.cpu_count() or 1 if options.workers is None else options.workers
    if workers < 1:
        raise ConfigError(f"--workers: got {workers}, expected at least 1")
    plan = _plan(options)
    findings.left_out.update(plan.left_out)
    part = _begin(out, overwrite=options.overwrite)
    try:
        with _progress(len(plan.files)) as file_done:
            shards, files_read = read_shards(plan, part, workers=workers, file_done=file_done)
        read_s = time.monotonic() - started_s
        dataset = _write(part, out, plan.index, load_shards(shards, findings), findings)
    except KeyboardInterrupt:
        print(f"what is read is kept in {part}; the same command goes on from there", file=sys.stderr)
        raise
    print_summary(dataset, findings)
    print(f"{files_read} files read in {read_s:.1f} s: {files_read / read_s:.0f} files/s, {workers} workers")
    return 0


def _begin(out: Path, *, overwrite: bool) -> Path:
    """Make the folder in which the work is done, or find the one that a run broken off left."""
    if out.suffix != ENDING:
        return begin(out, overwrite=overwrite)
    check_target(out, overwrite=overwrite)
    return begin(out.with_name(f"{out.name}.shards"), overwrite=overwrite)


def _write(part: Path, out: Path, index: Index, recorded: Iterable[Recorded], findings: Findings) -> Dataset:
    """Write what was read, as a prepared folder or as an array file, and open it."""
    if out.suffix != ENDING:
        write_dataset(part, index, recorded, findings)
        drop_shards(part)
        return finish(part, out)
    write_array_file(out, index, recorded, findings)
    shutil.rmtree(part, ignore_errors=True)
    return open_dataset(out)


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
        report = report_path(dataset.path) if dataset.path.suffix == ENDING else dataset.path / REPORT
        console.print(f"... all of them in {report}", markup=False, highlight=False, soft_wrap=True)


def _plan(options: argparse.Namespace) -> Plan:
    path: Path = options.path
    reader = READERS[options.kind]
    if not path.is_dir() and not (reader.takes_file and path.is_file()):
        raise DataError(f"{path}: {'is no folder' if path.exists() else 'there is no such folder'}; give the data's")
    given = {flag.name: value for flag in reader.flags if (value := getattr(options, flag.name)) is not None}
    return reader.plan(path, name=_name(options.out), **given)


def _name(out: Path) -> str:
    """Name a data set after what is written."""
    return out.stem if out.suffix == ENDING else out.name


def _copy(options: argparse.Namespace, findings: Findings) -> Dataset:
    dataset = open_dataset(options.path)
    if options.out.exists() and options.out.samefile(options.path):
        raise ConfigError(f"--out {options.out}: it is what is to be read; give another name")
    part = _begin(options.out, overwrite=options.overwrite)
    index = copied_index(dataset, name=_name(options.out), rate_hz=options.rate_hz)
    try:
        return _write(part, options.out, index, copied(dataset, findings, rate_hz=options.rate_hz), findings)
    except BaseException:
        # A copy is quick and does not go on where it was broken off.
        shutil.rmtree(part, ignore_errors=True)
        raise


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
