"""Read action programs: what an action does with the body, as data.

A program lists phases; each names the values that channels have at its end, as a number or a range to draw from. What a
program does not name is free: arms in a squat, gaze, the other hand. The files are `programs/*.toml`, and their format
is described in docs/DATA_ENGINE.md.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal

import msgspec
import numpy as np

from hitrs_live.errors import ConfigError
from hitrs_live.synthesis.channels import ARMS, INDEX, SIDES

Range = float | tuple[float, float]
Target = float | tuple[float, float] | str
"""A number, a range, or for a hand the name of a place."""
BACKGROUND_NAME: Final = "background"
_SIDE_WORDS: Final = ("lead", "other", "both", *SIDES)
PARTS: Final = ("legs", "trunk", "head", "arms", "lead_arm", "other_arm")
POSTURES: Final = ("standing", "sitting", "floor_sitting", "kneeling", "all_fours", "plank", "prone", "supine")


class Oscillation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sine added to a channel."""

    amplitude: Range
    hz: Range
    phase_deg: float = 0.0


class Phase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Part of a repetition: from the values before to its own."""

    name: str
    seconds: Range = 0.5
    to: dict[str, Target] = {}
    to_start: bool = False
    """Return every channel to its start; `to` then names the exceptions."""
    oscillate: dict[str, Oscillation] = {}
    """Sines added during this phase. Those of one phase share their frequency's draw where the ranges are equal."""
    jump: Range = 0.0
    """Height of a flight, in lengths of the leg. A flight's duration follows from it."""
    labelled: bool = True
    """Whether its frames belong to an action."""
    action: str = ""
    """Class of its frames, where it is not the program's."""


