"""Place the arms of a body from the channels of its motion: by angles, or with hands held to a place."""

import numpy as np
from numpy.typing import NDArray

from hitrs_live.synthesis.channels import PIN_FRAMES
from hitrs_live.synthesis.clearance import Obstacles, arms_apart
from hitrs_live.synthesis.pose_channels import ABOVE_FLOOR_M, SIGNS, JointColumns, PoseChannels, upward
from hitrs_live.synthesis.rotations import apply, calm_pole, mix, solve_two_bones, square_to, unit
from hitrs_live.synthesis.smoothing import smooth

Floats = NDArray[np.floating]

_CLEARANCE_TURNS = 3
_EASED_S = 0.07
_SOFT = 0.004
"""Share of the arm's length over which one that becomes straight slows down."""


def place_arms(joints: Floats, pose: PoseChannels, *, floor_hands: bool) -> None:
    """Place elbows and wrists from the shoulders. floor_hands: whether the hips have their place yet."""
    for side, sign in SIGNS.items():
        _place_arm(joints, pose, side, sign, floor_hands=floor_hands)


def _place_arm(joints: Floats, pose: PoseChannels, side: str, sign: float, *, floor_hands: bool) -> None:
    body, put = pose.body, JointColumns(joints)
    shoulder = put[f"{side}_shoulder"]
    plane, raised = np.radians(pose[f"{side}.arm.plane"]), np.radians(pose[f"{side}.arm.elevation"])
    level = np.stack((sign * np.cos(plane), np.zeros_like(plane), np.sin(plane)), axis=1).astype(np.float32)
    upper = np.sin(raised)[:, None] * level - np.cos(raised)[:, None] * np.array((0, 1, 0), np.float32)
    bend = np.radians(pose[f"{side}.elbow"])
    turn = np.radians(pose[f"{side}.arm.rotation"])
    hanging = np.stack((sign * np.sin(bend) * np.sin(turn), -np.cos(bend), np.sin(bend) * np.cos(turn)), axis=1)
    fore = _raise(hanging.astype(np.float32), level, raised)
    elbow = shoulder + body.upper_arm_m * apply(pose.chest, upper)
    wrist = elbow + body.forearm_m * apply(pose.chest, fore)

    held = np.zeros(len(joints), np.float32)
    target = np.zeros_like(wrist)
    for frame in PIN_FRAMES:
        weight = pose[f"{side}.pin.{frame}"]
        if (frame == "floor" and not floor_hands) or not weight.any():
            continue
        held += weight
        target += weight[:, None] * _hand_target(joints, pose, side, frame)
    if held.any():
        wrist = mix(wrist, target / np.maximum(held, 1e-6)[:, None], np.minimum(held, 1))
        out = np.radians(40.0 + pose[f"{side}.elbow.out"])
        hangs = np.stack((sign * np.sin(out), -np.cos(out), np.full_like(out, -0.35)), axis=1).astype(np.float32)
        pole = mix(unit(elbow - (shoulder + wrist) / 2), apply(pose.chest, hangs), np.minimum(held, 1))
    else:
        pole = elbow - (shoulder + wrist) / 2
    # A straight arm has no bending plane of its own.
    pole = pole + np.float32(1e-3) * apply(pose.chest, np.array((0.3 * sign, -0.5, -0.8), np.float32))
    elbow, wrist = solve_two_bones(shoulder, wrist, pole, body.upper_arm_m, body.forearm_m)
    put[f"{side}_elbow"], put[f"{side}_wrist"] = elbow, wrist


def clear_arms(joints: Floats, pose: PoseChannels) -> None:
    """Move elbows and wrists out of the trunk, the head, the thighs and the other arm; then place the hands."""
    put, body = JointColumns(joints), pose.body
    ahead = apply(pose.chest, np.array((0, 0, 1), np.float32))
    obstacles = Obstacles(
        body=body,
        hips=put["spine_base"],
        shoulders=put["spine_shoulder"],
        left=apply(pose.chest, np.array((1, 0, 0), np.float32)),
        ahead=ahead,
        head=put["head"],
        thighs=tuple((put[f"{side}_hip"], put[f"{side}_knee"]) for side in SIGNS),
    )
    wrists = {side: put[f"{side}_wrist"].copy() for side in SIGNS}
    for turn in range(_CLEARANCE_TURNS):
        for side, sign in SIGNS.items():
            shoulder = put[f"{side}_shoulder"]
            wrist = wrists[side] + smooth(obstacles.outside(wrists[side], shoulder, sign) - wrists[side], _EASED_S)
            elbow = obstacles.outside(put[f"{side}_elbow"], shoulder, sign)
            # An elbow that changes its side swings there.
            pole = calm_pole(elbow - (shoulder + wrist) / 2, unit(wrist - shoulder), _EASED_S)
            put[f"{side}_elbow"], put[f"{side}_wrist"] = solve_two_bones(
                shoulder, wrist, pole, body.upper_arm_m, body.forearm_m, soft=_SOFT
            )
        if turn + 1 < _CLEARANCE_TURNS:
            left, right = ((put[f"{side}_elbow"], put[f"{side}_wrist"]) for side in SIGNS)
            for side, push in zip(SIGNS, arms_apart(left, right, ahead), strict=True):
                wrists[side] = put[f"{side}_wrist"] + smooth(push, _EASED_S)
    for side, sign in SIGNS.items():
        _place_hand(put, pose, side, sign)


