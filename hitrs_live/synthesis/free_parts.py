"""Move what an action leaves free: arms, gaze, trunk, stance and weight.

Independence is the point: a squat is a squat with hanging arms, arms ahead, on the hips, crossed, overhead or holding
something. Habits of the arms are data, `programs/parts/arm_habits.toml`.
"""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.gestures import hand_path
from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.synthesis.channels import ARMS, INDEX, PIN_FRAMES, SIDES, columns, standing
from hitrs_live.synthesis.program import Range, draw_range, places
from hitrs_live.synthesis.smoothing import drift, ease, smooth

Floats = NDArray[np.floating]

_HABIT_S: Final = (2.0, 12.0)
_CHANGE_S: Final = (0.4, 1.2)
_STANCE_S: Final = (3.0, 15.0)
_GAZE_S: Final = (0.6, 5.0)
_ARM_DRIFT_DEG: Final = 4.0
_HANGS: Final = 0.95
"""Share of the trunk's lean by which arms stay behind it."""
_PENDULUM_S: Final = 0.1
"""How slowly arms follow."""
_FARTHEST_BEHIND_DEG: Final = -60.0
"""Plane from which on an arm behind the body counts as one ahead that is raised backwards."""
_SWING_SHARE: Final = 0.3
"""Share of stretches of a habit in which the arms swing a little."""


class _Habit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    weight: float = 1.0
    angles: dict[str, Range] = {}
    hands: str = "free"
    elbow_out: Range = (-10.0, 40.0)
    one_sided: bool = False
    """Whether the other arm has a habit of its own."""
    reaches: bool = False
    """Whether the hands go from place to place."""
    hangs: bool = False


class _Habits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    habit: tuple[_Habit, ...]


