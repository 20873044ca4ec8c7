"""`hitrs-live evaluate synthesis`: synthetic motion against recordings of real people."""

import argparse
from collections.abc import Sequence
from typing import Any

import torch
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from hitrs_live.data.array_format import data_folder
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.evaluation.synthesis.coverage import compare
from hitrs_live.evaluation.synthesis.plots import check_plot, draw_coverage
from hitrs_live.evaluation.synthesis.repetitions import Repetition, read_real, read_synthetic
from hitrs_live.evaluation.synthesis.transfer import TransferConfig, measure_transfer

_WORST = 4
"""Features named in the table of a class."""


def run_synthesis(options: argparse.Namespace) -> int:
    """Compare the repetitions, train the classifiers, print the tables and write the report. Returns the exit code."""
    if options.plot:
        check_plot(options.plot)
    torch.set_num_threads(options.threads)
    synthetic = read_synthetic(options.data)
    real = read_real(options.real or data_folder())
    report: dict[str, Any] = {"data": str(options.data), "coverage": compare(real, synthetic)}
    console = Console()
    _print_coverage(console, report["coverage"])
    if options.plot:
        draw_coverage(report["coverage"], options.plot)
    if options.seeds:
        report["transfer"] = _measure(real, synthetic, options)
        _print_transfer(console, report["transfer"])
    if options.json:
        write_report(options.json, report)
    return 0


def _measure(
    real: Sequence[Repetition], synthetic: Sequence[Repetition], options: argparse.Namespace
) -> dict[str, Any]:
    config = TransferConfig(seeds=options.seeds, variants=options.variants, real_people=options.real_people)
    return measure_transfer(real, synthetic, config)


def _print_coverage(console: Console, coverage: dict[str, Any]) -> None:
    table = Table("class", "real", "people", "synthetic", "covered", "covered least", box=SIMPLE, title="ranges")
    for label, one in coverage.items():
        covered = "-" if one.get("covered") is None else f"{one['covered']:.2f}"
        worst = [f"{name} {one['features'][name]['covered']:.2f}" for name in one.get("flagged", ())[:_WORST]]
        table.add_row(label, str(one["real"]), str(one["people"]), str(one["synthetic"]), covered, "; ".join(worst))
    console.print(table)


def _print_transfer(console: Console, transfer: dict[str, Any]) -> None:
    table = Table("class", "real", "recall", "mistaken for", "warping", box=SIMPLE, title="trained on synthetic motion")
    warped = transfer["warping"]["per_class"]
    for label, one in transfer["synthetic"]["per_class"].items():
        other = f"{warped[label]['recall']:.2f}" if label in warped else "-"
        table.add_row(label, str(one["repetitions"]), f"{one['recall']:.2f}", one["mistaken_for"] or "-", other)
    console.print(table)
    names = {
        "synthetic": "trained on synthetic", "warping": "nearest synthetic example, warped",
        "synthetic_same": "trained on synthetic, classes of several people", "real": "trained on other real people",
        "both": "trained on both",
    }  # fmt: skip
    for key, text in names.items():
        if key in transfer:
            console.print(f"{text}: top-1 {transfer[key]['top1']:.1%}, mean recall {transfer[key]['mean_recall']:.1%}")
