"""Format numbers and names for people."""

import math
from collections.abc import Mapping
from typing import Final

from hitrs_live.messages import ActionEvent, UnclearReason

REASONS: Final[Mapping[UnclearReason, str]] = {
    "legs_not_seen": "actions of the arms alone: legs not seen",
    "arms_not_seen": "not recognised: arms not seen",
    "head_not_seen": "not recognised: head not seen",
    "too_small": "not recognised: too small in the picture",
    "at_edge": "not recognised: too near to the edge of the picture",
    "body_unclear": "not recognised: too little of the body seen clearly",
}
"""Which actions of a person cannot start, and why, in words."""


def clock_time(seconds: float) -> str:
    """Format a time as minutes:seconds.tenths, with hours where there are any: 00:03.2, 1:02:03.4."""
    sign = "-" if seconds < -0.05 else ""
    tenths = round(abs(seconds) * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{f'{hours}:' if hours else ''}{minutes:02d}:{tenths // 10:02d}.{tenths % 10}"


def duration(seconds: float) -> str:
    """Format a duration: 8 s, 3:05, 1:02:03; "?" if it is not a finite number."""
    if not math.isfinite(seconds):
        return "?"
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def action_name(label: str) -> str:
    """Return a label as words: jumping_jack becomes jumping jack."""
    return label.replace("_", " ")


def action_length_s(event: ActionEvent) -> float | None:
    """Return the length of an ended action, seconds; None while it continues."""
    return None if event.end_time_ns is None else (event.end_time_ns - event.onset_time_ns) / 1e9


def drops_in_words(drops: dict[str, int]) -> str:
    """List losses by cause, largest first; "none" if there are none."""
    lost = sorted(((count, cause) for cause, count in drops.items() if count), reverse=True)
    return ", ".join(f"{cause} {count}" for count, cause in lost) or "none"
