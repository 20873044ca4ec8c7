"""`hitrs-live evaluate motion --data`: the error of the live model's motion predictions, as tables and as JSON."""

import argparse
from typing import Any

import torch
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from hitrs_live.checkpoint import load_checkpoint
from hitrs_live.data.class_map import read_background
from hitrs_live.data.corruptions import degrade, parse_effects
from hitrs_live.data.open_dataset import check_rates, open_dataset
from hitrs_live.errors import DataError
from hitrs_live.evaluation.metrics.motion_baselines import DISPLAY_NAMES
from hitrs_live.evaluation.reports.motion import OURS, motion_report
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.evaluation.run_model import forecast


def run_motion(options: argparse.Namespace) -> int:
    """Measure a detector's motion predictions on recordings of chosen people, through the streaming path."""
    effects = parse_effects(options.degrade)
    checkpoint = load_checkpoint(options.checkpoint)
    torch.set_num_threads(options.threads)
    data = open_dataset(options.data)
    rate_hz = checkpoint.info.normaliser.rate_hz
    check_rates([data], rate_hz)
    tested = data.tested_on(options.subjects, options.split)
    clip = checkpoint.model.config.encoder.clip_span
    shortest = clip + checkpoint.model.config.horizon
    long = [one for one in read_background(tested) if len(one.labels) >= shortest]
    if not long:
        raise DataError(
            f"{data.path}: no recording of these people has {shortest} frames, a clip and the prediction horizon "
            "after it; choose others with --subjects"
        )
    forecasts = forecast(
        checkpoint,
        [(degrade(one, effects), one) for one in long],
        step_frames=checkpoint.info.step_frames(options.update),
    )
    figures = motion_report(forecasts, rate_hz=rate_hz)
    report = {
        "data": data.index.name,
        "checkpoint": {"name": checkpoint.info.name, "sha256": checkpoint.fingerprint},
        "subjects": sorted({one.subject for one in long}),
        "recordings": len(long),
        "update": options.update,
        "degraded": [effect.name for effect in effects],
        **figures,
    }
    _show(Console(), report)
    if options.json:
        write_report(options.json, report)
    return 0


def _show(console: Console, report: dict[str, Any]) -> None:
    """Print errors by horizon: in camera space, then root-aligned, the model's first."""
    degraded = f", degraded by {', '.join(report['degraded'])}" if report["degraded"] else ""
    console.print(f"{report['data']}: {report['recordings']} recordings, {report['predictions']} predictions{degraded}")
    methods = {OURS: report, **report["baselines"]}
    for key, title in (("mpjpe_mm", "MPJPE, mm"), ("root_aligned_mpjpe_mm", "root-aligned MPJPE, mm")):
        table = Table(title, *(f"{ms} ms" for ms in report[key]), box=SIMPLE, padding=(0, 1, 0, 0))
        for name, figures in methods.items():
            table.add_row(
                DISPLAY_NAMES.get(name, name.replace("_", " ")), *(f"{value:.1f}" for value in figures[key].values())
            )
        console.print(table)
    inside = ", ".join(
        f"{value:.0%} in the {share} % range" for share, value in report["calibration"].items() if value is not None
    )
    console.print(
        f"velocity jump {report['velocity_jump_mm']} mm, largest change of a bone's length "
        f"{report['bone_length_change_max']:.2%}{'; true joints: ' + inside if inside else ''}"
    )
