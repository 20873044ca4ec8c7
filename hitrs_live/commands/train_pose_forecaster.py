"""`hitrs-live train-pose-forecaster`: train on a published motion-prediction benchmark."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import add_motion_benchmarks, add_threads, count, fraction, names, positive, seed
from hitrs_live.training.memory import use_huge_pages


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    add_motion_benchmarks(parser.add_mutually_exclusive_group(required=True))
    parser.add_argument("--out", type=Path, default=Path("runs/forecaster.safetensors"), help="checkpoint to write")
    parser.add_argument(
        "--leave-out", type=names, default=frozenset(), metavar="A,B",
        help="recordings not to learn from, to choose by: such as basketball_2, S6/walking_1",
    )  # fmt: skip
    parser.add_argument("--width", type=count, default=384)
    parser.add_argument("--layers", type=count, default=4)
    parser.add_argument("--dropout", type=fraction, default=0.0)
    parser.add_argument("--steps", type=count, default=3000, help="of the optimiser")
    parser.add_argument("--batch", type=count, default=128, help="windows a step")
    parser.add_argument("--learning-rate", type=positive, default=2e-3)
    parser.add_argument("--seed", type=seed, default=0)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    add_threads(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    use_huge_pages()
    from hitrs_live.training.run_train_pose_forecaster import run_train_pose_forecaster

    return run_train_pose_forecaster(options)
