"""`hitrs-live evaluate reality`: a detector on clips of real people in front of ordinary cameras."""

import argparse
from pathlib import Path
from typing import Any

import torch
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from hitrs_live.checkpoint import SHIPPED, load_checkpoint
from hitrs_live.config import Config, override
from hitrs_live.data.array_format import data_folder
from hitrs_live.data.formats.real_clips import read_real_clips
from hitrs_live.evaluation.reports.reality import evaluate_reality
from hitrs_live.evaluation.reports.write import about_run, write_report
from hitrs_live.streaming.thresholds import find_thresholds

FOLDER = "real"
"""Of the clips within the data folder."""
_COLUMNS = ("true", "found", "detected", "right", "near", "false", "recall", "precision")


def run_reality(options: argparse.Namespace) -> int:
    """Measure a detector on the clips, print the tables and write the report. Returns the exit code."""
    checkpoint = load_checkpoint(options.checkpoint)
    found = find_thresholds(options.thresholds, checkpoint, Path(options.checkpoint or SHIPPED))
    torch.set_num_threads(options.threads)
    clips = read_real_clips(options.data or data_folder() / FOLDER)
    config = override(Config(), {"model.update": options.update, "model.mirror": options.mirror})
    report = about_run(checkpoint, found.thresholds, options.update, mirror=options.mirror)
    report |= evaluate_reality(checkpoint, clips, config, thresholds=found.thresholds)
    _print(Console(), report)
    if options.json:
        write_report(options.json, report)
    return 0


def _print(console: Console, report: dict[str, Any]) -> None:
    clips, labelled_s = len(report["clips"]), report["labelled_s"]
    console.print(_table("class", report["per_class"], report["all"], f"{clips} clips of real people, {labelled_s} s"))
    console.print(_table("view", report["per_view"], report["all"], "by view"))
    for name, text in (("all_clips", "false detections"), ("clips_of_other_actions", "in clips of other actions")):
        rate = report["false_alarms"][name]
        if rate["per_hour"] is not None:
            low, high = rate["per_hour_95"]
            minutes = 60 * rate["hours"]
            console.print(
                f"{text}: {rate['false']} in {minutes:.1f} minutes, {rate['per_hour']:g} an hour "
                f"(95 %: {low:g} to {high:g})"
            )
    if (parts := report["all"]["detections_per_found"]) is not None:
        console.print(f"detections per found action: {parts:.2f}")


def _table(kind: str, rows: dict[str, Any], total: dict[str, Any], title: str) -> Table:
    table = Table(kind, *_COLUMNS, box=SIMPLE, padding=(0, 1, 0, 0), title=title)
    for name, figures in (*rows.items(), ("all", total)):
        table.add_row(name, *(_cell(figures[column]) for column in _COLUMNS))
    return table


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