@cache
def _habits() -> tuple[_Habit, ...]:
    text = files("hitrs_live.synthesis").joinpath("programs", "parts", "arm_habits.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _Habits).habit


def free_channels(frames: int, rng: np.random.Generator) -> Floats:
    """Draw channels of everything that an action may leave free. Returns (T, C)."""
    channels = standing(frames)
    _move_trunk(channels, rng)
    _move_gaze(channels, rng)
    _shift_weight(channels, rng)
    for stretch in _arm_stretches(frames, rng):
        _apply_habit(channels, stretch, rng)
    for side in SIDES:
        noise = _ARM_DRIFT_DEG * drift(rng, frames, 4, 0.8)
        for column, name in enumerate(("arm.elevation", "arm.plane", "arm.rotation", "elbow")):
            channels[:, INDEX[f"{side}.{name}"]] += noise[:, column]
        channels[:, INDEX[f"{side}.wrist"]] += rng.normal(0, 12) + 8 * drift(rng, frames, 1, 0.7)[:, 0]
        channels[:, INDEX[f"{side}.pronation"]] += rng.normal(0, 25) + 12 * drift(rng, frames, 1, 1.0)[:, 0]
    return channels


def hang_with_gravity(channels: Floats, hanging: Floats) -> None:
    """Let hanging arms hang while the trunk leans, in place. channels: (T, C); hanging: (T, 2), weight by side."""
    lean = channels[:, INDEX["pelvis.pitch"]] + channels[:, INDEX["spine.flexion"]]
    for column, side in enumerate(SIDES):
        at_plane, at_raised = INDEX[f"{side}.arm.plane"], INDEX[f"{side}.arm.elevation"]
        plane, raised = np.radians(channels[:, at_plane]), np.radians(channels[:, at_raised])
        # Arms of a body that lies on its back do not hang.
        hangs = hanging[:, column] * np.clip((lean + 75) / 45, 0, 1)
        turn = np.radians(smooth((hangs * _HANGS * np.clip(lean, -30, 110))[:, None], _PENDULUM_S)[:, 0])
        # The arm's direction outward, down and ahead, turned against the lean.
        down, ahead = np.cos(raised), np.sin(raised) * np.sin(plane)
        down, ahead = down * np.cos(turn) - ahead * np.sin(turn), ahead * np.cos(turn) + down * np.sin(turn)
        outward = np.sin(raised) * np.cos(plane)
        level, around = np.hypot(outward, ahead), np.degrees(np.arctan2(ahead, outward))
        behind = around < _FARTHEST_BEHIND_DEG
        angle = np.degrees(np.arctan2(level, down))
        angle = np.where(behind, np.where(angle > 90, 360 - angle, -angle), angle)
        turned = np.abs(turn) > 1e-3
        channels[:, at_raised] = np.where(turned, angle, channels[:, at_raised])
        channels[:, at_plane] = np.where(turned, np.where(behind, around + 180, around), channels[:, at_plane])


def _move_trunk(channels: Floats, rng: np.random.Generator) -> None:
    frames = len(channels)
    slow = drift(rng, frames, 6, 1.2)
    for column, (name, mean, spread, moves) in enumerate(
        (
            ("spine.flexion", 3.0, 5.0, 3.0), ("spine.side", 0.0, 2.5, 2.5), ("spine.turn", 0.0, 6.0, 5.0),
            ("pelvis.pitch", 1.0, 3.0, 1.5), ("pelvis.turn", 0.0, 5.0, 4.0), ("pelvis.roll", 0.0, 2.0, 1.5),
        )
    ):  # fmt: skip
        channels[:, INDEX[name]] = rng.normal(mean, spread) + moves * slow[:, column]


def _move_gaze(channels: Floats, rng: np.random.Generator) -> None:
    """Turn the head from one direction to another, as in looking around."""
    at, last = 0, np.zeros(3, np.float32)
    spread = np.array((22, 10, 4), np.float32) * rng.uniform(0.3, 1.3)
    names = [INDEX["head.turn"], INDEX["head.nod"], INDEX["head.tilt"]]
    while at < len(channels):
        following = rng.normal((0, 3, 0), spread).astype(np.float32)
        change, stay = (max(2, int(rng.uniform(*limits) * RATE_HZ)) for limits in ((0.25, 0.7), _GAZE_S))
        path = np.concatenate((last + ease(change)[:, None] * (following - last), np.tile(following, (stay, 1))))
        channels[at : at + len(path), names] = path[: len(channels) - at]
        at, last = at + len(path), following


def _shift_weight(channels: Floats, rng: np.random.Generator) -> None:
    """Draw stances and shift the weight within them."""
    frames = len(channels)
    channels[:, INDEX["pelvis.x"]] = 0.02 * drift(rng, frames, 1, 1.2)[:, 0]
    channels[:, INDEX["balance"]] = 0.85
    for side in SIDES:
        for name, mean, spread in (("foot.x", 0.12, 0.05), ("foot.z", 0.0, 0.06), ("foot.yaw", 10.0, 8.0)):
            channels[:, INDEX[f"{side}.{name}"]] = _steps(frames, mean, spread, rng)
    for side in SIDES:
        column = INDEX[f"{side}.foot.x"]
        channels[:, column] = np.maximum(channels[:, column], 0.05)
    bent = 0.03 * max(rng.random() - 0.7, 0)
    channels[:, INDEX["height"]] = 1.008 - bent - np.abs(0.008 * drift(rng, frames, 1, 2.0)[:, 0])


def _steps(frames: int, mean: float, spread: float, rng: np.random.Generator) -> Floats:
    """Draw a value that changes now and then. Returns (T,)."""
    values = np.empty(frames, np.float32)
    at, last = 0, float(rng.normal(mean, spread))
    while at < frames:
        stay = int(rng.uniform(*_STANCE_S) * RATE_HZ)
        following = float(rng.normal(mean, spread))
        change = max(4, int(rng.uniform(0.25, 0.5) * RATE_HZ))
        path = np.concatenate((np.full(stay, last, np.float32), last + ease(change) * (following - last)))
        values[at : at + len(path)] = path[: frames - at]
        at, last = at + len(path), following
    return values


class _Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A habit of one arm or both from a frame on."""

    began: int
    ended: int
    sides: tuple[str, ...]
    habit: _Habit
    change: int


def _arm_stretches(frames: int, rng: np.random.Generator) -> list[_Stretch]:
    """Draw the habits of the arms over time, of both together or of each alone."""
    habits = _habits()
    weights = np.array([habit.weight for habit in habits])
    weights = weights / weights.sum()

    def draw() -> _Habit:
        return habits[rng.choice(len(habits), p=weights)]

    stretches: list[_Stretch] = []
    at = 0
    while at < frames:
        ended = min(frames, at + int(rng.uniform(*_HABIT_S) * RATE_HZ))
        if frames - ended < _CHANGE_S[1] * RATE_HZ:
            # Too short a rest to change in.
            ended = frames
        habit, change = draw(), int(rng.uniform(*_CHANGE_S) * RATE_HZ)
        sides = tuple(rng.permutation(SIDES).tolist())
        pairs = [(SIDES, habit)]
        if habit.one_sided:
            other = next(one for _ in range(100) if not (one := draw()).one_sided and not one.reaches)
            pairs = [(sides[:1], habit), (sides[1:], other)]
        stretches += [_Stretch(began=at, ended=ended, sides=who, habit=what, change=change) for who, what in pairs]
        at = ended
    return stretches


def _apply_habit(channels: Floats, stretch: _Stretch, rng: np.random.Generator) -> None:
    """Write a habit's channels, easing in from what was before."""
    frames = stretch.ended - stretch.began
    if frames < 1:
        return
    habit = stretch.habit
    together = hand_path(frames, rng) if habit.reaches and rng.random() < 0.4 else None
    drawn = {name: draw_range(value, rng) for name, value in habit.angles.items()}
    place = places().get(habit.hands)
    offsets = {axis: draw_range(getattr(place, axis), rng) for axis in "xyz"} if place else {}
    swing_hz, swings = rng.uniform(0.3, 1.2), rng.random() < _SWING_SHARE
    for side in stretch.sides:
        wanted = standing(frames)
        for name, value in drawn.items():
            wanted[:, INDEX[f"{side}.{name}"]] = value + rng.normal(0, 3)
        if swings and not place and not habit.reaches:
            time = np.arange(frames) / RATE_HZ
            wave = rng.uniform(2, 12) * np.sin(2 * np.pi * (swing_hz * time + rng.random()))
            wanted[:, INDEX[f"{side}.arm.elevation"]] += wave.astype(np.float32)
        wanted[:, INDEX[f"{side}.elbow.out"]] = draw_range(habit.elbow_out, rng)
        if place:
            wanted[:, INDEX[f"{side}.pin.{place.frame}"]] = 1
            for axis, value in offsets.items():
                wanted[:, INDEX[f"{side}.pin.{place.frame}.{axis}"]] = value + rng.normal(0, 0.015)
        if habit.reaches:
            path = together if together is not None else hand_path(frames, rng)
            wanted[:, INDEX[f"{side}.pin.chest"]] = 1
            wanted[:, [INDEX[f"{side}.pin.chest.{axis}"] for axis in "xyz"]] = path
        arm = columns(side, ARMS)
        _ease_in(channels, wanted, arm, stretch)


def _ease_in(channels: Floats, wanted: Floats, arm: list[int], stretch: _Stretch) -> None:
    span = slice(stretch.began, stretch.ended)
    if stretch.began:
        change = min(stretch.change, len(wanted))
        before = channels[stretch.began - 1, arm]
        share = ease(change)[:, None]
        wanted[:change, arm] = before + share * (wanted[:change, arm] - before)
        # A hand that leaves a place stays on the way from there.
        for frame in PIN_FRAMES:
            for side in stretch.sides:
                at = [INDEX[f"{side}.pin.{frame}.{axis}"] for axis in "xyz"]
                if at[0] in arm and wanted[-1, INDEX[f"{side}.pin.{frame}"]] == 0:
                    wanted[:change, at] = channels[stretch.began - 1, at]
                elif at[0] in arm and channels[stretch.began - 1, INDEX[f"{side}.pin.{frame}"]] == 0:
                    wanted[:change, at] = wanted[min(change, len(wanted) - 1), at]
    channels[span, arm] = wanted[:, arm]
