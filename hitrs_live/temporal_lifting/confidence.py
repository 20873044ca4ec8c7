"""One confidence a joint, from what the pose network says and from what the lifter expects."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25

Floats = NDArray[np.float32]
ERROR_SCALE_M: Final = 0.5
"""An expected error of this size takes a confidence to 37 %."""
_TRUNK: Final = ("spine", "neck", "head", "shoulder", "hip")
IS_LIMB: Final = np.array([not joint.removeprefix("left_").removeprefix("right_").startswith(_TRUNK)
                            for joint in NTU25.joints])  # fmt: skip
"""(25,); joints of arms and legs. Those of the trunk lie inside the body: that the camera does not see one itself says
nothing about how well its place is known."""


def joint_confidence(confidence: Floats, visible: Floats, error_m: Floats, *, least: float) -> Floats:
    """Combine the pose network's confidence with the expected error and the chance that the camera sees a limb.

    confidence: (..., 25), of the pose network; visible: (..., 25), logits; error_m: (..., 25), metres. Returns
    (..., 25): zero where it is below `least`, so that the joint counts as not seen.
    """
    seen = np.where(IS_LIMB, 1 / (1 + np.exp(-np.clip(visible, -20, 20))), 1.0)
    combined = confidence * seen * np.exp(-error_m / ERROR_SCALE_M)
    return np.where(combined < least, 0, combined).astype(np.float32)
