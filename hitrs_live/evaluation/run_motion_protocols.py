"""`hitrs-live evaluate motion --cmu FILE` or `--h36m FOLDER`: published protocols, as tables and as JSON."""

import argparse
from collections.abc import Mapping
from typing import Any

import torch
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from hitrs_live.checkpoint import load_forecaster
from hitrs_live.data.formats.cmu_motion import TRAINING_FILES, read_cmu_motion
from hitrs_live.data.formats.h36m import read_h36m
from hitrs_live.data.motion_set import MotionSet
from hitrs_live.errors import CheckpointMismatch
from hitrs_live.evaluation.reports.motion_protocols import (
    COLUMNS_MS,
    Predict,
    mean_of,
    mean_over_actions,
    motion_errors,
    motion_report,
    with_mirror,
    zero_velocity,
)
from hitrs_live.evaluation.reports.write import write_report

_ZERO = "zero velocity"


def run_motion_protocols(options: argparse.Namespace) -> int:
    """Measure forecasters by the published protocol; without a forecaster, the zero-velocity baseline."""
    torch.set_num_threads(options.threads)
    motion = _motion_set(options)
    predict = _predictor(options, motion)
    measured = motion_errors(motion, predict)
    if motion.name == "h36m":
        measured = {**measured, "mean": mean_over_actions(measured)}
    report = {
        "measured": "forecaster" if options.forecaster else _ZERO,
        "forecasters": [str(file) for file in options.forecaster or ()],
        "mirror_averaged": bool(options.forecaster and options.mirror),
        "recordings": sorted(options.recordings or ()),
        **motion_report(motion, measured),
    }
    if motion.name == "cmu":
        report["training_files"] = {"here": len(motion.train), "of": TRAINING_FILES}
    show(Console(), report)
    if options.json:
        write_report(options.json, report)
    return 0


def _motion_set(options: argparse.Namespace) -> MotionSet:
    on_training = bool(options.recordings)
    if options.cmu:
        motion = read_cmu_motion(options.cmu)
    else:
        motion = read_h36m(options.h36m, samples=options.samples or None, training=on_training)
    return motion.measured_on(options.recordings) if on_training else motion


def _predictor(options: argparse.Namespace, motion: MotionSet) -> Predict:
    if not options.forecaster:
        return zero_velocity
    models = [(path, load_forecaster(path)) for path in options.forecaster]
    for path, checkpoint in models:
        if checkpoint.info.benchmark != motion.name:
            raise CheckpointMismatch(
                f"checkpoint {path}: was trained on {checkpoint.info.benchmark}, expected {motion.name}; "
                f"train one with: hitrs-live train-pose-forecaster --{motion.name} DATA"
            )
    predict = mean_of(tuple(checkpoint.model for _, checkpoint in models))
    return with_mirror(predict, motion.mirror) if options.mirror else predict


def show(console: Console, report: Mapping[str, Any]) -> None:
    """Print one table per mean, each with zero velocity; the published figures are beside the mean that they use."""
    scored = {report["measured"]: report["per_action"]}
    all_joints = {report["measured"]: report["per_action_all_joints"]}
    if report["measured"] != _ZERO:
        scored[_ZERO] = report["zero_velocity"]
        all_joints[_ZERO] = report["zero_velocity_all_joints"]
    published = report["published_all_joints"] if not report["recordings"] else {}
    every = report["all_joints"]
    console.print(_table(f"{report['protocol']}: mm, {report['scored_joints']} scored joints", scored, {}))
    console.print(_table(f"{report['protocol']}: mm, all {every} joints, as published", all_joints, published))
    if files := report.get("training_files"):
        console.print(f"training files here: {files['here']} of {files['of']}")


def _table(
    title: str, figures: Mapping[str, Mapping[str, list[float]]], published: Mapping[str, Mapping[str, Any]]
) -> Table:
    table = Table(
        "action", "by", *(f"{column} ms" for column in COLUMNS_MS), box=SIMPLE, padding=(0, 1, 0, 0), title=title
    )
    for action in dict.fromkeys(action for rows in figures.values() for action in rows):
        rows = [(by, values[action]) for by, values in figures.items() if action in values]
        if action in published:
            rows.insert(1, (published[action]["model"], published[action]["mm"]))
        for number, (by, values) in enumerate(rows):
            table.add_row("" if number else action, by, *(f"{value:.1f}" for value in values))
    return table
