"""Synthesise streams of motion: actions in series, near misses, everyday movement and idling, on one random body."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BACKGROUND
from hitrs_live.data.labelled_motion import RATE_HZ, LabelledMotion
from hitrs_live.errors import ConfigError
from hitrs_live.synthesis.anthropometry import BodyProportions, draw_body
from hitrs_live.synthesis.channels import ARMS, INDEX, SIDES, columns
from hitrs_live.synthesis.compose import (
    StreamPart,
    held_segment,
    idle_segment,
    join,
    lay_over,
    segment_of,
)
from hitrs_live.synthesis.fall_ending import START_FRAMES, end_with_fall
from hitrs_live.synthesis.falls.physics import load_mujoco
from hitrs_live.synthesis.footwork import lift_moving_feet, turn_place
from hitrs_live.synthesis.free_parts import free_channels, hang_with_gravity
from hitrs_live.synthesis.gait import walk
from hitrs_live.synthesis.kinematics import solve_pose
from hitrs_live.synthesis.perform import Performer
from hitrs_live.synthesis.program import BACKGROUND_NAME, Program, shipped_programs
from hitrs_live.synthesis.sway import sway_angles, tremor_m

Floats = NDArray[np.floating]

FALLS: Final = ("fall_forward", "fall_backward", "fall_side", "stumble")
_FALL_FRAMES: Final = 4 * RATE_HZ
"""About the duration of a fall and of lying after it."""
_ARMS_FREE_IN: Final = ("standing", "sitting", "floor_sitting", "kneeling")


@dataclass(frozen=True, kw_only=True)
class StreamSettings:
    """What a stream is made of. Shares of its items."""

    seconds: float = 90.0
    idle: float = 0.15
    near_miss: float = 0.15
    background: float = 0.2
    """Of items of no class at all. The rest are actions, all classes equally frequent."""
    over_walking: float = 0.25
    """Share of the actions of the arms that are done while walking, where the program allows it."""
    idle_s: tuple[float, float] = (0.5, 6.0)
    begins: str = "standing"
    """The posture that people are in before the first item; they get into it first."""
    falls: float = 0.0
    """Share of the streams that end in a simulated fall or stumble; needs MuJoCo."""


class MotionSynthesiser:
    """Draws streams. Stream i of a seed is always the same, however many are drawn."""

    def __init__(
        self,
        classes: Sequence[str] | None = None,
        *,
        seed: int = 0,
        settings: StreamSettings | None = None,
        programs: Sequence[Program] | None = None,
    ) -> None:
        """Prepare the programs.

        classes: those that are labelled, all where None; the others are shown as background.
        Raises ConfigError for a class that no program shows, and where falls are wanted and MuJoCo is missing.
        """
        self._programs = tuple(programs if programs is not None else shipped_programs())
        self.settings = settings or StreamSettings()
        if self.settings.falls:
            # Now rather than after hours.
            load_mujoco()
        known = (*class_names(self._programs), *(FALLS if self.settings.falls else ()))
        for name in classes or ():
            if name not in known:
                raise ConfigError(f"no program shows {name!r}; expected any of {', '.join(known)}")
        self.classes = (BACKGROUND_NAME, *(classes if classes is not None else known))
        self._seed = seed
        self._numbers = {name: number for number, name in enumerate(self.classes) if number}
        shown = {name: [one for one in self._programs if name in one.class_names()] for name in self._numbers}
        self._by_class = {name: programs for name, programs in shown.items() if programs}
        self._background = [
            one for one in self._programs if not any(name in self._numbers for name in one.class_names())
        ]

    def streams(self) -> Iterator[LabelledMotion]:
        """Draw streams without end."""
        index = 0
        while True:
            yield self.stream(index)
            index += 1

    def stream(self, index: int) -> LabelledMotion:
        """Draw one stream of `settings.seconds`."""
        rng = np.random.default_rng((self._seed, index))
        body = draw_body(rng)
        frames = int(self.settings.seconds * RATE_HZ)
        falls = rng.random() < self.settings.falls
        segments = self._segments(body, rng, frames - (_FALL_FRAMES if falls else 0), falls=falls)
        name = f"synthetic_{self._seed}_{index:06d}"
        motion = finish_stream(
            join(segments, rng, leg_m=body.leg_m), body, rng, name=name, frames=None if falls else frames
        )
        return end_with_fall(motion, self._numbers, rng) if falls else motion

    def action(self, name: str, index: int) -> LabelledMotion:
        """Draw one series of one action, for checks and pictures, with a second of standing around it."""
        rng = np.random.default_rng((self._seed, index, zlib.crc32(name.encode())))
        body = draw_body(rng)
        program = pick_program(self._by_class[name], rng)
        middle = self._perform(program, body, rng, seconds=15.0)
        around = [idle_segment(RATE_HZ), middle, idle_segment(RATE_HZ)] if _stands(program) else [middle]
        return finish_stream(join(around, rng, leg_m=body.leg_m), body, rng, name=f"{name}_{self._seed}_{index:06d}")

    def _segments(
        self, body: BodyProportions, rng: np.random.Generator, wanted: int, *, falls: bool
    ) -> list[StreamPart]:
        """Draw segments of so many frames or a little more.

        falls: at the end the person stands, walks or sits, so that a fall can take over.
        """
        segments = [idle_segment(int(rng.uniform(0.3, 2.0) * RATE_HZ))]
        posture, frames = self.settings.begins, 0
        for step in self._route("standing", posture, rng):
            segments.append(self._perform(step, body, rng, after=segments[-1]))
        while frames < wanted:
            added, posture = self._item(segments[-1], posture, body, rng)
            segments += added
            frames = sum(map(len, segments))
        if falls:
            segments += self._before_fall(posture, segments[-1], body, rng)
        return segments

    def _before_fall(
        self, posture: str, last: StreamPart, body: BodyProportions, rng: np.random.Generator
    ) -> list[StreamPart]:
        """Stand, walk or sit for a few seconds, from whatever posture."""
        way = rng.choice(("standing", "walking", "sitting"), p=(0.35, 0.4, 0.25))
        route = self._route(posture, "sitting" if way == "sitting" else "standing", rng)
        segments: list[StreamPart] = []
        for step in route:
            segments.append(self._perform(step, body, rng, after=(segments or [last])[-1]))
        seconds = START_FRAMES / RATE_HZ + 1.0
        if way == "walking":
            return [*segments, self._walk(seconds, body, rng)]
        if way == "standing":
            return [*segments, idle_segment(int(seconds * RATE_HZ))]
        return [*segments, held_segment((segments or [last])[-1], int(seconds * RATE_HZ), arms_free=True)]

    def _item(
        self, last: StreamPart, posture: str, body: BodyProportions, rng: np.random.Generator
    ) -> tuple[list[StreamPart], str]:
        """Draw what comes next, and how to get into its posture first. Returns the segments and the posture."""
        settings = self.settings
        kind = rng.choice(
            4, p=(settings.idle, settings.near_miss, settings.background,
                  1 - settings.idle - settings.near_miss - settings.background),
        )  # fmt: skip
        if kind == 0 or (kind == 2 and not self._background):
            frames = int(rng.uniform(*settings.idle_s) * RATE_HZ)
            return [
                idle_segment(frames) if posture == "standing" else
                held_segment(last, frames, arms_free=posture in _ARMS_FREE_IN)
            ], posture  # fmt: skip
        if kind == 2:
            program = pick_program(self._background, rng)
        else:
            program = pick_program(list(self._by_class.values())[rng.integers(len(self._by_class))], rng)
        added: list[StreamPart] = []
        sitting = posture == "sitting" and "sitting" in program.over
        if not sitting:
            for step in self._route(posture, program.posture, rng):
                added.append(self._perform(step, body, rng, after=(added or [last])[-1]))
                posture = step.final_posture
        segment = self._perform(program, body, rng, near_miss=kind == 1, after=(added or [last])[-1])
        if sitting:
            base = held_segment((added or [last])[-1], len(segment), arms_free=True)
            return [*added, lay_over(base, segment)], posture
        if "walking" in program.over and rng.random() < settings.over_walking:
            segment = lay_over(self._walk(len(segment) / RATE_HZ + 1.0, body, rng), segment)
        return [*added, segment], program.final_posture

    def _walk(self, seconds: float, body: BodyProportions, rng: np.random.Generator) -> StreamPart:
        walking = pick_program([one for one in self._programs if one.gait and one.action == "walk"], rng)
        return segment_of(walk(walking, body, rng, seconds=seconds), self._numbers)

    def _perform(
        self,
        program: Program,
        body: BodyProportions,
        rng: np.random.Generator,
        *,
        near_miss: bool = False,
        seconds: float = 25.0,
        after: StreamPart | None = None,
    ) -> StreamPart:
        """Perform a program. after: the segment before it; a chair stays where it was."""
        if program.gait:
            return segment_of(walk(program, body, rng), self._numbers)
        missed = (
            program.near_misses[rng.integers(len(program.near_misses))] if near_miss and program.near_misses else None
        )
        seat = after.channels[-1] if after is not None and program.posture == "sitting" else None
        performance = Performer(program, body, rng, seat=seat).perform(near_miss=missed, most_s=seconds)
        return segment_of(performance, self._numbers)

    def _route(self, posture: str, wanted: str, rng: np.random.Generator) -> list[Program]:
        """Return programs that lead from one posture to another, the fewest that do."""
        if posture == wanted:
            return []
        paths: list[tuple[str, list[Program]]] = [(posture, [])]
        seen = {posture}
        while paths:
            at, path = paths.pop(0)
            changes = [one for one in self._programs if one.posture == at and one.final_posture not in (at, *seen)]
            for ended in dict.fromkeys(one.final_posture for one in changes):
                step = pick_program([one for one in changes if one.final_posture == ended], rng)
                if ended == wanted:
                    return [*path, step]
                seen.add(ended)
                paths.append((ended, [*path, step]))
        # No program leads there: the transition itself goes.
        return []


def class_names(programs: Sequence[Program]) -> tuple[str, ...]:
    """Return the classes that programs show, in their order, without background."""
    names = dict.fromkeys(name for one in programs for name in one.class_names())
    return tuple(name for name in names if name != BACKGROUND_NAME)


def pick_program(programs: Sequence[Program], rng: np.random.Generator) -> Program:
    weights = np.array([one.weight for one in programs])
    return programs[rng.choice(len(programs), p=weights / weights.sum())]


def _stands(program: Program) -> bool:
    return program.posture == "standing" == program.final_posture


def finish_stream(
    segment: StreamPart, body: BodyProportions, rng: np.random.Generator, *, name: str, frames: int | None = None
) -> LabelledMotion:
    """Fill in what is free, and compute the joints."""
    count = len(segment)
    free = free_channels(count, rng)
    channels = segment.owned * segment.channels + (1 - segment.owned) * free
    hang_with_gravity(channels, _hanging(segment.owned, free))
    turn_place(channels, float(rng.uniform(-180, 180)))
    lift_moving_feet(channels, body.leg_m)
    _sway(channels, rng)
    joints = solve_pose(channels.astype(np.float32), body) + tremor_m(count, rng)
    span = slice(0, frames)
    return LabelledMotion(
        name=name,
        subject=f"body_{body.height_m:.3f}_{rng.integers(1 << 30):08x}",
        joints_m=joints[span].astype(np.float32),
        labels=segment.labels[span],
        phase=segment.phase[span],
        repetition=segment.repetition[span],
        onset_mask=segment.onset_mask[span],
        near_miss=np.where(segment.labels[span] == BACKGROUND, segment.near_miss[span], BACKGROUND),
    )


def _sway(channels: Floats, rng: np.random.Generator) -> None:
    """Add the sway of a standing person to the angles, in place. channels: (T, C)."""
    angles = sway_angles(len(channels), rng)
    for name, (sign, angle) in _SWAYING.items():
        channels[:, INDEX[name]] += sign * angles[angle]
    # The hips move over the ankles by the sine of the lean.
    for name, sign, angle in (("pelvis.z", 1.0, "lean_forward"), ("pelvis.x", 1.0, "lean_side")):
        channels[:, INDEX[name]] += sign * np.sin(np.radians(angles[angle]))


_SWAYING: Final = {
    "pelvis.turn": (1.0, "turn"),
    "spine.flexion": (1.0, "spine_forward"),
    "spine.side": (1.0, "spine_side"),
    "spine.turn": (1.0, "spine_turn"),
    "head.nod": (1.0, "head_nod"),
    "head.tilt": (1.0, "head_tilt"),
    "head.turn": (1.0, "head_turn"),
    **{f"{side}.arm.elevation": (1.0, f"{side}_arm_side") for side in SIDES},
    **{f"{side}.arm.plane": (1.0, f"{side}_arm_forward") for side in SIDES},
    **{f"{side}.elbow": (1.0, f"{side}_elbow") for side in SIDES},
}
"""Which angle of sway is added to which channel, and its sign."""


def _hanging(owned: Floats, free: Floats) -> Floats:
    """Return how far each arm hangs freely, (T, 2)."""
    weights = []
    for side in SIDES:
        arm = columns(side, ARMS)
        pinned = free[:, [INDEX[f"{side}.pin.{frame}"] for frame in ("chest", "head", "pelvis", "thigh", "floor")]]
        low = np.clip(1 - (free[:, INDEX[f"{side}.arm.elevation"]] - 20) / 20, 0, 1)
        weights.append((1 - owned[:, arm].max(1)) * (1 - np.clip(pinned.sum(1), 0, 1)) * low)
    return np.stack(weights, axis=1).astype(np.float32)
