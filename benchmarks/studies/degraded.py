"""Measure a detector on held-out people with joints degraded to a webcam's quality, by single effects and together.

    python benchmarks/studies/degraded.py --checkpoint FILE --json reports/degraded.json

Each row equals the result of `hitrs-live evaluate held-out --degrade EFFECTS`.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from hitrs_live.checkpoint import load_checkpoint
from hitrs_live.data.array_format import data_folder
from hitrs_live.data.corruptions import parse_corruptions
from hitrs_live.evaluation.reports.held_out import evaluate_held_out
from hitrs_live.evaluation.reports.write import about_run, write_report
from hitrs_live.streaming.thresholds import find_thresholds

EFFECTS = (
    "", "noise", "15fps", "no-feet", "no-feet,no-hands", "landmarks", "yaw=90", "yaw=90,noise,15fps,no-feet,no-hands",
)  # fmt: skip
"""The last combines the effects of a camera, in the order in which they occur: view, joints, frame rate, occlusion."""
KEPT = (
    "frame_map", "frame_map_later", "start_f1", "start_precision", "start_recall", "delay_p50_s", "delay_p95_s",
    "false_alarms", "background_s", "motion",
)  # fmt: skip


def main() -> None:
    """Measure the effects one after the other and print one table for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", help="detector to measure (default: the one shipped)")
    parser.add_argument("--thresholds", default="", metavar="FILE", help="as the setting action.thresholds has it")
    parser.add_argument("--update", choices=("clip", "frame"), default="frame", help="when it predicts")
    parser.add_argument(
        "--degrade", action="append", metavar="A,B", help="effects of one row; repeat for more (default: all)"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    chosen = [parse_corruptions(text) for text in options.degrade or EFFECTS]
    checkpoint = load_checkpoint(options.checkpoint)
    loaded = find_thresholds(options.thresholds, checkpoint, options.checkpoint)
    step_frames = checkpoint.info.step_frames(options.update)
    rows = []
    for effects in chosen:
        report = evaluate_held_out(
            checkpoint, data_folder(), thresholds=loaded.thresholds, step_frames=step_frames, effects=effects
        )
        rows.append(
            {
                "degraded": report["degraded"],
                "sources": {name: {key: s[key] for key in KEPT} for name, s in report["sources"].items()},
            }
        )
        Console().print(table(rows[-1]))
    if options.json:
        write_report(
            options.json, about_run(checkpoint, loaded.thresholds, options.update, mirror=True) | {"rows": rows}
        )


def table(row: dict[str, Any]) -> Table:
    """Build the table of one row, a line for each source."""
    built = Table(
        "source", "frame mAP", "at 0.2 s lookahead", "start F1 0.5 s", "delay p50 s", "false alarms",
        title=", ".join(row["degraded"]) or "as recorded",
    )  # fmt: skip
    for name, figures in row["sources"].items():
        alarms = f"{figures['false_alarms']} in {figures['background_s']} s"
        values = (figures["frame_map"], figures["frame_map_later"], figures["start_f1"]["0.5"], figures["delay_p50_s"])
        built.add_row(name, *("-" if value is None else f"{value:.2f}" for value in values), alarms)
    return built


if __name__ == "__main__":
    main()
