"""Lay one arm on the other, as a pose network does where the body hides it from a camera at its side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import IGNORE
from hitrs_live.data.guessed_limbs import ARMS
from hitrs_live.data.sensor_noise import smooth_noise
from hitrs_live.skeleton import NTU25

Floats = NDArray[np.float32]

_SIDES = ("left", "right")
_SHOULDERS = tuple(NTU25.index(f"{side}_shoulder") for side in _SIDES)
_HANDS = tuple(NTU25.index(f"{side}_hand") for side in _SIDES)


@dataclass(frozen=True, kw_only=True)
class CoveredArm:
    """How often an arm is laid on the other, and how exactly."""

    share: float = 0.1
    """Share of windows."""
    least_weight: float = 0.5
    """Least weight of the seen arm in the place of the covered one; the greatest is 1."""
    drift_m: float = 0.04
    """Standard deviation of the slow error of the hidden hand."""


class ArmCoverer:
    """Cover an arm in windows of labelled joints."""

    def __init__(self, config: CoveredArm, labels: Sequence[str]) -> None:
        """Take the classes' names, background first."""
        self._config = config
        self._of_side = [np.array([name.endswith(f"_{side}") for name in labels]) for side in _SIDES]

    def apply(
        self, joints_m: Floats, labels: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[Floats, NDArray[np.int64]]:
        """Cover an arm in some of the windows, from its first frame to its last.

        joints_m: (T, 25, 3), metres; labels: (T,). Returns both changed. The arm that moves more stays: what it does
        can still be seen. An action of the covered side becomes IGNORE.
        """
        if not self._config.share or rng.random() >= self._config.share:
            return joints_m, labels
        path_m = [np.linalg.norm(np.diff(_from_shoulder(joints_m, side), axis=0), axis=-1).sum() for side in range(2)]
        seen = int(np.argmax(path_m))
        covered = 1 - seen
        weight = np.float32(rng.uniform(self._config.least_weight, 1.0))
        onto = joints_m[:, ARMS[seen]] - joints_m[:, None, _SHOULDERS[seen]] + joints_m[:, None, _SHOULDERS[covered]]
        drift = smooth_noise(rng, len(joints_m), (1, 3)) * np.float32(self._config.drift_m)
        changed = joints_m.copy()
        changed[:, ARMS[covered]] = weight * (onto + drift) + (1 - weight) * joints_m[:, ARMS[covered]]
        hidden = (labels >= 0) & self._of_side[covered][np.maximum(labels, 0)]
        return changed, np.where(hidden, IGNORE, labels)


def _from_shoulder(joints_m: Floats, side: int) -> Floats:
    place: Floats = joints_m[:, _HANDS[side]] - joints_m[:, _SHOULDERS[side]]
    return place
