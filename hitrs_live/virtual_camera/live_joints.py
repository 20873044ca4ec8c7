"""Joints of one person as the live path computes them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class LiveJoints:
    """What the live path makes of T frames of a person, in the camera's axes."""

    joints_m: Floats
    """(T, 25, 3), metres; x left, y up, z away. Frames in which the person was lost are interpolated."""
    confidence: Floats
    """(T, 25), 0 to 1; 0 where a joint counts as not seen."""
    lost_mask: NDArray[np.bool_]
    """(T,); True in frames in which the person was not detected."""

    @property
    def seen_mask(self) -> NDArray[np.bool_]:
        """(T, 25); True for joints that count as seen."""
        return self.confidence > 0
