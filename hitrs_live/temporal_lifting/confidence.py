"""One confidence a joint, from what the pose network says and from what the lifter expects."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
ERROR_SCALE_M: Final = 0.3
"""An expected error of this size takes a confidence to 37 %."""


def joint_confidence(confidence: Floats, visible: Floats, error_m: Floats, *, least: float) -> Floats:
    """Combine the network's confidence with the chance that the camera sees a joint and with its expected error.

    confidence: (..., 25), of the pose network; visible: (..., 25), logits; error_m: (..., 25), metres. Returns
    (..., 25): zero where it is below `least`, so that the joint counts as not seen.
    """
    seen = 1 / (1 + np.exp(-np.clip(visible, -20, 20)))
    combined = confidence * seen * np.exp(-error_m / ERROR_SCALE_M)
    return np.where(combined < least, 0, combined).astype(np.float32)