def _raise(hanging: Floats, level: Floats, raised: Floats) -> Floats:
    """Rotate the vectors of a hanging arm with the arm raised in a plane: the smallest rotation from straight down.

    hanging: (T, 3); level: (T, 3), the horizontal direction of the plane; raised: (T,), radians.
    """
    down = np.array((0, -1, 0), np.float32)
    axis = np.cross(down, level)
    cos, sin = np.cos(raised)[:, None], np.sin(raised)[:, None]
    rotated: Floats = (
        hanging * cos + np.cross(axis, hanging) * sin + axis * (axis * hanging).sum(-1, keepdims=True) * (1 - cos)
    )
    return rotated


def _hand_target(joints: Floats, pose: PoseChannels, side: str, frame: str) -> Floats:
    """Return the place at which a hand is held, (T, 3)."""
    put = JointColumns(joints)
    name = f"{side}.pin.{frame}"
    offset = pose.vector(f"{name}.x", f"{name}.y", f"{name}.z", side=side)
    if frame == "floor":
        placed: Floats = pose.place + apply(pose.heading, offset * np.float32(pose.body.leg_m))
        return placed
    origin, axes = {
        "chest": (put[f"{side}_shoulder"], pose.chest),
        "head": (put["head"], pose.head),
        "pelvis": (put[f"{side}_hip"], pose.pelvis),
        "thigh": (put[f"{side}_knee"], pose.pelvis),
    }[frame]
    return origin + apply(axes, offset * np.float32(pose.body.arm_m))


def _place_hand(put: JointColumns, pose: PoseChannels, side: str, sign: float) -> None:
    """Place hand, finger tips and thumb: in line with the forearm, bent at the wrist, turned by the pronation."""
    elbow, wrist, shoulder = (put[f"{side}_{name}"] for name in ("elbow", "wrist", "shoulder"))
    along = unit(wrist - elbow)
    upper = unit(elbow - shoulder)
    # The elbow's hinge; that of a straight arm is taken from the chest.
    hinge = np.cross(upper, along) + 0.15 * apply(pose.chest, np.array((-1, 0, 0), np.float32))
    hinge = square_to(hinge.astype(np.float32), along)
    # With no pronation the thumb points to where the elbow bends.
    thumb = np.cross(hinge, along)
    turn = np.radians(pose[f"{side}.pronation"])[:, None] * -sign
    thumb_side = (np.cos(turn) * thumb + np.sin(turn) * np.cross(along, thumb)).astype(np.float32)
    palm = np.cross(along, thumb_side)
    bend = np.radians(pose[f"{side}.wrist"])[:, None] * -sign
    fingers = unit((np.cos(bend) * along + np.sin(bend) * palm).astype(np.float32))
    on_floor = pose[f"{side}.pin.floor"]
    if on_floor.any():
        # A hand that carries weight lies flat, the fingers ahead.
        flat = apply(pose.heading, np.array((0.2 * sign, 0.02, 1), np.float32))
        low = np.clip(1 - (wrist[:, 1] - 0.06) / 0.1, 0, 1) * on_floor
        fingers, thumb_side = unit(mix(fingers, unit(flat), low)), mix(thumb_side, np.cross(flat, upward(-sign)), low)
    length = pose.body.hand_m
    fingers[:, 1] = np.maximum(fingers[:, 1], (ABOVE_FLOOR_M - wrist[:, 1]) / length)
    fingers = unit(fingers)
    put[f"{side}_hand"] = wrist + 0.45 * length * fingers
    put[f"{side}_hand_tip"] = wrist + length * fingers
    put[f"{side}_thumb"] = wrist + 0.45 * length * fingers + 0.35 * length * unit(0.6 * fingers + thumb_side)
