"""Move a humanoid's legs so that its feet follow footfalls while the pelvis goes its way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.falls.body_shape import Floats
from hitrs_live.synthesis.falls.humanoid import Humanoid
from hitrs_live.synthesis.falls.pose_fit import PoseFitter

SIDES: Final = ("left", "right")
_ITERATIONS: Final = 6
_LEAST_KNEE_RAD: Final = 0.25
_TOE_PITCH_RAD: Final = 0.45
"""Of a foot half way through a step, toes down."""


@dataclass(frozen=True, kw_only=True)
class Footfall:
    """One step of one foot."""

    foot: int
    """0 left, 1 right."""
    start_s: float
    duration_s: float
    target_m: Floats
    """(2,): where the ankle comes down."""
    lift_m: float


def ankle_path(times_s: Floats, start_m: Floats, ground_m: float, footfalls: Sequence[Footfall], foot: int) -> Floats:
    """Return (F, 4) of one ankle: position, and how far it is through a step, 0 on the ground.

    start_m: (3,), where it is at time 0; ground_m: its height on the ground.
    """
    path = np.tile(np.array([*start_m, 0.0]), (len(times_s), 1))
    place = start_m.astype(np.float64)
    for step in (one for one in footfalls if one.foot == foot):
        progress = np.clip((times_s - step.start_s) / step.duration_s, 0, 1)
        eased = progress * progress * (3 - 2 * progress)
        end = np.array([*step.target_m, ground_m])
        begun = times_s >= step.start_s
        path[begun, :3] = (place + eased[:, None] * (end - place))[begun]
        path[begun, 2] += (step.lift_m * np.sin(np.pi * progress))[begun]
        path[begun, 3] = np.sin(np.pi * progress)[begun]
        place = end
    return path


def leg_mask(humanoid: Humanoid) -> NDArray[np.bool_]:
    """Return (nv,): True for the hinges of the legs."""
    mask = np.zeros(humanoid.model.nv, bool)
    for name, place in humanoid.hinges.items():
        mask[place - 1] = any(part in name for part in ("thigh", "shank", "foot"))
    return mask


def follow_feet(
    fitter: PoseFitter, humanoid: Humanoid, qpos: Floats, ankles: Sequence[Floats], yaw_rad: float
) -> Floats:
    """Solve the legs of each pose for the feet. qpos: (F, nq); ankles: left and right (F, 4). Returns (F, nq)."""
    at, free = NTU25.index, leg_mask(humanoid)
    weights = np.zeros(len(NTU25))
    weights[[at(f"{side}_{part}") for side in SIDES for part in ("ankle", "foot")]] = 1
    ahead = np.array([np.cos(yaw_rad), np.sin(yaw_rad), 0.0])
    foot = humanoid.model.site("left_foot").pos
    knees = [humanoid.hinges[f"{side}_shank_flex"] for side in SIDES]
    out = qpos.copy()
    for frame, pose in enumerate(qpos):
        target = np.zeros((len(NTU25), 3))
        for side, path in zip(SIDES, ankles, strict=True):
            pitch = _TOE_PITCH_RAD * path[frame, 3]
            along = foot[0] * np.cos(pitch) + foot[2] * np.sin(pitch)
            down = foot[2] * np.cos(pitch) - foot[0] * np.sin(pitch)
            target[at(f"{side}_ankle")] = path[frame, :3]
            target[at(f"{side}_foot")] = path[frame, :3] + along * ahead + (0, 0, down)
        start = pose.copy()
        if frame:
            start[7:][free[6:]] = out[frame - 1, 7:][free[6:]]
        # From a straight leg no small step shortens it.
        start[knees] = np.maximum(start[knees], _LEAST_KNEE_RAD)
        out[frame] = fitter.solve(start, target, weights, iterations=_ITERATIONS, free_mask=free, rest=start[7:])
    return out
