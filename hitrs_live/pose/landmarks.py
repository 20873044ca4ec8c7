"""From the points that a network gives to poses: joints in metres, boxes and keypoints."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import Pose
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.pose.lifting import lift
from hitrs_live.skeleton import KeypointLayout

KEYPOINT_DIGITS: Final = 5
"""Decimals of a keypoint: a hundredth of a pixel in a picture of 1,000. More would only make recordings larger."""


def poses_of(
    landmarks: NDArray[np.float32], layout: KeypointLayout, intrinsics: Intrinsics, *, min_joint_confidence: float
) -> tuple[Pose, ...]:
    """Make a pose of each person's landmarks.

    landmarks: (P, N, LANDMARK_FIELDS) float32, N points in the layout's order. The intrinsics fit the picture's size.
    min_joint_confidence: joints below it get confidence 0. Returns P poses.
    """
    if not len(landmarks):
        return ()
    image = landmarks[..., :2]
    joints_m, confidence = lift(
        landmarks[..., 2:5], image, landmarks[..., 5], landmarks[..., 6], intrinsics, layout=layout
    )
    confidence = np.where(confidence < min_joint_confidence, 0, confidence).astype(np.float32)
    boxes = np.clip(np.concatenate((image.min(axis=1), image.max(axis=1)), axis=-1), 0, 1)
    certainty = np.clip(landmarks[..., 5] * landmarks[..., 6], 0, 1)
    keypoints = np.round(np.concatenate((image, certainty[..., None]), axis=-1), KEYPOINT_DIGITS)
    people = zip(joints_m, confidence, boxes, keypoints.astype(np.float32), strict=True)
    return tuple(Pose(joints_m=j, confidence=c, box=b, keypoints=k) for j, c, b, k in people)
