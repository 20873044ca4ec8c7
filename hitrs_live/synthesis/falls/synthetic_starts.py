"""Make starts of falls without recordings: standing, sitting and walking people."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.synthesis.falls.body_shape import BodyShape, Floats, from_physics, standard_shape
from hitrs_live.synthesis.falls.humanoid import Humanoid
from hitrs_live.synthesis.falls.pose_fit import PoseFitter
from hitrs_live.synthesis.falls.starts import FittedStart
from hitrs_live.synthesis.falls.stepping import Footfall, ankle_path, follow_feet

FRAMES: Final = 75
_SWAY_HZ: Final = 0.45
_ANKLE_SHARE: Final = 0.045


def standing_start(rng: np.random.Generator, *, shape: BodyShape | None = None) -> FittedStart:
    """Draw a person who stands with slow sway: arms hanging, before the body, raised or on the hips."""
    humanoid = Humanoid.build(shape or standard_shape())
    angles = np.zeros((FRAMES, len(humanoid.hinges)))
    _set(humanoid, angles, {"thigh_flex": rng.uniform(0, 12), "thigh_raise": rng.uniform(0, 9)})
    bent = rng.uniform(0, 20)
    _set(humanoid, angles, {"shank_flex": bent, "foot_flex": bent / 2})
    _arms(humanoid, angles, rng)
    _trunk(humanoid, angles, rng, bend_deg=rng.uniform(-4, 15))
    return _finish(humanoid, angles, rng)


def sitting_start(rng: np.random.Generator, *, shape: BodyShape | None = None) -> FittedStart:
    """Draw a person who sits on a seat with the feet on the floor."""
    humanoid = Humanoid.build(shape or standard_shape())
    angles = np.zeros((FRAMES, len(humanoid.hinges)))
    hip, knee = rng.uniform(72, 95), rng.uniform(72, 100)
    _set(humanoid, angles, {"thigh_flex": hip, "thigh_raise": rng.uniform(0, 15), "shank_flex": knee})
    _set(humanoid, angles, {"foot_flex": float(np.clip(knee - hip, -20, 20))})
    _arms(humanoid, angles, rng)
    _trunk(humanoid, angles, rng, bend_deg=rng.uniform(-5, 20))
    return _finish(humanoid, angles, rng)


def walking_start(rng: np.random.Generator, *, shape: BodyShape | None = None) -> FittedStart:
    """Draw a person who walks straight ahead, at 0.8 to 1.8 metres a second for an adult."""
    humanoid = Humanoid.build(shape or standard_shape())
    h = humanoid.shape.height_m
    speed, step_s = rng.uniform(0.8, 1.8) * np.sqrt(h / 1.7), rng.uniform(0.46, 0.62)
    angles = np.zeros((FRAMES, len(humanoid.hinges)))
    times = np.arange(FRAMES) / RATE_HZ
    _trunk(humanoid, angles, rng, bend_deg=rng.uniform(0, 8))
    _arms(humanoid, angles, rng, hanging=True)
    swing = np.sin(np.pi * times / step_s)
    for side, sign in (("left", 1), ("right", -1)):
        angles[:, humanoid.hinges[f"{side}_upper_arm_flex"] - 7] += sign * np.radians(rng.uniform(14, 26)) * swing
    legs = humanoid.shape.lengths_m["thigh"] + humanoid.shape.lengths_m["shank"]
    qpos = np.zeros((FRAMES, humanoid.model.nq))
    qpos[:, 3], qpos[:, 7:] = 1, angles
    qpos[:, 0] = speed * times
    height = legs - humanoid.shape.hip_m[2] + _ANKLE_SHARE * h
    qpos[:, 2] = height - 0.035 * h + 0.012 * h * np.cos(2 * np.pi * times / step_s)
    half = rng.uniform(0.03, 0.055) * h
    qpos[:, 1] = 0.25 * half * np.sin(np.pi * times / step_s)
    ankles = [_walking_ankle(times, foot, speed, step_s, half, h) for foot in range(2)]
    qpos = follow_feet(PoseFitter(humanoid), humanoid, qpos, ankles, 0.0)
    return FittedStart(shape=humanoid.shape, qpos=_turned(qpos, rng), error_m=np.zeros(FRAMES))


def start_joints(start: FittedStart) -> NDArray[np.float32]:
    """Return (T, 25, 3), metres, y up: the joints of a start."""
    fitter = PoseFitter(Humanoid.build(start.shape))
    return from_physics(fitter.joints_of(start.qpos)).astype(np.float32)


def _walking_ankle(times: Floats, foot: int, speed: float, step_s: float, half_m: float, height_m: float) -> Floats:
    """Return (F, 4): an ankle that swings during every second step of the walk."""
    side, stride = (1 - 2 * foot) * half_m, 2 * speed * step_s
    first = -step_s if foot == 0 else 0.0
    swings = np.arange(first, times[-1], 2 * step_s)
    # A foot comes down half a step ahead of the pelvis.
    place = speed * (first + step_s) + stride / 4
    lift, ground = 0.05 * height_m, _ANKLE_SHARE * height_m
    falls = []
    for number, at in enumerate(swings):
        target = np.array([place + stride * number, side])
        falls.append(Footfall(foot=foot, start_s=float(at), duration_s=0.95 * step_s, target_m=target, lift_m=lift))
    start = np.array([place - stride, side, ground])
    return ankle_path(times, start, ground, falls, foot)


def _set(humanoid: Humanoid, angles: Floats, degrees: dict[str, float]) -> None:
    for name, value in degrees.items():
        for side in ("left", "right"):
            angles[:, humanoid.hinges[f"{side}_{name}"] - 7] = np.radians(value)


def _trunk(humanoid: Humanoid, angles: Floats, rng: np.random.Generator, *, bend_deg: float) -> None:
    times = np.arange(len(angles)) / RATE_HZ
    for name, mean in (("abdomen_bend", bend_deg), ("chest_bend", bend_deg / 2), ("head_bend", rng.uniform(-10, 25))):
        sway = np.sin(2 * np.pi * _SWAY_HZ * times + rng.uniform(0, 2 * np.pi))
        angles[:, humanoid.hinges[name] - 7] = np.radians(mean + rng.uniform(0.3, 1.5) * sway)
    angles[:, humanoid.hinges["head_turn"] - 7] = np.radians(rng.normal(0, 15))


def _arms(humanoid: Humanoid, angles: Floats, rng: np.random.Generator, *, hanging: bool = False) -> None:
    for side in ("left", "right"):
        style = 0 if hanging else rng.integers(4)
        flex, raised, elbow = (
            (rng.uniform(-10, 15), rng.uniform(2, 15), rng.uniform(5, 35)),
            (rng.uniform(20, 70), rng.uniform(0, 20), rng.uniform(40, 110)),
            (rng.uniform(-30, -10), rng.uniform(30, 50), rng.uniform(80, 110)),
            (rng.uniform(90, 160), rng.uniform(0, 30), rng.uniform(0, 80)),
        )[style]
        for name, value in (("upper_arm_flex", flex), ("upper_arm_raise", raised), ("forearm_flex", elbow)):
            angles[:, humanoid.hinges[f"{side}_{name}"] - 7] = np.radians(value)


def _finish(humanoid: Humanoid, angles: Floats, rng: np.random.Generator) -> FittedStart:
    qpos = np.zeros((len(angles), humanoid.model.nq))
    qpos[:, 3], qpos[:, 7:] = 1, angles
    qpos = PoseFitter(humanoid).stand_on_floor(qpos, keep_flight=False)
    return FittedStart(shape=humanoid.shape, qpos=_turned(qpos, rng), error_m=np.zeros(len(qpos)))


def _turned(qpos: Floats, rng: np.random.Generator) -> Floats:
    """Turn everything about the vertical by a drawn angle, from a heading of +x."""
    yaw = rng.uniform(-np.pi, np.pi)
    cosine, sine = np.cos(yaw), np.sin(yaw)
    out = qpos.copy()
    out[:, :2] = qpos[:, :2] @ np.array([[cosine, sine], [-sine, cosine]])
    w, x, y, z = qpos[:, 3:7].T
    c, s = np.cos(yaw / 2), np.sin(yaw / 2)
    out[:, 3:7] = np.stack([c * w - s * z, c * x - s * y, c * y + s * x, c * z + s * w], axis=1)
    return out
