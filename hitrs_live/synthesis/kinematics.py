"""Compute the joints of a body from the channels of its motion.

Feet that stand stay where their targets are; the legs follow by inverse kinematics, and the pelvis moves until the
centre of mass is above the feet. Feet and hands without a target follow the angles of their limb. Bones keep their
lengths exactly, and no joint lies below the floor.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.anthropometry import BodyProportions
from hitrs_live.synthesis.arm_pose import clear_arms, place_arms
from hitrs_live.synthesis.channels import SIDES
from hitrs_live.synthesis.leg_pose import ankle_targets, place_leg, within_reach
from hitrs_live.synthesis.pose_channels import ABOVE_FLOOR_M, SIGNS, JointColumns, PoseChannels, upward
from hitrs_live.synthesis.rotations import apply
from hitrs_live.synthesis.smoothing import smooth

Floats = NDArray[np.floating]

_MASSES: Final = {
    "trunk": 0.497, "head": 0.081, "upper_arm": 0.028, "forearm": 0.022, "thigh": 0.1, "shank": 0.0465, "foot": 0.0145,
}  # fmt: skip
"""Shares of the body's mass (Winter, table 4.1); the forearm with the hand."""
_BALANCE_STEPS = 2
_BALANCE_SMOOTHING_S = 0.15
_MOST_BALANCE = 0.45
"""Largest movement of the pelvis for balance, in lengths of the leg."""
_CONTACT = 0.03
"""Height of a foot above the floor, in lengths of the leg, at which it carries no weight."""
_RHYTHM = 0.04
"""How far a raised arm lifts its shoulder, in lengths of the trunk."""


def solve_pose(channels: Floats, body: BodyProportions) -> Floats:
    """Compute joints from channels. channels: (T, C). Returns (T, 25, 3), metres, the floor at y = 0."""
    pose = PoseChannels(channels, body)
    joints: Floats = np.zeros((len(channels), len(NTU25), 3), np.float32)
    # The trunk first at the origin, then where the legs and balance put it.
    _place_trunk(joints, pose)
    place_arms(joints, pose, floor_hands=False)
    upper = joints.copy()
    hips = pose.vector("pelvis.x", "height", "pelvis.z")
    hips[:, 0] += pose["left.lean"] - pose["right.lean"]
    hips = pose.place + apply(pose.heading, hips * np.float32(body.leg_m))
    hips[:, 1] += pose["lift"] * body.leg_m
    ankles = {side: ankle_targets(pose, side) for side in SIDES}
    for step in range(_BALANCE_STEPS + 1):
        reached = within_reach(hips, upper, ankles, pose)
        joints = upper + reached[:, None]
        for side in SIDES:
            place_leg(joints, pose, side, ankles[side])
        if step < _BALANCE_STEPS:
            hips = hips + _towards_balance(joints, pose)
    place_arms(joints, pose, floor_hands=True)
    clear_arms(joints, pose)
    return _above_floor(joints)


def _place_trunk(joints: Floats, pose: PoseChannels) -> None:
    """Place the trunk, with the middle of the hips at the origin."""
    body = pose.body
    put = JointColumns(joints)
    lower, upper = 0.5 * body.trunk_m, 0.4 * body.trunk_m
    put["spine_middle"] = apply(pose.lower_spine, upward(lower))
    put["spine_shoulder"] = put["spine_middle"] + apply(pose.chest, upward(upper))
    put["neck"] = put["spine_shoulder"] + apply(pose.neck, upward(0.45 * body.neck_m + 0.1 * body.trunk_m))
    ahead = np.array((0, 0.55 * body.neck_m, 0.12 * body.neck_m), np.float32)
    put["head"] = put["neck"] + apply(pose.head, ahead)
    for side, sign in SIGNS.items():
        put[f"{side}_hip"] = apply(pose.pelvis, np.array((sign * body.hip_width_m / 2, 0, 0), np.float32))
        raised = np.clip((pose[f"{side}.arm.elevation"] - 60) / 100, 0, 1) + pose[f"{side}.shrug"]
        girdle = np.zeros((len(joints), 3), np.float32)
        girdle[:, 0] = sign * body.shoulder_width_m / 2
        girdle[:, 1] = (0.1 + _RHYTHM * raised) * body.trunk_m
        put[f"{side}_shoulder"] = put["spine_shoulder"] + apply(pose.chest, girdle)


def _towards_balance(joints: Floats, pose: PoseChannels) -> Floats:
    """Return the movement of the pelvis, (T, 3), that brings the centre of mass above the feet that stand."""
    wanted = np.zeros((len(joints), 3), np.float32)
    weight = np.zeros(len(joints), np.float32)
    put = JointColumns(joints)
    for side in SIDES:
        carries = np.clip(1 - (pose[f"{side}.foot.y"] + pose["lift"]) / _CONTACT, 0, 1) * (1 - pose[f"{side}.leg.free"])
        middle = 0.6 * put[f"{side}_ankle"] + 0.4 * put[f"{side}_foot"]
        wanted += carries[:, None] * middle
        weight += carries
    # The centre of mass moves with the trunk, which has two thirds of the mass, and half of the legs.
    error = wanted / np.maximum(weight, 1e-3)[:, None] - centre_of_mass(joints)
    error *= (pose["balance"] * np.clip(weight, 0, 1))[:, None]
    error[:, 1] = 0
    most = _MOST_BALANCE * pose.body.leg_m
    return smooth(np.clip(1.15 * error, -most, most).astype(np.float32), _BALANCE_SMOOTHING_S)


def centre_of_mass(joints: Floats) -> Floats:
    """Compute the centre of mass. joints: (T, 25, 3). Returns (T, 3), metres."""
    put = JointColumns(joints)
    shoulders = (put["left_shoulder"] + put["right_shoulder"]) / 2
    total = _MASSES["trunk"] * (0.5 * put["spine_base"] + 0.5 * shoulders) + _MASSES["head"] * put["head"]
    for side in SIDES:
        for segment, near, far, share in (
            ("upper_arm", "shoulder", "elbow", 0.436),
            ("forearm", "elbow", "wrist", 0.68),
            ("thigh", "hip", "knee", 0.433),
            ("shank", "knee", "ankle", 0.433),
            ("foot", "ankle", "foot", 0.5),
        ):
            one, other = put[f"{side}_{near}"], put[f"{side}_{far}"]
            total = total + _MASSES[segment] * (one + share * (other - one))
    whole: Floats = total / (_MASSES["trunk"] + _MASSES["head"] + 2 * sum(list(_MASSES.values())[2:]))
    return whole


def _above_floor(joints: Floats) -> Floats:
    """Raise the body in frames in which a joint lies below the floor, smoothly over time."""
    below = np.maximum(ABOVE_FLOOR_M - joints[..., 1].min(1), 0)
    if not below.any():
        return joints
    raised = np.maximum(smooth(below[:, None].astype(np.float32), 0.1)[:, 0], below)
    joints[..., 1] += raised[:, None]
    return joints
