"""People before a camera for tests of the temporal lifter: landmarks of a body that moves, and the frames they make."""

import numpy as np

from hitrs_live.messages import PoseFrame
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.pose.landmarks import poses_of
from hitrs_live.skeleton import MEDIAPIPE33, MEDIAPIPE33_JOINTS
from hitrs_live.temporal_lifting.network import LifterNetwork

LENS = Intrinsics.from_field_of_view(60, width=640, height=480)
START_NS = 1_000_000_000
_HEIGHTS_M = {"eye": -0.62, "ear": -0.6, "shoulder": -0.5, "elbow": -0.2, "wrist": 0.05, "hip": 0.0, "knee": 0.4,
              "ankle": 0.8, "heel": 0.85, "index": 0.1, "pinky": 0.1, "thumb": 0.1, "mouth": -0.55}  # fmt: skip


def moving_landmarks(frames: int, *, x_m: float = 0.0, z_m: float = 3.0, seed: int = 0) -> np.ndarray:
    """Return landmarks (T, 33, 7) of a person who faces the camera and moves a little."""
    rng = np.random.default_rng(seed)
    body = np.zeros((33, 3))
    for row, name in enumerate(MEDIAPIPE33_JOINTS):
        body[row, 1] = next((y for part, y in _HEIGHTS_M.items() if part in name), -0.6)
        body[row, 0] = (0.2 if "left" in name else -0.2 if "right" in name else 0.0) * (1 + row % 3 / 5)
        body[row, 2] = 0.02 * (row % 4)
    moved = body + np.cumsum(rng.normal(0, 0.004, (frames, 33, 3)), axis=0)
    place = moved + np.array((x_m, 0.0, z_m))
    landmarks = np.ones((frames, 33, 7), np.float32)
    landmarks[..., :2] = (place[..., :2] / place[..., 2:] * LENS.fx + (LENS.cx, LENS.cy)) / (LENS.width, LENS.height)
    landmarks[..., 2:5] = moved - (moved[:, 23:24] + moved[:, 24:25]) / 2
    landmarks[..., 5] = rng.uniform(0.6, 1.0, (frames, 33))
    return landmarks


def pose_frames(*people: np.ndarray, rate_hz: float = 30.0) -> list[PoseFrame]:
    """Return the frames of a camera before people of the same number of frames, (T, 33, 7) each."""
    frames = []
    for index, landmarks in enumerate(np.stack(people, axis=1)):
        time_ns = START_NS + round(index / rate_hz * 1e9)
        frames.append(
            PoseFrame(
                index=index, capture_time_ns=time_ns, received_ns=time_ns,
                poses=poses_of(landmarks, MEDIAPIPE33, LENS, min_joint_confidence=0.3),
                keypoint_layout=MEDIAPIPE33.name, lens=LENS.lens,
            )
        )  # fmt: skip
    return frames


def seeded_network() -> LifterNetwork:
    """Return a small change to joints that depends on all inputs: random weights, larger than at the start."""
    import torch

    torch.manual_seed(0)
    network = LifterNetwork()
    with torch.no_grad():
        network.leave.weight.mul_(10)
    return network.eval()
