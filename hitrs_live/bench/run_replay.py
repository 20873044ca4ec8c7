"""`hitrs-live replay --bench`: measure speed and accuracy of NTU RGB+D files through the streaming path.

The report has these keys:

    files, passed_over    number of files run; files that could not be read, with the reason
    frames, people, judgements, told    of all files: frames at 30 Hz, tracked people, predictions, detected actions
    pair_judgements       predictions for pairs; 0 where the model knows no action of two
    wall_s, files_per_s, times_real_time    from opening the first file to the end of the last, without model loading
    spent_s               parts of it: reading files, tracking people, stepping model and decoder
    step_ms               duration of a step of the whole batch: mean, p50, p90, p99, max
    histogram             number of steps by duration: from_ms, to_ms, steps
    accuracy              top1 and top5 of the files whose names contain a known action, and their number; null where
                          there is none, with the reason in no_accuracy
    answers               by file: people, predictions, predictions for pairs, predicted action, and the true action if
                          the name contains it
    checkpoint, update, tuned, engine, precision, threads, rows    what was run

A file's predicted action is the one with the highest mean logit over all predictions for all of its people, as
`evaluate recognition` averages over a sequence's people; background is excluded. For an action of two people (the
checkpoint's `pair_labels`) the mean is over all predictions for pairs, each the mean of its two people, paired as in
the live path; without a pair such an action is excluded. A file in which no person is tracked for the length of a clip
has no predicted action and counts as wrong.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hitrs_live.bench.replay_tables import print_report
from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.config import Config
from hitrs_live.errors import ConfigError, DataError
from hitrs_live.evaluation.batch_replay import FileScores, Replay, TrackedFile
from hitrs_live.evaluation.metrics.classification import top_k
from hitrs_live.evaluation.reports.write import about_run, write_report
from hitrs_live.inference.backend_selection import open_engine
from hitrs_live.prepare.ntu_classes import ACTIONS
from hitrs_live.prepare.ntu_file_names import parse_name
from hitrs_live.sources.ntu import pose_frames
from hitrs_live.sources.ntu_format import FRAME_RATE_HZ, parse_skeleton
from hitrs_live.streaming.recorded_tracks import live_joint_frames, track_histories
from hitrs_live.streaming.thresholds import find_thresholds

_EDGES_MS = [digit * 10.0**power for power in range(-2, 5) for digit in (1, 2, 5)]


def run_replay(options: argparse.Namespace, config: Config) -> int:
    """Run a folder's files, print the metrics and write the report atomically. Returns the exit code."""
    if not options.bench:
        raise ConfigError(
            f"replay {options.folder}: expected --bench, which measures; to replay files as live input, use "
            f"hitrs-live live --replay {options.folder}"
        )
    if options.rows < 1:
        raise ConfigError(f"--rows: got {options.rows}, expected at least 1")
    files = find_files(options.folder)
    report = bench_replay(files, config, rows=options.rows)
    print_report(report)
    if options.json:
        write_report(options.json, report)
    return 0


def find_files(folder: Path) -> list[Path]:
    """List the `.skeleton` files in a folder, to any depth, sorted by name; for a file, the file itself.

    Raises DataError where there is none.
    """
    if folder.is_file():
        return [folder]
    files = [path for path in folder.rglob("*") if path.suffix.lower() == ".skeleton" and path.is_file()]
    if not files:
        missing = "no .skeleton file in it" if folder.is_dir() else "no such file or folder"
        raise DataError(f"replay {folder}: {missing}; give a folder of NTU RGB+D's .skeleton files")
    return sorted(files)


def bench_replay(files: list[Path], config: Config, *, rows: int) -> dict[str, Any]:
    """Run files through the streaming path, `rows` people at once. Returns the report.

    Raises DataError where no file can be read.
    """
    model = config.model
    torch.set_num_threads(model.threads)
    checkpoint = load_checkpoint(model.checkpoint or None)
    loaded = find_thresholds(config.action.thresholds, checkpoint, model.checkpoint)
    opened = open_engine(
        checkpoint, model.engine, model.precision, max_rows=rows * (1 + model.mirror), threads=model.threads,
        build=model.engine != "auto",
        quantisation=Path(model.quantisation) if model.quantisation else None,
    )  # fmt: skip
    replay = Replay(checkpoint, config, opened.engine, rows=rows, thresholds=loaded.thresholds)
    reader = _Reader(config=config, rate_hz=checkpoint.info.normaliser.rate_hz)
    began = time.perf_counter()
    scores = replay.run(reader.read(files))
    wall_s = time.perf_counter() - began
    if not scores:
        raise DataError(f"none of {len(files)} files can be read; the first: {next(iter(reader.skipped.values()))}")
    return {
        **_summarise(scores, wall_s, reader, replay.step_ms),
        **_accuracy(scores, checkpoint),
        "answers": _predictions(scores, checkpoint.info.labels),
        **about_run(checkpoint, loaded.thresholds, model.update, mirror=model.mirror),
        "engine": opened.engine.name,
        "precision": opened.engine.precision,
        "threads": model.threads,
        "rows": rows,
    }


