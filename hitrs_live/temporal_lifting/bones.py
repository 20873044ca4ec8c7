"""Bones that the live path's 25 joints are made of, and the linear maps between the two.

The live path computes the trunk's joints from hips, shoulders and ears by fixed weights (`skeleton.MEDIAPIPE33`). So 20
bones about the root make all 25 joints: half the hips' line, the trunk, half the shoulders' line, the neck with the
head, and the limbs' bones, left before right.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import MEDIAPIPE33, NTU25

Floats = NDArray[np.float32]

DERIVED: Final = ("spine_base", "spine_middle", "spine_shoulder", "neck")
"""Joints without a landmark of their own."""
LIMBS: Final = (
    ("{s}_shoulder", "{s}_elbow"), ("{s}_elbow", "{s}_wrist"), ("{s}_wrist", "{s}_hand"), ("{s}_wrist", "{s}_hand_tip"),
    ("{s}_wrist", "{s}_thumb"), ("{s}_hip", "{s}_knee"), ("{s}_knee", "{s}_ankle"), ("{s}_ankle", "{s}_foot"),
)  # fmt: skip
AXIAL: Final = 4
"""Bones that do not come in pairs; they are the first."""
TRUNK: Final = 1
"""Place of the trunk, from the root to the middle of the shoulders, among the bones."""
THIGHS: Final = (AXIAL + 2 * LIMBS.index(("{s}_hip", "{s}_knee")), AXIAL + 2 * LIMBS.index(("{s}_hip", "{s}_knee")) + 1)
BONES: Final = AXIAL + 2 * len(LIMBS)
LENGTHS: Final = AXIAL + len(LIMBS)
"""Bone lengths: left and right of a pair have one."""
LENGTH_OF_BONE: Final = [*range(AXIAL), *(AXIAL + pair for pair in range(len(LIMBS)) for _ in ("left", "right"))]
"""(20,), the place of each bone's length among the lengths."""

_LEFT_HIP, _RIGHT_HIP = NTU25.index("left_hip"), NTU25.index("right_hip")
_LEFT_SHOULDER, _RIGHT_SHOULDER = NTU25.index("left_shoulder"), NTU25.index("right_shoulder")


def _bone_recipe() -> Floats:
    recipe = np.zeros((BONES, len(NTU25)), np.float32)
    recipe[0, _LEFT_HIP], recipe[0, _RIGHT_HIP] = 0.5, -0.5
    recipe[1, _LEFT_SHOULDER], recipe[1, _RIGHT_SHOULDER], recipe[1, NTU25.root] = 0.5, 0.5, -1
    recipe[2, _LEFT_SHOULDER], recipe[2, _RIGHT_SHOULDER] = 0.5, -0.5
    recipe[3, NTU25.index("head")] = 1
    recipe[3, [_LEFT_SHOULDER, _RIGHT_SHOULDER]] = -0.5
    row = AXIAL
    for start, end in LIMBS:
        for side in ("left", "right"):
            recipe[row, NTU25.index(end.format(s=side))] = 1
            recipe[row, NTU25.index(start.format(s=side))] = -1
            row += 1
    return recipe


def _joint_recipe() -> Floats:
    recipe = np.zeros((len(NTU25), BONES), np.float32)
    recipe[_LEFT_HIP, 0], recipe[_RIGHT_HIP, 0] = 1, -1
    recipe[[_LEFT_SHOULDER, _RIGHT_SHOULDER], 1] = 1
    recipe[_LEFT_SHOULDER, 2], recipe[_RIGHT_SHOULDER, 2] = 1, -1
    recipe[NTU25.index("head"), [1, 3]] = 1
    row = AXIAL
    for start, end in LIMBS:
        for side in ("left", "right"):
            joint = NTU25.index(end.format(s=side))
            recipe[joint] = recipe[NTU25.index(start.format(s=side))]
            recipe[joint, row] += 1
            row += 1
    return derive(recipe)


def derive(recipe: Floats) -> Floats:
    """Fill the rows of the trunk's joints by the weights of the live path. recipe: (25, N), changed and returned."""
    for name in DERIVED:
        for source, weight in MEDIAPIPE33.recipes[name].items():
            for side in ("left", "right"):
                joint = NTU25.index("head") if source == "{s}_ear" else NTU25.index(source.format(s=side))
                recipe[NTU25.index(name)] += weight * recipe[joint]
    return recipe


BONES_OF: Final = _bone_recipe()
"""(20, 25): bones from joints."""
JOINTS_OF: Final = _joint_recipe()
"""(25, 20): joints about the root from bones."""
