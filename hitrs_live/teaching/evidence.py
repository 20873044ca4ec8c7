"""What was measured of a taught action while it was fitted: the numbers of the report."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.poisson import poisson_interval
from hitrs_live.teaching.action_settings import ActionSettings
from hitrs_live.teaching.background import Background
from hitrs_live.teaching.calibration import Calibration, fit_spread
from hitrs_live.teaching.least_share import least_share
from hitrs_live.teaching.template_alignment import minima
from hitrs_live.teaching.tokens import TICK_FRAMES

Floats = NDArray[np.float32]

_REACH_TICKS: Final = 10
"""Two false alarms are at least a second apart."""
_RUN_SHARE: Final = 0.5
"""Share of the runs of a generated class that come as near as the action's own repetitions, from which on it is taken
as the same action."""
_LEAST_RUNS: Final = 3


@dataclass(frozen=True, kw_only=True)
class Negatives:
    """How near recordings come in which the action does not happen."""

    nearest: tuple[float, ...]
    """Distances of all local minima, each a false alarm where it is within the threshold."""
    hours: float

    def alarms(self, distance: float) -> int:
        """Count the false alarms at a threshold."""
        return sum(one <= distance for one in self.nearest)

    def rate(self, distance: float) -> tuple[float, float, float]:
        """Return the rate of false alarms an hour at a threshold and its exact 95 % interval."""
        if not self.hours:
            return 0.0, 0.0, math.inf
        count = self.alarms(distance)
        low, high = poisson_interval(count)
        return count / self.hours, low / self.hours, high / self.hours


@dataclass(frozen=True, kw_only=True)
class OtherExample:
    """An example of another action, measured against this one."""

    action: str
    distance: float
    taken: bool
    """Whether it would be taken for this action: it is near enough, and its own action scores less or is missed."""


@dataclass(frozen=True, kw_only=True)
class ActionEvidence:
    """The measurements of one action."""

    name: str
    settings: ActionSettings
    examples: int
    people: tuple[str, ...]
    found: tuple[tuple[str, float], ...]
    """Of each repetition, measured by the others: its person and its distance. Empty for a single example."""
    others: tuple[OtherExample, ...]
    background: Negatives
    quiet: Negatives
    corrections: tuple[float, ...]
    alike: tuple[str, ...]
    """Generated classes that are taken as the same action."""
    calibration: Calibration
    duration_s: float
    """The mean length of a repetition."""
    needs_legs: bool
    """Whether it is recognised only on people whose legs are seen."""

    @property
    def of_others(self) -> bool:
        """Whether each repetition was measured by those of other people."""
        return len({person for person, _ in self.found}) > 1

    def recall(self, distance: float | None = None) -> tuple[int, int, float]:
        """Return how many repetitions are found, of how many, and the share that is found at least (95 %).

        distance: the threshold; None for the chosen one.
        """
        distance = self.calibration.distance if distance is None else distance
        found = sum(one <= distance for _, one in self.found)
        return found, len(self.found), least_share(found, len(self.found))

    def confusions(self) -> dict[str, tuple[int, int]]:
        """Return of each other action how many examples would start this one, and how many there are."""
        counts: dict[str, tuple[int, int]] = {}
        for one in self.others:
            near, of = counts.get(one.action, (0, 0))
            counts[one.action] = near + one.taken, of + 1
        return counts


def find_alike(
    background: Background, distances: Sequence[Floats], own: NDArray[np.bool_], positives: Sequence[float]
) -> frozenset[str]:
    """Find the generated classes that are the taught action itself: most of their runs come as near as its repetitions.

    distances: (T, N) of each stream; own: (N,), the action's templates; positives: distances of its repetitions.
    Returns their names.
    """
    typical = float(np.exp(fit_spread(positives).mean))
    runs: dict[int, list[bool]] = {}
    for stream, labels in zip(distances, background.labels, strict=True):
        nearest = stream[:, own].min(axis=1)
        edges = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
        for start, end in pairwise(edges):
            if end > start and labels[start] > 0:
                near = nearest[start : end + _REACH_TICKS // 2].min() <= typical
                runs.setdefault(int(labels[start]), []).append(bool(near))
    return frozenset(
        background.classes[label]
        for label, near in runs.items()
        if len(near) >= _LEAST_RUNS and sum(near) / len(near) >= _RUN_SHARE
    )


def measure_negatives(
    background: Background | None, distances: Sequence[Floats], own: NDArray[np.bool_], alike: frozenset[str]
) -> Negatives:
    """Measure how near recordings come, without the stretches of classes that are the action itself.

    background: whose labels say where those are; None where all of the recordings count.
    """
    nearest: list[float] = []
    ticks = 0
    for number, stream in enumerate(distances):
        if not len(stream):
            continue
        series = stream[:, own].min(axis=1)
        counted = np.ones(len(series), bool)
        if background is not None and alike:
            same = np.isin(background.labels[number], [background.classes.index(name) for name in alike])
            counted = ~_widen(same, _REACH_TICKS)
        at = minima(series, _REACH_TICKS)
        nearest += series[at[counted[at]]].tolist()
        ticks += int(counted.sum())
    return Negatives(nearest=tuple(nearest), hours=ticks * TICK_FRAMES / 30 / 3600)


def _widen(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """Mark what lies within `reach` ticks of a marked one. mask: (T,)."""
    widened: NDArray[np.bool_] = np.convolve(mask, np.ones(2 * reach + 1), mode="same") > 0.5
    return widened
