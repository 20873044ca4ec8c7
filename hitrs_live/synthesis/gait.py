"""Walk, run, march and step, on the spot, across and around: channels from footprints.

Feet stand at their prints and swing to the next; the body's place moves with the steps. Arms swing against the legs
where they are free.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.synthesis.anthropometry import BodyProportions
from hitrs_live.synthesis.channels import INDEX, PARTS, SIDES, standing
from hitrs_live.synthesis.perform import Performance
from hitrs_live.synthesis.program import GaitSettings, Program, Range, draw_range
from hitrs_live.synthesis.smoothing import drift, smooth

Floats = NDArray[np.floating]

_RAMP_STEPS: Final = 0.9
"""Number of steps in which they grow at the beginning and shrink at the end."""
_BEFORE_STEPS: Final = 0.25
"""Duration of standing before the first step, in steps."""
_TIME_SPREAD = 0.03
_SWINGING_SHARE = 0.6
"""Share of bouts in which the arms swing with the steps; in the others they do anything."""
_ANKLE_BEHIND = 0.07
_HEEL_FIRST_DEG = 22.0
_HEEL_OFF = 0.5
"""Share of its stance after which a foot raises its heel."""


class _Walker:
    """The draws of one bout of steps."""

    def __init__(self, settings: GaitSettings, body: BodyProportions, rng: np.random.Generator, seconds: float) -> None:
        self.body, self.rng = body, rng

        def draw(value: Range) -> float:
            return draw_range(value, rng)

        self.cadence_hz = draw(settings.cadence_hz)
        self.step, self.side_step = draw(settings.step), draw(settings.side_step) * rng.choice((-1, 1))
        self.turn_deg = draw(settings.turn_deg) * rng.choice((-1, 1))
        self.duty, self.lift, self.heel, self.knee_deg = (
            draw(value) for value in (settings.duty, settings.lift, settings.heel, settings.knee)
        )
        self.width, self.swing_deg, self.elbow_deg = (
            draw(value) for value in (settings.width, settings.arm_swing, settings.elbow)
        )
        self.lean_deg, self.height = draw(settings.lean), draw(settings.height)
        self.hips_deg, self.shoulders = float(rng.uniform(2, 10)), float(rng.uniform(1.3, 2.4))
        count = max(3, round(seconds * self.cadence_hz))
        gaps = np.exp(rng.normal(0, _TIME_SPREAD, count + 2)) / self.cadence_hz
        gaps[0] *= _BEFORE_STEPS
        self.touch_s = np.cumsum(gaps)
        """Time at which the foot of each step touches the floor."""
        self.frames = int((self.touch_s[-1] + 0.3) * RATE_HZ)
        self.at = np.arange(self.frames, dtype=np.float32) / RATE_HZ
        self.first = int(rng.integers(2))

    def grown(self) -> Floats:
        """Return how far the steps are grown at each frame, 0 at both ends."""
        # The body leaves when the first foot does, or the other would stay too far behind.
        ends = (self.at - self.touch_s[0] - 0.15 / self.cadence_hz, self.touch_s[-1] - self.at)
        return smooth(
            np.clip(np.minimum(*ends) * self.cadence_hz / _RAMP_STEPS, 0, 1)[:, None].astype(np.float32), 0.1
        )[:, 0]

    def stances(self, side: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return when a foot's stances begin and end, seconds. The first stands from the start, the last to the end."""
        touches = self.touch_s[1:][(np.arange(1, len(self.touch_s)) + self.first) % 2 == side]
        cycle = 2 / self.cadence_hz
        lifts = np.append(touches - (1 - self.duty) * cycle, self.at[-1] + 1)
        # The feet stand still before the first step.
        lifts[0] = max(lifts[0], 0.05)
        return np.insert(touches, 0, -1.0), np.maximum(lifts, np.insert(touches, 0, -1.0) + 0.02)


