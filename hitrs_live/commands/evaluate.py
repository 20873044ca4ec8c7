"""`hitrs-live evaluate`: measure a checkpoint on held-out people or a public benchmark."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import (
    add_motion_benchmarks,
    add_prediction_flags,
    add_readout,
    add_threads,
    count,
    count_or_none,
    names,
    seed,
    whole,
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's protocols and their flags."""
    protocols = parser.add_subparsers(dest="protocol", required=True, metavar="PROTOCOL")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = protocols.add_parser(
            name, help=text, description=f"{text[0].upper()}{text[1:]}."
        )
        return added

    held_out = add(
        "held-out", "detect actions on held-out subjects of the shipped data sets, through the streaming path"
    )
    held_out.add_argument(
        "--data", type=Path, metavar="FOLDER", help="data folder (default: $HITRS_DATA, else ../shared/data)"
    )
    _add_detector_flags(held_out)
    held_out.set_defaults(run=_run_held_out)
    _add_reality(add("reality", "detect actions of other people: clips, videos, and data sets of other sensors"))
    _add_rendered(add("rendered", "detect actions of held-out people as the virtual camera sees them"))
    _add_synthesis(add("synthesis", "compare synthetic motion with recordings of real people"))
    _add_detection(add("detection", "detect actions on streams, through the streaming path"))
    _add_recognition(add("recognition", "classify trimmed sequences, complete and partly observed; probe encoders"))
    _add_motion(add("motion", "predict motion with the live model, or by published protocols"))


def _run_held_out(options: argparse.Namespace) -> int:
    from hitrs_live.evaluation.run_detection import run_held_out

    return run_held_out(options)


