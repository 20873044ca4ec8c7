"""Measure the error of a delayed pose, as measured and extrapolated to the time of publishing.

    HITRS_DATA=DATA python benchmarks/studies/latency_compensation.py --json reports/latency_compensation.json

Streams of people whom training never saw are delayed artificially. When a delayed pose is published, the body has
moved on; the true pose at that time is interpolated linearly between the recorded frames. Compared are, in mean joint
error in millimetres, camera space, over every frame from the first prediction on:

- late: the measured pose;
- straight on: each joint extrapolated at its velocity between the two newest frames;
- predicted: extrapolated by the predicted motion, for every person;
- by now: what a subscriber of `--now` receives, the predicted motion where the person's predictions are reliable at
  that time, otherwise the measured pose.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.data.array_format import LabelledSequence, data_folder
from hitrs_live.data.class_map import as_streams, read_ship
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.messages import JointFrame, People
from hitrs_live.streaming.compensator import LatencyCompensator
from hitrs_live.streaming.hitrs_stream import HitrsStream
from hitrs_live.streaming.motion_scorer import MotionScorer
from hitrs_live.streaming.predictor import Predictor

SOURCES = ("precog16", "ui_prmd_kinect")
WAYS = ("late", "straight_on", "predicted", "by_now")
_ROWS = 32


def measure(
    checkpoint: Checkpoint, sequences: list[LabelledSequence], *, delays_ms: tuple[float, ...], step_frames: int
) -> dict[str, dict[str, float]]:
    """Compute the error of each way at each delay, over all frames of all sequences. Millimetres."""
    sums, frames = np.zeros((len(delays_ms), len(WAYS))), np.zeros(len(delays_ms), np.int64)
    ordered = sorted(sequences, key=lambda sequence: -len(sequence.labels))
    for first in range(0, len(ordered), _ROWS):
        for errors_mm in _batch_errors_mm(checkpoint, ordered[first : first + _ROWS], delays_ms, step_frames):
            known = ~np.isnan(errors_mm[:, 0])
            sums += np.where(known[:, None], errors_mm, 0.0).sum(-1)
            frames += known.sum(-1)
    return {
        f"{delay_ms:g}": {"frames": int(count), **dict(zip(WAYS, np.round(row / count, 2).tolist(), strict=True))}
        for delay_ms, row, count in zip(delays_ms, sums, frames, strict=True)
    }


def _batch_errors_mm(
    checkpoint: Checkpoint, sequences: list[LabelledSequence], delays_ms: tuple[float, ...], step_frames: int
) -> Iterator[NDArray[np.float64]]:
    """Run a sequence in each row. Yields (D, 4, R) errors a frame, NaN where a row has no prediction or no truth."""
    rows, rate_hz = len(sequences), checkpoint.info.normaliser.rate_hz
    horizon = checkpoint.info.detector.horizon
    lengths = np.array([len(sequence.labels) for sequence in sequences])
    joints_m = np.stack([_padded(sequence.joints_m, int(lengths.max())) for sequence in sequences])
    real = np.stack([sequence.valid_mask for sequence in sequences]).astype(np.float64)
    predictor = Predictor(HitrsStream(checkpoint, step_frames=step_frames), rows=rows, mirror=False)
    compensator = LatencyCompensator(rows=rows, rate_hz=rate_hz, horizon=horizon)
    scorer = MotionScorer(source_id="benchmark", rows=rows, rate_hz=rate_hz, horizon=horizon, step_frames=step_frames)
    for frame in range(int(lengths.max())):
        joint_frame = _joint_frame(joints_m[:, frame], frame, frame < lengths, rate_hz)
        scorer.observe(joint_frame)
        compensator.observe(joint_frame)
        for prediction in predictor.step(joint_frame):
            scorer.step(prediction)
            compensator.step(prediction)
        errors = np.full((len(delays_ms), len(WAYS), rows), np.nan)
        people, speed_m = _people(joint_frame), joints_m[:, frame] - joints_m[:, max(0, frame - 1)]
        for number, delay_ms in enumerate(delays_ms):
            at = frame + delay_ms / 1000 * rate_hz
            extrapolated = compensator.extrapolate(people, people.capture_time_ns + round(delay_ms * 1e6))
            scored = extrapolated.known & (np.ceil(at) < lengths)
            if not scored.any():
                continue
            trusted = np.where(scorer.errors.reliable[:, None, None], extrapolated.joints_m, people.joints_m)
            ways = (people.joints_m, people.joints_m + (at - frame) * speed_m, extrapolated.joints_m, trusted)
            error_m = np.linalg.norm(np.stack(ways) - _between(joints_m, at), axis=-1)
            errors[number] = np.where(scored, 1000 * (error_m * real).sum(-1) / real.sum(-1), np.nan)
        yield errors


def _padded(joints_m: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    return np.concatenate((joints_m, np.repeat(joints_m[-1:], frames - len(joints_m), axis=0)))


def _between(joints_m: NDArray[np.float32], at: float) -> NDArray[np.float32]:
    """Interpolate all rows linearly at a time between two frames. joints_m: (R, T, 25, 3) -> (R, 25, 3)."""
    low = min(int(at), joints_m.shape[1] - 1)
    high, share = min(low + 1, joints_m.shape[1] - 1), np.float32(at - low)
    between: NDArray[np.float32] = joints_m[:, low] * (1 - share) + joints_m[:, high] * share
    return between


def _joint_frame(joints_m: NDArray[np.float32], frame: int, active: NDArray[np.bool_], rate_hz: float) -> JointFrame:
    return JointFrame.of(joints_m, time_ns=round(frame / rate_hz * 1e9), active=active, reset=frame == 0)


def _people(joint_frame: JointFrame) -> People:
    return People(
        capture_time_ns=int(joint_frame.time_ns[0]),
        track_ids=joint_frame.track_ids,
        present=joint_frame.active,
        joints_m=joint_frame.joints_m,
        confidence=joint_frame.confidence,
    )


def main() -> None:
    """Measure every source at every delay and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--checkpoint", type=Path, help="model to measure, instead of the one shipped")
    parser.add_argument("--update", choices=("clip", "frame"), default="clip", help="as in `hitrs-live live`")
    parser.add_argument("--delays-ms", type=float, nargs="+", default=(50.0, 100.0, 150.0, 200.0))
    options = parser.parse_args()
    torch.set_num_threads(1)
    checkpoint = load_checkpoint(options.checkpoint)
    step_frames = checkpoint.info.step_frames(options.update)
    people = {name: as_streams(name, sequences) for name, sequences in read_ship(data_folder(), test=True).items()}
    report: dict[str, Any] = {"model": checkpoint.info.name, "update": options.update, "sources": {}}
    table = Table(title=f"{checkpoint.info.name}, a prediction every {options.update}, mean joint error in mm")
    for heading in ("people", "delay, ms", *(way.replace("_", " ") for way in WAYS), "by now, less"):
        table.add_column(heading, justify="left" if heading == "people" else "right")
    for name in SOURCES:
        errors = measure(checkpoint, people[name], delays_ms=tuple(options.delays_ms), step_frames=step_frames)
        report["sources"][name] = errors
        for delay, row in errors.items():
            less = f"{100 * (1 - row['by_now'] / row['late']):.0f} %"
            table.add_row(name, delay, *(f"{row[way]:.1f}" for way in WAYS), less)
        table.add_section()
    Console().print(table)
    if options.json:
        write_report(options.json, report)


if __name__ == "__main__":
    main()