class NearMiss(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A variation that is not the action any more."""

    amplitude: Range = 1.0
    """Share of every movement away from the start."""
    without: tuple[str, ...] = ()
    """Channels that stay at their start."""
    only: tuple[str, ...] = ()
    """Names of the phases that are done; then back to the start."""


class GaitSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Steps, on the spot or across."""

    seconds: Range
    cadence_hz: Range
    """Steps per second."""
    step: Range = 0.0
    """Length of a step ahead, in lengths of the leg; negative backwards."""
    side_step: Range = 0.0
    turn_deg: Range = 0.0
    """Turn per step."""
    duty: Range = 0.62
    """Share of its cycle in which a foot stands; below a half there is a flight."""
    lift: Range = 0.08
    """Height of a swinging foot, in lengths of the leg."""
    heel: Range = 0.0
    """How far the heel is thrown up behind, in lengths of the leg."""
    knee: Range = 0.0
    """Hip flexion at the height of the swing, degrees; 0: as the foot's path needs."""
    width: Range = (0.05, 0.14)
    arm_swing: Range = (5.0, 35.0)
    """Amplitude of the arms' swing, degrees; used while the arms are free."""
    elbow: Range = (10.0, 35.0)
    lean: Range = (-2.0, 8.0)
    height: Range = (0.97, 1.01)


class Program(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way of doing one action."""

    name: str
    action: str
    """Class; `{side}` in it becomes the leading side. "background" for movement that is none."""
    near: str = ""
    """Class that a background program nearly is."""
    weight: float = 1.0
    """Relative frequency among the programs of its class."""
    defines: tuple[Literal["legs", "trunk", "head", "arms", "lead_arm", "other_arm"], ...] = ()
    """Parts that are not free even in the channels that are not named."""
    posture: Literal["standing", "sitting", "floor_sitting", "kneeling", "all_fours", "plank", "prone", "supine"] = (
        "standing"
    )
    ends: str = ""
    """Posture at the end, if another."""
    over: tuple[Literal["walking", "sitting"], ...] = ()
    """What else may go on below an action of the arms."""
    repetitions: tuple[int, int] = (1, 8)
    rest_s: Range = (0.0, 1.0)
    tempo: tuple[float, float] = (0.6, 1.7)
    """Drawn for a series, as a factor of the speed."""
    alternates: float = 0.3
    """Probability that the sides take turns."""
    bout: bool = False
    """Whether the series is one action, with one onset, such as walking; else each repetition is one."""
    start: dict[str, Target] = {}
    phases: tuple[Phase, ...] = ()
    near_misses: tuple[NearMiss, ...] = ()
    gait: GaitSettings | None = None

    @property
    def sided(self) -> bool:
        """Whether the class says which side acts."""
        return "{side}" in self.action

    @property
    def names_arms(self) -> bool:
        """Whether it says what an arm does."""
        names = (*self.start, *(key for phase in self.phases for key in (*phase.to, *phase.oscillate)))
        ours = any(name.partition(".")[2].startswith((*ARMS, "hand")) for name in names)
        return ours or any(part.endswith(("arm", "arms")) for part in self.defines)

    @property
    def final_posture(self) -> str:
        """Posture after the last repetition."""
        return self.ends or self.posture

    def class_name(self, side: str) -> str:
        """Return the name of the class when `side` leads."""
        return self.action.replace("{side}", side)

    def class_names(self) -> tuple[str, ...]:
        """Return the classes that the program shows."""
        others = (phase.action for phase in self.phases if phase.action)
        return tuple(dict.fromkeys((*(self.class_name(side) for side in SIDES), *others)))


class _Programs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    program: tuple[Program, ...]


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a hand may be held: an offset in a frame of `channels.PIN_FRAMES`, in lengths of the arm or, on the floor,
    of the leg."""

    frame: Literal["chest", "head", "pelvis", "thigh", "floor"]
    x: Range
    y: Range
    z: Range


class _Places(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    place: dict[str, Place]


@cache
def places() -> Mapping[str, Place]:
    """Return the named places of hands."""
    text = files("hitrs_live.synthesis").joinpath("programs", "parts", "places.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _Places).place


@cache
def shipped_programs() -> tuple[Program, ...]:
    """Return the programs of the package."""
    folder = files("hitrs_live.synthesis").joinpath("programs")
    names = sorted(one.name for one in folder.iterdir() if one.name.endswith(".toml"))
    return tuple(
        program for name in names for program in parse_programs(folder.joinpath(name).read_text("utf-8"), name)
    )


def read_programs(path: Path) -> tuple[Program, ...]:
    """Read a user's own programs. Raises ConfigError, naming the key, where the file is not as described."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); expected a TOML file of action programs") from None
    return parse_programs(text, str(path))


def parse_programs(text: str, where: str) -> tuple[Program, ...]:
    """Parse and check programs. where: name of the file, for messages. Raises ConfigError."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: no TOML file ({error}); expected [[program]] tables") from None
    try:
        programs = msgspec.convert(tree, _Programs).program
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {error}; the format is described in docs/DATA_ENGINE.md") from None
    for program in programs:
        _check(program, where)
    return programs


def _check(program: Program, where: str) -> None:
    """Raise ConfigError where a program names what does not exist."""

    def wrong(what: str, expected: str) -> ConfigError:
        return ConfigError(f"{where}: program {program.name}: {what}; expected {expected}")

    if bool(program.phases) == (program.gait is not None):
        raise wrong("has both phases and a gait, or neither", "one of the two")
    if program.ends and program.ends not in POSTURES:
        raise wrong(f"ends in {program.ends!r}", f"one of {', '.join(POSTURES)}")
    for key, value in _targets(program):
        side, _, rest = key.partition(".")
        if rest == "hand" and side in _SIDE_WORDS:
            if not (isinstance(value, str) and (value == "free" or value in places())):
                raise wrong(f"{key} = {value!r}", f"free or one of {', '.join(places())}")
            continue
        if not known_channel(key):
            raise wrong(f"unknown channel {key}", "a name of hitrs_live/synthesis/channels.py, sides as lead or both")
        if isinstance(value, str) or (isinstance(value, tuple) and value[0] > value[1]):
            raise wrong(f"{key} = {value!r}", "a number or a range from low to high")


def _targets(program: Program) -> Sequence[tuple[str, Target]]:
    pairs: list[tuple[str, Target]] = [*program.start.items()]
    for phase in program.phases:
        pairs += phase.to.items()
        pairs += [(key, one.amplitude) for key, one in phase.oscillate.items()]
    pairs += [(key, 0.0) for one in program.near_misses for key in one.without]
    return pairs


def draw_range(value: Range, rng: np.random.Generator) -> float:
    """Draw a number from a range; a number is itself."""
    return float(value) if isinstance(value, (int, float)) else float(rng.uniform(*value))


def known_channel(key: str) -> bool:
    """Say whether a key of a program names a channel."""
    side, _, rest = key.partition(".")
    return f"left.{rest}" in INDEX if side in _SIDE_WORDS else key in INDEX


def resolve(key: str, lead: str) -> tuple[str, ...]:
    """Return the channels that a key names when a side leads."""
    side, _, rest = key.partition(".")
    other = SIDES[1 - SIDES.index(lead)]
    sides = {"lead": (lead,), "other": (other,), "both": SIDES, "left": ("left",), "right": ("right",)}.get(side)
    return (key,) if sides is None else tuple(f"{one}.{rest}" for one in sides)
