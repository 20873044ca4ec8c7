"""`hitrs-live evaluate`: figures of a checkpoint, as tables and as JSON."""

import argparse
import json
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from hitrs_live.checkpoint import load_checkpoint
from hitrs_live.data.arrays import data_folder
from hitrs_live.evaluation.held_out import evaluate_held_out

_COLUMNS = {
    "starts": "starts",
    "precision": "right",
    "start_recall": "found",
    "f1": "F1",
    "delay_p50_s": "delay s",
    "frames": "frames",
    "recall": "recall",
    "ap": "AP",
    "ap_online": "AP online",
}
"""The figures of a class and their headings, short enough for eighty columns."""


def run_evaluate(options: argparse.Namespace) -> int:
    """Measure the checkpoint on every test subject and print a table a source."""
    report = evaluate_held_out(load_checkpoint(options.checkpoint), options.data or data_folder())
    console = Console()
    for name, figures in report["sources"].items():
        console.print(_table(name, figures))
        alarms = figures["false_alarms"]
        console.print(
            f"frame mAP {figures['frame_map']} ({figures['frame_map_online']} with no lookahead), "
            f"frame accuracy {figures['accuracy']}, start F1 {figures['starts']['f1']} within "
            f"{report['start_tolerance_s']} s, {alarms['count']} false alarms "
            f"in {alarms['background_s']} s of background\n"
            f"motion, mm by ms ahead: {figures['motion']['mpjpe_mm']}, held pose {figures['motion']['held_mm']}\n"
        )
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def _table(name: str, figures: dict[str, Any]) -> Table:
    table = Table(
        "class",
        *_COLUMNS.values(),
        box=SIMPLE,
        padding=(0, 1, 0, 0),
        title=f"{name}: {figures['streams']} streams, {figures['frames']} frames",
    )
    for label, row in figures["per_class"].items():
        table.add_row(label, *("-" if row[column] is None else str(row[column]) for column in _COLUMNS))
    return table
