"""Convert actions given as intervals of frames to one label per frame, also where they overlap."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.dataset import UNLABELLED

SHORTEST_REST = 15
"""Frames: where overlaps leave less than this of an action, it is dropped."""
_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Span:
    """One action: frames `start` to `end` - 1."""

    label: int
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class FrameLabels:
    """One label per frame, and the irregularities of the spans."""

    labels: NDArray[np.int16]
    """(T,); 0 outside all spans, UNLABELLED where it is undecided which action a frame belongs to."""
    notes: tuple[str, ...] = ()
    """Irregularities in words, for the report."""
    counts: dict[str, int] = field(default_factory=dict)
    """Number of each irregularity, for the report."""


def label_frames(spans: Sequence[Span], frames: int, *, names: Sequence[str]) -> FrameLabels:
    """Label `frames` frames by spans; their order does not matter. names: of the classes, for the notes.

    Where spans overlap, a frame belongs to the shortest of them, of equally long ones to the one that begins last. A
    longer one keeps the longest piece that the others leave of it, if that has SHORTEST_REST frames. Its other pieces
    are UNLABELLED: the action may still be under way there, but does not begin there. Spans that overlap, that keep no
    frame, or that lie outside the recording are noted and counted.
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
    return FrameLabels(
        labels=labels,
        notes=tuple(_note(name, concerned, names) for name, concerned in kinds if concerned)
        + ((f"{twice} labels given twice",) if twice else ()),
        counts={name: len(concerned) for name, concerned in kinds} | {"labels given twice": twice},
    )


def _order(span: Span) -> tuple[int, int, int]:
    """Return the key by which the longest span is first."""
    return span.start - span.end, span.start, span.label


def _longest(own: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the start and end of the longest run of True, the first of equally long ones."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], own, [False]])))
    starts, ends = edges[::2], edges[1::2]
    if not len(starts):
        return 0, 0
    longest = int((ends - starts).argmax())
    return int(starts[longest]), int(ends[longest])


def _note(kind: str, spans: Sequence[Span], names: Sequence[str]) -> str:
    shown = ", ".join(f"{names[span.label]} {span.start}-{span.end}" for span in sorted(spans, key=_order)[:_SHOWN])
    return f"{len(spans)} {kind}: {shown}{', ...' if len(spans) > _SHOWN else ''}"
