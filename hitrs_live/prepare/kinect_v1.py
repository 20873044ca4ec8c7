"""The twenty joints of a Kinect v1 as ours, for all the data sets that were recorded with one.

Its frame has our axes: metres, y up, right-handed, the left of a person who faces the camera at the smaller x.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25

JOINTS: Final = 20
NAMES: Final = (
    "HipCenter", "Spine", "ShoulderCenter", "Head",
    "ShoulderLeft", "ElbowLeft", "WristLeft", "HandLeft", "ShoulderRight", "ElbowRight", "WristRight", "HandRight",
    "HipLeft", "KneeLeft", "AnkleLeft", "FootLeft", "HipRight", "KneeRight", "AnkleRight", "FootRight",
)  # fmt: skip
"""As Microsoft's SDK has them, in its order."""
_SHOULDER_CENTRE = 2
FROM_KINECT_V1: Final = (
    *range(JOINTS), _SHOULDER_CENTRE, NTU25.index("left_hand"), NTU25.index("left_hand"),
    NTU25.index("right_hand"), NTU25.index("right_hand"),
)  # fmt: skip
"""The first twenty joints of both stand in the same order; what a Kinect v1 calls the centre of the shoulders is NTU's
spine_shoulder, and stands for the neck too, as the hands do for fingertips and thumbs."""
_NOT_THERE = ("neck", "left_hand_tip", "left_thumb", "right_hand_tip", "right_thumb")
VALID: Final = tuple(joint not in _NOT_THERE for joint in NTU25.joints)
"""Which of our joints it measures."""


def from_kinect_v1(joints_m: NDArray[np.floating]) -> NDArray[np.float32]:
    """Bring twenty joints to ours. joints_m: (T, 20, 3), metres -> (T, 25, 3); no position stays none, as NaN."""
    ours: NDArray[np.float32] = joints_m[:, list(FROM_KINECT_V1)].astype(np.float32)
    return ours