def walk(
    program: Program, body: BodyProportions, rng: np.random.Generator, *, seconds: float | None = None
) -> Performance:
    """Perform a program of steps. All of it is one action. seconds: its duration, drawn where None."""
    settings = program.gait
    if settings is None:
        raise ValueError(f"program {program.name} has no gait; perform it with Performer")
    walker = _Walker(settings, body, rng, draw_range(settings.seconds, rng) if seconds is None else seconds)
    channels = standing(walker.frames)
    grown = walker.grown()
    _move_place(channels, walker, grown)
    for number, side in enumerate(SIDES):
        _place_foot(channels, walker, number, side)
    _move_body(channels, walker, grown)
    at = walker.at
    first_lift_s = min(walker.stances(number)[1][0] for number in range(2))
    inside = (at >= first_lift_s) & (at < walker.touch_s[-1] + 0.05)
    cycles = np.interp(at, walker.touch_s, np.arange(len(walker.touch_s)) / 2)
    owned = np.zeros(channels.shape[1], bool)
    owned[PARTS["legs"]] = True
    if "arms" in program.defines or rng.random() < _SWINGING_SHARE:
        owned[PARTS["arms"]] = True
    return Performance(
        channels=channels,
        owned_mask=owned,
        actions=(program.class_name(SIDES[0]),),
        repetition=inside.astype(np.int64),
        phase=np.where(inside, cycles % 1, np.nan).astype(np.float32),
        near=program.near,
        bout=True,
        posture=program.final_posture,
    )


def _move_place(channels: Floats, walker: _Walker, grown: Floats) -> None:
    """Integrate the steps to the body's place and heading, in place."""
    leg = walker.body.leg_m
    wander = 1 + 0.08 * drift(walker.rng, walker.frames, 3, 1.0)
    rate = walker.cadence_hz / RATE_HZ * grown
    heading = np.cumsum(walker.turn_deg * rate * wander[:, 0])
    ahead, aside = walker.step * leg * rate * wander[:, 1], walker.side_step * leg * rate * wander[:, 2]
    sin, cos = np.sin(np.radians(heading)), np.cos(np.radians(heading))
    channels[:, INDEX["root.heading"]] = heading
    channels[:, INDEX["root.x"]] = np.cumsum(ahead * sin + aside * cos)
    channels[:, INDEX["root.z"]] = np.cumsum(ahead * cos - aside * sin)


