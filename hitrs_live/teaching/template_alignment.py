"""Align templates with many recordings at once, and find where they come near."""

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from hitrs_live.teaching.alignment import Aligner, AlignmentState
from hitrs_live.teaching.templates import Templates

Floats = NDArray[np.float32]
NO_MATCH = 1e4
"""Distances beyond it are of templates of which no path has reached the end."""
_ROWS = 48
"""Recordings that are aligned side by side."""


def align_all(templates: Templates, recordings: Sequence[Floats]) -> list[Floats]:
    """Align templates with recordings. recordings: (T, C) each. Returns the distances of each, (T, N)."""
    found = [np.zeros((len(one), len(templates.lengths)), np.float32) for one in recordings]
    order = sorted(range(len(recordings)), key=lambda number: -len(recordings[number]))
    aligner = Aligner(templates)
    for at in range(0, len(order), _ROWS):
        chosen = order[at : at + _ROWS]
        state = AlignmentState.empty(templates, len(chosen))
        lengths = np.array([len(recordings[number]) for number in chosen])
        for tick in range(int(lengths.max(initial=0))):
            # Longest first, so those that go on are the first rows.
            rows = np.arange(int((lengths > tick).sum()))
            tokens = np.stack([recordings[chosen[row]][tick] for row in rows.tolist()])
            distances, _ = aligner.step(tokens, rows, state)
            for row in rows.tolist():
                found[chosen[row]][tick] = distances[row]
    return found


def minima(series: Floats, reach: int) -> NDArray[np.int64]:
    """Find local minima: ticks whose value is the least within `reach` ticks on either side, the first of equals.

    series: (T,). Returns the ticks, ascending.
    """
    if not len(series):
        return np.zeros(0, np.int64)
    padded = np.pad(series, reach, constant_values=np.inf)
    least = sliding_window_view(padded, 2 * reach + 1).min(axis=1)
    found = np.flatnonzero((series == least) & (series < NO_MATCH))
    keep = np.diff(found, prepend=-reach - 1) > reach
    return found[keep]


def mean_least(series: Sequence[Floats], block: int) -> Floats:
    """Average the least value of each whole block of ticks in which there is a match.

    series: (T, N) each. Returns (N,); 1 for a template that has no match in any block.
    """
    parts = [one[at : at + block].min(axis=0) for one in series for at in range(0, len(one) - block + 1, block)]
    least = np.stack(parts) if parts else np.zeros((0, series[0].shape[1]), np.float32)
    there = least < NO_MATCH
    counts = there.sum(axis=0)
    mean = np.where(there, least, 0).sum(axis=0) / np.maximum(counts, 1)
    return np.where((counts > 0) & (mean > 0), mean, 1.0).astype(np.float32)
