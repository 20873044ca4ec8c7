"""Flags that several verbs have, and what their values may be."""

import argparse
from pathlib import Path
from typing import Any


def positive(text: str) -> float:
    """Read a number above 0 from a flag."""
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"got {text}, wanted a number above 0")
    return value


def names(text: str) -> frozenset[str]:
    """Read names separated by commas."""
    found = frozenset(name.strip() for name in text.split(",") if name.strip())
    if not found:
        raise argparse.ArgumentTypeError(f"got {text!r}, wanted names separated by commas")
    return found


def count(text: str) -> int:
    """Read a whole number above 0."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"got {text}, wanted a whole number above 0")
    return value


def seed(text: str) -> int:
    """Read a seed, as torch and numpy both take it."""
    value = int(text)
    if not 0 <= value < 1 << 31:
        raise argparse.ArgumentTypeError(f"got {text}, wanted 0 to {(1 << 31) - 1}")
    return value


def share(text: str) -> float:
    """Read a share of a whole, above 0."""
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"got {text}, wanted above 0 and at most 1")
    return value


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Add how many cores torch may take."""
    parser.add_argument("--threads", type=count, default=2, metavar="N", help="of torch, on a CPU (default: 2)")


def add_judging(parser: argparse.ArgumentParser) -> None:
    """Add how the live stages judge."""
    parser.add_argument("--update", choices=("clip", "frame"), default="frame", help="as in model.update")
    parser.add_argument(
        "--mirror", action=argparse.BooleanOptionalAction, default=True, help="as in model.mirror (default: yes)"
    )


def add_readout(parser: argparse.ArgumentParser, *, default: str | None, default_text: str) -> None:
    """Add what sums a sequence up. default_text: what the help says of its default."""
    parser.add_argument(
        "--readout", choices=("token", "max"), default=default,
        help=f"what sums a sequence up: the video token, or each channel's largest value over clips ({default_text})",
    )  # fmt: skip


def add_motion_benchmarks(group: Any) -> None:
    """Add the published benchmarks of motion prediction to a group of which one must be given."""
    group.add_argument("--cmu", type=Path, metavar="FILE", help="the CMU motion-prediction benchmark, an .npz")
    group.add_argument("--h36m", type=Path, metavar="FOLDER", help="Human3.6M, exponential maps: S1/walking_1.txt ...")
