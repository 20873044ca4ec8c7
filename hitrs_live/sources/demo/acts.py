"""Define the demo figure's actions: each as key poses, with the timing and the reach that people have.

Durations and angles are round numbers near what recorded people show for the same exercises.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hitrs_live.sources.demo.figure import CHANNEL, CHANNELS, SIDES, Values
from hitrs_live.sources.demo.motion import (
    RATE_HZ,
    change_stance,
    glide,
    instants,
    neutral,
    point_arm,
    pose,
    through,
)
from hitrs_live.sources.demo.walk import straight, turn_on_the_spot, walk

STAND = neutral()
_PAUSE_S = 1.6


@dataclass(frozen=True, kw_only=True)
class ActionSpan:
    """Describe what the figure did and when, on the clock of its own script."""

    label: str
    start_time_s: float
    end_time_s: float


class Performance:
    """Collect movements in a row, and their labels."""

    def __init__(self) -> None:
        self.pieces: list[Values] = []
        self.spans: list[ActionSpan] = []

    @property
    def now(self) -> Values:
        """The pose reached so far."""
        return self.pieces[-1][-1] if self.pieces else STAND

    @property
    def time_s(self) -> float:
        """The time reached so far."""
        return sum(len(piece) for piece in self.pieces) / RATE_HZ

    def add(self, poses: Values, label: str | None = None) -> None:
        """Append poses, (T, channels).

        With a label they are an action of that name, joined with an action of the same name just before.
        """
        start = self.time_s
        self.pieces.append(poses)
        if label is None:
            return
        last = self.spans[-1] if self.spans else None
        if last is not None and last.label == label and abs(last.end_time_s - start) < 1e-6:
            start = last.start_time_s
            self.spans.pop()
        self.spans.append(ActionSpan(label=label, start_time_s=start, end_time_s=self.time_s))

    def rest(self, seconds: float) -> None:
        """Keep the pose reached so far."""
        self.add(np.repeat(self.now[None], round(seconds * RATE_HZ), axis=0))


def squats(show: Performance) -> None:
    """Three deep squats with the arms raised, as in a movement screen."""
    up = pose(STAND, arm_raise=134.0, arm_out=80.0, arm_roll=35.0, elbow=20.0)
    down = pose(up, pelvis_up=-0.46, pelvis_ahead=-0.20, pelvis_lean=26.0, trunk_bend=7.0, head_nod=-14.0, arm_out=72.0)
    show.add(through(show.now, (0.9, up)))
    for _ in range(3):
        show.add(through(up, (1.15, down), (0.15, down), (1.05, up), (0.2, up)), "squat")
    show.add(through(up, (0.9, STAND)))


def jumping_jacks(show: Performance) -> None:
    """Four jumping jacks, feet apart on every other landing."""
    low = pose(STAND, pelvis_up=-0.07, arm_raise=16.0, arm_out=80.0, arm_roll=40.0, elbow=38.0, trunk_bend=3.0)
    high = pose(low, arm_raise=128.0, arm_out=85.0, arm_roll=75.0, elbow=72.0, left_foot_left=0.34,
                right_foot_left=-0.34)  # fmt: skip
    rising = pose(low, pelvis_up=0.06, foot_up=0.07, foot_pitch=24.0, arm_raise=62.0, elbow=44.0, arm_roll=55.0,
                  left_foot_left=0.23, right_foot_left=-0.23)  # fmt: skip
    falling = pose(rising, arm_raise=88.0, elbow=48.0)
    touch_high = pose(high, pelvis_up=-0.02, foot_pitch=8.0, arm_raise=114.0)
    touch_low = pose(low, pelvis_up=-0.02, foot_pitch=8.0, arm_raise=26.0)
    show.add(through(show.now, (0.45, low)))
    for _ in range(4):
        apart = through(low, (0.13, touch_low), (0.15, rising), (0.15, touch_high), (0.10, high))
        together = through(high, (0.13, touch_high), (0.15, falling), (0.15, touch_low), (0.10, low))
        show.add(np.concatenate([apart, together]), "jumping_jack")
    show.add(through(low, (0.5, STAND)))


def walk_across(show: Performance) -> None:
    """Turn, walk out to one side, across to the other and back to the start."""
    path = turn_on_the_spot(0.0, 0.0, 90.0)
    path += straight(0.0, 1.15, heading=90.0, first=path[-1])
    path += turn_on_the_spot(1.15, 90.0, -90.0)
    path += straight(1.15, -1.15, heading=-90.0, first=path[-1])
    path += turn_on_the_spot(-1.15, -90.0, 90.0)
    path += straight(-1.15, 0.0, heading=90.0, first=path[-1])
    path += turn_on_the_spot(0.0, 90.0, 0.0)
    show.add(walk(show.now, path, step_s=0.52), "walk")
    show.add(through(show.now, (0.5, STAND)))


def punches(show: Performance) -> None:
    """From a guard with the left foot forward, right and left punches in turn."""
    guard = pose(
        STAND, pelvis_yaw=-16.0, trunk_twist=-4.0, head_turn=16.0, arm_raise=26.0, arm_out=18.0, arm_roll=-14.0,
        elbow=112.0, left_foot_ahead=0.16, right_foot_ahead=-0.14, right_foot_yaw=-28.0, left_foot_yaw=0.0,
        pelvis_up=-0.02, pelvis_lean=4.0, trunk_bend=4.0,
    )  # fmt: skip
    show.add(change_stance(show.now, guard, 1.0))
    show.rest(0.6)
    for side in ("right", "left", "right", "left"):
        to_left = 1.0 if side == "right" else -1.0
        other = "left" if side == "right" else "right"
        load = pose(guard, trunk_twist=-4.0 - 8.0 * to_left, **{f"{side}_arm_raise": 16.0, f"{side}_elbow": 120.0})
        hit = pose(
            guard, pelvis_yaw=-16.0 + 12.0 * to_left, trunk_twist=-4.0 + 22.0 * to_left, pelvis_ahead=0.05,
            **{f"{side}_arm_raise": 96.0, f"{side}_arm_out": 14.0, f"{side}_elbow": 14.0, f"{other}_elbow": 118.0},
        )  # fmt: skip
        show.add(through(guard, (0.25, load), (0.3, hit), (0.35, hit), (0.35, guard)), f"punch_{side}")
        show.rest(0.8)
    show.add(change_stance(guard, STAND, 1.0))


def arm_circles(show: Performance) -> None:
    """Four large circles with both arms stretched out to the sides."""
    wide = pose(STAND, left_foot_left=0.22, right_foot_left=-0.22)
    ready = pose(wide, arm_raise=78.0, arm_out=88.0, arm_roll=0.0, elbow=16.0)
    show.add(change_stance(show.now, wide, 0.9))
    show.add(through(wide, (0.8, ready)))
    period, turns = 1.3, 4
    at_s = instants(period * turns)
    poses = np.repeat(ready[None], len(at_s), axis=0)
    opening = glide([0.0, 0.6, period * turns - 0.6, period * turns], np.array([[0.0], [1.0], [1.0], [0.0]]), at_s)
    phase = 2 * np.pi * at_s / period
    aside = np.array([np.sin(np.radians(78.0)), -np.cos(np.radians(78.0)), 0.0])
    upward = np.array([np.cos(np.radians(78.0)), np.sin(np.radians(78.0)), 0.0])
    around = np.sin(phase)[:, None] * np.array([0.0, 0.0, 1.0]) + np.cos(phase)[:, None] * upward
    spread = np.radians(40.0) * opening
    for side in SIDES:
        point_arm(poses, side, np.cos(spread) * aside + np.sin(spread) * around)
    show.add(poses, "arm_circle")
    show.add(through(show.now, (0.9, wide)))
    show.add(change_stance(wide, STAND, 0.9))


def front_kicks(show: Performance) -> None:
    """Two front kicks with the right leg: knee up, shin out, and back the same way."""
    guard = pose(
        STAND, arm_raise=30.0, arm_out=25.0, arm_roll=-10.0, elbow=88.0, right_foot_ahead=-0.12, left_foot_ahead=0.06
    )
    over = pose(guard, pelvis_left=0.08, pelvis_ahead=0.03)
    chamber = pose(over, right_leg_free=1.0, right_leg_raise=78.0, right_knee=102.0, pelvis_lean=-4.0)
    kick = pose(chamber, right_leg_raise=96.0, right_knee=14.0, pelvis_lean=-14.0, trunk_bend=2.0, head_nod=12.0)
    back = pose(chamber, right_leg_raise=62.0, right_knee=88.0)
    show.add(change_stance(show.now, guard, 0.9))
    for _ in range(2):
        show.rest(0.7)
        show.add(
            through(guard, (0.15, over), (0.3, chamber), (0.2, kick), (0.08, kick), (0.25, back), (0.35, guard)),
            "front_kick_right",
        )
    show.rest(0.6)
    show.add(change_stance(guard, STAND, 0.9))


def side_lunges(show: Performance) -> None:
    """From a wide stance, arms raised to the sides: down over the right leg, then over the left."""
    wide = pose(
        STAND, left_foot_left=0.38, right_foot_left=-0.38, left_foot_yaw=16.0, right_foot_yaw=-16.0,
        arm_raise=92.0, arm_out=70.0, arm_roll=72.0, elbow=78.0,
    )  # fmt: skip
    show.add(change_stance(show.now, wide, 1.3))
    show.rest(0.5)
    for sign in (-1.0, 1.0):
        down = pose(wide, pelvis_left=0.22 * sign, pelvis_up=-0.37, pelvis_ahead=-0.15, pelvis_lean=24.0,
                    trunk_bend=9.0, head_nod=-12.0, pelvis_tilt=3.0 * sign)  # fmt: skip
        show.add(through(wide, (1.2, down), (0.2, down), (1.2, wide), (0.2, wide)), "side_lunge")
    show.rest(0.4)
    show.add(change_stance(wide, STAND, 1.3))


def leg_raises(show: Performance) -> None:
    """The right leg lifted straight ahead, twice, arms raised to the sides."""
    narrow = pose(STAND, left_foot_left=0.08, right_foot_left=-0.08, arm_raise=90.0, arm_out=78.0, arm_roll=72.0,
                  elbow=82.0)  # fmt: skip
    over = pose(narrow, pelvis_left=0.07)
    high = pose(over, right_leg_free=1.0, right_leg_raise=88.0, right_knee=14.0, pelvis_lean=-4.0, trunk_bend=-3.0)
    leaving = pose(over, right_leg_free=1.0, right_leg_raise=16.0, right_knee=18.0)
    show.add(change_stance(show.now, narrow, 1.2))
    for _ in range(2):
        show.add(
            through(show.now, (0.3, over), (0.25, leaving), (0.6, high), (0.15, high), (0.6, leaving), (0.25, over)),
            "leg_raise",
        )
    show.add(change_stance(over, STAND, 1.2))


def shoulder_abductions(show: Performance) -> None:
    """The right arm raised straight out to the side and overhead, twice."""
    high = pose(STAND, right_arm_raise=152.0, right_arm_out=90.0, right_elbow=12.0, right_arm_roll=0.0,
                trunk_tilt=3.0)  # fmt: skip
    for _ in range(2):
        show.add(through(show.now, (1.05, high), (0.15, high), (1.05, STAND), (0.1, STAND)), "shoulder_abduction")


def toe_touches(show: Performance) -> None:
    """Bend down and touch the feet with both hands, twice."""
    wide = pose(STAND, left_foot_left=0.2, right_foot_left=-0.2)
    down = pose(
        wide, pelvis_lean=70.0, trunk_bend=48.0, pelvis_ahead=-0.12, pelvis_up=-0.05, arm_raise=106.0, arm_out=4.0,
        arm_roll=0.0, elbow=14.0, head_nod=-8.0,
    )  # fmt: skip
    show.add(change_stance(show.now, wide, 0.9))
    for _ in range(2):
        show.add(through(wide, (1.0, down), (0.2, down), (1.0, wide), (0.2, wide)), "toe_touch")
    show.add(change_stance(wide, STAND, 0.9))


def twists(show: Performance) -> None:
    """The trunk turned to both sides in turn, elbows bent before the chest, three times."""
    ready = pose(STAND, left_foot_left=0.24, right_foot_left=-0.24, arm_raise=64.0, arm_out=55.0, arm_roll=-52.0,
                 elbow=86.0)  # fmt: skip
    show.add(change_stance(show.now, ready, 1.1))
    to_left = pose(ready, pelvis_yaw=12.0, trunk_twist=46.0, head_turn=6.0)
    to_right = pose(ready, pelvis_yaw=-12.0, trunk_twist=-46.0, head_turn=-6.0)
    keys = [(0.5, to_left), *[(0.85, to_right), (0.85, to_left)] * 2, (0.85, to_right), (0.5, ready)]
    show.add(through(ready, *keys), "twist")
    show.add(change_stance(ready, STAND, 1.1))


ACTS: tuple[Callable[[Performance], None], ...] = (
    # Actions that the shipped model detects come first, those that it detects sometimes or never after them.
    squats,
    jumping_jacks,
    walk_across,
    arm_circles,
    side_lunges,
    leg_raises,
    shoulder_abductions,
    front_kicks,
    punches,
    toe_touches,
    twists,
)


def perform(first_act: int, seed: int) -> tuple[Values, tuple[ActionSpan, ...]]:
    """Perform all acts once, beginning with the given one, a rest before each; the end joins the beginning.

    Returns the poses, (T, channels), and the actions with their times.
    """
    show = Performance()
    for number in range(len(ACTS)):
        show.add(np.repeat(STAND[None], round(_PAUSE_S * RATE_HZ), axis=0))
        ACTS[(first_act + number) % len(ACTS)](show)
    poses = np.concatenate(show.pieces)
    return poses + _sway(len(poses), seed), tuple(show.spans)


def _sway(frames: int, seed: int) -> Values:
    """Breathe, and sway as standing people do. Whole periods, so that a loop has no jump."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames) / frames
    sway = np.zeros((frames, len(CHANNELS)))
    amounts = {"pelvis_left": 0.006, "pelvis_ahead": 0.005, "pelvis_yaw": 0.8, "trunk_twist": 0.7, "trunk_tilt": 0.5}
    amounts |= {"head_turn": 2.5, "head_nod": 1.5}
    amounts |= {f"{side}_{name}": 1.3 for side in SIDES for name in ("arm_raise", "arm_roll", "elbow")}
    seconds = frames / RATE_HZ
    for name, amount in amounts.items():
        for rate_hz in rng.uniform(0.08, 0.45, 3):
            turns = max(1, round(rate_hz * seconds))
            phase = rng.uniform(0, 2 * np.pi)
            sway[:, CHANNEL[name]] += amount / np.sqrt(3) * np.sin(2 * np.pi * turns * time + phase)
    breath = np.sin(2 * np.pi * max(1, round(0.26 * seconds)) * time)
    for name, amount in (("trunk_bend", -0.7), ("left_shrug", 1.0), ("right_shrug", 1.0)):
        sway[:, CHANNEL[name]] += amount * breath
    return sway