def _add_reality(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER",
        help="data folder with real/, video/ and measure/ (default: $HITRS_DATA, else ../shared/data)",
    )  # fmt: skip
    parser.add_argument(
        "--sets", type=names, metavar="A,B",
        help="measure only these: clips, video, or data sets of measure/ by name (default: all that the folder has)",
    )  # fmt: skip
    parser.add_argument(
        "--streams", type=_named_file, action="append", metavar="NAME=FILE",
        help="also measure labelled streams, such as rendered people: an .npz in the array format; may be repeated",
    )  # fmt: skip
    _add_checkpoint_flags(parser)
    add_threads(parser)
    parser.add_argument(
        "--work", type=Path, metavar="FOLDER", default=Path("runs/reality"),
        help="keep estimated landmarks and logits here, for a quicker second run (default: runs/reality)",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to a JSON file")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="also draw misses against false alarms per hour")
    parser.add_argument(
        "--compare", type=Path, action="append", metavar="FILE",
        help="also draw the curves of an earlier report, written by --json; may be repeated",
    )  # fmt: skip
    parser.set_defaults(run=_run_reality)


def _named_file(text: str) -> tuple[str, Path]:
    name, equals, file = text.partition("=")
    if not (name and equals and file):
        raise argparse.ArgumentTypeError(f"got {text!r}, expected NAME=FILE")
    return name, Path(file)


def _run_reality(options: argparse.Namespace) -> int:
    from hitrs_live.evaluation.run_reality import run_reality

    return run_reality(options)


def _add_rendered(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--views", type=Path, metavar="FOLDER", required=True, help="output of `hitrs-live render --split test`"
    )
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="data folder (default: $HITRS_DATA, else ../shared/data)"
    )
    _add_checkpoint_flags(parser)
    add_threads(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to a JSON file")
    parser.set_defaults(run=_run_rendered)


def _run_rendered(options: argparse.Namespace) -> int:
    from hitrs_live.evaluation.run_rendered import run_rendered

    return run_rendered(options)


def _add_synthesis(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", required=True, help="folder that `hitrs-live synthesise` wrote"
    )
    parser.add_argument(
        "--real", type=Path, metavar="FOLDER", help="data folder (default: $HITRS_DATA, else ../shared/data)"
    )
    parser.add_argument(
        "--seeds", type=count_or_none, default=3, metavar="N",
        help="classifiers trained on synthetic motion, 0 to compare ranges only (default: 3)",
    )  # fmt: skip
    parser.add_argument(
        "--variants", type=count, default=300, metavar="N", help="augmented examples of each class (default: 300)"
    )
    parser.add_argument(
        "--real-people", action=argparse.BooleanOptionalAction, default=True,
        help="also train on real people, to compare with (default: yes)",
    )  # fmt: skip
    add_threads(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to a JSON file")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the ranges of each class to a picture")
    parser.set_defaults(run=_run_synthesis)


def _run_synthesis(options: argparse.Namespace) -> int:
    from hitrs_live.evaluation.run_synthesis import run_synthesis

    return run_synthesis(options)


def _add_checkpoint_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", metavar="FILE", help="detector to measure (default: the one shipped)")
    parser.add_argument(
        "--thresholds", default="", metavar="FILE",
        help="file from `tune-thresholds`, or none (default: calibration/NAME.toml, NAME being the checkpoint's, "
        "or else the checkpoint's own)",
    )  # fmt: skip
    parser.add_argument(
        "--classes", default="", metavar="NAMES",
        help="actions to report, with commas, or all (default: all but the model's experimental ones)",
    )  # fmt: skip
    add_prediction_flags(parser)


def _add_detector_flags(parser: argparse.ArgumentParser) -> None:
    _add_checkpoint_flags(parser)
    parser.add_argument(
        "--degrade", default="", metavar="A,B",
        help="first corrupt the joints, in this order: noise, 15fps, no-feet, no-hands, landmarks, yaw=DEGREES",
    )  # fmt: skip
    add_threads(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to a JSON file")


def _add_detection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, metavar="PATH", required=True, help="prepared folder, or an .npz in the array format"
    )
    tested = parser.add_mutually_exclusive_group()
    tested.add_argument("--split", metavar="NAME", help="measure on the test half of this split (default: the first)")
    tested.add_argument("--subjects", type=names, metavar="A,B", help="measure on these people instead")
    parser.add_argument(
        "--unknown-is-background", action="store_true",
        help="count detections during actions of unknown classes as false alarms (default: ignore these actions)",
    )  # fmt: skip
    _add_detector_flags(parser)
    parser.set_defaults(run=_run_detection)


def _run_detection(options: argparse.Namespace) -> int:
    from hitrs_live.evaluation.run_detection import run_detection

    return run_detection(options)


def _add_motion(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--data", type=Path, metavar="PATH", help="data to run the live model on, as for `evaluate detection`"
    )
    add_motion_benchmarks(what)
    live = parser.add_argument_group("with --data")
    live.add_argument("--checkpoint", metavar="FILE", help="detector to measure (default: the one shipped)")
    tested = live.add_mutually_exclusive_group()
    tested.add_argument("--split", metavar="NAME", help="measure on the test half of this split (default: the first)")
    tested.add_argument("--subjects", type=names, metavar="A,B", help="measure on these people instead")
    live.add_argument(
        "--update", choices=("clip", "frame"), default="clip", help="predict after every clip or frame (default: clip)"
    )
    live.add_argument(
        "--degrade", default="", metavar="A,B", help="first corrupt the joints, as for `evaluate detection`"
    )
    published = parser.add_argument_group("with --cmu or --h36m")
    published.add_argument(
        "--forecaster", type=Path, action="append", metavar="FILE",
        help="checkpoint from train-pose-forecaster; repeat it to average predictions (default: zero velocity)",
    )  # fmt: skip
    published.add_argument(
        "--mirror", action=argparse.BooleanOptionalAction, default=True,
        help="average the forecasts of the body and of its mirror image (default: yes)",
    )  # fmt: skip
    published.add_argument(
        "--recordings", type=names, metavar="A,B", help="measure on these training recordings instead of the test set"
    )
    published.add_argument(
        "--samples", type=whole, choices=(8, 256, 0), default=256,
        help="windows per action of Human3.6M, 0 for all (default: 256)",
    )  # fmt: skip
    add_threads(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to a JSON file")
    parser.set_defaults(run=_run_motion)


def _run_motion(options: argparse.Namespace) -> int:
    if options.data:
        from hitrs_live.evaluation.run_motion import run_motion

        return run_motion(options)
    from hitrs_live.evaluation.run_motion_protocols import run_motion_protocols

    return run_motion_protocols(options)


def _add_recognition(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, metavar="PATH", required=True, help="prepared folder, or an .npz in the array format"
    )
    parser.add_argument(
        "--checkpoint", type=Path, action="append", metavar="FILE",
        help="model to measure; repeat it to average scores (default: the one shipped)",
    )  # fmt: skip
    tested = parser.add_mutually_exclusive_group()
    tested.add_argument("--split", metavar="NAME", help="split of the data set (default: the first)")
    tested.add_argument("--test-subjects", type=names, metavar="A,B", help="test on these people, train on the rest")
    parser.add_argument(
        "--protocol", dest="answer_by", choices=("auto", "head", "linear", "knn"), default="auto",
        help="head: the recogniser's own; linear, knn: a probe on the frozen encoder; auto: by kind of checkpoint",
    )  # fmt: skip
    parser.add_argument(
        "--subset", type=Path, metavar="FILE", help="train probes only on the sequences named in a file"
    )
    parser.add_argument("--seed", type=seed, metavar="N", default=0, help="seed of cross-validation (default: 0)")
    add_readout(parser, default="max", default_text="of probes; default: max; a recogniser has its own")
    add_threads(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to a JSON file")
    parser.set_defaults(run=_run_recognition)


def _run_recognition(options: argparse.Namespace) -> int:
    from hitrs_live.evaluation.run_recognition import run_recognition

    return run_recognition(options)
