"""Compare detectors of independent classes on streams that were left out of their training, clip by clip.

For each class: average precision over the clips of which it is known whether it is done, and the recall at the
threshold that one of a thousand other clips passes. Means are over the classes with at least 30 clips. Detectors are
chosen by these, never by the people of the reality benchmark.

    hitrs-live bank streams --out runs/left_out --hours 1.6 --seed 77 \\
        --sources gestures,recombined,near_misses,falls,synthetic,synthetic_near_misses
    python benchmarks/studies/left_out_clips.py --streams runs/left_out --checkpoint A.safetensors B.safetensors
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from hitrs_live.checkpoint import load_checkpoint
from hitrs_live.evaluation.bank_scores import bank_logits
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.negative_bank.bank import Bank
from hitrs_live.negative_bank.build import EncodeSettings, begin_build, encode_part
from hitrs_live.negative_bank.encoder import open_bank_encoder
from hitrs_live.training.class_targets import class_targets
from hitrs_live.training.clip_store import ClipStore

FEWEST_CLIPS: Final = 30
PASSING: Final = 1e-3


def encode(folder: Path, streams: Path, checkpoint: Path) -> Bank:
    """Encode streams with a detector's encoder, as they are and mirrored, as a bank in a folder."""
    stride_frames = open_bank_encoder(checkpoint).description.stride_frames
    settings = EncodeSettings(streams=[streams], checkpoint=checkpoint, step_frames=stride_frames, views=2)
    for planned in begin_build(folder, settings):
        encode_part(folder, settings, planned)
    return Bank.open(folder)


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
    with tempfile.TemporaryDirectory() as folder:
        bank = encode(Path(folder), streams, checkpoint_path)
        logits = bank_logits(bank, checkpoint)
        store = ClipStore([bank], checkpoint.info.labels)
    sources = store.source_of
    targets, weights = class_targets(store.class_of, store.known[sources], store.similar, store.absent[sources])
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
