"""Map the twenty joints of a Kinect v1 to ours, for the data sets recorded with one.

Its coordinates are ours: metres, y up, right-handed, the left of a person who faces the camera at the smaller x.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.joint_checks import to_float32
from hitrs_live.skeleton import NTU25

JOINTS: Final = 20
NAMES: Final = (
    "HipCenter", "Spine", "ShoulderCenter", "Head",
    "ShoulderLeft", "ElbowLeft", "WristLeft", "HandLeft", "ShoulderRight", "ElbowRight", "WristRight", "HandRight",
    "HipLeft", "KneeLeft", "AnkleLeft", "FootLeft", "HipRight", "KneeRight", "AnkleRight", "FootRight",
)  # fmt: skip
"""Names in Microsoft's SDK, in its order."""
_SHOULDER_CENTRE = 2
FROM_KINECT_V1: Final = (
    *range(JOINTS), _SHOULDER_CENTRE, NTU25.index("left_hand"), NTU25.index("left_hand"),
    NTU25.index("right_hand"), NTU25.index("right_hand"),
)  # fmt: skip
"""The Kinect v1 joint for each of ours. The first twenty are in the same order. The Kinect's centre of the shoulders
is NTU's spine_shoulder and also replaces the neck; the hands replace fingertips and thumbs."""
_NOT_THERE = ("neck", "left_hand_tip", "left_thumb", "right_hand_tip", "right_thumb")
VALID: Final = tuple(joint not in _NOT_THERE for joint in NTU25.joints)
"""Our joints that a Kinect v1 measures."""


def from_kinect_v1(joints_m: NDArray[np.floating]) -> NDArray[np.float32]:
    """Map twenty joints to ours. joints_m: (T, 20, 3), metres.

    Returns (T, 25, 3), float32; NaN where there is no usable position.
    """
    return to_float32(joints_m[:, list(FROM_KINECT_V1)])
