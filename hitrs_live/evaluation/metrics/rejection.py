"""How well a score separates the actions that a detector knows from those that it does not: the area under the ROC.

The score is the best of all action classes, the background left out, after temperatures and the rejection of the
unknown: the one that is compared with onset thresholds. Which class it belongs to does not matter here.

- A known action is one of the detector's classes that a person saw in a recording.
- An unknown action is one of no class of the detector, and of which no class is nearly right. In a recording in which
  nothing of its classes happens, and no class is nearly right, the whole labelled part is unknown; it is cut into
  pieces of `PIECE_S`, about as long as a known action.
- By action: the score of an action or piece is its highest during the interval. One without a prediction is left out.
- By frame: each prediction whose instant lies in an interval counts by itself.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.evaluation.metrics.event import LabelledRecording, known_actions, unknown_stretches

PIECE_S: Final = 3.0
"""Length of the pieces that a recording of nothing known is cut into."""


def auroc(known: NDArray[np.floating], unknown: NDArray[np.floating]) -> float | None:
    """Compute the chance that a known action has a higher score than an unknown one; a tie counts half.

    known: (N,); unknown: (M,). Returns None where either is empty.
    """
    if not len(known) or not len(unknown):
        return None
    ordered = np.sort(unknown)
    below = np.searchsorted(ordered, known, side="left")
    at_most = np.searchsorted(ordered, known, side="right")
    return float((below + at_most).sum() / 2 / len(known) / len(unknown))


def known_intervals(scene: LabelledRecording, labels: Sequence[str]) -> list[tuple[float, float]]:
    """List when the known actions of a recording happen, in seconds."""
    return [(action.start_s, min(action.end_s, scene.labelled_s)) for action in known_actions(scene, labels)]


def unknown_intervals(scene: LabelledRecording, labels: Sequence[str]) -> list[tuple[float, float]]:
    """List when the unknown actions of a recording happen, in seconds."""
    found = []
    for start_s, end_s, near in unknown_stretches(scene, labels):
        if near & set(labels):
            continue
        if not scene.other:
            found.append((start_s, end_s))
            continue
        edges = np.linspace(start_s, end_s, max(round((end_s - start_s) / PIECE_S), 1) + 1).tolist()
        found += list(pairwise(edges))
    return found


def scores_within(
    at_s: NDArray[np.float64], score: NDArray[np.float32], intervals: Sequence[tuple[float, float]]
) -> list[NDArray[np.float32]]:
    """Pick the scores within each interval. at_s, score: (N,). Returns an array for each interval that has any."""
    within = [score[(at_s >= start_s) & (at_s < end_s)] for start_s, end_s in intervals]
    return [one for one in within if len(one)]
