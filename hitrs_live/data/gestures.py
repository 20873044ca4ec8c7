"""Invent what arms do all day: reach, carry, wave, wipe, stir, clap, scratch.

Recordings of exercises and strikes hold little of it, so a model that learned from them alone takes whatever arms do
for the nearest strike. Here a body that was recorded keeps its legs, while its trunk sways and its hands follow paths
that nobody recorded: from place to place as hands move (minimum jerk: Flash and Hogan, 1985), shaking at some of them;
elbows follow by the law of cosines.
"""

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.sensor_noise import smooth_noise
from hitrs_live.skeleton import NTU25

Floats = NDArray[np.float32]
_Axes = tuple[Floats, Floats, Floats]
"""To the left, up and ahead, (T, 3) each."""

_RATE_HZ = 30
_MOVE_S = (0.25, 1.2)
_STAY_S = (0.0, 1.5)
_SHAKE_HZ = (1.0, 3.5)
_SHAKE_ARMS = (0.05, 0.3)
_REACH_ARMS = (0.35, 0.93)
"""How far from the shoulder hands go, in lengths of the arm: never quite straight, as an arm lifted for exercise is."""
_THRUST_S = 0.6
"""The least that one hand takes straight to the front: quicker would be a punch. Both at once push."""
_SWING_SHARE = 0.15
_SWINGS = (1.0, 5.0)
_SWING_HZ = (0.5, 1.8)
_QUICK_HZ = 0.9
"""From here on a straight arm that swings is no exercise, wherever it hangs between."""
_STRAIGHT = 0.96
"""Of the arm's length: as far as `_lay_arm` lets a hand go."""
_IDLE = ("both", "left", "right", "neither", "together", "together")
"""Which arm does nothing; together both do the same."""
_SWAY_DEG = {"turn": 12.0, "lean": 10.0}
_LEGS = ("hip", "knee", "ankle", "foot")
_UPPER = [i for i, joint in enumerate(NTU25.joints) if joint != "spine_base" and not joint.endswith(_LEGS)]


def gesture(joints_m: Floats, rng: np.random.Generator) -> Floats:
    """Let a body's arms do what nobody recorded. joints_m: (T, 25, 3) at 30 Hz, y up. Returns the same shape.

    Bones keep their mean lengths, the legs their places.
    """
    joints = _sway(joints_m, rng)
    # Arms move none of the joints that the trunk's axes are found by.
    axes = _axes(joints)
    frames = len(joints)
    both, idle = hand_path(frames, rng, thrust_s=0.0), rng.choice(_IDLE)
    for side in ("left", "right"):
        if idle == "together":
            path = both
        elif idle in (side, "both"):
            path = np.tile(_resting_place(rng), (frames, 1))
        else:
            path = hand_path(frames, rng)
        _lay_arm(joints, axes, side, path, rng)
    return joints


def hand_path(frames: int, rng: np.random.Generator, *, thrust_s: float = _THRUST_S) -> Floats:
    """Draw where a hand is, seen from its shoulder. Returns (T, 3): outward, up, ahead, in lengths of the arm.

    thrust_s: the least that it takes to the front.
    """
    place = home = _resting_place(rng)
    parts: list[Floats] = []
    left = frames
    while left > 0:
        if rng.random() < _SWING_SHARE:
            stay = _swing(rng)
            goal = stay[0]
        else:
            goal = home if rng.random() < 0.3 else _place(rng)
            stay = _stay(goal, rng)
        seconds = rng.uniform(*_MOVE_S)
        if goal[2] > 0.6:
            seconds = max(seconds, thrust_s)
        parts += [_minimum_jerk(place, goal, max(2, round(seconds * _RATE_HZ))), stay]
        left -= sum(len(part) for part in parts[-2:])
        place = stay[-1] if len(stay) else goal
    return np.concatenate(parts)[:frames]


def _resting_place(rng: np.random.Generator) -> Floats:
    """Choose where a hand is while it does nothing: beside the thigh, before the belly, on the hip."""
    places = ((0.1, -0.93, 0.08), (-0.25, -0.6, 0.4), (0.3, -0.62, 0.05))
    place = places[rng.choice(3, p=(0.6, 0.25, 0.15))] + rng.normal(0, 0.05, 3)
    return place.astype(np.float32)


def _place(rng: np.random.Generator) -> Floats:
    """Choose anywhere that a hand gets to without effort."""
    direction = rng.uniform((-0.8, -1.0, -0.3), (1.0, 1.0, 1.0))
    length = max(float(np.linalg.norm(direction)), 0.1)
    return (direction / length * rng.uniform(*_REACH_ARMS)).astype(np.float32)


def _minimum_jerk(begin: Floats, end: Floats, frames: int) -> Floats:
    at = np.linspace(0, 1, frames, dtype=np.float32)[:, None]
    return begin + (end - begin) * at**3 * (10 - 15 * at + 6 * at * at)


def _stay(place: Floats, rng: np.random.Generator) -> Floats:
    """Stay at a place, shaking the hand in two of five cases. Returns (T, 3)."""
    frames = round(rng.uniform(*_STAY_S) * _RATE_HZ)
    still = np.tile(place, (frames, 1))
    if rng.random() >= 0.4:
        return still
    times = np.arange(frames) / _RATE_HZ
    swing = np.sin(2 * np.pi * rng.uniform(*_SHAKE_HZ) * times) * np.minimum(1, times / 0.2)
    direction = rng.normal(0, 1, 3)
    direction *= rng.uniform(*_SHAKE_ARMS) / np.linalg.norm(direction)
    return (still + swing[:, None] * direction).astype(np.float32)


