"""Joint streams of people who repeat an action, and the steps and recordings that they come in."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from taught_joints import lift, standing

from hitrs_live.messages import ActionEvent, JointFrame, People, Pose, PoseFrame
from hitrs_live.skeleton import NTU25
from hitrs_live.teaching.joint_stream import StreamStep
from hitrs_live.transport.recorder import Recorder
from hitrs_live.wire.codec import joints_event

RATE_HZ = 30
LEGS = [NTU25.index(f"{side}_{part}") for side in ("left", "right") for part in ("hip", "knee", "ankle", "foot")]
"""Joints that are not seen of a person at a desk."""
FIRST_NS = 1_000_000_000


def raises(
    starts: Sequence[int], *, length: int = 45, frames: int, side: str = "right", seed: int = 0
) -> NDArray[np.float32]:
    """Return (T, 25, 3), metres: someone who raises an arm and lowers it again at these frames."""
    joints_m = standing(frames, np.random.default_rng(seed))
    for start in starts:
        lift(joints_m, side, start, start + length)
    return joints_m


def confident(joints_m: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the confidence of joints that are all seen, (T, 25)."""
    return np.ones(joints_m.shape[:2], np.float32)


def steps(*people: NDArray[np.float32], every: int = 1, confidence: float = 1.0) -> Iterator[StreamStep]:
    """Yield the steps of a source that sees these people, each (T, 25, 3). every: frames from one to the next."""
    rows = len(people)
    for frame in range(0, len(people[0]), every):
        time_ns = FIRST_NS + round(frame / RATE_HZ * 1e9)
        joints_m = np.stack([one[frame] for one in people])
        seen = np.full((rows, 25), confidence, np.float32)
        joint_frame = JointFrame.of(joints_m, seen, time_ns=time_ns, reset=frame == 0)
        yield StreamStep(
            time_s=frame / RATE_HZ, joint_frames=[joint_frame],
            people=People(
                capture_time_ns=time_ns, track_ids=np.arange(rows), present=np.ones(rows, bool), joints_m=joints_m,
                confidence=seen,
            ),
        )  # fmt: skip


def empty_steps(frames: int) -> Iterator[StreamStep]:
    """Yield the steps of a source that sees no one."""
    for frame in range(frames):
        people = People(
            capture_time_ns=FIRST_NS + frame, track_ids=np.array([-1]), present=np.array([False]),
            joints_m=np.zeros((1, 25, 3), np.float32), confidence=np.zeros((1, 25), np.float32),
        )  # fmt: skip
        yield StreamStep(time_s=frame / RATE_HZ, people=people)


def write_recording(
    path: Path,
    *people: NDArray[np.float32],
    every: int = 1,
    unseen: Sequence[int] = (),
    events: Sequence[ActionEvent] = (),
) -> Path:
    """Record people as live --record does. unseen: joints of low confidence."""
    seen = np.ones(25, np.float32)
    seen[list(unseen)] = 0.05
    with Recorder(path, session_id="session", source_id="room") as recorder:
        for frame in range(0, len(people[0]) if people else 0, every):
            poses = tuple(Pose(joints_m=one[frame], confidence=seen) for one in people)
            found = PoseFrame(
                index=frame, capture_time_ns=FIRST_NS + round(frame / RATE_HZ * 1e9), received_ns=0, poses=poses
            )
            recorder.publish(joints_event(found, "room"))
        for event in events:
            recorder.publish(event)
    return path
