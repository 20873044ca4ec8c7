"""Move the demo figure: smoothly through key poses, lifting its feet."""

from collections.abc import Sequence

import numpy as np

from hitrs_live.sources.demo.figure import CHANNEL, CHANNELS, SIDES, Values

RATE_HZ = 30.0
_LIFT_M = 0.07


def pose(start: Values, **changes: float) -> Values:
    """Change some channels of a pose; a name without a side (`elbow`) changes both. Raises KeyError for no channel."""
    changed = start.copy()
    for name, value in changes.items():
        names = [name] if name in CHANNEL else [f"{side}_{name}" for side in SIDES]
        for one in names:
            changed[CHANNEL[one]] = value
    return changed


def glide(times_s: Sequence[float], keys: Values, at_s: Values) -> Values:
    """Interpolate key values as a limb moves: at rest where it reverses, without a stop elsewhere.

    Quintics with no acceleration at the keys; between two keys of rest that is the minimum-jerk movement.
    times_s: K increasing times; keys: (K, C); at_s: (T,), clamped to the first and last key. Returns (T, C).
    """
    times = np.asarray(times_s, np.float64)
    spans = np.diff(times)[:, None]
    steps = np.diff(keys, axis=0)
    slopes = steps / spans
    product = slopes[:-1] * slopes[1:]
    mean = np.divide(2 * product, slopes[:-1] + slopes[1:], out=np.zeros_like(product), where=product > 0)
    speeds = np.concatenate([np.zeros_like(keys[:1]), mean, np.zeros_like(keys[:1])])

    piece = np.clip(np.searchsorted(times, at_s, side="right") - 1, 0, len(spans) - 1)
    s = np.clip((at_s - times[piece]) / spans[piece, 0], 0.0, 1.0)[:, None]
    gap, leave, arrive = steps[piece], speeds[:-1][piece] * spans[piece], speeds[1:][piece] * spans[piece]
    return np.asarray(
        keys[:-1][piece]
        + leave * s
        + (10 * gap - 6 * leave - 4 * arrive) * s**3
        + (-15 * gap + 8 * leave + 7 * arrive) * s**4
        + (6 * gap - 3 * leave - 3 * arrive) * s**5,
        np.float64,
    )


def instants(seconds: float) -> Values:
    """Return the frame times of a movement of this length, without the first frame of the next one."""
    return np.arange(round(seconds * RATE_HZ)) / RATE_HZ


def through(start: Values, *keys: tuple[float, Values]) -> Values:
    """Move from a pose through keys, each (seconds since the key before, pose). Returns (T, channels)."""
    times = np.cumsum([0.0, *(seconds for seconds, _ in keys)])
    return glide([float(time) for time in times], np.stack([start, *(key for _, key in keys)]), instants(times[-1]))


def change_stance(start: Values, goal: Values, seconds: float) -> Values:
    """Change to another pose whose feet stand elsewhere: one foot is lifted and moved, then the other."""
    poses = through(start, (seconds, goal))
    half = seconds / 2
    for order, side in enumerate(SIDES):
        place = [CHANNEL[f"{side}_foot_{axis}"] for axis in ("left", "ahead", "yaw")]
        up = CHANNEL[f"{side}_foot_up"]
        if np.allclose(start[place], goal[place]):
            continue
        begin = order * half
        times = [begin + share * half for share in (0.1, 0.5, 0.9)]
        middle = (start[place] + goal[place]) / 2
        poses[:, place] = glide(times, np.stack([start[place], middle, goal[place]]), instants(seconds))
        poses[:, [up]] = glide(times, np.array([[0.0], [0.6 * _LIFT_M], [0.0]]), instants(seconds))
    return poses


def point_arm(poses: Values, side: str, outward_up_ahead: Values, share: Values | float = 1.0) -> None:
    """Point the upper arm: (T, 3), to its own side, up and ahead of the chest; blended in by share (T,)."""
    way = outward_up_ahead / np.linalg.norm(outward_up_ahead, axis=1, keepdims=True)
    for name, value in (
        ("arm_raise", np.degrees(np.arccos(-way[:, 1]))),
        ("arm_out", np.degrees(np.arctan2(way[:, 0], way[:, 2]))),
    ):
        column = CHANNEL[f"{side}_{name}"]
        poses[:, column] += share * (value - poses[:, column])


def neutral() -> Values:
    """Return the pose of a person who stands and waits: (channels,)."""
    return pose(
        np.zeros(len(CHANNELS)),
        arm_raise=11.0, arm_out=75.0, arm_roll=-10.0, elbow=16.0, head_nod=4.0, pelvis_lean=2.0, trunk_bend=-1.0,
        left_foot_left=0.13, right_foot_left=-0.13, left_foot_yaw=9.0, right_foot_yaw=-9.0,
    )  # fmt: skip
