"""Plan how a person who was pushed, tripped or slipped steps to stay up; a fall begins with too short a step."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.falls.body_shape import Floats, pelvis_axes
from hitrs_live.synthesis.falls.causes import FallPlan
from hitrs_live.synthesis.falls.humanoid import RATE_HZ, Humanoid
from hitrs_live.synthesis.falls.physics import load_mujoco
from hitrs_live.synthesis.falls.pose_fit import PoseFitter
from hitrs_live.synthesis.falls.reactions import protective_angles
from hitrs_live.synthesis.falls.stepping import SIDES, Footfall, ankle_path, follow_feet

PLANNED_S: Final = 2.6
_BRAKING_S: Final = 0.38
_MOST_STEPS: Final = 6
_CLOSE_M: Final = 0.1
_GROUND_SHARE: Final = 0.045
"""Height of an ankle on the ground by the body's."""


@dataclass(frozen=True, kw_only=True)
class _Disturbance:
    """What the event does to the trunk."""

    toward: Floats
    """(2,): unit vector in the floor, where the trunk tips."""
    lean_rad: float
    peak_s: float
    dip_m: float


def plan_steps(
    humanoid: Humanoid, reference: Floats, joints_m: Floats, velocity: Floats, plan: FallPlan, rng: np.random.Generator,
    *, reach: float,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Plan poses from the event on.

    reference: (T, nq) and joints_m: (25, 3) from and at the event; velocity: (nv,); reach: length of the steps by that
    which restores balance, 1 for a recovery. Returns qpos (F, nq) at 30 Hz, and (2,), where the trunk tips.
    """
    times = np.arange(0, PLANNED_S, 1 / RATE_HZ)
    across = pelvis_axes(joints_m)[:2, 1]
    across = across / max(float(np.linalg.norm(across)), 1e-6)
    heading = np.array([across[1], -across[0]])
    disturbance = _disturb(plan, heading, humanoid.shape.height_m, rng)
    path = _pelvis_path(times, reference[0, :2], velocity[:2], plan, disturbance)
    poses = _trunk_poses(humanoid, reference, times, path, plan, disturbance, heading)
    fitter = PoseFitter(humanoid)
    ankles = _feet(times, path, joints_m, across, humanoid.shape.height_m, plan, velocity[:2], rng, reach)
    yaw = float(np.arctan2(heading[1], heading[0]))
    return follow_feet(fitter, humanoid, poses, ankles, yaw), disturbance.toward


def _disturb(plan: FallPlan, heading: Floats, height_m: float, rng: np.random.Generator) -> _Disturbance:
    along = plan.direction if plan.direction.any() else heading
    toward = {"push": along, "slip": -along}.get(plan.cause, along)
    lean = np.radians(rng.uniform(8, 20) if plan.cause == "push" else rng.uniform(14, 32))
    return _Disturbance(
        toward=toward,
        lean_rad=lean * (0.5 if plan.cause == "slip" else 1.0),
        peak_s=rng.uniform(0.25, 0.42),
        dip_m=rng.uniform(0.015, 0.045) * height_m,
    )


def _pulse(times_s: Floats, peak_s: float) -> Floats:
    """Return a curve that rises to 1 at its peak and decays. (F,)."""
    share = times_s / peak_s
    return share * np.exp(1 - share)


def _pelvis_path(times: Floats, start: Floats, velocity: Floats, plan: FallPlan, disturbance: _Disturbance) -> Floats:
    """Return (F, 2): the speed that the person had decays, that of a push comes and goes."""
    speed = velocity * np.exp(-times / _BRAKING_S)[:, None]
    if plan.cause == "push":
        speed = speed + plan.speed_change_m_s * _pulse(times, 0.16)[:, None] * plan.direction
    if plan.cause == "trip":
        speed = speed + 0.35 * _pulse(times, 0.25)[:, None] * disturbance.toward
    moved = np.cumsum(speed, axis=0) / RATE_HZ
    return start + moved - moved[0]


def _trunk_poses(
    humanoid: Humanoid, reference: Floats, times: Floats, path: Floats, plan: FallPlan, disturbance: _Disturbance,
    heading: Floats,
) -> Floats:  # fmt: skip
    """Return (F, nq): pelvis along its path, trunk leaning, arms out; the legs are as recorded."""
    mujoco = load_mujoco()
    place = np.minimum(np.arange(len(times)), len(reference) - 1)
    calm = np.clip(times / 1.0, 0, 1)[:, None]
    poses = reference[place].copy()
    poses[:, 7:] += calm * (reference[:, 7:].mean(0) - poses[:, 7:])
    poses[:, 3:7] = reference[0, 3:7]
    poses[:, :2] = path
    pulse = _pulse(times, disturbance.peak_s)
    standing = reference[0, 2] + calm[:, 0] * (max(reference[:, 2].max(), reference[0, 2]) - reference[0, 2]) - 0.01
    poses[:, 2] = standing - disturbance.dip_m * pulse
    local = np.array([disturbance.toward @ heading, disturbance.toward @ (-heading[1], heading[0])])
    axis = np.array([-disturbance.toward[1], disturbance.toward[0], 0.0])
    hinges = humanoid.hinges
    for frame, size in enumerate(pulse):
        turn, turned = np.zeros(4), np.zeros(4)
        mujoco.mju_axisAngle2Quat(turn, axis, 0.4 * size * disturbance.lean_rad)
        mujoco.mju_mulQuat(turned, turn, poses[frame, 3:7])
        poses[frame, 3:7] = turned
        wanted = protective_angles(humanoid, poses[frame, 7:], local, plan)
        arms = [hinges[name] - 7 for name in hinges if "arm" in name]
        poses[frame, 7:][arms] += 0.7 * size * (wanted - poses[frame, 7:])[arms]
        poses[frame, hinges["abdomen_bend"]] += 0.6 * size * disturbance.lean_rad * local[0]
        poses[frame, hinges["abdomen_lean"]] -= 0.6 * size * disturbance.lean_rad * local[1]
    limits = humanoid.limits_rad
    poses[:, 7:] = np.clip(poses[:, 7:], limits[:, 0], limits[:, 1])
    return poses


def _feet(
    times: Floats, path: Floats, joints_m: Floats, across: Floats, height_m: float, plan: FallPlan, velocity: Floats,
    rng: np.random.Generator, reach: float,
) -> list[Floats]:  # fmt: skip
    """Choose footfalls until both feet are under the pelvis. Returns left and right ankle (F, 4)."""
    ankles = [joints_m[NTU25.index(f"{side}_ankle")] for side in SIDES]
    ground = _GROUND_SHARE * height_m
    half = max(0.05 * height_m, abs(float((ankles[0] - ankles[1])[:2] @ across)) / 2)
    half = min(half, 0.09 * height_m)
    foot = SIDES.index(plan.foot)
    begin_s = 0.0 if plan.posture == "moving" else plan.delay_s
    if plan.posture == "standing":
        sideways = float(plan.direction @ across)
        foot = int(sideways < 0) if abs(sideways) > 0.4 else int(rng.integers(2))
    if plan.cause == "trip":
        begin_s = min(plan.duration_s, 0.22)
    if plan.cause == "slip":
        # The slipping foot goes ahead; the other comes after it.
        foot = 1 - foot
    places = [ankle[:2].copy() for ankle in ankles]
    falls: list[Footfall] = []
    while len(falls) < _MOST_STEPS:
        duration = rng.uniform(0.24, 0.34)
        frame = min(int((begin_s + duration + 0.2) * RATE_HZ), len(path) - 1)
        side = (1 - 2 * foot) * half * across
        target = path[frame] + side
        target = places[foot] + reach * (target - places[foot])
        lift = rng.uniform(0.03, 0.06) * height_m
        falls.append(Footfall(foot=foot, start_s=begin_s, duration_s=duration, target_m=target, lift_m=lift))
        places[foot] = target
        begin_s += duration + rng.uniform(0.0, 0.06)
        foot = 1 - foot
        final = [path[-1] + (1 - 2 * number) * half * across for number in range(2)]
        if max(float(np.linalg.norm(final[number] - places[number])) for number in range(2)) < _CLOSE_M:
            break
    return [ankle_path(times, ankles[number], ground, falls, number) for number in range(2)]
