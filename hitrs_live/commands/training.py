"""The verbs that read data sets and train."""

import argparse
from pathlib import Path
from typing import Any

from hitrs_live.commands.flags import (
    add_motion_benchmarks,
    add_readout,
    add_threads,
    count,
    count_or_none,
    fraction,
    names,
    not_negative,
    positive,
    seed,
    share,
    whole,
)
from hitrs_live.prepare.readers import READERS

_PREPARE_FLAGS: dict[str, dict[str, Any]] = {
    "missing": {"type": Path, "metavar": "FILE", "help": "the authors' list of bad samples"},
    "labels": {
        "type": Path, "metavar": "FILE", "help": "CSV: recording,track,start_s,end_s,label; no track is everybody"
    },
    "texts": {"type": Path, "metavar": "FILE", "help": "what is done in each recording, a line `01_02 walk` each"},
    "unit_m": {"type": positive, "metavar": "M", "help": "metres a unit (default: by the joints' names)"},
    "rate_hz": {"type": positive, "help": "frames a second: of an .amc (default: 120), or to bring recordings to"},
}  # fmt: skip
"""Flags of single kinds of data, by the names that READERS gives them."""


def add_prepare(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for reader in READERS:
        one = _add_kind(kinds, reader.kind, "PATH" if reader.takes_file else "FOLDER", reader.text)
        one.add_argument("--workers", type=whole, help="processes that read (default: one a CPU)")
        for flag in reader.flags:
            one.add_argument(f"--{flag.replace('_', '-')}", **_PREPARE_FLAGS[flag])
    arrays = _add_kind(kinds, "arrays", "PATH", "an .npz in the array format, or a prepared folder")
    arrays.add_argument("--rate-hz", type=positive, help="frames a second to bring it to")
    parser.set_defaults(run=_run_prepare)


def _add_kind(kinds: Any, kind: str, path: str, text: str) -> argparse.ArgumentParser:
    one: argparse.ArgumentParser = kinds.add_parser(kind, help=text, description=text)
    one.add_argument("path", type=Path, metavar=path)
    one.add_argument("--out", type=Path, required=True, help="folder to write, or an .npz in the array format")
    one.add_argument("--overwrite", action="store_true", help="replace a prepared data set of that name")
    return one


def _run_prepare(options: argparse.Namespace) -> int:
    from hitrs_live.prepare.run_prepare import run_prepare

    return run_prepare(options)


def _add_run_flags(parser: argparse.ArgumentParser, steps: int | None = None, *, new_encoder: bool = True) -> None:
    """Add what every training run under `torchrun` has."""
    if new_encoder:
        parser.add_argument("--size", choices=("tiny", "small", "base"), help="of a new encoder (default: small)")
    parser.add_argument("--steps", type=whole, default=steps, help="of the optimiser")
    parser.add_argument("--accumulate", type=whole, default=1, metavar="K", help="take a batch in K parts")
    parser.add_argument("--seed", type=seed, default=0)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto", help="auto: bf16 on a GPU")
    add_threads(parser)
    parser.add_argument("--workers", type=count_or_none, default=1, help="processes that make batches ahead")
    parser.add_argument("--tensorboard", type=Path, metavar="DIR", help="write scalars there, for TensorBoard")


def _add_modality(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--modality", choices=("joint", "bone", "motion"), help="what it is given (default: joint)")


def add_pretrain(parser: argparse.ArgumentParser) -> None:
    _add_data(parser)
    parser.add_argument("--out", type=Path, default=Path("runs/encoder.safetensors"), help="checkpoint to write")
    parser.add_argument("--split", metavar="NAME", help="whose training half to learn from (default: the first)")
    parser.add_argument("--preset", choices=("live", "published"), default="live", help="recipe (default: live)")
    parser.add_argument("--batch", type=whole, help="sequences a step, on each process")
    parser.add_argument("--target-decay", type=fraction, metavar="D", help="of the slow average that makes the targets")
    _add_modality(parser)
    _add_run_flags(parser)
    parser.set_defaults(run=_run_pretrain)


def _use_huge_pages() -> None:
    """Set the memory up as training wants it: to be called before anything imports torch."""
    from hitrs_live.training.memory import use_huge_pages

    use_huge_pages()


def _run_pretrain(options: argparse.Namespace) -> int:
    _use_huge_pages()
    from hitrs_live.training.run_pretrain import run_pretrain

    return run_pretrain(options)


def add_finetune(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="prepared folder, or an .npz in the array format")
    parser.add_argument("--checkpoint", type=Path, help="encoder to begin from (default: none, from scratch)")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint to write")
    _add_tested(parser)
    labels = parser.add_mutually_exclusive_group()
    labels.add_argument("--subset", type=Path, metavar="FILE", help="train on the sequences named there alone")
    labels.add_argument(
        "--label-share", type=share, metavar="S",
        help="draw that share of every class with --seed, such as 0.1, and keep the names beside --out",
    )  # fmt: skip
    parser.add_argument("--head-only", action="store_true", help="leave the encoder as it is: linear evaluation")
    parser.add_argument("--preset", choices=("live", "published"), default="live", help="of the flags below")
    parser.add_argument("--epochs", type=whole, help="default: live 50, published 60, and 300 steps at least")
    parser.add_argument("--batch", type=whole, help="sequences a step, on each process: live 16, published 128")
    parser.add_argument("--learning-rate", type=positive, help="live 0.001, published 0.0004, or 0.01 for a head only")
    parser.add_argument(
        "--encoder-rate", type=share, metavar="S", help="share of it for a pre-trained encoder: live 1, published 1"
    )
    parser.add_argument(
        "--mirror", action=argparse.BooleanOptionalAction, default=None,
        help="learn from mirror images too and name by both; classes of one side have it in their names",
    )  # fmt: skip
    parser.add_argument("--weight-decay", type=not_negative, help="live 0.05, published 0.01")
    parser.add_argument("--dropout", type=fraction, help="live 0.1, published 0.2")
    add_readout(parser, default=None, default_text="live max, published token")
    _add_modality(parser)
    _add_run_flags(parser)
    parser.set_defaults(run=_run_finetune)


def _run_finetune(options: argparse.Namespace) -> int:
    _use_huge_pages()
    from hitrs_live.training.run_finetune import run_finetune

    return run_finetune(options)


def _add_data(parser: argparse.ArgumentParser, *, also: str = "") -> None:
    parser.add_argument(
        "--data", type=Path, action="append", metavar="PATH",
        help=f"prepared folder, .npz, or folder of such{also}; may be given again (default: ship/ of the data folder)",
    )  # fmt: skip


def _add_tested(parser: argparse.ArgumentParser) -> None:
    """Add whom not to learn from, since they are tested on."""
    tested = parser.add_mutually_exclusive_group()
    tested.add_argument("--split", metavar="NAME", help="whose training half to learn from (default: the first)")
    tested.add_argument("--test-subjects", type=names, metavar="A,B", help="train on all but these people")


def _add_people(parser: argparse.ArgumentParser) -> None:
    """Add who is learned from."""
    _add_tested(parser)
    parser.add_argument(
        "--leave-out", type=names, default=frozenset(), metavar="A,B",
        help="people not to learn from either, to tune thresholds on",
    )  # fmt: skip


def add_train_detector(parser: argparse.ArgumentParser) -> None:
    _add_data(parser)
    parser.add_argument("--checkpoint", type=Path, help="encoder to begin from (default: none, from scratch)")
    parser.add_argument("--out", type=Path, default=Path("runs/detector.safetensors"), help="checkpoint to write")
    _add_people(parser)
    parser.add_argument("--window-clips", type=whole, default=16, help="clips of history that a judgement rests on")
    parser.add_argument("--batch", type=whole, default=16, help="streams a step, on each process")
    parser.add_argument("--learning-rate", type=positive, default=1e-3)
    parser.add_argument("--dropout", type=fraction, default=0.1)
    _add_run_flags(parser, steps=2400)
    parser.set_defaults(run=_run_train_detector)


def _run_train_detector(options: argparse.Namespace) -> int:
    _use_huge_pages()
    from hitrs_live.training.run_train_detector import run_train_detector

    return run_train_detector(options)


def add_train_forecaster(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--checkpoint", type=Path, required=True, help="detector, which keeps its answers; or an encoder alone"
    )
    _add_data(parser, also=", labelled or not")
    parser.add_argument("--out", type=Path, default=Path("runs/forecasting.safetensors"), help="detector to write")
    parser.add_argument("--joint", action="store_true", help="train the detector's encoder and actions too")
    _add_people(parser)
    parser.add_argument("--window-clips", type=count, help="history, for an encoder alone (default: 16)")
    parser.add_argument("--batch", type=count, default=16, help="streams a step, on each process")
    parser.add_argument("--learning-rate", type=positive, default=2e-3)
    _add_run_flags(parser, steps=3000, new_encoder=False)
    parser.set_defaults(run=_run_train_forecaster)


def _run_train_forecaster(options: argparse.Namespace) -> int:
    _use_huge_pages()
    from hitrs_live.training.run_train_forecaster import run_train_forecaster

    return run_train_forecaster(options)


def add_train_pose_forecaster(parser: argparse.ArgumentParser) -> None:
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
    parser.set_defaults(run=_run_train_pose_forecaster)


def _run_train_pose_forecaster(options: argparse.Namespace) -> int:
    _use_huge_pages()
    from hitrs_live.training.run_train_pose_forecaster import run_train_pose_forecaster

    return run_train_pose_forecaster(options)
