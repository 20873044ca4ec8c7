"""What a user can do for better numbers, from the measurements of an action."""

import math
from typing import Final

from hitrs_live.teaching.evidence import ActionEvidence

_TOO_ALIKE: Final = 0.25
"""Repetitions whose typical distance to each other is less than this show one person from one side only."""
_FEW: Final = 3
_POOR_RECALL: Final = 0.8


def advise(evidence: ActionEvidence) -> list[str]:
    """Return what to do, one line each; empty where nothing is to be done."""
    lines = []
    distances = sorted(distance for _, distance in evidence.found)
    if evidence.examples < _FEW:
        lines.append(
            f"{evidence.name}: {evidence.examples} examples measure little; add {_FEW - evidence.examples} more"
        )
    elif distances and distances[len(distances) // 2] < _TOO_ALIKE:
        lines.append(f"{evidence.name}: the examples are very much alike; add two more from the side, or by others")
    if evidence.examples >= _FEW and not evidence.of_others:
        lines.append(f"{evidence.name}: measured on one person; add examples of others before others rely on it")
    found, of, _ = evidence.recall()
    nearest = min(evidence.corrections, default=math.inf)
    if hidden := sum(distance >= nearest for _, distance in evidence.found):
        lines.append(
            f"{evidence.name}: {hidden} of {of} examples are missed because a correction in not_this is nearer; remove "
            "it if it was the action, else make the action differ more"
        )
    elif of and found / of < _POOR_RECALL:
        lines.append(
            f"{evidence.name}: found {found} of {of}; add examples, or allow more false alarms with "
            "--false-alarms-per-hour"
        )
    for other, (near, count) in evidence.confusions().items():
        if near:
            lines.append(f"{evidence.name}: {near} of {count} examples of {other} look like it; make them differ more")
    if not evidence.quiet.hours:
        lines.append("no quiet recording: false alarms in your room are not measured; see hitrs-live teach quiet")
    return lines


def share(found: int, of: int, least: float) -> str:
    """Show a share with its lower limit."""
    return f"{found} of {of} ({least:.0%} or more)" if of else "not measured"


def rate(count: int, hours: float, low: float, high: float) -> str:
    """Show a rate an hour with its interval."""
    if not hours:
        return "not measured"
    if not count:
        return f"none in {_hours(hours)} (at most {high:.1f})"
    return f"{count / hours:.1f} ({low:.1f} to {high:.1f})"


def _hours(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1 else f"{math.ceil(hours * 60)} min"
