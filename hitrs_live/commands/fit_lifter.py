"""`hitrs-live fit-lifter`: fit the network that corrects lifted joints to rendered views."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import add_threads, count, seed
from hitrs_live.commands.training_flags import add_out, add_pairs


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's flags."""
    add_pairs(parser)
    parser.add_argument(
        "--motion", type=Path, nargs="*", default=[], metavar="FILE",
        help="recorded motion to fit on as well, seen through the model of joint errors: files in the array format or "
        "folders of them; their test people are left out",
    )  # fmt: skip
    parser.add_argument("--pieces", type=count, default=1500, metavar="N", help="pieces of it, of 4 s (default: 1500)")
    add_out(parser, "runs/temporal_lifter.safetensors", "weights to write")
    parser.add_argument("--steps", type=count, default=2000, metavar="N", help="steps of training (default: 2000)")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of all random numbers (default: 0)")
    add_threads(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.evaluation.reports.lifter import write_lifter_report
    from hitrs_live.training.run_fit_lifter import run_fit_lifter

    network, fitted, left_out = run_fit_lifter(options)
    if options.json is not None:
        write_lifter_report(options.json, network, left_out, fitted=fitted, seed=options.seed)
    return 0
