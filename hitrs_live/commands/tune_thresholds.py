"""`hitrs-live tune-thresholds`: choose detection thresholds for a rate of false alarms."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import add_prediction_flags, add_threads, fraction, names, positive


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's flags."""
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, metavar="PATH",
        help="data without any of the classes, or with labels: prepared folders, .npz, recordings, folders of these",
    )  # fmt: skip
    parser.add_argument(
        "--leave-out", type=names, default=frozenset(), metavar="A,B", help="test subjects of --data, to leave out"
    )
    parser.add_argument("--checkpoint", metavar="FILE", help="detector to tune (default: the one shipped)")
    parser.add_argument(
        "--labelled", type=Path, nargs="+", metavar="PATH", help="labelled streams of people outside the training data"
    )
    parser.add_argument("--subjects", type=names, metavar="A,B", help="people of --labelled to use (default: all)")
    parser.add_argument(
        "--false-alarms-per-hour", type=positive, default=1.0, metavar="N",
        help="accepted rate of false alarms, of all classes together (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--least-recall", type=fraction, default=0.0, metavar="X",
        help="make classes experimental of which a smaller share of the actions in --labelled is found (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--together", action="store_true",
        help="move the thresholds of all classes by the same log odds, for independent classes with few starts each",
    )  # fmt: skip
    parser.add_argument(
        "--classes", type=names, metavar="A,B",
        help="with --together: classes to report by default; the others become experimental (default: all but those of "
        "--least-recall)",
    )  # fmt: skip
    add_prediction_flags(parser)
    parser.add_argument("--config", metavar="FILE", help="TOML file of settings to tune with, as for `live`")
    parser.add_argument("--out", type=Path, metavar="FILE", help="file to write (default: calibration/CHECKPOINT.toml)")
    parser.add_argument("--overwrite", action="store_true", help="let --out replace an existing file")
    parser.add_argument(
        "--work", type=Path, metavar="FOLDER", help="keep logits here, for a quicker second run (default: not kept)"
    )
    add_threads(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.evaluation.run_tune_thresholds import run_tune_thresholds

    return run_tune_thresholds(options)
