"""Get the depth of a body's parts wrong, as a pose network does that sees one picture.

Where a limb is in the picture is seen; how far it reaches towards the camera is guessed, too short as a rule, and the
guess drifts. What people do has not changed, and a detector should not depend on it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.augment import LIMBS
from hitrs_live.data.sensor_noise import smooth_noise
from hitrs_live.skeleton import NTU25

Floats = NDArray[np.float32]

_OF_LIMBS: Final = LIMBS.any(axis=0)
"""(25,), whether a joint is of a limb, from the elbow or the knee outwards; all others are the trunk."""


@dataclass(frozen=True, kw_only=True)
class WrongDepth:
    """How often depth is wrong, and by how much."""

    share: float = 0.3
    """Share of windows."""
    scale: tuple[float, float] = (0.2, 1.2)
    """Least and greatest factor of the depth of the bones of a limb, and of the trunk."""
    drift_m: float = 0.04
    """Standard deviation of the slow error of a bone's depth."""


class DepthDistorter:
    """Get depth wrong in windows of joints in a camera's axes."""

    def __init__(self, config: WrongDepth) -> None:
        """Take how often, and by how much."""
        self._config = config

    def apply(self, joints_m: Floats, rng: np.random.Generator) -> Floats:
        """Get depth wrong in some of the windows. joints_m: (T, 25, 3), metres, z away from the camera. Returns it."""
        if not self._config.share or rng.random() >= self._config.share:
            return joints_m
        drawn = rng.uniform(*self._config.scale, 1 + len(LIMBS))
        scale = np.where(_OF_LIMBS, drawn[1:] @ LIMBS, drawn[0])
        parents = list(NTU25.parents)
        bones_m = joints_m[..., 2] - joints_m[:, parents, 2]
        drift_m = smooth_noise(rng, len(joints_m), (len(NTU25),)) * (self._config.drift_m * rng.random())
        bones_m = bones_m * scale + drift_m
        changed = joints_m.copy()
        for joint in NTU25.outward:
            changed[:, joint, 2] = changed[:, parents[joint], 2] + bones_m[:, joint]
        return changed
