"""`hitrs-live evaluate`: measure a checkpoint on people whom training never saw."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import (
    add_motion_benchmarks,
    add_prediction_flags,
    add_readout,
    add_threads,
    names,
    seed,
    whole,
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    protocols = parser.add_subparsers(dest="protocol", required=True, metavar="PROTOCOL")
    held_out = protocols.add_parser("held-out", help="the shipping data's test subjects, through the streaming path")
    held_out.add_argument("--data", type=Path, help="data folder (default: $HITRS_DATA, else ../shared/data)")
    _add_detector_flags(held_out)
    held_out.set_defaults(run=_run_held_out)
    _add_detection(protocols.add_parser("detection", help="actions on streams, through the streaming path"))
    _add_recognition(
        protocols.add_parser("recognition", help="name trimmed sequences, whole and seen in part; probe encoders")
    )
    _add_motion(
        protocols.add_parser("motion", help="where joints go next: the live model's way, or by published protocols")
    )


def _run_held_out(options: argparse.Namespace) -> int:
    from hitrs_live.evaluation.run_detection import run_held_out

    return run_held_out(options)


def _add_detector_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", help="detector to measure (default: the one shipped)")
    parser.add_argument("--thresholds", default="", metavar="FILE", help="as the setting action.thresholds has it")
    add_prediction_flags(parser)
    parser.add_argument(
        "--degrade", default="", metavar="A,B",
        help="spoil the joints first, in this order: noise, 15fps, no-feet, no-hands, landmarks, yaw=DEGREES",
    )  # fmt: skip
    add_threads(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")


def _add_detection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="prepared folder, or an .npz in the array format")
    tested = parser.add_mutually_exclusive_group()
    tested.add_argument("--split", metavar="NAME", help="whose test half to measure on (default: the first)")
    tested.add_argument("--subjects", type=names, metavar="A,B", help="people to measure on instead")
    parser.add_argument(
        "--unknown-is-background", action="store_true",
        help="count what is told of classes that the detector does not know as false alarms (default: leave them out)",
    )  # fmt: skip
    _add_detector_flags(parser)
    parser.set_defaults(run=_run_detection)


def _run_detection(options: argparse.Namespace) -> int:
    from hitrs_live.evaluation.run_detection import run_detection

    return run_detection(options)


def _add_motion(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--data", type=Path, metavar="PATH", help="recordings to run the live model on, as for detection")
    add_motion_benchmarks(what)
    live = parser.add_argument_group("with --data")
    live.add_argument("--checkpoint", metavar="FILE", help="detector to measure (default: the one shipped)")
    tested = live.add_mutually_exclusive_group()
    tested.add_argument("--split", metavar="NAME", help="whose test half to measure on (default: the first)")
    tested.add_argument("--subjects", type=names, metavar="A,B", help="people to measure on instead")
    live.add_argument("--update", choices=("clip", "frame"), default="clip", help="what it predicts after")
    live.add_argument("--degrade", default="", metavar="A,B", help="spoil the joints first, as for detection")
    published = parser.add_argument_group("with --cmu or --h36m")
    published.add_argument(
        "--forecaster", type=Path, action="append", metavar="FILE",
        help="what train-pose-forecaster wrote; given again, predictions are averaged (default: zero velocity)",
    )  # fmt: skip
    published.add_argument(
        "--mirror", action=argparse.BooleanOptionalAction, default=True,
        help="average what a forecaster says of the body and of its mirror image",
    )  # fmt: skip
    published.add_argument(
        "--recordings", type=names, metavar="A,B", help="measure on these training recordings instead of the test's"
    )
    published.add_argument(
        "--samples", type=whole, choices=(8, 256, 0), default=256, help="windows an action of Human3.6M; 0: all of them"
    )
    add_threads(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.set_defaults(run=_run_motion)


def _run_motion(options: argparse.Namespace) -> int:
    if options.data:
        from hitrs_live.evaluation.run_motion import run_motion

        return run_motion(options)
    from hitrs_live.evaluation.run_motion_protocols import run_motion_protocols

    return run_motion_protocols(options)


def _add_recognition(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="prepared folder, or an .npz in the array format")
    parser.add_argument(
        "--checkpoint", type=Path, action="append", metavar="FILE",
        help="to measure; given again, scores are averaged (default: the one shipped)",
    )  # fmt: skip
    tested = parser.add_mutually_exclusive_group()
    tested.add_argument("--split", metavar="NAME", help="split of the data set (default: its first)")
    tested.add_argument("--test-subjects", type=names, metavar="A,B", help="test on these people, train on the rest")
    parser.add_argument(
        "--protocol", dest="answer_by", choices=("auto", "head", "linear", "knn"), default="auto",
        help="head: the recogniser's own; linear, knn: a probe on the frozen encoder (default: by kind of checkpoint)",
    )  # fmt: skip
    parser.add_argument("--subset", type=Path, metavar="FILE", help="train probes on the sequences named there alone")
    parser.add_argument("--seed", type=seed, default=0, help="of the probes' cross-validation")
    add_readout(parser, default="max", default_text="for probes, default: max; a recogniser has its own")
    add_threads(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.set_defaults(run=_run_recognition)


def _run_recognition(options: argparse.Namespace) -> int:
    from hitrs_live.evaluation.run_recognition import run_recognition

    return run_recognition(options)
