"""Cut bouts of an exercise into its repetitions."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.evaluation.metrics.joint_angles import column, joint_angles, smooth

Floats = NDArray[np.float64]

_SWINGS: Final = {
    "knee_flexion": 90.0,
    "hip_flexion": 90.0,
    "shoulder_elevation": 120.0,
    "trunk_lean_forward": 60.0,
    "trunk_twist": 50.0,
    "hip_drop": 0.5,
}
"""Angles that may dominate an exercise, and a large swing of each. All are about zero while standing."""

_SMOOTH_FRAMES = 9
_LEAST_SWING = 0.25
_LEAST_RISE = 0.4
"""Rise and fall of a repetition, as a share of the range of the whole bout."""
_EDGE = 0.12
"""Share of a repetition's own rise at which it begins and ends."""


@dataclass(frozen=True, kw_only=True)
class Cycle:
    """The frames of one repetition: `first` to `last`, with the extreme of the dominant angle at `peak`."""

    first: int
    peak: int
    last: int
    """The last frame itself."""


def dominant_angle(joints_m: NDArray[np.floating]) -> tuple[str, Floats]:
    """Find the angle that swings furthest, compared with a large swing of it.

    joints_m: (T, 25, 3). Returns its name, and its course (T,), as a share of a large swing; the larger of both sides
    where there are two.
    """
    courses = {name: smooth(course, _SMOOTH_FRAMES) for name, course in _courses(joint_angles(joints_m)).items()}
    ranges = {name: float(np.subtract(*np.quantile(course, (0.95, 0.05)))) for name, course in courses.items()}
    name = max(ranges, key=ranges.__getitem__)
    return name, courses[name]


def find_cycles(joints_m: NDArray[np.floating]) -> list[Cycle]:
    """Find the repetitions of a bout: rises of the dominant angle to a peak, and the falls after them.

    joints_m: (T, 25, 3), 30 Hz. A rise that the recording cuts off at its beginning or end is left out. Returns none
    where nothing swings by a quarter of a large swing.
    """
    _, course = dominant_angle(joints_m)
    low, high = np.quantile(course, (0.02, 0.98))
    if high - low < _LEAST_SWING:
        return []
    return cycles_of(course, least_rise=_LEAST_RISE * float(high - low))


def cycles_of(course: Floats, *, least_rise: float) -> list[Cycle]:
    """Find rises by at least `least_rise` followed by a fall of the same. course: (T,)."""
    valleys, peaks = _extremes(course, least_rise)
    cycles = []
    for before, peak, after in zip(valleys[:-1], peaks, valleys[1:], strict=True):
        first = before + _last_below(course[before : peak + 1], course[peak])
        last = peak + _last_below(course[peak : after + 1][::-1], course[peak], from_end=True)
        cycles.append(Cycle(first=first, peak=peak, last=last))
    return cycles


def _extremes(course: Floats, least_rise: float) -> tuple[list[int], list[int]]:
    """Find alternating valleys and peaks that differ by `least_rise`; a valley comes first and last."""
    valleys: list[int] = []
    peaks: list[int] = []
    lowest = highest = 0
    rising: bool | None = None
    for frame, value in enumerate(course):
        highest = frame if value > course[highest] else highest
        lowest = frame if value < course[lowest] else lowest
        if rising is not False and value < course[highest] - least_rise:
            if rising:
                peaks.append(highest)
            rising, lowest = False, frame
        elif rising is not True and value > course[lowest] + least_rise:
            valleys.append(lowest)
            rising, highest = True, frame
    if rising is False and peaks:
        valleys.append(lowest)
    count = max(len(valleys) - 1, 0)
    return valleys[: count + 1], peaks[:count]


def _last_below(flank: Floats, peak: float, *, from_end: bool = False) -> int:
    """Find where a flank that begins in a valley leaves it for good. from_end: count from the flank's other end."""
    edge = flank[0] + _EDGE * (peak - flank[0])
    position = int(np.flatnonzero(flank <= edge)[-1])
    return len(flank) - 1 - position if from_end else position


def _courses(angles: Floats) -> dict[str, Floats]:
    columns = {
        "knee_flexion": _larger(angles, "knee_flexion"),
        "hip_flexion": _larger(angles, "hip_flexion"),
        "shoulder_elevation": _larger(angles, "shoulder_elevation"),
        "trunk_lean_forward": np.abs(angles[:, column("trunk_lean_forward_deg")]),
        "trunk_twist": np.abs(angles[:, column("trunk_twist_deg")]),
        "hip_drop": 1 - angles[:, column("hip_height")],
    }
    return {name: values / _SWINGS[name] for name, values in columns.items()}


def _larger(angles: Floats, name: str) -> Floats:
    sides = angles[:, [column(f"{name}_{side}_deg") for side in ("left", "right")]]
    return np.asarray(sides.max(axis=1))
