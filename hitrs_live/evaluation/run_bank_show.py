"""`hitrs-live bank show`: what a bank has of each source, and what a detector reports on it."""

import argparse
import sys
from typing import Any

import numpy as np
import torch
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.config import ActionConfig
from hitrs_live.evaluation.bank_scores import SourceAlarms, bank_alarms, bank_logits, hardest_rows
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.negative_bank.bank import Bank
from hitrs_live.negative_bank.encoder import open_bank_encoder
from hitrs_live.negative_bank.run_bank import bank_report
from hitrs_live.poisson import poisson_interval
from hitrs_live.streaming.hitrs_stream import describe_stream
from hitrs_live.streaming.thresholds import Thresholds, find_thresholds, make_threshold_arrays

_COLUMNS = ("hours", "streams", "back-\nground", "action", "un-\nknown", "near\nmiss")
"""The last four are shares of the rows. Near misses are background too."""
_COUNTED = ("false\nalarms", "per\nhour")


def run_show(options: argparse.Namespace) -> int:
    """Print the table of a bank; with --alarms, also count a detector's false alarms. Returns the exit code."""
    counts = options.alarms or options.hardest
    encoder = open_bank_encoder(options.checkpoint).description if counts else None
    bank = Bank.open(options.bank, encoder)
    report = bank_report(bank)
    alarms: dict[str, SourceAlarms] = {}
    hardest: list[dict[str, Any]] = []
    if counts:
        checkpoint = load_checkpoint(options.checkpoint)
        thresholds = find_thresholds(options.thresholds, checkpoint, options.checkpoint).thresholds
        if checkpoint.convolutions:
            print(
                f"{checkpoint.info.name}: without its convolutions, which read joints; a bank has none", file=sys.stderr
            )
        torch.set_num_threads(options.threads)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("scoring the bank", total=len(bank))
            logits = bank_logits(bank, checkpoint, on_rows=lambda count: progress.advance(task, count))
        alarms = bank_alarms(bank, checkpoint, logits, thresholds=thresholds)
        hardest = _hardest(bank, checkpoint, logits, thresholds, options.hardest)
        report["detector"] = {"name": checkpoint.info.name, "sha256": checkpoint.fingerprint}
        report["alarms"] = {name: _figures(one) for name, one in alarms.items()}
        report["hardest"] = hardest
    console = Console()
    console.print(_table(bank, alarms))
    for one in hardest:
        console.print(
            f"{one['score']:.2f} {one['detected']} instead of {one['label']}: {one['source']} {one['stream']} at "
            f"{one['time_s']:g} s",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
    if options.json:
        write_report(options.json, report)
    return 0


def _table(bank: Bank, alarms: dict[str, SourceAlarms]) -> Table:
    title = f"{bank.path}: {bank.hours:.2f} h, {len(bank)} rows, encoder {bank.info.encoder.name}"
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0), title=title)
    table.add_column("source", no_wrap=True)
    for heading in (*_COLUMNS, *(_COUNTED if alarms else ())):
        table.add_column(heading, justify="right")
    for name, one in bank.sources().items():
        background, unknown = one.by_label.get("background", 0), one.by_label.get("unknown", 0)
        shares = (background, one.rows - background - unknown, unknown, one.near_misses)
        cells = (f"{count / max(one.rows, 1):.0%}" if count else "-" for count in shares)
        counts = _cells(alarms[name]) if alarms else ()
        table.add_row(name, f"{one.hours:.2f}", str(one.streams), *cells, *counts)
    return table


def _cells(one: SourceAlarms) -> tuple[str, str]:
    hours, count = one.false_alarms.hours, one.false_alarms.count
    return str(count), f"{count / hours:.1f}" if hours else "-"


def _figures(one: SourceAlarms) -> dict[str, Any]:
    """Return the figures of one source for the report."""
    hours, count = one.false_alarms.hours, one.false_alarms.count
    return {
        "background_h": round(hours, 4),
        "false_alarms": count,
        "per_hour": round(count / hours, 2) if hours else None,
        "per_hour_95": [round(limit / hours, 2) for limit in poisson_interval(count)] if hours else None,
        "by_class": dict(one.by_class),
        "detected": one.detected,
    }


def _hardest(
    bank: Bank, checkpoint: Checkpoint, logits: Any, thresholds: Thresholds | None, count: int
) -> list[dict[str, Any]]:
    """Describe the rows with the highest scores of a wrong class."""
    info = checkpoint.info
    rules = make_threshold_arrays(describe_stream(info, bank.info.step_frames), ActionConfig(), thresholds)
    scores = rules.scores(logits)
    lag, rate_hz = bank.info.encoder.label_lag_frames, bank.info.encoder.normaliser.rate_hz
    described = []
    for row in hardest_rows(bank, scores, info.labels, count).tolist():
        about = bank.streams[bank.stream[row]]
        own = bank.classes[bank.labels[row]]
        others = scores[row].copy()
        others[[0, info.labels.index(own) if own in info.labels else 0]] = 0
        best = int(np.argmax(others))
        described.append(
            {
                "score": round(float(others[best]), 3),
                "detected": info.labels[best],
                "label": own,
                "source": about.source,
                "stream": about.name,
                "time_s": round(float(bank.frame[row] - lag) / rate_hz, 2),
            }
        )
    return described