def _swing(rng: np.random.Generator) -> Floats:
    """Swing a straight arm up and down, between aside and ahead, as people wave to somebody far. Returns (T, 3).

    It goes to and fro in one plane, where an arm that circles does not, and hangs down between only if it is quick.
    """
    rate_hz = rng.uniform(*_SWING_HZ)
    lowest_deg = -70.0 if rate_hz >= _QUICK_HZ else -20.0
    low_deg = rng.uniform(lowest_deg, 40.0)
    high_deg = min(low_deg + rng.uniform(30.0, 120.0), 88.0)
    times = np.arange(max(2, round(rng.uniform(*_SWINGS) / rate_hz * _RATE_HZ))) / _RATE_HZ
    up = np.radians(low_deg + (high_deg - low_deg) * (1 - np.cos(2 * np.pi * rate_hz * times)) / 2)
    ahead = np.radians(rng.uniform(-15.0, 90.0))
    path = np.stack((np.cos(up) * np.cos(ahead), np.sin(up), np.cos(up) * np.sin(ahead)), axis=1)
    return (_STRAIGHT * path).astype(np.float32)


def _sway(joints: Floats, rng: np.random.Generator) -> Floats:
    """Turn and lean everything above the hips by slow, random angles."""
    strength = rng.random()
    turn = np.radians(_SWAY_DEG["turn"]) * strength * smooth_noise(rng, len(joints), ())
    lean = np.radians(_SWAY_DEG["lean"]) * strength * smooth_noise(rng, len(joints), ())
    axes = np.stack(_axes(joints), axis=1)
    cos_turn, sin_turn, cos_lean, sin_lean = np.cos(turn), np.sin(turn), np.cos(lean), np.sin(lean)
    nothing, one = np.zeros_like(turn), np.ones_like(turn)
    turned = np.stack((cos_turn, nothing, -sin_turn, nothing, one, nothing, sin_turn, nothing, cos_turn), axis=1)
    leant = np.stack((one, nothing, nothing, nothing, cos_lean, sin_lean, nothing, -sin_lean, cos_lean), axis=1)
    inside = turned.reshape(-1, 3, 3) @ leant.reshape(-1, 3, 3)
    swayed = joints.copy()
    hips = joints[:, [NTU25.root]]
    swayed[:, _UPPER] = hips + (joints[:, _UPPER] - hips) @ np.swapaxes(axes, 1, 2) @ inside @ axes
    return swayed


def _axes(joints: Floats) -> _Axes:
    """Find the trunk's axes in every frame: to its left, up and ahead. joints: (T, 25, 3). Returns (T, 3) each."""
    up = _unit(joints[:, NTU25.index("spine_shoulder")] - joints[:, NTU25.root])
    across = joints[:, NTU25.index("left_shoulder")] - joints[:, NTU25.index("right_shoulder")]
    across = _unit(across - (across * up).sum(-1, keepdims=True) * up)
    return across, up, np.cross(across, up).astype(np.float32)


def _lay_arm(joints: Floats, axes: _Axes, side: str, path: Floats, rng: np.random.Generator) -> None:
    """Put one arm where its hand goes, in place. joints: (T, 25, 3); axes: the trunk's; path: (T, 3) of `hand_path`."""
    shoulder, elbow, wrist, hand, tip, thumb = (
        NTU25.index(f"{side}_{part}") for part in ("shoulder", "elbow", "wrist", "hand", "hand_tip", "thumb")
    )
    upper, fore, palm = (_length(joints, a, b) for a, b in ((shoulder, elbow), (elbow, wrist), (wrist, hand)))
    finger, side_finger = _length(joints, hand, tip), _length(joints, hand, thumb)

    across, up, ahead = axes
    outward = across if side == "left" else -across
    expected = path[:, :1] * outward + path[:, 1:2] * up + path[:, 2:] * ahead
    reach = np.linalg.norm(expected, axis=-1, keepdims=True) * (upper + fore)
    towards = _unit(expected)
    reach = np.clip(reach, abs(upper - fore) + 0.05 * (upper + fore), 0.97 * (upper + fore))
    # The law of cosines: how far along the line to the hand the elbow lies, and how far beside it.
    along = (upper**2 - fore**2 + reach**2) / (2 * reach)
    beside = np.sqrt(np.maximum(upper**2 - along**2, 0))
    out, down, back = rng.normal((0.5, 0.8, 0.3), 0.35)
    hangs = out * outward - down * up - back * ahead
    joints[:, elbow] = joints[:, shoulder] + along * towards + beside * _unit(_across_line(hangs, towards))
    joints[:, wrist] = joints[:, shoulder] + reach * towards

    forearm = _unit(joints[:, wrist] - joints[:, elbow])
    aside = smooth_noise(rng, len(joints), (3,))
    bent = _unit(forearm + 0.5 * (aside[:, :1] * outward + aside[:, 1:2] * up + aside[:, 2:] * ahead))
    joints[:, hand] = joints[:, wrist] + palm * bent
    joints[:, tip] = joints[:, hand] + finger * bent
    joints[:, thumb] = joints[:, hand] + side_finger * _unit(bent + _unit(_across_line(ahead - outward, bent)))


def _across_line(vectors: Floats, line: Floats) -> Floats:
    """Take the part of vectors (T, 3) that is square to unit vectors (T, 3)."""
    square: Floats = vectors - (vectors * line).sum(-1, keepdims=True) * line
    return square


def _length(joints: Floats, one: int, other: int) -> np.float32:
    length: np.float32 = np.linalg.norm(joints[:, one] - joints[:, other], axis=-1).mean()
    return length


def _unit(vectors: Floats) -> Floats:
    unit: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6)
    return unit
