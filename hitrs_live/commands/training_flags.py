"""The flags that several training verbs share."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import add_threads, count_or_none, names, seed, whole


def add_run_flags(parser: argparse.ArgumentParser, steps: int | None = None, *, new_encoder: bool = True) -> None:
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


def add_modality(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--modality", choices=("joint", "bone", "motion"), help="what it is given (default: joint)")


def add_data(parser: argparse.ArgumentParser, *, also: str = "") -> None:
    parser.add_argument(
        "--data", type=Path, action="append", metavar="PATH",
        help=f"prepared folder, .npz, or folder of such{also}; may be given again (default: ship/ of the data folder)",
    )  # fmt: skip


def add_tested(parser: argparse.ArgumentParser) -> None:
    """Add whom not to learn from, since they are tested on."""
    tested = parser.add_mutually_exclusive_group()
    tested.add_argument("--split", metavar="NAME", help="whose training half to learn from (default: the first)")
    tested.add_argument("--test-subjects", type=names, metavar="A,B", help="train on all but these people")


def add_people(parser: argparse.ArgumentParser) -> None:
    """Add who is learned from."""
    add_tested(parser)
    parser.add_argument(
        "--leave-out", type=names, default=frozenset(), metavar="A,B",
        help="people not to learn from either, to tune thresholds on",
    )  # fmt: skip
