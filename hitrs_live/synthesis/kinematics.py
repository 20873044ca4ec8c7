"""Compute the joints of a body from the channels of its motion.

Feet that stand stay where their targets are; the legs follow by inverse kinematics, and the pelvis moves until the
centre of mass is above the feet. Feet and hands without a target follow the angles of their limb. Bones keep their
lengths exactly, and no joint lies below the floor.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.anthropometry import BodyProportions
from hitrs_live.synthesis.channels import INDEX, PIN_FRAMES, SIDES, limit
from hitrs_live.synthesis.clearance import Obstacles, arms_apart
from hitrs_live.synthesis.rotations import (
    about_x,
    about_y,
    about_z,
    apply,
    calm_pole,
    mix,
    solve_two_bones,
    square_to,
    unit,
)
from hitrs_live.synthesis.smoothing import RATE_HZ, smooth

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
_LOWER_SPINE = 0.4
_LOWER_NECK = 0.4
"""Share of the spine's and the head's rotation in the lower of their two segments."""
_RHYTHM = 0.04
"""How far a raised arm lifts its shoulder, in lengths of the trunk."""
_ABOVE_FLOOR_M = 0.02
_CLEARANCE = 0.05
"""Height above the floor of a foot that moves without standing, in lengths of the leg."""
_EASED_FRAMES = 2
_CLEARANCE_TURNS = 3
_EASED_ARM_S, _EASED_LEG_S = 0.07, 0.05
_SOFT_ARM = 0.004
_SOFT_M = 0.003
"""Rounding of the kink where a leg becomes straight."""


class _Pose:
    """The channels of a motion as columns, and the axes of the trunk."""

    def __init__(self, channels: Floats, body: BodyProportions) -> None:
        self.body = body
        self._columns = np.ascontiguousarray(limit(channels).T)
        heading = about_y(self["root.heading"])
        self.heading = heading
        self.place = np.stack((self["root.x"], np.zeros(len(channels), np.float32), self["root.z"]), axis=1)
        tilt = about_x(self["pelvis.pitch"]) @ about_z(-self["pelvis.roll"])
        self.pelvis = heading @ about_y(self["pelvis.turn"]) @ tilt
        self.lower_spine = self.pelvis @ self._bend(_LOWER_SPINE)
        self.chest = self.pelvis @ self._bend(1.0)
        self.neck = self.chest @ self._nod(_LOWER_NECK)
        self.head = self.chest @ self._nod(1.0)

    def __getitem__(self, name: str) -> Floats:
        column: Floats = self._columns[INDEX[name]]
        return column

    def vector(self, x: str, y: str, z: str, *, side: str | None = None) -> Floats:
        """Return three channels as vectors, (T, 3); of a side, x is outward."""
        sign = -1.0 if side == "right" else 1.0
        return np.stack((sign * self[x], self[y], self[z]), axis=1).astype(np.float32)

    def _bend(self, share: float) -> Floats:
        return (
            about_y(share * self["spine.turn"])
            @ about_x(share * self["spine.flexion"])
            @ about_z(-share * self["spine.side"])
        )

    def _nod(self, share: float) -> Floats:
        turn, nod, tilt = (share * self[f"head.{name}"] for name in ("turn", "nod", "tilt"))
        return about_y(turn) @ about_x(nod) @ about_z(-tilt)


def solve_pose(channels: Floats, body: BodyProportions) -> Floats:
    """Compute joints from channels. channels: (T, C). Returns (T, 25, 3), metres, the floor at y = 0."""
    pose = _Pose(channels, body)
    joints: Floats = np.zeros((len(channels), len(NTU25), 3), np.float32)
    # The trunk first at the origin, then where the legs and balance put it.
    _place_trunk(joints, pose)
    _place_arms(joints, pose, floor_hands=False)
    upper = joints.copy()
    hips = pose.vector("pelvis.x", "height", "pelvis.z")
    hips[:, 0] += pose["left.lean"] - pose["right.lean"]
    hips = pose.place + apply(pose.heading, hips * np.float32(body.leg_m))
    hips[:, 1] += pose["lift"] * body.leg_m
    ankles = {side: _ankle_targets(pose, side) for side in SIDES}
    for step in range(_BALANCE_STEPS + 1):
        reached = _within_reach(hips, upper, ankles, pose)
        joints = upper + reached[:, None]
        for side in SIDES:
            _place_leg(joints, pose, side, ankles[side])
        if step < _BALANCE_STEPS:
            hips = hips + _towards_balance(joints, pose)
    _place_arms(joints, pose, floor_hands=True)
    _clear_arms(joints, pose)
    return _above_floor(joints)


def _place_trunk(joints: Floats, pose: _Pose) -> None:
    """Place the trunk, with the middle of the hips at the origin."""
    body = pose.body
    put = _Writer(joints)
    lower, upper = 0.5 * body.trunk_m, 0.4 * body.trunk_m
    put["spine_middle"] = apply(pose.lower_spine, _up(lower))
    put["spine_shoulder"] = put["spine_middle"] + apply(pose.chest, _up(upper))
    put["neck"] = put["spine_shoulder"] + apply(pose.neck, _up(0.45 * body.neck_m + 0.1 * body.trunk_m))
    ahead = np.array((0, 0.55 * body.neck_m, 0.12 * body.neck_m), np.float32)
    put["head"] = put["neck"] + apply(pose.head, ahead)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        put[f"{side}_hip"] = apply(pose.pelvis, np.array((sign * body.hip_width_m / 2, 0, 0), np.float32))
        raised = np.clip((pose[f"{side}.arm.elevation"] - 60) / 100, 0, 1) + pose[f"{side}.shrug"]
        girdle = np.zeros((len(joints), 3), np.float32)
        girdle[:, 0] = sign * body.shoulder_width_m / 2
        girdle[:, 1] = (0.1 + _RHYTHM * raised) * body.trunk_m
        put[f"{side}_shoulder"] = put["spine_shoulder"] + apply(pose.chest, girdle)


def _place_arms(joints: Floats, pose: _Pose, *, floor_hands: bool) -> None:
    """Place both arms from the shoulders; hands on the floor only where the body has its place."""
    for side, sign in (("left", 1.0), ("right", -1.0)):
        _place_arm(joints, pose, side, sign, floor_hands=floor_hands)


def _place_arm(joints: Floats, pose: _Pose, side: str, sign: float, *, floor_hands: bool) -> None:
    body, put = pose.body, _Writer(joints)
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
    _place_hand(put, pose, side, sign)


def _clear_arms(joints: Floats, pose: _Pose) -> None:
    """Move hands and elbows out of the trunk, the head, the thighs and the other arm."""
    put, body = _Writer(joints), pose.body
    ahead = apply(pose.chest, np.array((0, 0, 1), np.float32))
    obstacles = Obstacles(
        body=body,
        hips=put["spine_base"],
        shoulders=put["spine_shoulder"],
        left=apply(pose.chest, np.array((1, 0, 0), np.float32)),
        ahead=ahead,
        head=put["head"],
        thighs=tuple((put[f"{side}_hip"], put[f"{side}_knee"]) for side in SIDES),
    )
    wrists = {side: put[f"{side}_wrist"].copy() for side in SIDES}
    for turn in range(_CLEARANCE_TURNS):
        for side, sign in (("left", 1.0), ("right", -1.0)):
            shoulder = put[f"{side}_shoulder"]
            wrist = wrists[side] + smooth(obstacles.outside(wrists[side], shoulder, sign) - wrists[side], _EASED_ARM_S)
            elbow = obstacles.outside(put[f"{side}_elbow"], shoulder, sign)
            # An elbow that changes its side swings there.
            pole = calm_pole(elbow - (shoulder + wrist) / 2, unit(wrist - shoulder), _EASED_ARM_S)
            put[f"{side}_elbow"], put[f"{side}_wrist"] = solve_two_bones(
                shoulder, wrist, pole, body.upper_arm_m, body.forearm_m, soft=_SOFT_ARM
            )
        if turn + 1 < _CLEARANCE_TURNS:
            left, right = ((put[f"{side}_elbow"], put[f"{side}_wrist"]) for side in SIDES)
            for side, push in zip(SIDES, arms_apart(left, right, ahead), strict=True):
                wrists[side] = put[f"{side}_wrist"] + smooth(push, _EASED_ARM_S)
    for side, sign in (("left", 1.0), ("right", -1.0)):
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


def _hand_target(joints: Floats, pose: _Pose, side: str, frame: str) -> Floats:
    """Return the place at which a hand is held, (T, 3)."""
    put = _Writer(joints)
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


def _place_hand(put: "_Writer", pose: _Pose, side: str, sign: float) -> None:
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
        fingers, thumb_side = unit(mix(fingers, unit(flat), low)), mix(thumb_side, np.cross(flat, _up(-sign)), low)
    length = pose.body.hand_m
    fingers[:, 1] = np.maximum(fingers[:, 1], (_ABOVE_FLOOR_M - wrist[:, 1]) / length)
    fingers = unit(fingers)
    put[f"{side}_hand"] = wrist + 0.45 * length * fingers
    put[f"{side}_hand_tip"] = wrist + length * fingers
    put[f"{side}_thumb"] = wrist + 0.45 * length * fingers + 0.35 * length * unit(0.6 * fingers + thumb_side)


@dataclass(frozen=True, kw_only=True)
class _Ankle:
    """Where a foot that stands has its ankle and where it points; (T, 3) each."""

    position: Floats
    pole: Floats
    toes: Floats


def _ankle_targets(pose: _Pose, side: str) -> _Ankle:
    body, sign = pose.body, 1.0 if side == "left" else -1.0
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
    return _Ankle(
        position=(pose.place + apply(pose.heading, ankle)).astype(np.float32),
        pole=apply(pose.heading, knee),
        toes=apply(pose.heading, pitched),
    )


def _within_reach(hips: Floats, upper: Floats, ankles: dict[str, _Ankle], pose: _Pose) -> Floats:
    """Lower the pelvis until the legs that stand reach their feet. hips: (T, 3) -> the same."""
    body = pose.body
    longest = 0.9985 * (body.thigh_m + body.shank_m)
    height = hips[:, 1]
    for side in SIDES:
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


def _place_leg(joints: Floats, pose: _Pose, side: str, ankle: _Ankle) -> None:
    """Place knee, ankle and foot: where the foot stands, or as the leg's angles say."""
    body, put = pose.body, _Writer(joints)
    sign = 1.0 if side == "left" else -1.0
    hip = put[f"{side}_hip"]
    free = pose[f"{side}.leg.free"]
    pole = unit(ankle.pole + apply(pose.pelvis, np.array((0, 0, 1), np.float32)))
    target, toes = ankle.position, ankle.toes
    if free.any():
        thigh = (
            pose.pelvis
            @ about_z(sign * pose[f"{side}.hip.abduction"])
            @ about_x(-pose[f"{side}.hip.flexion"])
            @ about_y(sign * pose[f"{side}.hip.rotation"])
        )
        shank = thigh @ about_x(pose[f"{side}.knee"])
        ankle_m = hip + apply(thigh, _up(-body.thigh_m)) + apply(shank, _up(-body.shank_m))
        foot = apply(
            shank @ about_x(-pose[f"{side}.ankle"]), np.array((0, -0.6 * body.ankle_height_m, body.foot_m), np.float32)
        )
        target, toes = mix(target, ankle_m, free), mix(toes, foot, free)
        pole = mix(pole, apply(thigh, np.array((0, 0, 1), np.float32)), free)
        target = _lifted(target, toes, free, body)
    pole = calm_pole(pole, unit(target - hip), _EASED_LEG_S)
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


def _towards_balance(joints: Floats, pose: _Pose) -> Floats:
    """Return the movement of the pelvis, (T, 3), that brings the centre of mass above the feet that stand."""
    wanted = np.zeros((len(joints), 3), np.float32)
    weight = np.zeros(len(joints), np.float32)
    put = _Writer(joints)
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
    put = _Writer(joints)
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
    below = np.maximum(_ABOVE_FLOOR_M - joints[..., 1].min(1), 0)
    if not below.any():
        return joints
    raised = np.maximum(smooth(below[:, None].astype(np.float32), 0.1)[:, 0], below)
    joints[..., 1] += raised[:, None]
    return joints


def _up(length_m: float) -> Floats:
    return np.array((0, length_m, 0), np.float32)


class _Writer:
    """Reads and writes columns of joints by name. joints: (T, 25, 3)."""

    def __init__(self, joints: Floats) -> None:
        self._joints = joints

    def __getitem__(self, name: str) -> Floats:
        column: Floats = self._joints[:, NTU25.index(name)]
        return column

    def __setitem__(self, name: str, value: Floats) -> None:
        self._joints[:, NTU25.index(name)] = value
