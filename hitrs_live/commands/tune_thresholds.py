"""`hitrs-live tune-thresholds`: choose detection thresholds for a rate of false alarms."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import add_prediction_flags, add_threads, names, positive


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, metavar="PATH",
        help="what holds none of the classes, or is labelled: prepared folders, .npz, recordings, folders of such",
    )  # fmt: skip
    parser.add_argument(
        "--leave-out", type=names, default=frozenset(), metavar="A,B", help="people of --data who are tested on"
    )
    parser.add_argument("--checkpoint", help="detector to tune for (default: the one shipped)")
    parser.add_argument(
        "--labelled", type=Path, nargs="+", metavar="PATH", help="labelled streams of people it never saw"
    )
    parser.add_argument("--subjects", type=names, metavar="A,B", help="whom of --labelled to take (default: all)")
    parser.add_argument(
        "--false-alarms-per-hour", type=positive, default=1.0, metavar="N", help="of all classes together (default: 1)"
    )
    add_prediction_flags(parser)
    parser.add_argument("--config", metavar="FILE", help="settings to tune under, as live takes them")
    parser.add_argument("--out", type=Path, metavar="FILE", help="to write (default: calibration/CHECKPOINT.toml)")
    parser.add_argument("--overwrite", action="store_true", help="let --out replace a file")
    add_threads(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.evaluation.run_tune_thresholds import run_tune_thresholds

    return run_tune_thresholds(options)