def _place_foot(channels: Floats, walker: _Walker, number: int, side: str) -> None:
    """Place one foot: at its prints while it stands, on the way between them while it swings."""
    at, leg = walker.at, walker.body.leg_m
    began, ended = walker.stances(number)
    root = channels[:, [INDEX["root.x"], INDEX["root.z"], INDEX["root.heading"]]]
    middle = np.clip((np.maximum(began, 0) + np.minimum(ended, at[-1])) / 2, 0, at[-1])
    middle[0], middle[-1] = 0.0, at[-1]
    place = np.stack([np.interp(middle, at, root[:, column]) for column in range(3)], axis=1)
    sign = 1.0 if number == 0 else -1.0
    angle = np.radians(place[:, 2])
    out = sign * walker.width * leg
    # The middle of the foot, not the ankle, is below the hip in the middle of a stance.
    back = _ANKLE_BEHIND * leg
    prints = np.stack(
        (
            place[:, 0] + out * np.cos(angle) - back * np.sin(angle),
            place[:, 1] - out * np.sin(angle) - back * np.cos(angle),
            place[:, 2],
        ),
        axis=1,
    )
    row = np.clip(np.searchsorted(began, at, side="right") - 1, 0, len(began) - 1)
    following = np.minimum(row + 1, len(began) - 1)
    swings = at > ended[row]
    swing = np.clip((at - ended[row]) / np.maximum(began[following] - ended[row], 0.05), 0, 1) * swings
    way = swing**3 * (10 - 15 * swing + 6 * swing**2)
    foot = prints[row] + way[:, None] * (prints[following] - prints[row])
    turn = np.radians(root[:, 2])
    dx, dz = (foot[:, 0] - root[:, 0]) / leg, (foot[:, 1] - root[:, 1]) / leg
    bump = np.sin(np.pi * swing) * (swing < 1)
    stood = np.maximum(began, 0)
    late = np.clip((at - stood[row]) / np.maximum(ended[row] - stood[row], 0.1), 0, 1)
    moves = np.clip(abs(walker.step) / 0.4, 0, 1)
    heel_off = np.where(swings, 1 - swing, np.clip((late - _HEEL_OFF) / (1 - _HEEL_OFF), 0, 1) * (row < len(began) - 1))
    # The heel lands first in steps ahead.
    ahead = np.clip(walker.step / 0.7, 0, 1) * (walker.duty > 0.5)
    heel_first = np.where(swings, np.clip(2 * swing - 1, 0, 1), np.clip(1 - late / 0.2, 0, 1) * (row > 0))
    values = {
        "foot.x": sign * (dx * np.cos(turn) - dz * np.sin(turn)),
        "foot.z": dx * np.sin(turn) + dz * np.cos(turn) - walker.heel * bump * (1 - 0.3 * swing),
        "foot.y": walker.lift * bump + walker.heel * np.sin(np.pi * np.minimum(1.25 * swing, 1)) * (swing < 1),
        "foot.yaw": 6 + sign * (foot[:, 2] - root[:, 2]),
        "foot.pitch": (10 + 45 * moves) * heel_off**1.5
        - _HEEL_FIRST_DEG * ahead * heel_first
        + 70 * walker.heel * bump,
    }
    values["foot.pitch"] = smooth(values["foot.pitch"][:, None].astype(np.float32), 0.03)[:, 0]
    for name, value in values.items():
        channels[:, INDEX[f"{side}.{name}"]] = value
    if walker.knee_deg:
        drive = bump**1.2
        share = np.clip(drive / 0.8, 0, 1)
        channels[:, INDEX[f"{side}.leg.free"]] = share * share * (3 - 2 * share)
        channels[:, INDEX[f"{side}.hip.flexion"]] = walker.knee_deg * drive
        channels[:, INDEX[f"{side}.knee"]] = (0.9 * walker.knee_deg + 10) * drive
    swing_deg = (
        walker.swing_deg * smooth((dx * np.sin(turn) + dz * np.cos(turn))[:, None].astype(np.float32), 0.05)[:, 0]
    )
    # The arm swings with the other leg; on the spot with the lift of the foot.
    reach = max(abs(walker.step) / 2, 0.05)
    against = np.clip(swing_deg / reach, -1.6 * walker.swing_deg, 1.6 * walker.swing_deg)
    other = SIDES[1 - number]
    spot = walker.swing_deg * smooth((2 * bump - 0.6)[:, None].astype(np.float32), 0.06)[:, 0]
    channels[:, INDEX[f"{other}.arm.plane"]] = 80
    channels[:, INDEX[f"{other}.arm.elevation"]] = moves * against + (1 - moves) * spot * 0.7 + 4
    channels[:, INDEX[f"{other}.elbow"]] = walker.elbow_deg * (1 + 0.15 * np.tanh(against / 20))


def _move_body(channels: Floats, walker: _Walker, grown: Floats) -> None:
    """Move the pelvis and the trunk with the steps: up and down, over the standing foot, and turning."""
    beat = np.interp(walker.at, walker.touch_s, np.arange(len(walker.touch_s)))
    step = 2 * np.pi * beat
    flies = walker.duty < 0.5
    height = walker.height - grown * (0.06 if flies else 0.0) + grown * 0.012 * np.cos(step + np.pi)
    channels[:, INDEX["height"]] = 1.01 - (1.01 - height) * np.maximum(grown, 0.2)
    if flies:
        # Height of a flight of this duration, from rest at take-off.
        flight_s = (1 - 2 * walker.duty) / walker.cadence_hz
        rise = 9.81 * flight_s**2 / 8 / walker.body.leg_m
        channels[:, INDEX["lift"]] = grown * rise * (1 - np.cos(step + 2 * np.pi * (1 - walker.duty))) / 2
    side = np.cos(np.pi * beat + np.pi * (walker.first + 1)) * grown
    channels[:, INDEX["balance"]] = np.clip(1 - grown * (1.4 if walker.cadence_hz > 1.2 else 0.4), 0, 1)
    channels[:, INDEX["pelvis.x"]] = 0.025 * side
    channels[:, INDEX["pelvis.roll"]] = 2.5 * side
    turn = walker.hips_deg * min(abs(walker.step) + 0.3, 1.0) * np.sin(np.pi * beat + np.pi * walker.first) * grown
    channels[:, INDEX["pelvis.turn"]] = turn
    channels[:, INDEX["spine.turn"]] = -walker.shoulders * turn
    channels[:, INDEX["pelvis.pitch"]] = walker.lean_deg * grown
    channels[:, INDEX["pelvis.z"]] = 0.1 * np.sin(np.radians(walker.lean_deg)) * grown
