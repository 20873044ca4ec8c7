"""Turn distances into scores, and choose the threshold for a rate of false alarms.

A score is the probability that a match is the action where matches of the action and those of the background are
equally frequent: both are taken as normal in the logarithm of the distance, with one spread. Few examples say little of
the spread, so they are put together with what other people's actions had on average (`PRIOR`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Prior:
    """What repetitions of an action have on average: of the natural logarithm of their distances."""

    mean: float
    spread: float
    weight: float
    """How many repetitions it counts as much as."""


PRIOR: Final = Prior(mean=-0.75, spread=0.25, weight=3.0)
_OFFSET: Final = 1.2
"""A running action goes on up to this multiple of the threshold's distance."""
_LEAST_SPREAD: Final = 0.08
_REACH: Final = 2.0
"""Standard deviations: 98 of 100 repetitions are within, if they are as the examples."""
_BOUND: Final = 30.0
"""Log odds beyond it are cut."""
_MARGIN: Final = 0.97
"""Where no false alarm is allowed, the threshold is this share of the nearest distance."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How repetitions of an action are spread: the logarithm of their distances is taken as normal."""

    mean: float
    deviation: float

    @property
    def reach(self) -> float:
        """The distance within which nearly all repetitions are."""
        return float(np.exp(self.mean + _REACH * self.deviation))


@dataclass(frozen=True, kw_only=True)
class ScoreCurve:
    """A score as a function of a distance."""

    centre: float
    """The logarithm of the distance whose score is a half."""
    slope: float

    def scores(self, distances: Floats) -> Floats:
        """Turn distances into scores, the same shape."""
        logits = self.logits(distances)
        scores: Floats = (1 / (1 + np.exp(-logits))).astype(np.float32)
        return scores

    def logits(self, distances: Floats) -> Floats:
        """Turn distances into log odds, the same shape."""
        return score_logits(distances, self.centre, self.slope)


def score_logits(distances: Floats, centre: float | Floats, slope: float | Floats) -> Floats:
    """Turn distances into log odds, the same shape. centre, slope: of one curve, or (A,) for distances (..., A)."""
    steps = (centre - np.log(np.maximum(distances, 1e-6))) * slope
    logits: Floats = np.clip(steps, -_BOUND, _BOUND).astype(np.float32)
    return logits


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The score of one action and where it begins and ends."""

    curve: ScoreCurve
    distance: float
    """The largest distance at which it begins."""
    on: float
    """The score of that distance."""
    off: float
    """The score below which it ends."""


def fit_spread(positives: Sequence[float]) -> Spread:
    """Put what repetitions of an action show together with `PRIOR`. positives: their distances."""
    logs = np.log(np.maximum(np.array(positives, float), 1e-6))
    weight = PRIOR.weight + len(logs)
    mean = (PRIOR.mean * PRIOR.weight + logs.sum()) / weight
    squares = PRIOR.weight * (PRIOR.spread**2 + (PRIOR.mean - mean) ** 2) + ((logs - mean) ** 2).sum()
    return Spread(mean=float(mean), deviation=max(float(np.sqrt(squares / weight)), _LEAST_SPREAD))


def fit_curve(spread: Spread, negatives: Sequence[float]) -> ScoreCurve:
    """Fit the score. negatives: the nearest distances of the background."""
    other = float(np.log(max(float(np.quantile(negatives, 0.1)), 1e-6))) if len(negatives) else 0.0
    apart = max(other - spread.mean, spread.deviation)
    return ScoreCurve(centre=spread.mean + apart / 2, slope=apart / spread.deviation**2)


def choose_distance(negatives: Sequence[float], hours: float, per_hour: float, most: float) -> float:
    """Choose the largest distance that makes at most so many false alarms an hour.

    negatives: the distances of all local minima in the background; most: the largest that is ever chosen.
    """
    allowed = int(per_hour * hours)
    ordered = np.sort(np.array(negatives, float))
    if len(ordered) <= allowed:
        return most
    below = float(ordered[allowed - 1]) if allowed else 0.0
    # Between the last that is allowed and the first that is not; nearer to the former where few hours were seen.
    return min(most, (below + float(ordered[allowed])) / 2 if allowed else float(ordered[0]) * _MARGIN)


def calibrate(curve: ScoreCurve, distance: float, *, lasts: bool) -> Calibration:
    """Set the thresholds of an action's score by the distance at which it begins.

    lasts: whether it goes on after its first match, as what is repeated or kept up does; a gesture is over with it.
    """
    on, off = (
        float(curve.scores(np.array([one], np.float32))[0])
        for one in (distance, distance * (_OFFSET if lasts else 1.0))
    )
    on = min(max(on, 1e-4), 1 - 1e-4)
    return Calibration(curve=curve, distance=distance, on=on, off=min(max(off, 5e-5), on))
