"""Compute the demo figure's 25 joints from a few angles and foot positions.

The stage is the figure's own frame: metres, x to its left, y up from the floor, z ahead. Trunk, head and arms are
placed outward from the pelvis by angle; each leg is bent so that its ankle is where its foot stands or swings.
Every bone keeps its length whatever the channels are.
"""

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25

Values = NDArray[np.float64]

SIDES = ("left", "right")
_TRUNK_CHANNELS = (
    "pelvis_left", "pelvis_up", "pelvis_ahead", "pelvis_yaw", "pelvis_lean", "pelvis_tilt",
    "trunk_bend", "trunk_tilt", "trunk_twist", "head_nod", "head_turn",
)  # fmt: skip
_SIDE_CHANNELS = (
    "arm_raise", "arm_out", "arm_roll", "elbow", "shrug",
    "foot_left", "foot_up", "foot_ahead", "foot_yaw", "foot_pitch", "leg_free", "leg_raise", "leg_out", "knee",
)  # fmt: skip
CHANNELS = _TRUNK_CHANNELS + tuple(f"{side}_{name}" for side in SIDES for name in _SIDE_CHANNELS)
"""Names of the numbers of one pose: metres and degrees.

Yaw and turn are positive to the figure's left, lean, bend and nod forward, tilt to its left. An arm is raised
from hanging (0) over level (90) to overhead (180), straight ahead where `arm_out` is 0 and to its own side where
it is 90; `arm_roll` turns the bent forearm outward. A foot stands at (left, up, ahead) while `leg_free` is 0; at 1
the leg hangs free and is lifted by `leg_raise` with the `knee` bent.
"""
CHANNEL = {name: position for position, name in enumerate(CHANNELS)}

ANKLE_HEIGHT_M = 0.085
STANDING_PELVIS_M = 0.915
_THIGH_M, _SHIN_M = 0.405, 0.400
_HIP_M = np.array([0.090, -0.030, 0.0])
_WAIST_M = np.array([0.0, 0.265, 0.0])
_CHEST_M = np.array([0.0, 0.235, -0.005])
_NECK_M = np.array([0.0, 0.075, 0.005])
_HEAD_M = np.array([0.0, 0.145, 0.020])
_CLAVICLE_M = np.array([0.168, -0.035, 0.0])
_UPPER_ARM_M, _FOREARM_M, _HAND_M, _TIP_M, _THUMB_M = 0.275, 0.245, 0.080, 0.085, 0.050
_FOOT_M = np.array([0.0, -0.062, 0.128])
_LONGEST_REACH = 0.995
"""Longest reach of a leg, as a share of its straight length: people do not stand with locked knees."""
_SHORTEST_REACH = 0.30
_SOFTNESS_M = 0.008

_LEFT, _UP, _AHEAD = np.eye(3)


def compute_joints(poses: Values, *, scale: float = 1.0) -> Values:
    """Compute joints from channels.

    poses: (T, channels), in the order of CHANNELS; scale: the body's size as a factor on every bone.
    Returns (T, 25, 3) float64, metres on the stage. Raises ValueError for another number of channels.
    """
    if poses.ndim != 2 or poses.shape[1] != len(CHANNELS):
        raise ValueError(f"poses: got shape {poses.shape}, expected (T, {len(CHANNELS)}), a column for each channel")
    pelvis = _pelvis_turn(poses)
    root = _root(poses, pelvis)
    chest = _chest_turn(poses, pelvis)
    points = _trunk(poses, root, pelvis, chest)
    for side in SIDES:
        limbs = _arm(poses, side, points["spine_shoulder"], chest) | _leg(poses, side, root, pelvis)
        points |= {f"{side}_{name}": place for name, place in limbs.items()}
    return scale * np.stack([points[name] for name in NTU25.joints], axis=1)


def _get(poses: Values, name: str) -> Values:
    return poses[:, CHANNEL[name], None]


def _pelvis_turn(poses: Values) -> Values:
    yaw, lean, tilt = (_get(poses, f"pelvis_{name}") for name in ("yaw", "lean", "tilt"))
    return _about(_UP, yaw) @ _about(_LEFT, lean) @ _about(_AHEAD, -tilt)


def _root(poses: Values, pelvis: Values) -> Values:
    """Place the pelvis, lowered smoothly where a standing leg would otherwise be stretched beyond its length."""
    root = np.concatenate([_get(poses, f"pelvis_{axis}") for axis in ("left", "up", "ahead")], axis=1)
    root[:, 1] += STANDING_PELVIS_M
    heights = [root[:, 1]]
    for side in SIDES:
        across = (root + _hip(side, pelvis) - _standing_ankle(poses, side))[:, [0, 2]]
        reach = _LONGEST_REACH * (_THIGH_M + _SHIN_M)
        rise = np.sqrt(np.maximum(reach**2 - (across**2).sum(1), 0.01))
        limit = _standing_ankle(poses, side)[:, 1] + rise - _hip(side, pelvis)[:, 1]
        heights.append(limit + _get(poses, f"{side}_leg_free")[:, 0])
    root[:, 1] = -_SOFTNESS_M * np.log(sum(np.exp(-height / _SOFTNESS_M) for height in heights))
    return root


def _chest_turn(poses: Values, pelvis: Values, share: float = 1.0) -> Values:
    """Turn the spine against the pelvis; its lower part by a share of the angle only."""
    twist, bend, tilt = (share * _get(poses, f"trunk_{name}") for name in ("twist", "bend", "tilt"))
    turn: Values = pelvis @ _about(_UP, twist) @ _about(_LEFT, bend) @ _about(_AHEAD, -tilt)
    return turn


