"""`hitrs-live fit-joint-errors`: fit the error model of live joints to rendered views."""

import argparse

from hitrs_live.commands.flags import add_threads, count, seed
from hitrs_live.commands.training_flags import add_out, add_pairs


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's flags."""
    add_pairs(parser)
    add_out(parser, "runs/joint_errors.safetensors", "model to write")
    parser.add_argument(
        "--steps", type=count, default=300, metavar="N", help="steps of the expected error (default: 300)"
    )
    parser.add_argument(
        "--library-frames", type=count, default=16_000, metavar="N",
        help="most frames whose errors are kept, to be copied (default: 16000)",
    )  # fmt: skip
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
