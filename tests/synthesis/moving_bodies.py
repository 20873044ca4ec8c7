"""A body that stands, squats, punches or walks, built from joint positions, for tests of recombination."""

import numpy as np

from hitrs_live.data.array_format import LabelledSequence
from hitrs_live.skeleton import NTU25

CLASSES = ("background", "squat", "punch_right", "walk", "jumping_jack", "punch_left")
_AT = {
    "spine_base": (0, 0.95, 0), "spine_middle": (0, 1.2, 0), "spine_shoulder": (0, 1.42, 0), "neck": (0, 1.5, 0),
    "head": (0, 1.65, 0), "shoulder": (0.18, 1.4, 0), "elbow": (0.2, 1.12, 0), "wrist": (0.22, 0.88, 0),
    "hand": (0.22, 0.8, 0), "tip": (0.22, 0.74, 0), "thumb": (0.2, 0.78, 0.03), "hip": (0.1, 0.93, 0),
    "knee": (0.1, 0.5, 0), "ankle": (0.1, 0.08, 0), "foot": (0.1, 0.02, 0.15),
}  # fmt: skip


def straight_body() -> np.ndarray:
    """A standing body that faces +z with arms hanging. Returns (25, 3), metres."""
    body = np.zeros((25, 3))
    for joint, name in enumerate(NTU25.joints):
        side = name.split("_")[0]
        body[joint] = _AT[name] if name in _AT else _AT[name.rsplit("_", 1)[1]]
        body[joint, 0] *= -1 if side == "right" else 1
    return body


def standing(frames: int = 90, *, sway_m: float = 0.004) -> np.ndarray:
    """A body that sways a little above its feet. Returns (T, 25, 3)."""
    joints = np.repeat(straight_body()[None], frames, axis=0)
    sway = sway_m * np.sin(np.arange(frames) / 12)[:, None] * (joints[:, :, 1] - 0.08) / 1.4
    joints[..., 0] += sway
    return joints


def squatting(frames: int = 70, *, depth_m: float = 0.4, arms: str = "raised") -> np.ndarray:
    """One squat: hips go down and back, knees forward, and the trunk leans so that the body keeps its balance."""
    joints = standing(frames, sway_m=0.0)
    drop = depth_m * (1 - np.cos(np.linspace(0, 2 * np.pi, frames))) / 2
    upper = [j for j, name in enumerate(NTU25.joints) if not name.endswith(("knee", "ankle", "foot"))]
    hip_height = 0.93 - drop
    knee_y = 0.08 + (hip_height - 0.08) * 0.5
    forward = np.sqrt(np.maximum(0.425**2 - ((hip_height - 0.08) / 2) ** 2, 0))
    for side in ("left", "right"):
        knee = NTU25.index(f"{side}_knee")
        joints[:, knee, 1] = knee_y
        joints[:, knee, 2] = forward
    joints[:, upper, 1] -= drop[:, None]
    if arms == "raised":
        raise_arms(joints)
    return joints


def raise_arms(joints: np.ndarray) -> None:
    """Turn both arms upwards, in place."""
    for side in ("left", "right"):
        shoulder = joints[:, NTU25.index(f"{side}_shoulder"), 1].copy()
        for part in ("elbow", "wrist", "hand", "hand_tip", "thumb"):
            joint = NTU25.index(f"{side}_{part}")
            joints[:, joint, 1] = 2 * shoulder - joints[:, joint, 1]


def punching(frames: int = 30) -> np.ndarray:
    """One punch of the right arm, forward and back."""
    joints = standing(frames)
    share = (1 - np.cos(np.linspace(0, 2 * np.pi, frames))) / 2
    shoulder = joints[:, NTU25.index("right_shoulder")]
    for part in ("elbow", "wrist", "hand", "hand_tip", "thumb"):
        joint = NTU25.index(f"right_{part}")
        hanging = joints[:, joint] - shoulder
        reach = np.linalg.norm(hanging, axis=-1)
        angle = share * np.pi / 2
        joints[:, joint] = shoulder + np.stack(
            [np.full(frames, -0.02), -reach * np.cos(angle), reach * np.sin(angle)], -1
        )
    return joints


def walking(frames: int = 150) -> np.ndarray:
    """Legs that swing in turn while the body moves along +z."""
    joints = standing(frames, sway_m=0.0)
    phase = np.arange(frames) / 30 * 2 * np.pi
    for side, sign in (("left", 1), ("right", -1)):
        swing = 0.4 * sign * np.sin(phase)
        hip = joints[:, NTU25.index(f"{side}_hip")].copy()
        for part in ("knee", "ankle", "foot"):
            joint = NTU25.index(f"{side}_{part}")
            bone = joints[:, joint] - hip
            joints[:, joint, 1] = hip[:, 1] + bone[:, 1] * np.cos(swing) + bone[:, 2] * np.sin(swing)
            joints[:, joint, 2] = hip[:, 2] - bone[:, 1] * np.sin(swing) + bone[:, 2] * np.cos(swing)
    joints[..., 2] += (np.arange(frames) / 30)[:, None]
    return joints


def recording(joints: np.ndarray, label: str, name: str) -> LabelledSequence:
    """Label all frames of a motion with a class of CLASSES."""
    return LabelledSequence(
        name=name,
        subject="p1",
        joints_m=joints.astype(np.float32),
        labels=np.full(len(joints), CLASSES.index(label), np.int64),
        valid_mask=np.ones(25, bool),
    )


def small_sources() -> dict[str, list[LabelledSequence]]:
    """Two sources: one where squats are done with raised arms only, one where people stand and walk."""
    return {
        "exercises": [recording(squatting(), "squat", "squat"), recording(punching(), "punch_right", "punch")],
        "everyday": [recording(standing(), "background", "stand"), recording(walking(), "walk", "walk")],
    }
