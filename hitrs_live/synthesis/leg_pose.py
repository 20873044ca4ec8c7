"""Place the legs of a body: feet where they stand, or as the leg's angles say."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.anthropometry import BodyProportions
from hitrs_live.synthesis.pose_channels import SIGNS, JointColumns, PoseChannels, upward
from hitrs_live.synthesis.rotations import about_x, about_y, about_z, apply, calm_pole, mix, solve_two_bones, unit
from hitrs_live.synthesis.smoothing import smooth

Floats = NDArray[np.floating]

_CLEARANCE = 0.05
"""Height above the floor of a foot that moves without standing, in lengths of the leg."""
_EASED_FRAMES = 2
_EASED_S = 0.05
_SOFT_M = 0.003
"""Rounding of the kink where a leg becomes straight."""


@dataclass(frozen=True, kw_only=True)
class AnkleTarget:
    """Where a foot that stands has its ankle and where it points; (T, 3) each."""

    position: Floats
    pole: Floats
    toes: Floats


def ankle_targets(pose: PoseChannels, side: str) -> AnkleTarget:
    body, sign = pose.body, SIGNS[side]
    name = f"{side}.foot"
    flat = pose.vector(f"{name}.x", f"{name}.y", f"{name}.z", side=side) * np.float32(body.leg_m)
    yaw = about_y(sign * pose[f"{name}.yaw"])
    toes = np.array((0, -0.6 * body.ankle_height_m, body.foot_m), np.float32)
    pitched = apply(yaw @ about_x(pose[f"{name}.pitch"]), toes)
    # The ball of the foot stays in place where the heel is raised, the heel where the toes are.
    about_ball = np.where(pose[f"{name}.pitch"] > 0, 1.0, 0.0).astype(np.float32)[:, None]
    ankle = flat + about_ball * (apply(yaw, toes) - pitched)
    ankle[:, 1] += body.ankle_height_m + pose["lift"] * body.leg_m
    knee = apply(yaw @ about_y(sign * pose[f"{side}.knee.out"]), np.array((0, 0, 1), np.float32))
    return AnkleTarget(
        position=(pose.place + apply(pose.heading, ankle)).astype(np.float32),
        pole=apply(pose.heading, knee),
        toes=apply(pose.heading, pitched),
    )


def within_reach(hips: Floats, upper: Floats, ankles: Mapping[str, AnkleTarget], pose: PoseChannels) -> Floats:
    """Lower the pelvis until the legs that stand reach their feet. hips: (T, 3) -> the same."""
    body = pose.body
    longest = 0.9985 * (body.thigh_m + body.shank_m)
    height = hips[:, 1]
    for side in SIGNS:
        hip = upper[:, NTU25.index(f"{side}_hip")]
        ankle = ankles[side].position
        level = np.hypot(*(hips + hip - ankle)[:, (0, 2)].T)
        most = ankle[:, 1] - hip[:, 1] + np.sqrt(np.maximum(longest**2 - level**2, (0.3 * longest) ** 2))
        most = most + 2 * pose[f"{side}.leg.free"]
        height = most - np.logaddexp(0, (most - height) / _SOFT_M) * _SOFT_M
    reached: Floats = hips.copy()
    reached[:, 1] -= _eased_drop(hips[:, 1] - height)
    return reached


def _eased_drop(drop: Floats) -> Floats:
    """Begin to lower the pelvis a little before the legs would jerk it down. drop: (T,) -> the same, hardly less."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(drop, _EASED_FRAMES, mode="edge"), 2 * _EASED_FRAMES + 1)
    eased: Floats = smooth(around.max(1)[:, None].astype(np.float32), _EASED_FRAMES / 2 / RATE_HZ)[:, 0]
    return eased


def place_leg(joints: Floats, pose: PoseChannels, side: str, ankle: AnkleTarget) -> None:
    """Place knee, ankle and foot: where the foot stands, or as the leg's angles say."""
    body, put = pose.body, JointColumns(joints)
    sign = SIGNS[side]
    hip = put[f"{side}_hip"]
    free = pose[f"{side}.leg.free"]
    pole: Floats = unit(ankle.pole + apply(pose.pelvis, np.array((0, 0, 1), np.float32)))
    target: Floats = ankle.position
    toes: Floats = ankle.toes
    if free.any():
        thigh = (
            pose.pelvis
            @ about_z(sign * pose[f"{side}.hip.abduction"])
            @ about_x(-pose[f"{side}.hip.flexion"])
            @ about_y(sign * pose[f"{side}.hip.rotation"])
        )
        shank = thigh @ about_x(pose[f"{side}.knee"])
        ankle_m = hip + apply(thigh, upward(-body.thigh_m)) + apply(shank, upward(-body.shank_m))
        foot = apply(
            shank @ about_x(-pose[f"{side}.ankle"]), np.array((0, -0.6 * body.ankle_height_m, body.foot_m), np.float32)
        )
        target, toes = mix(target, ankle_m, free), mix(toes, foot, free)
        pole = mix(pole, apply(thigh, np.array((0, 0, 1), np.float32)), free)
        target = _lifted(target, toes, free, body)
    pole = calm_pole(pole, unit(target - hip), _EASED_S)
    knee, end = solve_two_bones(hip, target, pole, body.thigh_m, body.shank_m)
    put[f"{side}_knee"], put[f"{side}_ankle"] = knee, end
    put[f"{side}_foot"] = end + unit(toes) * np.float32(np.hypot(body.foot_m, 0.6 * body.ankle_height_m))


def _lifted(target: Floats, toes: Floats, free: Floats, body: BodyProportions) -> Floats:
    """Lift the foot of a leg that leaves the floor, so that it does not drag. target, toes: (T, 3) -> target."""
    speed = np.linalg.norm(np.gradient(smooth(target[:, (0, 2)], 0.04), axis=0), axis=1) * RATE_HZ / body.leg_m
    leaves = np.clip(3 * free, 0, 1)
    leaves = leaves * leaves * (3 - 2 * leaves)
    wanted = leaves * _CLEARANCE * body.leg_m * np.tanh(speed / 0.3)
    lowest = target[:, 1] + np.minimum(-body.ankle_height_m, toes[:, 1] - 0.4 * body.ankle_height_m)
    lifted = target.copy()
    rise = leaves * 0.01 * np.logaddexp(0, (wanted - lowest) / 0.01)
    lifted[:, 1] += smooth(rise[:, None].astype(np.float32), 0.04)[:, 0]
    return lifted
