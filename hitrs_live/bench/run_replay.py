"""`hitrs-live replay --bench`: how fast, and how rightly, files of NTU RGB+D go through the streaming path.

The report has these keys:

    files, passed_over    files run; those that could not be read, with the reason
    frames, people, judgements, told    of all files: frames at 30 Hz, histories, clips judged, actions begun
    pair_judgements       how often a pair was judged; 0 where the model knows no action of two
    wall_s, files_per_s, times_real_time    from the first file's opening to the last one's end, engine and model apart
    spent_s               of that: reading files, following people, stepping model and decoder
    step_ms               of a step of the whole batch: mean, p50, p90, p99, max
    histogram             steps by how long they took: from_ms, to_ms, steps
    accuracy              top1 and top5 of the files whose names tell their action, and how many those are; null
                          where there is none, with the reason in no_accuracy
    answers               by file: its people, judgements, also of pairs, answer, and its action where the name tells
    checkpoint, update, tuned, engine, precision, threads, rows    what was run

A file's answer is the action of the highest mean logit over all judgements of everybody in it, as `evaluate
recognition` takes the mean over a sequence's people; background is no answer. Of an action that takes two, as the
checkpoint's `pair_labels` tell, it is the mean over all judgements of pairs, each the mean of its two people, who are
paired as they are live: without a pair, such an action is no answer. A file in which nobody is followed for a clip has
none, and counts as not found.
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
from hitrs_live.checkpoint import SHIPPED, Checkpoint, load_checkpoint
from hitrs_live.config import Config
from hitrs_live.errors import ConfigError, DataError
from hitrs_live.evaluation.batch_replay import Heard, Played, Replay
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
    """Run a folder's files, print the figures and write the report, whole or not at all. Returns the exit code."""
    if not options.bench:
        raise ConfigError(
            f"replay {options.folder}: wanted --bench, which measures; to play files as they would be seen live, "
            f"hitrs-live live --replay {options.folder}"
        )
    if options.rows < 1:
        raise ConfigError(f"--rows: got {options.rows}, wanted at least 1")
    files = find_files(options.folder)
    report = bench_replay(files, config, rows=options.rows)
    print_report(report)
    if options.json:
        write_report(options.json, report)
    return 0


def find_files(folder: Path) -> list[Path]:
    """Find `.skeleton` files in a folder, to any depth, by name; a file stands for itself.

    Raises DataError where there is none.
    """
    if folder.is_file():
        return [folder]
    found = [path for path in folder.rglob("*") if path.suffix.lower() == ".skeleton" and path.is_file()]
    if not found:
        missing = "no .skeleton file in it" if folder.is_dir() else "no such file or folder"
        raise DataError(f"replay {folder}: {missing}; give a folder of NTU RGB+D's .skeleton files")
    return sorted(found)


def bench_replay(files: list[Path], config: Config, *, rows: int) -> dict[str, Any]:
    """Run files through the streaming path, `rows` people at once. Returns the report.

    Raises DataError where no file can be read.
    """
    model = config.model
    torch.set_num_threads(model.threads)
    checkpoint = load_checkpoint(model.checkpoint or None)
    found = find_thresholds(config.action.thresholds, checkpoint, Path(model.checkpoint or SHIPPED))
    opened = open_engine(
        checkpoint, model.engine, model.precision, max_rows=rows * (1 + model.mirror), threads=model.threads,
        build=model.engine != "auto",
        quantisation=Path(model.quantisation) if model.quantisation else None,
    )  # fmt: skip
    replay = Replay(checkpoint, config, opened.engine, rows=rows, thresholds=found.thresholds)
    reader = _Reader(config=config, rate_hz=checkpoint.info.normaliser.rate_hz)
    began = time.perf_counter()
    heard = replay.run(reader.read(files))
    wall_s = time.perf_counter() - began
    if not heard:
        raise DataError(f"none of {len(files)} files can be read; the first: {next(iter(reader.passed_over.values()))}")
    return {
        **_summarise(heard, wall_s, reader, replay.step_ms),
        **_score(heard, checkpoint),
        "answers": _answers(heard, checkpoint.info.labels),
        **about_run(checkpoint, found.thresholds, model.update, mirror=model.mirror),
        "engine": opened.engine.name,
        "precision": opened.engine.precision,
        "threads": model.threads,
        "rows": rows,
    }


