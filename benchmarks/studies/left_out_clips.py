"""Compare detectors of independent classes on streams that were left out of their training, clip by clip.

For each class: average precision over the clips of which it is known whether it is done, and the recall at the
threshold that one of a thousand other clips passes. Means are over the classes with at least 30 clips. Detectors are
chosen by these, never by the people of the reality benchmark.

    hitrs-live bank streams --out runs/left_out --hours 1.6 --seed 77 \\
        --sources gestures,recombined,near_misses,falls,synthetic,synthetic_near_misses
    python benchmarks/studies/left_out_clips.py --streams runs/left_out --checkpoint A.safetensors B.safetensors
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.data.array_format import LabelledSequence
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.evaluation.run_predictor import run_predictor
from hitrs_live.messages import Prediction
from hitrs_live.skeleton import NTU25
from hitrs_live.training.class_targets import class_targets
from hitrs_live.training.stream_store import StreamStore, read_store

FEWEST_CLIPS: Final = 30
PASSING: Final = 1e-3


def predict(checkpoint: Checkpoint, store: StreamStore) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Run a detector over all streams as live, the mirror image included, with a prediction at the end of every clip.

    Returns the numbers of the frames that the predictions describe, (n,), and their logits, (n, K).
    """
    spans = [slice(one.first, one.first + one.frames) for one in store.streams]
    sequences = [
        LabelledSequence(
            name=str(number), subject="", joints_m=store.joints_m[span].astype(np.float32),
            labels=store.class_of[span].astype(np.int64), valid_mask=np.ones(len(NTU25), bool),
        )
        for number, span in enumerate(spans)
    ]  # fmt: skip

    def record(index: int, frame: int, prediction: Prediction, row: int) -> tuple[int, NDArray[np.float32]]:
        described = store.streams[index].first + frame - checkpoint.info.label_lag_frames
        return described, prediction.logits[row].copy()

    recorded = [one for _, of_stream in run_predictor(checkpoint, sequences, record) for one in of_stream]
    return np.array([frame for frame, _ in recorded], np.int64), np.stack([logits for _, logits in recorded])


def rank(scores: NDArray[np.floating], done: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the average precision, and the recall where a share `PASSING` of what is not done scores higher.

    scores, done: (N,), of the clips of which it is known.
    """
    right = done[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    within = np.cumsum(~right) <= PASSING * (~done).sum()
    return float((precision * right).sum() / done.sum()), float((right & within).sum() / done.sum())


def measure(checkpoint_path: Path, streams: Path) -> dict[str, Any]:
    """Measure one detector. Returns its row of the report."""
    checkpoint = load_checkpoint(checkpoint_path)
    store = read_store([streams], checkpoint.info.labels)
    frames, logits = predict(checkpoint, store)
    sources = np.array([one.source for one in store.streams])[store.stream_of[frames]]
    targets, weights = class_targets(
        store.class_of[frames].astype(np.int64), store.known[sources], store.similar, store.absent[sources]
    )
    classes = {}
    for number, label in enumerate(checkpoint.info.labels):
        known = weights[:, number] > 0
        done = targets[known, number] > 0
        if done.sum() >= FEWEST_CLIPS:
            precision, recall = rank(logits[known, number], done)
            classes[label] = {"clips": int(done.sum()), "average_precision": precision, "recall": recall}
    return {
        "name": checkpoint_path.stem,
        "sha256": checkpoint.fingerprint,
        "hours": store.hours,
        "average_precision": float(np.mean([one["average_precision"] for one in classes.values()])),
        "recall": float(np.mean([one["recall"] for one in classes.values()])),
        "classes": classes,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each detector and print a row for it; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=Path, required=True, help="folder of hitrs-live bank streams")
    parser.add_argument("--checkpoint", type=Path, nargs="+", required=True, help="detectors of independent classes")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of torch (default: 1)")
    parser.add_argument("--json", type=Path, help="also write the results to a JSON file")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    rows = []
    for path in options.checkpoint:
        rows.append(measure(path, options.streams))
        print(
            f"{rows[-1]['name']}: mean average precision {rows[-1]['average_precision']:.3f}, recall "
            f"{rows[-1]['recall']:.3f}, {len(rows[-1]['classes'])} classes in {rows[-1]['hours']:.2f} h"
        )
    if options.json:
        write_report(options.json, {"detectors": rows})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
