"""`hitrs-live evaluate detection` and `evaluate held-out`: a detector's metrics, as tables and as JSON."""

import argparse
from typing import Any

import msgspec
import numpy as np
import torch
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.config import ActionConfig
from hitrs_live.data.array_format import BACKGROUND, IGNORE, LabelledSequence, data_folder
from hitrs_live.data.class_map import labelled_classes, read_streams
from hitrs_live.data.corruptions import corrupt, parse_corruptions
from hitrs_live.data.dataset import Dataset
from hitrs_live.data.open_dataset import check_rates, open_dataset
from hitrs_live.errors import DataError
from hitrs_live.evaluation.decode_streams import decode_streams
from hitrs_live.evaluation.kept_streams import KeptStream
from hitrs_live.evaluation.reference import run_reference
from hitrs_live.evaluation.reports.detection import TOLERANCE_S, detection_report
from hitrs_live.evaluation.reports.held_out import evaluate_held_out
from hitrs_live.evaluation.reports.write import about_run, write_report
from hitrs_live.evaluation.run_model import run_model
from hitrs_live.streaming.thresholds import Thresholds, find_thresholds, reported_classes

_COLUMNS = {
    "starts": "starts",
    "precision": "precision",
    "start_recall": "recall",
    "f1": "F1",
    "delay_p50_s": "delay s",
    "ap": "AP",
    "ap_later": "AP@0.2s",
}
"""Keys of a class's metrics and their headings; AP@0.2s: at 0.2 s lookahead."""
_MOST_OTHERS = 6


def run_detection(options: argparse.Namespace) -> int:
    """Measure a detector on streams of chosen people; compare the live logits with the offline reference."""
    effects = parse_corruptions(options.degrade)
    checkpoint, thresholds, step_frames = _detector(options)
    torch.set_num_threads(options.threads)
    data = open_dataset(options.data)
    check_rates([data], checkpoint.info.normaliser.rate_hz)
    sequences = _streams(
        _first_bodies(data.tested_on(options.subjects, options.split)),
        checkpoint,
        unknown_is_background=options.unknown_is_background,
    )
    streams = run_model(
        checkpoint,
        [corrupt(sequence, effects) for sequence in sequences],
        step_frames=step_frames,
        mirror=options.mirror,
    )
    labels, config = checkpoint.info.labels, ActionConfig(classes=options.classes)
    results = decode_streams(streams, checkpoint.info, config, thresholds=thresholds, step_frames=step_frames)
    figures = detection_report(
        results, labels, rate_hz=checkpoint.info.normaliser.rate_hz,
        # Where unknown actions count as background, so does what else is detected in them.
        labelled=None if options.unknown_is_background else labelled_classes(data, labels),
        reported=reported_classes(labels, config, thresholds),
    )  # fmt: skip
    report = {
        "data": data.index.name,
        "subjects": sorted({sequence.subject for sequence in sequences}),
        **about_run(checkpoint, thresholds, options.update, mirror=options.mirror, classes=options.classes),
        "degraded": [effect.name for effect in effects],
        "live_minus_offline": difference_from_offline(checkpoint, streams, step_frames, mirror=options.mirror),
        **figures,
    }
    show(Console(), _degraded(data.index.name, report), figures)
    if options.json:
        write_report(options.json, report)
    return 0


def run_held_out(options: argparse.Namespace) -> int:
    """Measure a detector on every test subject of the shipped model's data and print one table per source."""
    effects = parse_corruptions(options.degrade)
    checkpoint, thresholds, step_frames = _detector(options)
    torch.set_num_threads(options.threads)
    folder = options.data or data_folder()
    report = about_run(checkpoint, thresholds, options.update, mirror=options.mirror, classes=options.classes)
    report |= evaluate_held_out(
        checkpoint, folder, config=ActionConfig(classes=options.classes), thresholds=thresholds,
        step_frames=step_frames, mirror=options.mirror, effects=effects,
    )  # fmt: skip
    console = Console()
    for name, figures in report["sources"].items():
        show(console, _degraded(name, report), figures)
    if options.json:
        write_report(options.json, report)
    return 0


