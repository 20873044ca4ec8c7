"""Named joint layouts, their trees and mirror pairs, and the linear maps between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class SkeletonLayout:
    """Name the joints of a skeleton and the tree that they form.

    `parents[j]` is the parent of joint j; the root is its own parent.
    `mirror[j]` is the joint that j becomes when left and right are swapped.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.joints) != len(self.parents):
            raise ValueError(
                f"layout {self.name}: got {len(self.joints)} joint names and {len(self.parents)} parents, "
                "expected one parent for each joint"
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
        """The opposite of each joint: left_x for right_x, itself in the middle."""
        swapped = {"left": "right", "right": "left"}
        names = ("_".join(swapped.get(word, word) for word in joint.split("_")) for joint in self.joints)
        return tuple(self.index(name) for name in names)

    @cached_property
    def outward(self) -> tuple[int, ...]:
        """All joints but the root, each after its parent: the order in which positions are computed."""
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
"""The skeleton of the CMU motion-prediction benchmark; a base has the position of its parent."""

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

_ROUNDING = 1e-6
_SAME_JOINTS = {
    f"{{s}}_{joint}": {f"{{s}}_{joint}": 1.0} for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
}
_TRUNK: Mapping[str, Mapping[str, float]] = {
    "spine_base": {"{s}_hip": 0.5},
    "spine_middle": {"{s}_hip": 0.25, "{s}_shoulder": 0.25},
    "spine_shoulder": {"{s}_hip": 0.05, "{s}_shoulder": 0.45},
    "neck": {"{s}_shoulder": 0.4, "{s}_ear": 0.1},
    "head": {"{s}_ear": 0.5},
}


@dataclass(frozen=True, kw_only=True)
class KeypointLayout:
    """Name the points that a pose estimator finds on a body, and say where the 25 joints of NTU25 lie among them.

    The points form no tree. `recipes` and `missing` give, for each joint, the points that it is a weighted mean of;
    "{s}" stands for "left" and for "right". A joint under `missing` has no point of its own in this layout: it gets
    the position of a neighbour, and confidence 0, which is how it counts as not seen.
    """

    name: str
    points: tuple[str, ...]
    recipes: Mapping[str, Mapping[str, float]]
    missing: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sums = self.weights.sum(axis=1)
        wrong = [joint for joint, total in zip(NTU25.joints, sums, strict=True) if abs(total - 1) > _ROUNDING]
        if wrong:
            raise ValueError(
                f"keypoint layout {self.name}: the weights of {', '.join(wrong)} do not sum to 1; "
                "give each of the 25 joints of NTU25 a recipe of points"
            )

    def __len__(self) -> int:
        return len(self.points)

    def index(self, point: str) -> int:
        """Return the position of a named point; raise ValueError where there is none of that name."""
        if point not in self.points:
            raise ValueError(f"keypoint layout {self.name} has no point {point!r}; it has {', '.join(self.points)}")
        return self.points.index(point)

    @cached_property
    def weights(self) -> NDArray[np.float32]:
        """(25, N) float32: each joint of NTU25 as a weighted mean of the N points; every row sums to one."""
        return self._matrix(self.recipes) + self._matrix(self.missing)

    @cached_property
    def confidence_weights(self) -> NDArray[np.float32]:
        """(25, N) float32: the same for confidences; zero in the rows of joints without a point of their own."""
        return self._matrix(self.recipes)

    def _matrix(self, recipes: Mapping[str, Mapping[str, float]]) -> NDArray[np.float32]:
        weights = np.zeros((len(NTU25), len(self.points)), np.float32)
        for side in ("left", "right"):
            for target, recipe in recipes.items():
                row = NTU25.index(target.format(s=side))
                for source, weight in recipe.items():
                    weights[row, self.index(source.format(s=side))] += weight
        return weights


MEDIAPIPE33_JOINTS = (
    "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
    "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_pinky", "right_pinky", "left_index", "right_index",
    "left_thumb", "right_thumb", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    "left_heel", "right_heel", "left_foot_index", "right_foot_index",
)  # fmt: skip
"""Name MediaPipe's landmarks, in its order."""

MEDIAPIPE33 = KeypointLayout(
    name="mediapipe33",
    points=MEDIAPIPE33_JOINTS,
    recipes={
        **_TRUNK,
        **_SAME_JOINTS,
        "{s}_hand": {"{s}_wrist": 0.4, "{s}_index": 0.3, "{s}_pinky": 0.3},
        "{s}_hand_tip": {"{s}_index": 1.0},
        "{s}_thumb": {"{s}_thumb": 1.0},
        "{s}_foot": {"{s}_foot_index": 1.0},
    },
)

COCO17 = KeypointLayout(
    name="coco17",
    points=(
        "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
        "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
        "right_ankle",
    ),
    recipes={**_TRUNK, **_SAME_JOINTS},
    # Where the training sets put joints that their sensor lacks (`transforms.fill_unseen`).
    missing={
        "{s}_hand": {"{s}_wrist": 1.0},
        "{s}_hand_tip": {"{s}_wrist": 1.0},
        "{s}_thumb": {"{s}_wrist": 1.0},
        "{s}_foot": {"{s}_ankle": 1.0},
    },
)  # fmt: skip
"""The keypoints of the COCO data set, which most 2D pose networks give. It has no hands and no feet."""

KEYPOINT_LAYOUTS = {layout.name: layout for layout in (MEDIAPIPE33, COCO17)}
"""Every layout that `Pose.keypoints` may come in, by the name that messages carry. A new one is added here."""


def mirrored_labels(labels: Sequence[str]) -> NDArray[np.int64]:
    """Map each class to the one it becomes when left and right are swapped, by its name.

    Returns (K,); -1 for a class of one side whose other side is no class.
    """
    swapped = ["right".join(part.replace("right", "left") for part in name.split("left")) for name in labels]
    return np.array([labels.index(name) if name in labels else -1 for name in swapped])
