"""Named joint layouts, their trees and mirror pairs, and the linear maps between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class SkeletonLayout:
    """Name the joints of a skeleton and say how they hang together.

    `parents[j]` is the joint that j hangs from; the root is its own parent.
    `mirror[j]` is the joint that j becomes when left and right are swapped.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.joints) != len(self.parents):
            raise ValueError(
                f"layout {self.name}: got {len(self.joints)} joint names and {len(self.parents)} parents, "
                "wanted one parent a joint"
            )

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Return the position of a named joint; raise ValueError where there is none of that name."""
        if joint not in self.joints:
            raise ValueError(f"layout {self.name} has no joint {joint!r}; it has {', '.join(self.joints)}")
        return self.joints.index(joint)

    @cached_property
    def root(self) -> int:
        """The joint that is its own parent."""
        return next(j for j, p in enumerate(self.parents) if j == p)

    @cached_property
    def mirror(self) -> tuple[int, ...]:
        """For each joint the one on the other side: left_x for right_x, itself in the middle."""
        swapped = {"left": "right", "right": "left"}
        names = ("_".join(swapped.get(word, word) for word in joint.split("_")) for joint in self.joints)
        return tuple(self.index(name) for name in names)

    @cached_property
    def outward(self) -> tuple[int, ...]:
        """All joints but the root, each after its parent: the order in which bones are laid."""
        order = [self.root]
        for joint in order:
            order.extend(j for j, p in enumerate(self.parents) if p == joint and j != joint)
        return tuple(order[1:])


NTU25 = SkeletonLayout(
    name="ntu25",
    joints=(
        "spine_base", "spine_middle", "neck", "head",
        "left_shoulder", "left_elbow", "left_wrist", "left_hand",
        "right_shoulder", "right_elbow", "right_wrist", "right_hand",
        "left_hip", "left_knee", "left_ankle", "left_foot",
        "right_hip", "right_knee", "right_ankle", "right_foot",
        "spine_shoulder", "left_hand_tip", "left_thumb", "right_hand_tip", "right_thumb",
    ),
    parents=(0, 0, 20, 2, 20, 4, 5, 6, 20, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18, 1, 7, 7, 11, 11),
)  # fmt: skip

CMU38 = SkeletonLayout(
    name="cmu38",
    joints=(
        "hips",
        "left_hip_base", "left_hip", "left_knee", "left_ankle", "left_toe_base", "left_toe",
        "right_hip_base", "right_hip", "right_knee", "right_ankle", "right_toe_base", "right_toe",
        "lower_back", "spine", "chest", "neck_base", "neck", "head", "head_top",
        "left_shoulder_base", "left_shoulder", "left_elbow", "left_wrist", "left_finger_base", "left_hand",
        "left_finger_tip", "left_thumb_base", "left_thumb",
        "right_shoulder_base", "right_shoulder", "right_elbow", "right_wrist", "right_finger_base", "right_hand",
        "right_finger_tip", "right_thumb_base", "right_thumb",
    ),
    parents=(
        0, 0, 1, 2, 3, 4, 5, 0, 7, 8, 9, 10, 11, 0, 13, 14, 15, 16, 17, 18,
        15, 20, 21, 22, 23, 24, 25, 23, 27, 15, 29, 30, 31, 32, 33, 34, 32, 36,
    ),
)  # fmt: skip
"""The skeleton of the CMU motion-prediction benchmark; bases stand where the joint stands that they hang from."""

H36M32 = SkeletonLayout(
    name="h36m32",
    joints=(
        "hips",
        "right_hip", "right_knee", "right_ankle", "right_toe_base", "right_toe",
        "left_hip", "left_knee", "left_ankle", "left_toe_base", "left_toe",
        "spine_base", "spine", "neck", "head", "head_top",
        "left_shoulder_base", "left_shoulder", "left_elbow", "left_wrist", "left_thumb_base", "left_thumb",
        "left_hand", "left_hand_end",
        "right_shoulder_base", "right_shoulder", "right_elbow", "right_wrist", "right_thumb_base", "right_thumb",
        "right_hand", "right_hand_end",
    ),
    parents=(
        0, 0, 1, 2, 3, 4, 0, 6, 7, 8, 9, 0, 11, 12, 13, 14,
        12, 16, 17, 18, 19, 20, 19, 22, 12, 24, 25, 26, 27, 28, 27, 30,
    ),
)  # fmt: skip
"""The skeleton of Human3.6M's exponential maps."""

MEDIAPIPE33_JOINTS = (
    "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
    "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_pinky", "right_pinky", "left_index", "right_index",
    "left_thumb", "right_thumb", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    "left_heel", "right_heel", "left_foot_index", "right_foot_index",
)  # fmt: skip
"""MediaPipe's landmarks, which are points on the body and form no tree."""

KEYPOINT_LAYOUTS = {"mediapipe33": MEDIAPIPE33_JOINTS}
"""The points of the picture that messages may hold, by the name under which they do."""


def _ntu_from_mediapipe() -> NDArray[np.float32]:
    one_side: dict[str, dict[str, float]] = {
        "{s}_shoulder": {"{s}_shoulder": 1.0},
        "{s}_elbow": {"{s}_elbow": 1.0},
        "{s}_wrist": {"{s}_wrist": 1.0},
        "{s}_hand": {"{s}_wrist": 0.4, "{s}_index": 0.3, "{s}_pinky": 0.3},
        "{s}_hand_tip": {"{s}_index": 1.0},
        "{s}_thumb": {"{s}_thumb": 1.0},
        "{s}_hip": {"{s}_hip": 1.0},
        "{s}_knee": {"{s}_knee": 1.0},
        "{s}_ankle": {"{s}_ankle": 1.0},
        "{s}_foot": {"{s}_foot_index": 1.0},
    }
    middle: dict[str, dict[str, float]] = {
        "spine_base": {"{s}_hip": 0.5},
        "spine_middle": {"{s}_hip": 0.25, "{s}_shoulder": 0.25},
        "spine_shoulder": {"{s}_hip": 0.05, "{s}_shoulder": 0.45},
        "neck": {"{s}_shoulder": 0.4, "{s}_ear": 0.1},
        "head": {"{s}_ear": 0.5},
    }
    weights = np.zeros((len(NTU25), len(MEDIAPIPE33_JOINTS)), np.float32)
    for side in ("left", "right"):
        for recipes in (one_side, middle):
            for target, recipe in recipes.items():
                row = NTU25.index(target.format(s=side))
                for source, weight in recipe.items():
                    weights[row, MEDIAPIPE33_JOINTS.index(source.format(s=side))] += weight
    return weights


NTU25_FROM_MEDIAPIPE33 = _ntu_from_mediapipe()
"""(25, 33) float32: each NTU joint as a weighted mean of landmarks; every row sums to one."""


def mirrored_labels(labels: Sequence[str]) -> NDArray[np.int64]:
    """Map each class to the one it becomes when left and right are swapped, by its name.

    Returns (K,); -1 for a class of one side whose other side is no class.
    """
    swapped = ["right".join(part.replace("right", "left") for part in name.split("left")) for name in labels]
    return np.array([labels.index(name) if name in labels else -1 for name in swapped])
