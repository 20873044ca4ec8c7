"""`hitrs-live evaluate rendered`: a detector on rendered held-out people, beside their own joints."""

import argparse
from typing import Any

import torch
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from hitrs_live.checkpoint import load_checkpoint
from hitrs_live.config import ActionConfig
from hitrs_live.data.array_format import data_folder
from hitrs_live.evaluation.reports.rendered import evaluate_rendered
from hitrs_live.evaluation.reports.write import about_run, write_report
from hitrs_live.streaming.thresholds import find_thresholds

_SHOWN = {"own_joints": "own", "rendered": "rendered"}


def run_rendered(options: argparse.Namespace) -> int:
    """Measure, print one table and write the report. Returns the exit code."""
    checkpoint = load_checkpoint(options.checkpoint)
    thresholds = find_thresholds(options.thresholds, checkpoint, options.checkpoint).thresholds
    torch.set_num_threads(options.threads)
    report = about_run(checkpoint, thresholds, options.update, mirror=options.mirror, classes=options.classes)
    report["sources"] = evaluate_rendered(
        checkpoint,
        options.data or data_folder(),
        options.views,
        config=ActionConfig(classes=options.classes),
        thresholds=thresholds,
        step_frames=checkpoint.info.step_frames(options.update),
        mirror=options.mirror,
    )
    Console().print(_table(report["sources"]))
    if options.json:
        write_report(options.json, report)
    return 0


def _table(sources: dict[str, Any]) -> Table:
    title = "held-out people: starts within 0.5 s, false alarms in seconds of background"
    table = Table("source", "joints", "views", "mAP", "start F1", "delay s", "false", "in s", box=SIMPLE, title=title)
    for name, both in sources.items():
        for key, words in _SHOWN.items():
            figures = both[key]
            cells = (
                figures["frame_map"], figures["start_f1"]["0.5"], figures["delay_p50_s"], figures["false_alarms"],
                figures["background_s"],
            )  # fmt: skip
            table.add_row(name, words, str(both["views"]), *("-" if one is None else f"{one:.4g}" for one in cells))
    return table
