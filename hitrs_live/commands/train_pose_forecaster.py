"""`hitrs-live train-pose-forecaster`: train on a published motion-prediction benchmark."""

import argparse

from hitrs_live.commands.flags import add_motion_benchmarks, add_threads, count, fraction, names
from hitrs_live.commands.training_flags import add_batch_and_rate, add_out, add_seed_and_device


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's flags."""
    add_motion_benchmarks(parser.add_mutually_exclusive_group(required=True))
    add_out(parser, "runs/forecaster.safetensors", "checkpoint to write")
    parser.add_argument(
        "--leave-out", type=names, default=frozenset(), metavar="A,B",
        help="validation recordings, which are not trained on, such as basketball_2 or S6/walking_1",
    )  # fmt: skip
    parser.add_argument("--width", type=count, default=384, metavar="N", help="width of the network (default: 384)")
    parser.add_argument("--layers", type=count, default=4, metavar="N", help="number of layers (default: 4)")
    parser.add_argument("--dropout", type=fraction, default=0.0, metavar="X", help="dropout (default: 0)")
    parser.add_argument("--steps", type=count, default=3000, metavar="N", help="optimiser steps (default: 3000)")
    add_batch_and_rate(parser, batch=128, of="windows", learning_rate=2e-3)
    add_seed_and_device(parser)
    add_threads(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.training.memory import use_huge_pages

    use_huge_pages()  # Before anything imports torch.
    from hitrs_live.training.run_train_pose_forecaster import run_train_pose_forecaster

    return run_train_pose_forecaster(options)
