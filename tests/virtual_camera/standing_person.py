"""Joints of a person that stands, with arms and legs to be moved, and the size of the pictures of tests."""

import numpy as np

from hitrs_live.skeleton import NTU25

# Width and height, pixels.
SIZE = (320, 240)
# Left side and middle; the right side is the mirror image.
_AT = {
    "spine_base": (0.0, 0.93, 0.0), "spine_middle": (0.0, 1.15, 0.0), "neck": (0.0, 1.50, 0.0),
    "head": (0.0, 1.64, 0.02), "spine_shoulder": (0.0, 1.42, 0.0), "shoulder": (0.18, 1.42, 0.0),
    "elbow": (0.22, 1.13, -0.01), "wrist": (0.22, 0.88, 0.05), "hand": (0.22, 0.80, 0.07),
    "hip": (0.1, 0.93, 0.0), "knee": (0.12, 0.51, 0.02), "ankle": (0.13, 0.09, 0.0), "foot": (0.15, 0.03, 0.14),
    "hand_tip": (0.22, 0.72, 0.08), "thumb": (0.2, 0.79, 0.11),
}  # fmt: skip


def standing(frames: int = 1, **moved: tuple[float, float, float]) -> np.ndarray:
    """Return joints (frames, 25, 3); moved: joints such as left_wrist that are elsewhere, metres."""
    pose = np.zeros((25, 3), np.float32)
    for joint, name in enumerate(NTU25.joints):
        side, _, part = name.partition("_")
        pose[joint] = _AT[part if side in ("left", "right") else name]
        pose[joint, 0] *= -1 if side == "right" else 1
    for name, place in moved.items():
        pose[NTU25.index(name)] = place
    return np.tile(pose, (frames, 1, 1))