@dataclass(kw_only=True)
class _Reader:
    """Read files and follow their people, one after the other, as they are asked for."""

    config: Config
    rate_hz: float
    passed_over: dict[str, str] = field(default_factory=dict)
    """By file: why it could not be read."""
    read_s: float = 0.0
    follow_s: float = 0.0

    def read(self, files: list[Path]) -> Iterator[Played]:
        """Give the files that can be read; the others are named on the way."""
        for path in files:
            began = time.perf_counter()
            try:
                sequence = parse_skeleton(path)
            except DataError as error:
                self.passed_over[str(path)] = str(error)
                print(f"passed over: {error}", file=sys.stderr, flush=True)
                continue
            read = time.perf_counter()
            joint_frames = tuple(
                live_joint_frames(
                    pose_frames(sequence), rate_hz=self.rate_hz, most_people=self.config.pose.max_people,
                    track=self.config.track,
                )
            )  # fmt: skip
            people = tuple(track_histories(joint_frames))
            self.read_s += read - began
            self.follow_s += time.perf_counter() - read
            yield Played(path=path, frames=len(sequence.frames), joint_frames=joint_frames, people=people)


def _summarise(heard: list[Heard], wall_s: float, reader: _Reader, step_ms: list[float]) -> dict[str, Any]:
    frames = sum(one.frames for one in heard)
    # Of files in which nobody is ever seen there is nothing to step.
    took_ms = np.array(step_ms or [0.0])
    p50, p90, p99 = np.percentile(took_ms, (50, 90, 99))
    return {
        "files": len(heard),
        "passed_over": reader.passed_over,
        "frames": frames,
        "people": sum(one.people for one in heard),
        "judgements": sum(one.judgements for one in heard),
        "pair_judgements": sum(one.pair_judgements for one in heard),
        "told": sum(len(one.told) for one in heard),
        "wall_s": round(wall_s, 3),
        "files_per_s": round(len(heard) / wall_s, 2),
        "times_real_time": round(frames / FRAME_RATE_HZ / wall_s, 2),
        "spent_s": {
            "read": round(reader.read_s, 3),
            "follow": round(reader.follow_s, 3),
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
    """Count steps between 1, 2, 5, 10 ... ms, from the first class that holds any to the last."""
    counts, _ = np.histogram(step_ms, [0.0, *_EDGES_MS, np.inf])
    held = np.flatnonzero(counts)
    if not len(held):
        return []
    edges = [0.0, *_EDGES_MS, 10 * _EDGES_MS[-1]]
    return [
        {"from_ms": round(edges[at], 2), "to_ms": round(edges[at + 1], 2), "steps": int(counts[at])}
        for at in range(held[0], held[-1] + 1)
    ]


def _score(heard: list[Heard], checkpoint: Checkpoint) -> dict[str, Any]:
    """Compare answers with names, where both speak of NTU's actions."""
    actions = checkpoint.info.labels[1:]
    named = [(one, name) for one in heard if (name := _action_of(one.path)) in actions]
    strangers = [label for label in actions if label not in ACTIONS]
    why = ""
    if strangers:
        why = f"{checkpoint.info.name} does not know NTU RGB+D's actions but others, such as {strangers[0]}"
    elif not any(_action_of(one.path) for one in heard):
        why = "no file's name tells its action, as SsssCcccPpppRrrrAaaa does"
    elif not named:
        why = f"no file is of one of the {len(actions)} actions that {checkpoint.info.name} knows"
    if why:
        return {"accuracy": None, "no_accuracy": why}
    # Of a file without an answer all scores are equal, and `top_k` then finds nothing by chance.
    nothing = np.zeros(len(actions))
    scores = np.stack([nothing if one.logits is None else one.logits[1:] for one, _ in named]).astype(np.float32)
    labels = np.array([actions.index(name) for _, name in named])
    return {
        "accuracy": {
            "top1": round(top_k(scores, labels, 1), 4),
            "top5": round(top_k(scores, labels, 5), 4) if len(actions) > 5 else None,
            "files": len(named),
            "without_an_answer": sum(one.logits is None for one, _ in named),
            "of_other_actions": len(heard) - len(named),
        },
        "no_accuracy": "",
    }


def _action_of(path: Path) -> str:
    """Name the action that a file's name tells; empty where it tells none."""
    name = parse_name(path.stem)
    return "" if name is None else ACTIONS[name.action - 1]


def _answers(heard: list[Heard], labels: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    answers = {}
    for one in heard:
        logits = one.logits
        answers[str(one.path)] = {
            "people": one.people,
            "judgements": one.judgements,
            "pair_judgements": one.pair_judgements,
            "answer": None if logits is None or len(labels) == 1 else labels[1 + int(logits[1:].argmax())],
            "action": _action_of(one.path) or None,
            "told": one.told,
        }
    return answers
