"""`hitrs-live evaluate recognition`: accuracy of classifying trimmed sequences, as tables and as JSON."""

import argparse
from pathlib import Path
from typing import Any

import torch
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from hitrs_live.checkpoint import SHIPPED
from hitrs_live.data.open_dataset import open_dataset
from hitrs_live.evaluation.reports.recognition import evaluate_recognition
from hitrs_live.evaluation.reports.write import write_report


def run_recognition(options: argparse.Namespace) -> int:
    """Measure, print the tables and write the report atomically. Returns the exit code."""
    torch.set_num_threads(options.threads)
    dataset = open_dataset(options.data)
    if options.test_subjects:
        dataset = dataset.with_test_subjects(options.test_subjects)
    report = evaluate_recognition(
        dataset,
        options.checkpoint or [SHIPPED],
        split=options.split,
        protocol=options.answer_by,
        subset=options.subset,
        seed=options.seed,
        readout=options.readout,
    )
    _print(Console(), report)
    if options.json:
        write_report(options.json, report)
    return 0


def _print(console: Console, report: dict[str, Any]) -> None:
    console.print(_classes(report))
    console.print(_observed_shares(report))
    for each in report["checkpoints"]:
        chosen = "".join(
            f", {key.replace('_', ' ')} {each[key]}" for key in ("weight_decay", "neighbours") if key in each
        )
        line = f"{each['file']}: {each['modality']}, top-1 {each['top1']:.1%}{chosen}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    console.print(
        f"top-1 {report['top1']:.1%}, top-5 {report['top5']:.1%} of {report['samples']} sequences, "
        f"{len(report['classes'])} classes, split {report['split']}, protocol {report['protocol']}",
        highlight=False,
        soft_wrap=True,
    )


def _classes(report: dict[str, Any]) -> Table:
    table = Table(
        "class",
        "sequences",
        "recall",
        "mistaken for",
        box=SIMPLE,
        padding=(0, 1, 0, 0),
        title=Path(report["data"]).name,
    )
    for name, row in report["per_class"].items():
        recall = "-" if row["recall"] is None else f"{row['recall']:.1%}"
        table.add_row(name, str(row["samples"]), recall, row["mistaken_for"] or "-")
    return table


def _observed_shares(report: dict[str, Any]) -> Table:
    observed = report["observed"]
    table = Table(
        *(f"{share} %" for share in observed), box=SIMPLE, padding=(0, 1, 0, 0), title="top-1 by share observed"
    )
    table.add_row(*(f"{value:.1%}" for value in observed.values()))
    return table
