"""Metrics, each small enough to check by hand."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def average_precision(scores: NDArray[np.float32], positive: NDArray[np.bool_]) -> float | None:
    """Compute the area under precision over recall; frames of equal score count as one step.

    scores: (T,); positive: (T,) bool. Returns a share in [0, 1], or None where there is no positive.
    """
    total = int(positive.sum())
    if total == 0:
        return None
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    # Only the last frame of a run of equal scores is a threshold that one could set.
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    precision = hits[ends] / (ends + 1)
    recall = hits[ends] / total
    return float((precision * np.diff(recall, prepend=0.0)).sum())


@dataclass(frozen=True, kw_only=True)
class Matches:
    """Starts that were told, against starts that were."""

    right: int
    told: int
    true: int
    delays_s: tuple[float, ...]
    """Of the right ones: from the true start to the capture of the frame that told it."""

    @property
    def precision(self) -> float:
        """Share of what was told that was so; 0 where nothing was told."""
        return self.right / self.told if self.told else 0.0

    @property
    def recall(self) -> float:
        """Share of what was so that was told; 0 where nothing was so."""
        return self.right / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        return 2 * self.right / (self.told + self.true) if self.told + self.true else 0.0

    def __add__(self, other: "Matches") -> "Matches":
        return Matches(
            right=self.right + other.right,
            told=self.told + other.told,
            true=self.true + other.true,
            delays_s=self.delays_s + other.delays_s,
        )


NO_MATCHES = Matches(right=0, told=0, true=0, delays_s=())


def match_starts(told: list[tuple[float, float]], true: list[float], *, tolerance_s: float) -> Matches:
    """Match told starts of one class to true ones, each at most once, nearest first.

    told: (onset, moment of telling) in seconds; true: starts in seconds.
    """
    pairs = sorted(
        (abs(onset - start), i, j)
        for i, (onset, _) in enumerate(told)
        for j, start in enumerate(true)
        if abs(onset - start) <= tolerance_s
    )
    used_told: set[int] = set()
    used_true: set[int] = set()
    delays = []
    for _, i, j in pairs:
        if i not in used_told and j not in used_true:
            used_told.add(i)
            used_true.add(j)
            delays.append(told[i][1] - true[j])
    return Matches(right=len(delays), told=len(told), true=len(true), delays_s=tuple(delays))
