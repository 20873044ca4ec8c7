"""The flags that several training verbs share."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import add_threads, count, count_or_none, fraction, names, positive, seed, whole


def add_run_flags(parser: argparse.ArgumentParser, steps: int | None = None, *, new_encoder: bool = True) -> None:
    """Add the flags of every training run under `torchrun`. steps: default number of optimiser steps."""
    if new_encoder:
        parser.add_argument("--size", choices=("tiny", "small", "base"), help="size of a new encoder (default: small)")
    default_text = "" if steps is None else f" (default: {steps})"
    parser.add_argument("--steps", type=whole, default=steps, metavar="N", help=f"optimiser steps{default_text}")
    parser.add_argument(
        "--accumulate",
        type=whole,
        default=1,
        metavar="K",
        help="process a batch in K parts, to save memory (default: 1)",
    )
    add_seed_and_device(parser)
    parser.add_argument(
        "--precision", choices=("auto", "fp32", "bf16"), default="auto",
        help="number format; auto is bf16 on a GPU and fp32 on a CPU (default: auto)",
    )  # fmt: skip
    add_threads(parser)
    parser.add_argument(
        "--workers", type=count_or_none, default=1, metavar="N", help="processes that prepare batches (default: 1)"
    )
    parser.add_argument("--tensorboard", type=Path, metavar="FOLDER", help="write scalars for TensorBoard to a folder")


def add_batch_and_rate(parser: argparse.ArgumentParser, *, batch: int, of: str, learning_rate: float) -> None:
    """Add the size of a batch and the learning rate, with their defaults. of: what a batch is of, for the help."""
    parser.add_argument(
        "--batch", type=count, default=batch, metavar="N", help=f"{of} per step and process (default: {batch})"
    )
    parser.add_argument(
        "--learning-rate", type=positive, default=learning_rate, metavar="X",
        help=f"learning rate (default: {learning_rate:g})",
    )  # fmt: skip


def add_seed_and_device(parser: argparse.ArgumentParser) -> None:
    """Add the seed of the random numbers and the device to train on."""
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of all random numbers (default: 0)")
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto",
        help="device to train on; auto is a GPU if there is one (default: auto)",
    )  # fmt: skip


def add_out(parser: argparse.ArgumentParser, default: str, text: str) -> None:
    """Add the file to write. text: what it is, for the help."""
    parser.add_argument("--out", type=Path, default=Path(default), metavar="FILE", help=f"{text} (default: {default})")


def add_camera_faults(parser: argparse.ArgumentParser, default: float) -> None:
    """Add how often the faults of other cameras are added to streams that have modelled ones."""
    parser.add_argument(
        "--camera-faults", type=fraction, default=default, metavar="X",
        help="how often windows of --streams get the faults of another camera (hidden legs and arms, jitter, tilt, "
        f"depth): 0 for none, 1 for most windows (default: {default:g})",
    )  # fmt: skip


def add_modality(parser: argparse.ArgumentParser) -> None:
    """Add the model's input modality."""
    parser.add_argument(
        "--modality", choices=("joint", "bone", "motion"),
        help="input: joint positions, bone vectors or differences over time (default: joint)",
    )  # fmt: skip


def add_data(parser: argparse.ArgumentParser, *, also: str = "") -> None:
    """Add the training data, which may be given several times."""
    parser.add_argument(
        "--data", type=Path, action="append", metavar="PATH",
        help=f"prepared folder, .npz, or folder of these{also}; may be repeated (default: ship/ of the data folder)",
    )  # fmt: skip


def add_tested(parser: argparse.ArgumentParser) -> None:
    """Add the choice of test subjects, who are left out of training."""
    tested = parser.add_mutually_exclusive_group()
    tested.add_argument("--split", metavar="NAME", help="train on the training half of this split (default: the first)")
    tested.add_argument("--test-subjects", type=names, metavar="A,B", help="train on all people but these")


def add_people(parser: argparse.ArgumentParser) -> None:
    """Add the choice of test subjects and of others left out of training."""
    add_tested(parser)
    parser.add_argument(
        "--leave-out", type=names, default=frozenset(), metavar="A,B",
        help="leave out these people too, for example to tune thresholds on them",
    )  # fmt: skip


def add_pairs(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a verb that fits to rendered views and measures on people left out."""
    parser.add_argument(
        "--pairs", type=Path, required=True, metavar="FOLDER", help="views that `hitrs-live render --out` wrote"
    )
    parser.add_argument(
        "--leave-out", type=fraction, default=0.25, metavar="X",
        help="share of the people that is not fitted on, to measure on (default: 0.25)",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="measure on the people left out and write a report")
