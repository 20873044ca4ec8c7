"""`hitrs-live bench`: measure the model's cost on this machine and write it as JSON, tables and plots."""

import sys
import tempfile
from pathlib import Path

import msgspec
import torch
from rich.console import Console

from hitrs_live.bench.engines import build_engines, open_engines
from hitrs_live.bench.measure import FULL, QUICK, Effort, measure, resident_mb
from hitrs_live.bench.plots import draw_plots
from hitrs_live.bench.random_models import make_checkpoint
from hitrs_live.bench.results import BenchReport
from hitrs_live.bench.table import TABLE_WIDTH, draw_tables, write_tables
from hitrs_live.checkpoint import load_checkpoint
from hitrs_live.errors import DataError
from hitrs_live.evaluation.reports.write import write_report


def bench(
    checkpoint_path: Path | None, *, size: str | None, quick: bool, json_path: Path | None, folder: Path | None
) -> BenchReport:
    """Measure, print JSON on stdout and tables on stderr, and write files where paths are given.

    size: a model of random weights instead of a checkpoint; json_path: the report; folder: report, tables and plots.
    Raises DataError where a file cannot be written.
    """
    torch.set_num_threads(1)
    for place in (folder, None if json_path is None else json_path.parent):
        if place is not None:
            _prepare(place)
    effort = QUICK if quick else FULL
    report = _measure_file(checkpoint_path, effort) if size is None else _measure_size(size, effort)
    print(msgspec.json.format(msgspec.json.encode(report)).decode())
    Console(stderr=True, width=None if sys.stderr.isatty() else TABLE_WIDTH).print(draw_tables(report))
    if json_path is not None:
        write_report(json_path, msgspec.to_builtins(report))
    if folder is not None:
        write_report(folder / "bench.json", msgspec.to_builtins(report))
        (folder / "table.txt").write_text(write_tables(report), encoding="utf-8")
        if reason := draw_plots(report, folder):
            print(reason, file=sys.stderr)
    return report


def _measure_file(path: Path | None, effort: Effort) -> BenchReport:
    checkpoint = load_checkpoint(path)
    loaded_mb = resident_mb()
    engines, notices = open_engines(checkpoint)
    return measure(checkpoint, engines, effort, notices=notices, loaded_mb=loaded_mb)


def _measure_size(size: str, effort: Effort) -> BenchReport:
    """Measure a model with random weights; its engines are built in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="hitrs_bench.") as scratch:
        checkpoint = make_checkpoint(size, Path(scratch))
        loaded_mb = resident_mb()
        engines, notices = build_engines(checkpoint, Path(scratch) / "engines")
        return measure(checkpoint, engines, effort, weights="random", notices=notices, loaded_mb=loaded_mb)


def _prepare(folder: Path) -> None:
    """Create the folder and check that it is writable, before minutes of measuring."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise DataError(f"{folder}: cannot be written to ({error}); give another with --out or --json") from None
