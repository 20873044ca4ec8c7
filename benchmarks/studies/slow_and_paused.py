"""Measure whether slow, paused and fast repetitions each stay one event, on synthetic motion with modelled live errors.

One repetition of each class is played as it is, four times slower, paused for 10 s where it is furthest from its start,
and three times in a row at one and a half times its speed, with 2.5 s of rest before and after. Nothing is tuned here.

    python benchmarks/studies/slow_and_paused.py --json reports/slow_and_paused.json
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.checkpoint import SHIPPED, load_checkpoint
from hitrs_live.config import Config
from hitrs_live.data.array_format import LabelledSequence
from hitrs_live.evaluation.decode_streams import decode_streams
from hitrs_live.evaluation.kept_streams import KeptStream, StreamResult
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.evaluation.run_predictor import run_predictor
from hitrs_live.messages import Prediction
from hitrs_live.negative_bank.live_view import open_live_view
from hitrs_live.skeleton import NTU25
from hitrs_live.streaming.thresholds import find_thresholds
from hitrs_live.synthesis.stream import MotionSynthesiser

Joints = NDArray[np.float32]
CLASSES: Final = (
    "squat", "lunge", "side_lunge", "bow", "toe_touch", "leg_raise", "front_raise", "shoulder_press",
)  # fmt: skip
REST_FRAMES: Final = 75
PAUSE_FRAMES: Final = 300
MOST_FRAMES: Final = 150
"""Longer repetitions are left out."""


def ways_of(joints_m: Joints, first: int, end: int) -> Mapping[str, NDArray[np.floating]]:
    """Return the frames, with fractions, in which each way plays a repetition. joints_m: (T, 25, 3), metres."""
    own = joints_m[first:end] - joints_m[first:end, :1]
    away = np.linalg.norm(own - own[:1], axis=-1).mean(1) + np.abs(joints_m[first:end, 0, 1] - joints_m[first, 0, 1])
    furthest = first + int(away.argmax())
    whole = np.arange(first, end, dtype=float)
    pause = np.full(PAUSE_FRAMES, furthest, float)
    ways = {
        "as it is": whole,
        "four times slower": np.arange(first, end, 0.25),
        "paused for 10 s": np.concatenate((whole[: furthest - first], pause, whole[furthest - first :])),
        "three in a row, faster": np.tile(np.arange(first, end, 1.5), 3),
    }
    before, after = np.full(REST_FRAMES, first, float), np.full(REST_FRAMES, end - 1, float)
    return {way: np.concatenate((before, frames, after)) for way, frames in ways.items()}


def at_frames(joints_m: Joints, frames: NDArray[np.floating]) -> Joints:
    """Interpolate joints at frames with fractions. Returns (N, 25, 3)."""
    below = np.floor(frames).astype(int)
    above = np.minimum(below + 1, len(joints_m) - 1)
    share = (frames - below)[:, None, None]
    mixed: Joints = (joints_m[below] * (1 - share) + joints_m[above] * share).astype(np.float32)
    return mixed


def draw(each: int, seed: int) -> list[tuple[str, str, Joints]]:
    """Draw class, way and joints with live errors of every stream."""
    synthesiser, view = MotionSynthesiser(seed=seed), open_live_view("modelled")
    rng = np.random.default_rng(seed)
    streams = []
    for label in CLASSES:
        number, drawn, index = synthesiser.classes.index(label), 0, 0
        while drawn < each:
            motion = synthesiser.action(label, index)
            index += 1
            own = np.flatnonzero((motion.labels == number) & (motion.repetition == 1))
            if not len(own) or len(own) > MOST_FRAMES or own[-1] - own[0] >= len(own):
                continue
            drawn += 1
            for way, frames in ways_of(motion.joints_m, int(own[0]), int(own[-1]) + 1).items():
                streams.append((label, way, view(at_frames(motion.joints_m, frames), rng).joints_m))
    return streams


def summarise(results: list[tuple[str, StreamResult]]) -> dict[str, Any]:
    """Count the events of one way's streams. results: class and what was detected."""
    found, single, others, end_error_s = 0, 0, 0, []
    for label, result in results:
        start_s, end_s = REST_FRAMES / 30, (len(result.sequence.labels) - REST_FRAMES) / 30
        here = [one for one in result.detected if one.onset_s < end_s and one.end_s > start_s]
        own = [one for one in here if one.label == label]
        found, single, others = found + bool(own), single + (len(own) == 1), others + len(here) - len(own)
        end_error_s += [own[-1].end_s - end_s] if own else []
    return {
        "streams": len(results),
        "found": found,
        "one_event": single,
        "events_of_other_classes": others,
        "end_error_s": round(float(np.mean(np.abs(end_error_s))), 2) if end_error_s else None,
    }


def main() -> None:
    """Draw, detect, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=Path(SHIPPED))
    parser.add_argument("--each", type=int, default=2, help="repetitions of each class")
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--update", choices=("clip", "frame"), default="frame", help="when it predicts")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    streams = draw(options.each, options.seed)
    checkpoint = load_checkpoint(options.checkpoint)
    step_frames = checkpoint.info.step_frames(options.update)
    thresholds = find_thresholds("", checkpoint, options.checkpoint).thresholds
    sequences = [
        LabelledSequence(
            name=f"{number}", subject="synthetic", joints_m=joints_m, labels=np.zeros(len(joints_m), np.int64),
            valid_mask=np.ones(len(NTU25), bool),
        )
        for number, (_, _, joints_m) in enumerate(streams)
    ]  # fmt: skip

    def record(index: int, frame: int, prediction: Prediction, row: int) -> tuple[int, NDArray[np.float32]]:
        return frame, prediction.logits[row].copy()

    kept = dict(run_predictor(checkpoint, sequences, record, step_frames=step_frames))
    outputs = [
        KeptStream(
            sequence=one,
            ends=np.array([frame for frame, _ in kept[number]], np.int64),
            logits=np.array([logits for _, logits in kept[number]], np.float32),
        )
        for number, one in enumerate(sequences)
    ]
    results = decode_streams(
        outputs, checkpoint.info, Config().action, thresholds=thresholds, step_frames=step_frames, of_pairs=False
    )
    ways = list(dict.fromkeys(way for _, way, _ in streams))
    report: dict[str, Any] = {
        "checkpoint": checkpoint.info.name,
        "update": options.update,
        "ways": {
            way: summarise([(label, one) for (label, own, _), one in zip(streams, results, strict=True) if own == way])
            for way in ways
        },
    }
    for way, row in report["ways"].items():
        print(f"{way:24}", *(f"{key} {value}  " for key, value in row.items()))
    if options.json:
        write_report(options.json, report)


if __name__ == "__main__":
    main()
