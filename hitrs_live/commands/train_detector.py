"""`hitrs-live train-detector`: train the live model, action detection on streams and motion prediction."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import fraction, whole
from hitrs_live.commands.training_flags import (
    add_batch_and_rate,
    add_camera_faults,
    add_data,
    add_out,
    add_people,
    add_run_flags,
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's flags."""
    add_data(parser)
    parser.add_argument(
        "--streams", type=Path, nargs="+", metavar="FOLDER",
        help="train on files of `hitrs-live bank streams` instead of --data, with a sigmoid for each class",
    )  # fmt: skip
    parser.add_argument(
        "--bank", type=Path, nargs="+", metavar="BANK",
        help="train only the video level and the action head of --checkpoint, on banks built with it: fast, and hard "
        "negatives are chosen again and again",
    )  # fmt: skip
    parser.add_argument(
        "--checkpoint", type=Path, metavar="FILE",
        help="encoder to start from; with --streams a detector's classes are kept too (default: none, from scratch)",
    )  # fmt: skip
    add_out(parser, "runs/detector.safetensors", "checkpoint to write")
    add_people(parser)
    parser.add_argument(
        "--window-clips",
        type=whole,
        default=16,
        metavar="N",
        help="clips of history used for a prediction (default: 16)",
    )
    add_batch_and_rate(parser, batch=16, of="streams", learning_rate=1e-3)
    parser.add_argument("--dropout", type=fraction, default=0.1, metavar="X", help="dropout (default: 0.1)")
    add_camera_faults(parser, default=0.0)
    add_run_flags(parser, steps=2400)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.training.memory import use_huge_pages

    use_huge_pages()  # Before anything imports torch.
    from hitrs_live.training.run_train_detector import run_train_detector

    return run_train_detector(options)
