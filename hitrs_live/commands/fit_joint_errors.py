"""`hitrs-live fit-joint-errors`: fit the error model of live joints to rendered views."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import add_threads, count, fraction, seed
from hitrs_live.commands.training_flags import add_out


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's flags."""
    parser.add_argument(
        "--pairs", type=Path, required=True, metavar="FOLDER", help="views that `hitrs-live render --out` wrote"
    )
    add_out(parser, "runs/joint_errors.safetensors", "model to write")
    parser.add_argument(
        "--leave-out", type=fraction, default=0.25, metavar="X",
        help="share of the people that is not fitted on, to measure on (default: 0.25)",
    )  # fmt: skip
    parser.add_argument(
        "--steps", type=count, default=300, metavar="N", help="steps of the expected error (default: 300)"
    )
    parser.add_argument(
        "--library-frames", type=count, default=16_000, metavar="N",
        help="most frames whose errors are kept, to be copied (default: 16000)",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="measure on the people left out and write a report")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of all random numbers (default: 0)")
    add_threads(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.evaluation.joint_error_report import write_joint_error_report
    from hitrs_live.training.run_fit_joint_errors import run_fit_joint_errors

    model, fitted, left_out = run_fit_joint_errors(options)
    if options.json is not None:
        write_joint_error_report(options.json, model, fitted, left_out, seed=options.seed)
    return 0
