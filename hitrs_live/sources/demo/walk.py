"""Make the demo figure walk: footsteps on the floor first, then a body that moves over them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hitrs_live.sources.demo.figure import CHANNEL, SIDES, Values
from hitrs_live.sources.demo.motion import glide, instants, point_arm

_EASE_S = 0.5
"""How long an arm takes to rise at the beginning of a walk, and to fall at its end."""


@dataclass(frozen=True, kw_only=True)
class Footstep:
    """Say where a foot is set down next: metres on the stage, degrees to the left."""

    side: str
    left_m: float
    ahead_m: float
    yaw_deg: float


def walk(stance: Values, steps: Sequence[Footstep], *, step_s: float) -> Values:
    """Walk over given footsteps, arms swinging against the legs. Returns (T, channels).

    stance: the pose it starts from, whose feet are where the first step starts.
    """
    at_s = instants(step_s * len(steps))
    poses = np.repeat(stance[None], len(at_s), axis=0)
    for side in SIDES:
        _swing_foot(poses, side, steps, step_s, at_s)
    _carry_pelvis(poses, stance, steps, step_s, at_s)
    _swing_arms(poses, steps, step_s, at_s)
    return poses


def _swing_foot(poses: Values, side: str, steps: Sequence[Footstep], step_s: float, at_s: Values) -> None:
    columns = [CHANNEL[f"{side}_foot_{axis}"] for axis in ("left", "ahead", "yaw", "up", "pitch")]
    here = np.append(poses[0, columns[:3]], [0.0, 0.0])
    times, keys = [0.0], [here]
    for number, step in enumerate(steps):
        if step.side != side:
            continue
        begin = number * step_s
        there = np.array([step.left_m, step.ahead_m, step.yaw_deg, 0.0, 0.0])
        # A longer step lifts the heel and the foot higher.
        vigour = min(1.0, float(np.hypot(*(there - here)[:2])) / 0.8)
        heel_up = here + np.array([0, 0, 0, 0.060, 32.0]) * vigour
        passing = 0.45 * here + 0.55 * there + np.array([0, 0, 0, 0.045 + 0.06 * vigour, 25.0 * vigour])
        heel_down = 0.04 * here + 0.96 * there + np.array([0, 0, 0, 0.010 + 0.02 * vigour, -14.0 * vigour])
        if begin - 0.35 * step_s > times[-1]:
            times.append(begin - 0.35 * step_s)
            keys.append(here)
        if begin > times[-1]:
            times.append(begin)
            keys.append(heel_up)
        times += [begin + share * step_s for share in (0.45, 0.86, 1.0)]
        keys += [passing, heel_down, there]
        here = there
    poses[:, columns] = glide(times, np.stack(keys), at_s)


def _carry_pelvis(poses: Values, stance: Values, steps: Sequence[Footstep], step_s: float, at_s: Values) -> None:
    places = {side: stance[[CHANNEL[f"{side}_foot_{axis}"] for axis in ("left", "ahead", "yaw")]] for side in SIDES}
    rest = stance[[CHANNEL[f"pelvis_{axis}"] for axis in ("left", "ahead", "yaw")]]
    times, keys = [0.0], [rest]
    for number, step in enumerate(steps):
        places[step.side] = np.array([step.left_m, step.ahead_m, step.yaw_deg])
        keys.append(0.5 * (places["left"] + places["right"]))
        times.append((number + 1) * step_s)
    columns = [CHANNEL[f"pelvis_{axis}"] for axis in ("left", "ahead", "yaw")]
    poses[:, columns] = glide(times, np.stack(keys), at_s)
    poses[:, CHANNEL["pelvis_lean"]] += 3.0 * _ease_in_out(at_s)


def _swing_arms(poses: Values, steps: Sequence[Footstep], step_s: float, at_s: Values) -> None:
    """Swing each arm with the other side's leg."""
    times = [0.0, *((number + 1) * step_s for number in range(len(steps)))]
    beat = [0.0, *(1.0 if step.side == "right" else -1.0 for step in steps[:-1]), 0.0]
    swing = glide(times, np.array(beat)[:, None], at_s)[:, 0]
    poses[:, CHANNEL["trunk_twist"]] -= 6.0 * swing
    for side, sign in (("left", 1.0), ("right", -1.0)):
        ahead = 4.0 + 22.0 * sign * swing
        direction = np.stack([np.full_like(ahead, 0.16), -np.cos(np.radians(ahead)), np.sin(np.radians(ahead))], axis=1)
        point_arm(poses, side, direction, share=_ease_in_out(at_s))
        poses[:, CHANNEL[f"{side}_elbow"]] += 10.0 * (1.0 + sign * swing) * _ease_in_out(at_s)


def _ease_in_out(at_s: Values) -> Values:
    times = [0.0, _EASE_S, max(at_s[-1] - _EASE_S, _EASE_S + 0.1), at_s[-1] + 0.1]
    return glide(times, np.array([[0.0], [1.0], [1.0], [0.0]]), at_s)[:, 0]


def turn_on_the_spot(left_m: float, yaw_from: float, yaw_to: float) -> list[Footstep]:
    """Step around in place, the foot on the inner side first."""
    count = max(2, round(abs(yaw_to - yaw_from) / 45.0))
    inner = "left" if yaw_to > yaw_from else "right"
    outer = "right" if inner == "left" else "left"
    steps = []
    for number in range(count):
        yaw = yaw_from + (yaw_to - yaw_from) * min(1.0, (number + 1) / (count - 1))
        steps.append(_footstep(inner if number % 2 == 0 else outer, left_m, 0.0, yaw))
    return steps


def straight(from_m: float, to_m: float, *, heading: float, first: Footstep) -> list[Footstep]:
    """Walk along the stage's left-right line, the last foot drawn up beside the other."""
    count = max(2, round(abs(to_m - from_m) / 0.55))
    side = first.side
    steps = []
    for number in range(count + 1):
        side = "right" if side == "left" else "left"
        place = from_m + (to_m - from_m) * min(1.0, (number + 1) / count)
        steps.append(_footstep(side, place, 0.0, heading))
    return steps


def _footstep(side: str, left_m: float, ahead_m: float, yaw_deg: float) -> Footstep:
    """Set a foot beside the line of walking, 9 cm to its own side."""
    aside = 0.09 if side == "left" else -0.09
    yaw = np.radians(yaw_deg)
    return Footstep(
        side=side,
        left_m=left_m + aside * float(np.cos(yaw)),
        ahead_m=ahead_m - aside * float(np.sin(yaw)),
        yaw_deg=yaw_deg,
    )
