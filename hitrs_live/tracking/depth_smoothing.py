"""Smooth a person's distance, which one camera estimates with much noise.

One picture gives a direction to within a pixel and a distance to within a tenth, with independent errors in every
frame: without smoothing, a person who sits three metres away jumps by decimetres along the line of sight thirty times a
second. So the logarithm of the distance is averaged over about half a second, and the whole body is moved along its
line of sight to that distance. Directions, postures and sizes stay as measured.
"""

import math

import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import Pose
from hitrs_live.skeleton import NTU25

_MEMORY_S = 0.4
_SPREAD_MEMORY_S = 1.0
# Before the first measurement, and the lower limit: the range that real cameras show.
_FIRST_SPREAD, _LEAST_SPREAD = 0.10, 0.03


class DepthFilter:
    """Average one person's distance over the last half second or so."""

    def __init__(self) -> None:
        self._log_distance = 0.0
        self._seen_ns: int | None = None
        self._frames = 0
        self._variance = _FIRST_SPREAD**2

    @property
    def spread(self) -> float:
        """Standard deviation of the measured distance about the smoothed one, as a share of it."""
        return max(_LEAST_SPREAD, math.sqrt(self._variance))

    def step(self, pose: Pose, now_ns: int) -> NDArray[np.float32]:
        """Return the joints, (25, 3) metres, at the smoothed distance.

        Joints of a depth camera, which come without a box, are returned unchanged.
        """
        root_m = pose.joints_m[NTU25.root]
        distance_m = float(np.linalg.norm(root_m))
        if pose.box is None or distance_m < 1e-3:
            return pose.joints_m
        elapsed_s = 0.0 if self._seen_ns is None else max(0, now_ns - self._seen_ns) / 1e9
        self._seen_ns = now_ns
        self._frames += 1
        # At first the plain mean of all frames, so that a bad first estimate soon loses its weight.
        gain = max(1 - math.exp(-elapsed_s / _MEMORY_S), 1 / self._frames)
        innovation = math.log(distance_m) - self._log_distance
        self._log_distance += gain * innovation
        if self._frames > 1:
            share = max(1 - math.exp(-elapsed_s / _SPREAD_MEMORY_S), 1 / (self._frames + 3))
            self._variance += share * (innovation**2 - self._variance)
        moved: NDArray[np.float32] = pose.joints_m + root_m * np.float32(
            math.exp(self._log_distance) / distance_m - 1.0
        )
        return moved
