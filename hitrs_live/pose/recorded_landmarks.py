"""From the landmarks of a whole recording to the pose frames that the live path would have got."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import Config
from hitrs_live.messages import PoseFrame
from hitrs_live.pose.intrinsics import camera_intrinsics
from hitrs_live.pose.landmarks import poses_of
from hitrs_live.skeleton import MEDIAPIPE33


def recorded_pose_frames(
    landmarks: NDArray[np.float32],
    frame: NDArray[np.int64],
    *,
    frames: int,
    rate_hz: float,
    size: tuple[int, int],
    config: Config,
    start_ns: int = 0,
) -> Iterator[PoseFrame]:
    """Lift landmarks as the pose stage does. Yields every frame, also those in which no one was seen.

    landmarks: (N, 33, LANDMARK_FIELDS), of MediaPipe; frame: (N,), rising, the frame of each row; size: width and
    height of the pictures, pixels.
    """
    lens = camera_intrinsics(config.camera).scaled(width=size[0], height=size[1])
    first = 0
    for index in range(frames):
        last = first
        while last < len(frame) and frame[last] == index:
            last += 1
        poses = poses_of(
            landmarks[first:last], MEDIAPIPE33, lens, min_joint_confidence=config.pose.min_joint_confidence
        )
        time_ns = start_ns + round(index / rate_hz * 1e9)
        yield PoseFrame(
            index=index,
            capture_time_ns=time_ns,
            received_ns=time_ns,
            poses=poses[: config.pose.max_people],
            keypoint_layout=MEDIAPIPE33.name,
            lens=lens.lens,
        )
        first = last
