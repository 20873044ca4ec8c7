"""Joint streams of people who do simple actions, made by formula: for tests of teaching."""

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25
from hitrs_live.teaching.examples import Example, Quiet

NOW = "2026-11-30T16:35:21Z"
REST = np.array(
    [
        (0, 0.95, 3), (0, 1.2, 3), (0, 1.5, 3), (0, 1.65, 3),
        (-0.2, 1.4, 3), (-0.22, 1.12, 3), (-0.23, 0.87, 3), (-0.23, 0.8, 3),
        (0.2, 1.4, 3), (0.22, 1.12, 3), (0.23, 0.87, 3), (0.23, 0.8, 3),
        (-0.1, 0.93, 3), (-0.11, 0.5, 3), (-0.11, 0.08, 3), (-0.11, 0.03, 2.9),
        (0.1, 0.93, 3), (0.11, 0.5, 3), (0.11, 0.08, 3), (0.11, 0.03, 2.9),
        (0, 1.45, 3), (-0.23, 0.72, 3), (-0.2, 0.78, 2.98), (0.23, 0.72, 3), (0.2, 0.78, 2.98),
    ],
    np.float32,
)  # fmt: skip
"""(25, 3), metres: someone who stands 3 m away and faces the camera."""
ARMS = {side: [NTU25.index(f"{side}_{part}") for part in ("elbow", "wrist", "hand", "hand_tip", "thumb")]
        for side in ("left", "right")}  # fmt: skip


def standing(frames: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return (T, 25, 3), metres: someone who stands, with the tremor of live joints."""
    sway = np.cumsum(rng.normal(0, 0.0005, (frames, 1, 3)), axis=0)
    return (REST + sway + rng.normal(0, 0.003, (frames, 25, 3))).astype(np.float32)


def lift(
    joints_m: NDArray[np.float32], side: str, start: int, end: int, forward: bool = False, share: float = 1.0
) -> None:
    """Raise an arm to the side or to the front and lower it again, in place, from frame start to end.

    share: of the way up.
    """
    swing(joints_m, side, start, share * np.sin(np.pi * np.arange(end - start) / (end - start)) ** 2, forward)


def hold(joints_m: NDArray[np.float32], side: str, start: int, end: int) -> None:
    """Raise an arm to the side, hold it there and lower it, in place. Each way takes half a second."""
    frames = np.arange(end - start)
    way = np.clip(np.minimum(frames, frames[::-1]) / 15, 0, 1)
    swing(joints_m, side, start, 0.8 * np.sin(np.pi / 2 * way) ** 2)


def swing(
    joints_m: NDArray[np.float32], side: str, start: int, shares: NDArray[np.float64], forward: bool = False
) -> None:
    """Move an arm along the way up, in place. shares: (T,), how far up in each frame from `start` on, 0 to 1."""
    shoulder, end = NTU25.index(f"{side}_shoulder"), start + len(shares)
    angle = np.pi * 0.75 * shares
    for joint in ARMS[side]:
        reach = np.linalg.norm(REST[joint] - REST[shoulder])
        out = -1.0 if side == "left" else 1.0
        axis = np.array((0, 0, -1)) if forward else np.array((out, 0, 0))
        path = reach * (np.sin(angle)[:, None] * axis + np.cos(angle)[:, None] * np.array((0, -1, 0)))
        joints_m[start:end, joint] = joints_m[start:end, shoulder] + path


def raised_arm(rng: np.random.Generator, *, action: str = "raise", side: str = "right", person: str = "anna",
               forward: bool = False) -> Example:  # fmt: skip
    """Return an example in which an arm is raised and lowered."""
    length = int(rng.integers(36, 54))
    joints_m = standing(90 + length, rng)
    lift(joints_m, side, 60, 60 + length, forward)
    return Example(
        action=action, joints_m=joints_m, confidence=np.ones(joints_m.shape[:2], np.float32), start=60,
        end=60 + length, person=person, origin="formula", created_utc=NOW,
    )  # fmt: skip


def quiet(rng: np.random.Generator, frames: int = 900) -> Quiet:
    """Return a recording of someone who stands."""
    joints_m = standing(frames, rng)
    return Quiet(
        joints_m=joints_m, confidence=np.ones(joints_m.shape[:2], np.float32), person="anna", origin="formula",
        created_utc=NOW,
    )  # fmt: skip
