"""Flags that several verbs have, and what their values may be."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

_LONGEST_S = 1e9
"""Some 31 years."""
_MOST = 10**9
_MOST_THREADS = 1024
_LONGEST = 60


def positive(text: str) -> float:
    """Read a number above 0 from a flag."""
    return _number(text, "a number above 0", lambda value: value > 0)


def seconds(text: str) -> float:
    """Read how long, in seconds."""
    return _number(
        text, f"seconds, a number above 0 and at most {_LONGEST_S:.0e}", lambda value: 0 < value <= _LONGEST_S
    )


def not_negative(text: str) -> float:
    """Read a number from 0 on."""
    return _number(text, "a number, 0 or more", lambda value: value >= 0)


def fraction(text: str) -> float:
    """Read a share of a whole, 0 included."""
    return _number(text, "a number, 0 to 1", lambda value: 0 <= value <= 1)


def share(text: str) -> float:
    """Read a share of a whole, above 0."""
    return _number(text, "a number above 0 and at most 1", lambda value: 0 < value <= 1)


def whole(text: str) -> int:
    """Read a whole number; how large it must be is for the verb to say."""
    return _whole(text, "a whole number", least=-_MOST, most=_MOST)


def count(text: str) -> int:
    """Read a whole number above 0."""
    return _whole(text, "a whole number above 0", least=1, most=_MOST)


def count_or_none(text: str) -> int:
    """Read a whole number, 0 included."""
    return _whole(text, "a whole number, 0 or more", least=0, most=_MOST)


def threads(text: str) -> int:
    """Read how many threads to compute with."""
    return _whole(text, f"a whole number above 0, at most {_MOST_THREADS}", least=1, most=_MOST_THREADS)


def seed(text: str) -> int:
    """Read a seed, as torch and numpy both take it."""
    most = (1 << 31) - 1
    return _whole(text, f"a whole number, 0 to {most}", least=0, most=most)


def names(text: str) -> frozenset[str]:
    """Read names separated by commas."""
    found = frozenset(name.strip() for name in text.split(",") if name.strip())
    if not found:
        raise argparse.ArgumentTypeError(f"got {text!r}, wanted names separated by commas")
    return found


def _typed(text: str) -> str:
    """Write what was typed so that it stays in its line."""
    shown = text if text.isprintable() and text and " " not in text else repr(text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]} ..."


def _number(text: str, wanted: str, fits: Callable[[float], bool]) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or not fits(value):
        raise argparse.ArgumentTypeError(f"got {_typed(text)}, wanted {wanted}")
    return value


def _whole(text: str, wanted: str, *, least: int, most: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"got {_typed(text)}, wanted {wanted}")
    return value


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Add how many cores torch may take."""
    parser.add_argument("--threads", type=threads, default=2, metavar="N", help="of torch, on a CPU (default: 2)")


def add_prediction_flags(parser: argparse.ArgumentParser) -> None:
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