def difference_from_offline(
    checkpoint: Checkpoint, streams: list[KeptStream], step_frames: int | None, *, mirror: bool
) -> float:
    """Return the largest absolute difference between the live path's logits and those of the offline reference."""
    expected = (
        run_reference(checkpoint, stream.sequence, step_frames=step_frames, mirror=mirror) for stream in streams
    )
    differences = (np.abs(one - got.logits).max(initial=0.0) for one, got in zip(expected, streams, strict=True))
    return max(map(float, differences), default=0.0)


def show(console: Console, name: str, figures: dict[str, Any]) -> None:
    """Print one source's table by class and the metrics over all classes."""
    if figures["per_class"]:
        console.print(_table(name, figures))
    else:
        console.print(f"{name}: {figures['streams']} streams, {figures['frames']} frames, no action of the classes")
    alarms = f"{figures['false_alarms']} in {figures['background_s']} s of background"
    lines = {
        "frame mAP": f"{figures['frame_map']}; {figures['frame_map_later']} at 0.2 s lookahead",
        "calibrated mAP": figures["mcap"],
        "start F1": _by(figures["start_f1"], "within {} s"),
        "start delay": f"p50 {figures['delay_p50_s']} s, p95 {figures['delay_p95_s']} s",
        "false alarms": alarms,
        "classes not labelled here": _others(figures["other_classes"]),
        "classes not reported": ", ".join(figures["not_reported"]) or "none",
        "interval mAP": _by(figures["map_at_overlap"]["by_action"], "at overlap {}"),
        "segmental F1": _by(figures["segmental_f1"], "at {} %"),
        "edit score": figures["edit"],
        "motion MPJPE": _by(figures["motion"]["mpjpe_mm"], "mm at {} ms"),
        "zero velocity": _by(figures["motion"]["held_mm"], "mm at {} ms"),
    }
    grid = Table.grid(padding=(0, 2))
    for heading, value in lines.items():
        grid.add_row(heading, str(value))
    console.print(grid, "")


def _detector(options: argparse.Namespace) -> tuple[Checkpoint, Thresholds | None, int]:
    checkpoint = load_checkpoint(options.checkpoint)
    loaded = find_thresholds(options.thresholds, checkpoint, options.checkpoint)
    return checkpoint, loaded.thresholds, checkpoint.info.step_frames(options.update)


def _first_bodies(data: Dataset) -> Dataset:
    """Keep one body of each recording."""
    # The most active comes first. An action of two is labelled on both bodies: measuring both would count it twice.
    return data.only([msgspec.structs.replace(sample, bodies=sample.bodies[:1]) for sample in data.samples])


def _streams(data: Dataset, checkpoint: Checkpoint, *, unknown_is_background: bool) -> list[LabelledSequence]:
    sequences = read_streams(data, checkpoint.info.labels, BACKGROUND if unknown_is_background else IGNORE)
    known = [sequence for sequence in sequences if (sequence.labels != IGNORE).any()]
    if not known:
        raise DataError(f"{data.path}: no sequence of these people has a known class; choose others with --subjects")
    return known


def _degraded(name: str, report: dict[str, Any]) -> str:
    """Append the applied degradations to a data set's name."""
    return f"{name} ({', '.join(report['degraded'])})" if report["degraded"] else name


def _others(others: dict[str, Any]) -> str:
    """Say how often classes were reported that the data says nothing of."""
    most = ", ".join(f"{name} {times}" for name, times in list(others["by_class"].items())[:_MOST_OTHERS])
    return f"{others['detected']} reports, {others['in_background']} in background" + (f": {most}" if most else "")


def _by(values: dict[str, Any], where: str) -> str:
    return ", ".join(f"{value} {where.format(key)}" for key, value in values.items())


def _table(name: str, figures: dict[str, Any]) -> Table:
    table = Table(
        "class",
        *_COLUMNS.values(),
        box=SIMPLE,
        padding=(0, 1, 0, 0),
        title=f"{name}: {figures['streams']} streams, {figures['frames']} frames, starts within {TOLERANCE_S} s",
    )
    for label, row in figures["per_class"].items():
        cells = (row[column] for column in _COLUMNS)
        table.add_row(label, *("-" if c is None else f"{c:.2f}" if isinstance(c, float) else str(c) for c in cells))
    return table
