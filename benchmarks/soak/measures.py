"""Turn samples over time into medians, and these into a drift with its standard error."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Drift:
    """How fast a quantity grows."""

    percent_per_hour: float
    standard_error: float
    """Of percent_per_hour; infinite for fewer than three windows."""


def medians(times_s: Sequence[float], values: Sequence[float], window_s: float) -> tuple[list[float], list[float]]:
    """Return the middle of each window that has samples, and the median of its samples."""
    windows: dict[int, list[float]] = {}
    for time_s, value in zip(times_s, values, strict=True):
        windows.setdefault(int(time_s // window_s), []).append(value)
    return [(each + 0.5) * window_s for each in windows], [float(np.median(values)) for values in windows.values()]


def drift(times_s: Sequence[float], values: Sequence[float], window_s: float) -> Drift:
    """Fit a line through the medians by least squares; return its slope as a share of their mean, percent an hour."""
    middles_s, heights = medians(times_s, values, window_s)
    mean = float(np.mean(heights)) if heights else 0.0
    if len(heights) < 3 or mean == 0.0:
        return Drift(percent_per_hour=0.0, standard_error=float("inf"))
    hours = np.array(middles_s) / 3600
    centred = hours - hours.mean()
    slope, level = np.polyfit(centred, heights, 1)
    residuals = np.array(heights) - (slope * centred + level)
    error = np.sqrt((residuals**2).sum() / (len(heights) - 2) / (centred**2).sum())
    return Drift(percent_per_hour=100 * float(slope) / mean, standard_error=100 * float(error) / mean)
