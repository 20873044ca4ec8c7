"""A simple body in poses whose angles are known, and motions of it."""

import numpy as np

from hitrs_live.data.labelled_motion import LabelledMotion
from hitrs_live.skeleton import NTU25

THIGH, SHANK, TRUNK, UPPER_ARM, FOREARM = 0.45, 0.45, 0.5, 0.3, 0.25
LEG = THIGH + SHANK
Degrees = float | np.ndarray


def posed(
    frames: int = 1,
    *,
    squat_deg: Degrees = 0.0,
    elbow_deg: Degrees = 0.0,
    side_deg: Degrees = 0.0,
    forward_deg: Degrees = 0.0,
    lean_deg: Degrees = 0.0,
    thigh_deg: Degrees = 0.0,
) -> np.ndarray:
    """Pose a body that faces +z, with its ankles at a height of 0.1. Returns (T, 25, 3).

    squat_deg: bend of both knees, thighs and shanks inclined alike; side_deg, forward_deg: the left arm raised to the
    side or forward, the right one hangs; elbow_deg: bend of the left elbow, the forearm turned up; lean_deg: forward
    lean of the trunk; thigh_deg: the left thigh raised forward, its shank hanging.
    """
    squat, elbow, side, forward, lean, thigh = (
        np.broadcast_to(np.radians(one), (frames,)).astype(float)
        for one in (squat_deg, elbow_deg, side_deg, forward_deg, lean_deg, thigh_deg)
    )
    zero = np.zeros(frames)
    at: dict[str, np.ndarray] = {}

    def put(name: str, base: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> None:
        at[name] = base + np.stack(np.broadcast_arrays(x, y, z), axis=-1)

    half = squat / 2
    hips = np.stack((zero, 0.1 + LEG * np.cos(half), zero), axis=-1)
    put("spine_base", hips, zero, zero, zero)
    for name, share in (("spine_middle", 0.5), ("spine_shoulder", 1.0), ("neck", 1.1), ("head", 1.4)):
        put(name, hips, zero, share * TRUNK * np.cos(lean), share * TRUNK * np.sin(lean))
    for name, sign in (("left", 1.0), ("right", -1.0)):
        left = np.full(frames, name == "left")
        put(f"{name}_hip", hips, zero + sign * 0.1, zero, zero)
        raised = half + np.where(left, thigh, 0)
        put(f"{name}_knee", at[f"{name}_hip"], zero, -THIGH * np.cos(raised), THIGH * np.sin(raised))
        put(f"{name}_ankle", at[f"{name}_knee"], zero, -SHANK * np.cos(half), -SHANK * np.sin(half))
        put(f"{name}_foot", at[f"{name}_ankle"], zero, zero - 0.05, zero + 0.15)
        put(f"{name}_shoulder", at["spine_shoulder"], zero + sign * 0.2, zero, zero)
        aside, ahead, bend = (np.where(left, one, 0) for one in (side, forward, elbow))
        arm = sign * np.sin(aside), -np.cos(aside) * np.cos(ahead), np.sin(ahead) * np.cos(aside)
        put(f"{name}_elbow", at[f"{name}_shoulder"], *(UPPER_ARM * one for one in arm))
        # The forearm goes on as the upper arm does, turned up within the plane of the raise.
        lower = sign * np.sin(aside + np.where(aside > 0, bend, 0)), arm[1] * np.cos(bend), arm[2]
        lower = (lower[0], np.where(aside > 0, -np.cos(aside + bend), lower[1]), lower[2])
        for part, length in (("wrist", FOREARM), ("hand", FOREARM), ("hand_tip", FOREARM), ("thumb", FOREARM)):
            put(f"{name}_{part}", at[f"{name}_elbow"], *(length * one for one in lower))
    return np.stack([at[name] for name in NTU25.joints], axis=1).astype(np.float32)


def swings(count: int, frames: int, rest: int = 20) -> np.ndarray:
    """Course of `count` swings from 0 to 1 and back, of so many frames each, with rests before, between and after."""
    one = (1 - np.cos(np.linspace(0, 2 * np.pi, frames))) / 2
    return np.concatenate([np.zeros(rest), *([one, np.zeros(rest)] * count)])


def labelled(joints_m: np.ndarray, runs: list[tuple[int, int, int]], *, name: str = "one") -> LabelledMotion:
    """Label runs of frames, each given as first, end and class, as the repetitions of a motion."""
    frames = len(joints_m)
    labels, repetition = np.zeros(frames, np.int64), np.zeros(frames, np.int64)
    onset, phase = np.zeros(frames, bool), np.full(frames, np.nan, np.float32)
    for number, (first, end, label) in enumerate(runs, start=1):
        labels[first:end], repetition[first:end], onset[first] = label, number, True
        phase[first:end] = np.linspace(0, 1, end - first)
    return LabelledMotion(
        name=name, subject="body", joints_m=joints_m.astype(np.float32), labels=labels, phase=phase,
        repetition=repetition, onset_mask=onset, near_miss=np.zeros(frames, np.int64),
    )  # fmt: skip
