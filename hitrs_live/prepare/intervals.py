"""Actions given as intervals of frames, laid out as one label a frame, also where they overlap."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.dataset import UNLABELLED

SHORTEST_REST = 15
"""Frames: what overlaps leave of an action is no action any more where it is shorter."""
_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Span:
    """One action, from its first frame to before its end."""

    label: int
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Laid:
    """One label a frame, and what was odd about the spans."""

    labels: NDArray[np.int16]
    """(T,); 0 outside all spans, -1 where it is open which action a frame belongs to."""
    notes: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)


def lay_out(spans: Sequence[Span], frames: int, *, names: Sequence[str]) -> Laid:
    """Lay spans out over `frames` frames, the same whatever their order.

    Where spans overlap, a frame belongs to the shortest of them, of equally long ones to the one that begins last. A
    longer one keeps the longest piece that the others leave of it, if that has SHORTEST_REST frames; its other pieces
    are UNLABELLED, since something of that class still goes on but none begins there. Spans that overlap, that have no
    frame left, or that lie outside the recording are named in the notes and counted.
    """
    labels = np.zeros(frames, np.int16)
    inside = sorted({span for span in spans if min(span.end, frames) > span.start}, key=_order)
    owner = np.full(frames, -1)
    for number, span in enumerate(inside):
        owner[span.start : span.end] = number
    overlapping, hidden = [], []
    for number, span in enumerate(inside):
        own = owner[span.start : span.end] == number
        labels[span.start : span.end][own] = UNLABELLED
        start, end = _longest(own)
        if own.all() or end - start >= SHORTEST_REST:
            labels[span.start + start : span.start + end] = span.label
        else:
            hidden.append(span)
        if not own.all():
            overlapping.append(span)
    outside = [span for span in spans if min(span.end, frames) <= span.start]
    kinds = (
        ("labels overlapped by others", overlapping),
        ("labels without a frame left", hidden),
        ("labels outside the recording", outside),
    )
    twice = len(spans) - len(inside) - len(outside)
    return Laid(
        labels=labels,
        notes=tuple(_note(name, found, names) for name, found in kinds if found)
        + ((f"{twice} labels given twice",) if twice else ()),
        counts={name: len(found) for name, found in kinds} | {"labels given twice": twice},
    )


def _order(span: Span) -> tuple[int, int, int]:
    """Sort the longest first."""
    return span.start - span.end, span.start, span.label


def _longest(own: NDArray[np.bool_]) -> tuple[int, int]:
    """Find the longest run of True, the first of equally long ones, as its start and end."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], own, [False]])))
    starts, ends = edges[::2], edges[1::2]
    if not len(starts):
        return 0, 0
    longest = int((ends - starts).argmax())
    return int(starts[longest]), int(ends[longest])


def _note(kind: str, spans: Sequence[Span], names: Sequence[str]) -> str:
    shown = ", ".join(f"{names[span.label]} {span.start}-{span.end}" for span in sorted(spans, key=_order)[:_SHOWN])
    return f"{len(spans)} {kind}: {shown}{', ...' if len(spans) > _SHOWN else ''}"