def _trunk(poses: Values, root: Values, pelvis: Values, chest: Values) -> dict[str, Values]:
    nod, turn = _get(poses, "head_nod"), _get(poses, "head_turn")
    middle = root + _chest_turn(poses, pelvis, share=0.45) @ _WAIST_M
    top = middle + chest @ _CHEST_M
    neck = top + chest @ _about(_LEFT, 0.4 * nod) @ _NECK_M
    head = neck + chest @ _about(_UP, turn) @ _about(_LEFT, nod) @ _HEAD_M
    return {"spine_base": root, "spine_middle": middle, "spine_shoulder": top, "neck": neck, "head": head}


def _arm(poses: Values, side: str, top: Values, chest: Values) -> dict[str, Values]:
    raised, out, roll, elbow = (
        np.radians(_get(poses, f"{side}_{name}")) for name in ("arm_raise", "arm_out", "arm_roll", "elbow")
    )
    # An arm raised high raises its shoulder too.
    lifted = _get(poses, f"{side}_shrug") + 0.13 * np.maximum(np.degrees(raised) - 40.0, 0.0)
    clavicle = _mirrored(side, _about(_AHEAD, lifted) @ _CLAVICLE_M)
    level = np.sin(out) * _LEFT + np.cos(out) * _AHEAD
    hinge = np.cross(-_UP, level)
    upper = np.cos(raised) * -_UP + np.sin(raised) * level
    front = (
        np.cos(raised) * _AHEAD
        + np.sin(raised) * np.cross(hinge, _AHEAD)
        + (1 - np.cos(raised)) * (hinge @ _AHEAD)[:, None] * hinge
    )
    bent = np.cos(roll) * front - np.sin(roll) * np.cross(upper, front)
    forearm = np.cos(elbow) * upper + np.sin(elbow) * bent
    thumb = 0.75 * forearm + 0.66 * (np.cos(elbow) * bent - np.sin(elbow) * upper)
    upper, forearm, thumb = (_apply(chest, _mirrored(side, way)) for way in (upper, forearm, thumb))
    shoulder = top + _apply(chest, clavicle)
    wrist = shoulder + _UPPER_ARM_M * upper + _FOREARM_M * forearm
    hand = wrist + _HAND_M * forearm
    return {
        "shoulder": shoulder,
        "elbow": shoulder + _UPPER_ARM_M * upper,
        "wrist": wrist,
        "hand": hand,
        "hand_tip": hand + _TIP_M * forearm,
        "thumb": hand + _THUMB_M * _unit(thumb),
    }


def _leg(poses: Values, side: str, root: Values, pelvis: Values) -> dict[str, Values]:
    free = _get(poses, f"{side}_leg_free")
    facing = _about(_UP, _get(poses, f"{side}_foot_yaw"))
    left, ahead = facing @ _LEFT, facing @ _AHEAD
    hip = root + _hip(side, pelvis)
    standing = _standing_ankle(poses, side)
    toe = standing + _apply(facing, _about(_LEFT, _get(poses, f"{side}_foot_pitch")) @ _FOOT_M)

    raised, out, knee = (np.radians(_get(poses, f"{side}_{name}")) for name in ("leg_raise", "leg_out", "knee"))
    level = np.cos(out) * ahead + np.sin(out) * (left if side == "left" else -left)
    thigh = np.cos(raised) * -_UP + np.sin(raised) * level
    shin = np.cos(raised - knee) * -_UP + np.sin(raised - knee) * level
    hanging = hip + _THIGH_M * thigh + _SHIN_M * shin

    line = (1 - free) * standing + free * hanging - hip
    reach = np.linalg.norm(line, axis=1, keepdims=True)
    line = line / reach
    reach = np.clip(reach, _SHORTEST_REACH * (_THIGH_M + _SHIN_M), 0.9995 * (_THIGH_M + _SHIN_M))
    along = (reach**2 + _THIGH_M**2 - _SHIN_M**2) / (2 * reach)
    # The knee leaves the line from hip to ankle to the front, never to the back.
    bent = hip + along * line + np.sqrt(_THIGH_M**2 - along**2) * _unit(np.cross(line, left))
    ankle = hip + reach * line

    drop = _unit(ankle - bent)
    pointed = np.cos(0.5) * np.cross(drop, left) + np.sin(0.5) * drop
    foot = _unit((1 - free) * _unit(toe - ankle) + free * _unit(pointed))
    return {"hip": hip, "knee": bent, "ankle": ankle, "foot": ankle + np.linalg.norm(_FOOT_M) * foot}


def _hip(side: str, pelvis: Values) -> Values:
    return _apply(pelvis, _mirrored(side, _HIP_M[None]))


def _standing_ankle(poses: Values, side: str) -> Values:
    ankle = np.concatenate([_get(poses, f"{side}_foot_{axis}") for axis in ("left", "up", "ahead")], axis=1)
    ankle[:, 1] += ANKLE_HEIGHT_M
    return ankle


def _about(axis: Values, degrees: Values) -> Values:
    """Turn about one of the stage's axes. degrees: (T, 1) -> (T, 3, 3)."""
    angle = np.radians(degrees)[..., None]
    cross = np.cross(np.eye(3), axis)
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross), np.float64)


def _apply(turn: Values, vectors: Values) -> Values:
    return np.asarray(np.einsum("tij,tj->ti", turn, np.broadcast_to(vectors, (len(turn), 3))), np.float64)


def _mirrored(side: str, vectors: Values) -> Values:
    return vectors if side == "left" else vectors * np.array([-1.0, 1.0, 1.0])


def _unit(vectors: Values) -> Values:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float64)
