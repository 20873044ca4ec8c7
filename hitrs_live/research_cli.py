"""The verbs that read data sets, train and measure. The live ones are in cli.py."""

import argparse
from pathlib import Path
from typing import Any


def add_research_verbs(verbs: Any) -> None:
    """Add each verb to the subparsers of the command line."""
    for name, add, text in (
        ("prepare", _add_prepare, "read a data set once and keep it as training reads it"),
        ("pretrain", _add_pretrain, "pre-train an encoder without labels"),
        ("finetune", _add_finetune, "train a recogniser, from a pre-trained encoder or from none"),
        ("train-detector", _add_train_detector, "train the live model: actions on streams, and motion"),
        ("train-forecaster", _add_train_forecaster, "train where joints go next, on a finished detector"),
        ("train-pose-forecaster", _add_train_pose_forecaster, "train on a published motion-prediction benchmark"),
        ("evaluate", _add_evaluate, "measure a checkpoint on people it never saw"),
        ("tune-thresholds", _add_tune_thresholds, "choose when an action is told, by bearable false alarms"),
    ):
        add(verbs.add_parser(name, help=text))


def positive(text: str) -> float:
    """Read a number above 0 from a flag."""
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"got {text}, wanted a number above 0")
    return value


def _add_prepare(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for kind, path, text in (
        ("ntu", "FOLDER", "NTU RGB+D 60 or 120: .skeleton files, to any depth"),
        ("pku-mmd", "FOLDER", "PKU-MMD: text files of skeletons, labels and splits, to any depth"),
        ("nw-ucla", "FOLDER", "Northwestern-UCLA: JSON files, one a sequence"),
        ("recordings", "PATH", "what --record wrote: one .mcap file or a folder of them"),
        ("arrays", "PATH", "an .npz in the array format, or a prepared folder"),
    ):
        one = kinds.add_parser(kind, help=text, description=text)
        one.add_argument("path", type=Path, metavar=path)
        one.add_argument("--out", type=Path, required=True, help="folder to write")
        one.add_argument("--overwrite", action="store_true", help="replace a prepared data set of that name")
        if kind != "arrays":
            one.add_argument("--workers", type=int, help="processes that read (default: one a CPU)")
        if kind in ("recordings", "arrays"):
            one.add_argument("--rate-hz", type=positive, help="frames a second to bring it to")
    kinds.choices["ntu"].add_argument("--missing", type=Path, metavar="FILE", help="the authors' list of bad samples")
    kinds.choices["recordings"].add_argument(
        "--labels", type=Path, metavar="FILE", help="CSV: recording,track,start_s,end_s,label; no track is everybody"
    )
    parser.set_defaults(run=_run_prepare)


def _run_prepare(options: argparse.Namespace) -> int:
    from hitrs_live.preparing.command import run_prepare

    return run_prepare(options)


def _add_run_flags(parser: argparse.ArgumentParser, steps: int | None = None, *, new_encoder: bool = True) -> None:
    """Add what every training run under `torchrun` has."""
    if new_encoder:
        parser.add_argument("--size", choices=("tiny", "small", "base"), default="small", help="of a new encoder")
    parser.add_argument("--steps", type=int, default=steps, help="of the optimiser")
    parser.add_argument("--accumulate", type=int, default=1, metavar="K", help="take a batch in K parts")
    parser.add_argument("--seed", type=_seed, default=0)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto", help="auto: bf16 on a GPU")
    _add_threads(parser)
    parser.add_argument("--workers", type=int, default=1, help="processes that make batches ahead")
    parser.add_argument("--tensorboard", type=Path, metavar="DIR", help="write scalars there, for TensorBoard")


def _add_threads(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--threads", type=_count, default=2, metavar="N", help="of torch, on a CPU (default: 2)")


def _add_modality(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--modality", choices=("joint", "bone", "motion"), help="what it is given (default: joint)")


def _add_pretrain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, action="append", metavar="PATH",
        help="prepared folder, .npz, or folder of such; may be given again (default: ship/ of the data folder)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("runs/encoder.safetensors"), help="checkpoint to write")
    parser.add_argument("--split", metavar="NAME", help="whose training half to learn from (default: the first)")
    parser.add_argument("--preset", choices=("live", "published"), default="live", help="recipe (default: live)")
    parser.add_argument("--batch", type=int, help="sequences a step, on each process")
    parser.add_argument("--target-decay", type=float, metavar="D", help="of the slow average that makes the targets")
    _add_modality(parser)
    _add_run_flags(parser)
    parser.set_defaults(run=_run_pretrain)


def _run_pretrain(options: argparse.Namespace) -> int:
    from hitrs_live.training.pretrain_command import run_pretrain

    return run_pretrain(options)


def _add_finetune(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="prepared folder, or an .npz in the array format")
    parser.add_argument("--checkpoint", type=Path, help="encoder to begin from (default: none, from scratch)")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint to write")
    tested = parser.add_mutually_exclusive_group()
    tested.add_argument("--split", metavar="NAME", help="whose training half to learn from (default: the first)")
    tested.add_argument("--test-subjects", type=_names, metavar="A,B", help="train on all but these people")
    labels = parser.add_mutually_exclusive_group()
    labels.add_argument("--subset", type=Path, metavar="FILE", help="train on the sequences named there alone")
    labels.add_argument(
        "--label-share", type=_share, metavar="S",
        help="draw that share of every class with --seed, such as 0.1, and keep the names beside --out",
    )  # fmt: skip
    parser.add_argument("--head-only", action="store_true", help="leave the encoder as it is: linear evaluation")
    parser.add_argument("--preset", choices=("live", "published"), default="live", help="of the flags below")
    parser.add_argument("--epochs", type=int, help="live 50, published 60")
    parser.add_argument("--batch", type=int, help="sequences a step, on each process: live 16, published 128")
    parser.add_argument("--learning-rate", type=positive, help="live 0.001, published 0.0004, or 0.01 for a head only")
    parser.add_argument("--weight-decay", type=float, help="live 0.05, published 0.01")
    parser.add_argument("--dropout", type=float, help="live 0.1, published 0.2")
    _add_readout(parser, also="")
    _add_modality(parser)
    _add_run_flags(parser)
    parser.set_defaults(run=_run_finetune)


def _add_readout(parser: argparse.ArgumentParser, *, also: str) -> None:
    parser.add_argument(
        "--readout", choices=("token", "max"), default="token",
        help=f"what sums a sequence up: the video token (default), or each channel's largest value over clips{also}",
    )  # fmt: skip


def _run_finetune(options: argparse.Namespace) -> int:
    from hitrs_live.training.finetune_command import run_finetune

    return run_finetune(options)


def _add_people(parser: argparse.ArgumentParser) -> None:
    """Add who is learned from."""
    tested = parser.add_mutually_exclusive_group()
    tested.add_argument("--split", metavar="NAME", help="whose training half to learn from (default: the first)")
    tested.add_argument("--test-subjects", type=_names, metavar="A,B", help="train on all but these people")
    parser.add_argument(
        "--leave-out", type=_names, default=frozenset(), metavar="A,B",
        help="people not to learn from either, to tune thresholds on",
    )  # fmt: skip


def _add_train_detector(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, action="append", metavar="PATH",
        help="prepared folder, .npz, or folder of such; may be given again (default: ship/ of the data folder)",
    )  # fmt: skip
    parser.add_argument("--checkpoint", type=Path, help="encoder to begin from (default: none, from scratch)")
    parser.add_argument("--out", type=Path, default=Path("runs/detector.safetensors"), help="checkpoint to write")
    _add_people(parser)
    parser.add_argument("--window-clips", type=int, default=16, help="clips of history that a judgement rests on")
    parser.add_argument("--batch", type=int, default=16, help="streams a step, on each process")
    parser.add_argument("--learning-rate", type=positive, default=1e-3)
    parser.add_argument("--dropout", type=float, default=0.1)
    _add_run_flags(parser, steps=2400)
    parser.set_defaults(run=_run_train_detector)


def _run_train_detector(options: argparse.Namespace) -> int:
    from hitrs_live.training.train_detector_command import run_train_detector

    return run_train_detector(options)


def _add_train_forecaster(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--checkpoint", type=Path, required=True, help="detector, which keeps its answers; or an encoder alone"
    )
    parser.add_argument(
        "--data", type=Path, action="append", metavar="PATH",
        help="prepared folder, .npz, or folder of such, labelled or not; may be given again (default: ship/ of the "
        "data folder)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("runs/forecasting.safetensors"), help="detector to write")
    parser.add_argument("--joint", action="store_true", help="train the detector's encoder and actions too")
    _add_people(parser)
    parser.add_argument("--window-clips", type=_count, default=16, help="history, for an encoder alone")
    parser.add_argument("--batch", type=_count, default=16, help="streams a step, on each process")
    parser.add_argument("--learning-rate", type=positive, default=2e-3)
    _add_run_flags(parser, steps=3000, new_encoder=False)
    parser.set_defaults(run=_run_train_forecaster)


def _run_train_forecaster(options: argparse.Namespace) -> int:
    from hitrs_live.training.train_forecaster_command import run_train_forecaster

    return run_train_forecaster(options)


def _add_train_pose_forecaster(parser: argparse.ArgumentParser) -> None:
    _add_motion_benchmarks(parser.add_mutually_exclusive_group(required=True))
    parser.add_argument("--out", type=Path, default=Path("runs/forecaster.safetensors"), help="checkpoint to write")
    parser.add_argument(
        "--leave-out", type=_names, default=frozenset(), metavar="A,B",
        help="recordings not to learn from, to choose by: such as basketball_2, S6/walking_1",
    )  # fmt: skip
    parser.add_argument("--width", type=_count, default=384)
    parser.add_argument("--layers", type=_count, default=4)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--steps", type=_count, default=3000, help="of the optimiser")
    parser.add_argument("--batch", type=_count, default=128, help="windows a step")
    parser.add_argument("--learning-rate", type=positive, default=2e-3)
    parser.add_argument("--seed", type=_seed, default=0)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    _add_threads(parser)
    parser.set_defaults(run=_run_train_pose_forecaster)


def _run_train_pose_forecaster(options: argparse.Namespace) -> int:
    from hitrs_live.training.train_pose_forecaster_command import run_train_pose_forecaster

    return run_train_pose_forecaster(options)


def _add_motion_benchmarks(group: Any) -> None:
    """Add the published benchmarks of motion prediction to a group of which one must be given."""
    group.add_argument("--cmu", type=Path, metavar="FILE", help="the CMU motion-prediction benchmark, an .npz")
    group.add_argument("--h36m", type=Path, metavar="FOLDER", help="Human3.6M, exponential maps: S1/walking_1.txt ...")


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
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
    from hitrs_live.evaluation.detection_command import run_held_out

    return run_held_out(options)


def _add_detector_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", help="detector to measure (default: the one shipped)")
    parser.add_argument("--thresholds", default="", metavar="FILE", help="as the setting action.thresholds has it")
    parser.add_argument("--update", choices=("clip", "frame"), default="clip", help="what it answers after")
    parser.add_argument(
        "--degrade", default="", metavar="A,B",
        help="spoil the joints first, in this order: noise, 15fps, no-feet, no-hands, yaw=DEGREES",
    )  # fmt: skip
    _add_threads(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")


def _add_detection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="prepared folder, or an .npz in the array format")
    tested = parser.add_mutually_exclusive_group()
    tested.add_argument("--split", metavar="NAME", help="whose test half to measure on (default: the first)")
    tested.add_argument("--subjects", type=_names, metavar="A,B", help="people to measure on instead")
    parser.add_argument(
        "--unknown-is-background", action="store_true",
        help="count what is told of classes that the detector does not know as false alarms (default: leave them out)",
    )  # fmt: skip
    _add_detector_flags(parser)
    parser.set_defaults(run=_run_detection)


def _run_detection(options: argparse.Namespace) -> int:
    from hitrs_live.evaluation.detection_command import run_detection

    return run_detection(options)


def _add_motion(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--data", type=Path, metavar="PATH", help="recordings to run the live model on, as for detection")
    _add_motion_benchmarks(what)
    live = parser.add_argument_group("with --data")
    live.add_argument("--checkpoint", metavar="FILE", help="detector to measure (default: the one shipped)")
    tested = live.add_mutually_exclusive_group()
    tested.add_argument("--split", metavar="NAME", help="whose test half to measure on (default: the first)")
    tested.add_argument("--subjects", type=_names, metavar="A,B", help="people to measure on instead")
    live.add_argument("--update", choices=("clip", "frame"), default="clip", help="what it predicts after")
    live.add_argument("--degrade", default="", metavar="A,B", help="spoil the joints first, as for detection")
    parser.add_argument(
        "--forecaster", type=Path, action="append", metavar="FILE",
        help="what train-pose-forecaster wrote; given again, predictions are averaged (default: zero velocity)",
    )  # fmt: skip
    parser.add_argument(
        "--mirror", action=argparse.BooleanOptionalAction, default=True,
        help="average what a forecaster says of the body and of its mirror image",
    )  # fmt: skip
    parser.add_argument(
        "--recordings", type=_names, metavar="A,B", help="measure on these training recordings instead of the test's"
    )
    parser.add_argument(
        "--samples", type=int, choices=(8, 256, 0), default=256, help="windows an action of Human3.6M; 0: all of them"
    )
    _add_threads(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.set_defaults(run=_run_motion)


def _run_motion(options: argparse.Namespace) -> int:
    if options.data:
        from hitrs_live.evaluation.motion_command import run_motion

        return run_motion(options)
    from hitrs_live.evaluation.motion_protocols_command import run_motion_protocols

    return run_motion_protocols(options)


def _add_recognition(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="prepared folder, or an .npz in the array format")
    parser.add_argument(
        "--checkpoint", type=Path, action="append", metavar="FILE",
        help="to measure; given again, scores are averaged (default: the one shipped)",
    )  # fmt: skip
    tested = parser.add_mutually_exclusive_group()
    tested.add_argument("--split", metavar="NAME", help="split of the data set (default: its first)")
    tested.add_argument("--test-subjects", type=_names, metavar="A,B", help="test on these people, train on the rest")
    parser.add_argument(
        "--protocol", dest="answer_by", choices=("auto", "head", "linear", "knn"), default="auto",
        help="head: the recogniser's own; linear, knn: a probe on the frozen encoder (default: by kind of checkpoint)",
    )  # fmt: skip
    parser.add_argument("--subset", type=Path, metavar="FILE", help="train probes on the sequences named there alone")
    parser.add_argument("--seed", type=_seed, default=0, help="of the probes' cross-validation")
    _add_readout(parser, also=", for probes; a recogniser has its own")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.set_defaults(run=_run_recognition)


def _run_recognition(options: argparse.Namespace) -> int:
    from hitrs_live.evaluation.recognition_command import run_recognition

    return run_recognition(options)


def _add_tune_thresholds(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, metavar="PATH",
        help="what holds none of the classes, or is labelled: prepared folders, .npz, recordings, folders of such",
    )  # fmt: skip
    parser.add_argument(
        "--leave-out", type=_names, default=frozenset(), metavar="A,B", help="people of --data who are tested on"
    )
    parser.add_argument("--checkpoint", help="detector to tune for (default: the one shipped)")
    parser.add_argument(
        "--labelled", type=Path, nargs="+", metavar="PATH", help="labelled streams of people it never saw"
    )
    parser.add_argument("--subjects", type=_names, metavar="A,B", help="whom of --labelled to take (default: all)")
    parser.add_argument(
        "--false-alarms-per-hour", type=positive, default=1.0, metavar="N", help="of all classes together (default: 1)"
    )
    parser.add_argument("--update", choices=("clip", "frame"), default="clip", help="as in model.update")
    parser.add_argument("--config", metavar="FILE", help="settings to tune under, as live takes them")
    parser.add_argument("--out", type=Path, metavar="FILE", help="to write (default: calibration/CHECKPOINT.toml)")
    parser.add_argument("--overwrite", action="store_true", help="let --out replace a file")
    _add_threads(parser)
    parser.set_defaults(run=_run_tune_thresholds)


def _run_tune_thresholds(options: argparse.Namespace) -> int:
    from hitrs_live.evaluation.tuning_command import run_tune_thresholds

    return run_tune_thresholds(options)


def _names(text: str) -> frozenset[str]:
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise argparse.ArgumentTypeError(f"got {text!r}, wanted names separated by commas")
    return names


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"got {text}, wanted a whole number above 0")
    return value


def _seed(text: str) -> int:
    value = int(text)
    if not 0 <= value < 1 << 31:
        raise argparse.ArgumentTypeError(f"got {text}, wanted 0 to {(1 << 31) - 1}")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"got {text}, wanted above 0 and at most 1")
    return value
