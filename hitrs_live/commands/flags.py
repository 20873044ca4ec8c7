"""Flags that several verbs share, and checks of their values."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

_LONGEST_S = 1e9
"""About 31 years."""
_MOST = 10**9
_MOST_THREADS = 1024
_LONGEST = 60


def positive(text: str) -> float:
    """Read a number above 0 from a flag."""
    return _number(text, "a number above 0", lambda value: value > 0)


def seconds(text: str) -> float:
    """Read a duration in seconds from a flag, above 0."""
    return _number(
        text, f"seconds, a number above 0 and at most {_LONGEST_S:.0e}", lambda value: 0 < value <= _LONGEST_S
    )


def not_negative(text: str) -> float:
    """Read a number of 0 or more from a flag."""
    return _number(text, "a number, 0 or more", lambda value: value >= 0)


def fraction(text: str) -> float:
    """Read a fraction from 0 to 1 from a flag."""
    return _number(text, "a number, 0 to 1", lambda value: 0 <= value <= 1)


def share(text: str) -> float:
    """Read a fraction above 0 and up to 1 from a flag."""
    return _number(text, "a number above 0 and at most 1", lambda value: 0 < value <= 1)


def whole(text: str) -> int:
    """Read a whole number from a flag; the verb checks its range."""
    return _whole(text, "a whole number", least=-_MOST, most=_MOST)


def count(text: str) -> int:
    """Read a whole number above 0 from a flag."""
    return _whole(text, "a whole number above 0", least=1, most=_MOST)


def count_or_none(text: str) -> int:
    """Read a whole number of 0 or more from a flag."""
    return _whole(text, "a whole number, 0 or more", least=0, most=_MOST)


def threads(text: str) -> int:
    """Read a number of threads from a flag."""
    return _whole(text, f"a whole number above 0, at most {_MOST_THREADS}", least=1, most=_MOST_THREADS)


def seed(text: str) -> int:
    """Read a seed from a flag, in the range that torch and numpy both accept."""
    most = (1 << 31) - 1
    return _whole(text, f"a whole number, 0 to {most}", least=0, most=most)


def position(text: str) -> str:
    """Read a position in the event logs from a flag."""
    # Imported here: most verbs have no such flag.
    from hitrs_live.wire.recovery import LogPosition

    try:
        return str(LogPosition.parse(text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"got {_typed(text)}, expected SESSION:NUMBER, a session and the number of an event"
        ) from None


def names(text: str) -> frozenset[str]:
    """Read names separated by commas from a flag."""
    given = frozenset(name.strip() for name in text.split(",") if name.strip())
    if not given:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected names separated by commas")
    return given


def _typed(text: str) -> str:
    """Return a typed value in a form that fits into one line."""
    shown = text if text.isprintable() and text and " " not in text else repr(text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]} ..."


def _number(text: str, expected: str, fits: Callable[[float], bool]) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or not fits(value):
        raise argparse.ArgumentTypeError(f"got {_typed(text)}, expected {expected}")
    return value


def _whole(text: str, expected: str, *, least: int, most: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"got {_typed(text)}, expected {expected}")
    return value


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Add the number of CPU threads for torch."""
    parser.add_argument("--threads", type=threads, default=2, metavar="N", help="CPU threads of torch (default: 2)")


def add_prediction_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say when and on what the live model predicts."""
    parser.add_argument(
        "--update",
        choices=("clip", "frame"),
        default="frame",
        help="predict after every clip or frame (default: frame)",
    )
    parser.add_argument(
        "--mirror", action=argparse.BooleanOptionalAction, default=True,
        help="average with the prediction for the mirror image (default: yes)",
    )  # fmt: skip


def add_readout(parser: argparse.ArgumentParser, *, default: str | None, default_text: str) -> None:
    """Add the pooling of a sequence. default_text: its default, for the help text."""
    parser.add_argument(
        "--readout", choices=("token", "max"), default=default,
        help=f"pooling of a sequence: the video token, or each channel's maximum over clips ({default_text})",
    )  # fmt: skip


def add_motion_benchmarks(group: Any) -> None:
    """Add the published benchmarks of motion prediction to a group of alternatives."""
    group.add_argument("--cmu", type=Path, metavar="FILE", help="the CMU motion-prediction benchmark, an .npz file")
    group.add_argument(
        "--h36m", type=Path, metavar="FOLDER", help="Human3.6M as exponential maps, in files such as S1/walking_1.txt"
    )
