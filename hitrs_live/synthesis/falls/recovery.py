"""Plan how a person who was pushed, tripped or slipped steps to stay up; a fall begins with too short a step."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.falls.body_shape import Floats, pelvis_axes
from hitrs_live.synthesis.falls.causes import FallPlan
from hitrs_live.synthesis.falls.physics import load_mujoco
from hitrs_live.synthesis.falls.pose_fit import PoseFitter
from hitrs_live.synthesis.falls.reactions import protective_angles
from hitrs_live.synthesis.falls.stepping import SIDES, Footfall, ankle_path, follow_feet
from hitrs_live.synthesis.falls.take_over import TakeOver

PLANNED_S: Final = 2.6
_BRAKING_S: Final = 0.38
_CALM_S: Final = 1.0
"""Time in which trunk and arms return to their mean posture."""
_AHEAD_S: Final = 0.2
"""A foot comes down where the pelvis will be so much later."""
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


def plan_steps(take_over: TakeOver, rng: np.random.Generator, *, reach: float) -> tuple[Floats, Floats]:
    """Plan poses from the event on.

    reach: length of the steps by that which restores balance, 1 for a recovery.
    Returns qpos (F, nq) at 30 Hz, and (2,), where the trunk tips.
    """
    humanoid, plan, velocity = take_over.humanoid, take_over.plan, take_over.velocity[:2]
    times = np.arange(0, PLANNED_S, 1 / RATE_HZ)
    across = pelvis_axes(take_over.event_m)[:2, 1]
    across = across / max(float(np.linalg.norm(across)), 1e-6)
    heading = np.array([across[1], -across[0]])
    disturbance = _disturb(plan, heading, humanoid.shape.height_m, rng)
    path = _pelvis_path(times, take_over.reference[0, :2], velocity, plan, disturbance)
    poses = _trunk_poses(take_over, times, path, disturbance, heading)
    ankles = _feet(times, path, take_over, across, rng, reach)
    yaw = float(np.arctan2(heading[1], heading[0]))
    return follow_feet(PoseFitter(humanoid), humanoid, poses, ankles, yaw), disturbance.toward


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
    return np.asarray(start + moved - moved[0], np.float64)


def _trunk_poses(
    take_over: TakeOver, times: Floats, path: Floats, disturbance: _Disturbance, heading: Floats
) -> Floats:
    """Return (F, nq): pelvis along its path, trunk leaning, arms out; the legs are as recorded."""
    humanoid, reference = take_over.humanoid, take_over.reference
    place = np.minimum(np.arange(len(times)), len(reference) - 1)
    calm = np.clip(times / _CALM_S, 0, 1)[:, None]
    poses = reference[place].copy()
    poses[:, 7:] += calm * (reference[:, 7:].mean(0) - poses[:, 7:])
    poses[:, 3:7], poses[:, :2] = reference[0, 3:7], path
    pulse = _pulse(times, disturbance.peak_s)
    risen = reference[:, 2].max() - reference[0, 2]
    poses[:, 2] = reference[0, 2] + calm[:, 0] * risen - 0.01 - disturbance.dip_m * pulse
    local = np.array([disturbance.toward @ heading, disturbance.toward @ (-heading[1], heading[0])])
    arms = [place - 7 for name, place in humanoid.hinges.items() if "arm" in name]
    for pose, size in zip(poses, pulse, strict=True):
        _tip(pose, disturbance.toward, 0.4 * size * disturbance.lean_rad)
        wanted = protective_angles(humanoid, pose[7:], local, take_over.plan)
        pose[7:][arms] += 0.7 * size * (wanted - pose[7:])[arms]
        pose[humanoid.hinges["abdomen_bend"]] += 0.6 * size * disturbance.lean_rad * local[0]
        pose[humanoid.hinges["abdomen_lean"]] -= 0.6 * size * disturbance.lean_rad * local[1]
    limits = humanoid.limits_rad
    poses[:, 7:] = np.clip(poses[:, 7:], limits[:, 0], limits[:, 1])
    return poses


def _tip(pose: Floats, toward: Floats, angle_rad: float) -> None:
    """Turn the pelvis of a pose (nq,) so that its top moves towards a direction (2,)."""
    mujoco, turn, turned = load_mujoco(), np.zeros(4), np.zeros(4)
    mujoco.mju_axisAngle2Quat(turn, np.array([-toward[1], toward[0], 0.0]), angle_rad)
    mujoco.mju_mulQuat(turned, turn, pose[3:7])
    pose[3:7] = turned


def _feet(
    times: Floats, path: Floats, take_over: TakeOver, across: Floats, rng: np.random.Generator, reach: float
) -> list[Floats]:
    """Choose footfalls until both feet are under the pelvis. Returns left and right ankle (F, 4)."""
    height, ground = take_over.humanoid.shape.height_m, _GROUND_SHARE * take_over.humanoid.shape.height_m
    ankles = [take_over.event_m[NTU25.index(f"{side}_ankle")] for side in SIDES]
    apart = abs(float((ankles[0] - ankles[1])[:2] @ across)) / 2
    beside = [(1 - 2 * foot) * float(np.clip(apart, 0.05 * height, 0.09 * height)) * across for foot in range(2)]
    foot, begin_s = _first_step(take_over.plan, across, rng)
    places = [ankle[:2].copy() for ankle in ankles]
    falls: list[Footfall] = []
    while len(falls) < _MOST_STEPS:
        duration = rng.uniform(0.24, 0.34)
        frame = min(int((begin_s + duration + _AHEAD_S) * RATE_HZ), len(path) - 1)
        target = places[foot] + reach * (path[frame] + beside[foot] - places[foot])
        lift = rng.uniform(0.03, 0.06) * height
        falls.append(Footfall(foot=foot, start_s=begin_s, duration_s=duration, target_m=target, lift_m=lift))
        places[foot] = target
        begin_s += duration + rng.uniform(0.0, 0.06)
        foot = 1 - foot
        if max(float(np.linalg.norm(path[-1] + beside[one] - places[one])) for one in range(2)) < _CLOSE_M:
            break
    return [ankle_path(times, ankles[number], ground, falls, number) for number in range(2)]


def _first_step(plan: FallPlan, across: Floats, rng: np.random.Generator) -> tuple[int, float]:
    """Return which foot steps first, and when."""
    foot = SIDES.index(plan.foot)
    if plan.cause == "trip":
        return foot, min(plan.duration_s, 0.22)
    if plan.cause == "slip":
        # The foot that slips carries; the other one comes after it.
        return 1 - foot, 0.0
    if plan.posture == "moving":
        return foot, 0.0
    sideways = float(plan.direction @ across)
    return (int(sideways < 0) if abs(sideways) > 0.4 else int(rng.integers(2))), plan.delay_s