@dataclass(kw_only=True)
class _Reader:
    """Read files and track their people, one file after the other, as they are requested."""

    config: Config
    rate_hz: float
    skipped: dict[str, str] = field(default_factory=dict)
    """By file: why it could not be read."""
    read_s: float = 0.0
    track_s: float = 0.0

    def read(self, files: list[Path]) -> Iterator[TrackedFile]:
        """Yield the files that can be read; print a line for each of the others."""
        for path in files:
            began = time.perf_counter()
            try:
                sequence = parse_skeleton(path)
            except DataError as error:
                self.skipped[str(path)] = str(error)
                print(f"skipped: {error}", file=sys.stderr, flush=True)
                continue
            read = time.perf_counter()
            joint_frames = tuple(
                live_joint_frames(
                    pose_frames(sequence), rate_hz=self.rate_hz, pose=self.config.pose, track=self.config.track,
                    camera=self.config.camera,
                )
            )  # fmt: skip
            people = tuple(track_histories(joint_frames))
            self.read_s += read - began
            self.track_s += time.perf_counter() - read
            yield TrackedFile(path=path, frames=len(sequence.frames), joint_frames=joint_frames, people=people)


def _summarise(scores: list[FileScores], wall_s: float, reader: _Reader, step_ms: list[float]) -> dict[str, Any]:
    frames = sum(one.frames for one in scores)
    # Without any person in any file there is no step.
    took_ms = np.array(step_ms or [0.0])
    p50, p90, p99 = np.percentile(took_ms, (50, 90, 99))
    return {
        "files": len(scores),
        "passed_over": reader.skipped,
        "frames": frames,
        "people": sum(one.people for one in scores),
        "judgements": sum(one.predictions for one in scores),
        "pair_judgements": sum(one.pair_predictions for one in scores),
        "told": sum(len(one.detected) for one in scores),
        "wall_s": round(wall_s, 3),
        "files_per_s": round(len(scores) / wall_s, 2),
        "times_real_time": round(frames / FRAME_RATE_HZ / wall_s, 2),
        "spent_s": {
            "read": round(reader.read_s, 3),
            "follow": round(reader.track_s, 3),
            "step": round(sum(step_ms) / 1000, 3),
        },
        "step_ms": {
            "mean": round(float(took_ms.mean()), 3),
            "p50": round(float(p50), 3),
            "p90": round(float(p90), 3),
            "p99": round(float(p99), 3),
            "max": round(float(took_ms.max()), 3),
            "steps": len(step_ms),
        },
        "histogram": _histogram(step_ms),
    }


def _histogram(step_ms: list[float]) -> list[dict[str, float]]:
    """Count steps between 1, 2, 5, 10 ... ms, from the first class with any to the last."""
    counts, _ = np.histogram(step_ms, [0.0, *_EDGES_MS, np.inf])
    filled = np.flatnonzero(counts)
    if not len(filled):
        return []
    edges = [0.0, *_EDGES_MS, 10 * _EDGES_MS[-1]]
    return [
        {"from_ms": round(edges[at], 2), "to_ms": round(edges[at + 1], 2), "steps": int(counts[at])}
        for at in range(filled[0], filled[-1] + 1)
    ]


def _accuracy(scores: list[FileScores], checkpoint: Checkpoint) -> dict[str, Any]:
    """Compare predicted actions with those in the files' names, where the model knows NTU's actions."""
    actions = checkpoint.info.labels[1:]
    labelled = [(one, name) for one in scores if (name := _action_of(one.path)) in actions]
    foreign = [label for label in actions if label not in ACTIONS]
    reason = ""
    if foreign:
        reason = f"{checkpoint.info.name} knows other actions than those of NTU RGB+D, such as {foreign[0]}"
    elif not any(_action_of(one.path) for one in scores):
        reason = "no file's name contains its action, as SsssCcccPpppRrrrAaaa does"
    elif not labelled:
        reason = f"no file is of one of the {len(actions)} actions that {checkpoint.info.name} knows"
    if reason:
        return {"accuracy": None, "no_accuracy": reason}
    # Without a prediction all scores are equal, which `top_k` counts as wrong.
    none = np.zeros(len(actions))
    logits = np.stack([none if one.logits is None else one.logits[1:] for one, _ in labelled]).astype(np.float32)
    labels = np.array([actions.index(name) for _, name in labelled])
    return {
        "accuracy": {
            "top1": round(top_k(logits, labels, 1), 4),
            "top5": round(top_k(logits, labels, 5), 4) if len(actions) > 5 else None,
            "files": len(labelled),
            "without_an_answer": sum(one.logits is None for one, _ in labelled),
            "of_other_actions": len(scores) - len(labelled),
        },
        "no_accuracy": "",
    }


def _action_of(path: Path) -> str:
    """Return the action that a file's name contains; empty where it contains none."""
    name = parse_name(path.stem)
    return "" if name is None else ACTIONS[name.action - 1]


def _predictions(scores: list[FileScores], labels: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    by_file = {}
    for one in scores:
        logits = one.logits
        by_file[str(one.path)] = {
            "people": one.people,
            "judgements": one.predictions,
            "pair_judgements": one.pair_predictions,
            "answer": None if logits is None or len(labels) == 1 else labels[1 + int(logits[1:].argmax())],
            "action": _action_of(one.path) or None,
            "told": one.detected,
        }
    return by_file
