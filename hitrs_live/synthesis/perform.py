"""Perform an action program: draw its values, and compute channels and labels over time."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.synthesis.anthropometry import BodyProportions
from hitrs_live.synthesis.channels import ARMS, INDEX, LEGS, PARTS, PIN_FRAMES, SIDES, STANDING, columns
from hitrs_live.synthesis.footwork import ADVANCING, FOOT_Z, lift_moving_feet, move_place
from hitrs_live.synthesis.manner import Manner
from hitrs_live.synthesis.program import NearMiss, Phase, Program, Range, Target, places, resolve
from hitrs_live.synthesis.smoothing import smooth, through_keys

Floats = NDArray[np.floating]

_GRAVITY: Final = 9.81
_SHORTEST_S: Final = 0.06
_AMPLITUDE_SPREAD, _AMPLITUDE_LIMITS = 0.06, (0.85, 1.15)
_VALUE_SPREAD = 0.06
"""Standard deviation from repetition to repetition, as a share of a value's range."""
_SIDE_SPREAD = 0.08
"""The same from side to side."""
_TIME_SPREAD = 0.08
_LAG_S: Final = {"trunk": 0.02, "head": 0.05, "arms": 0.03}
"""Standard deviation of how far a part is ahead of or behind the legs."""
_SMOOTHING_S = 0.025
_PELVIS_Z = INDEX["pelvis.z"]


_SEAT: Final = [
    INDEX[name]
    for name in ("height", "pelvis.x", "pelvis.z", *(f"{side}.foot.{axis}" for side in SIDES for axis in ("x", "z")))
]
"""Channels of a sitting body that stay with the chair."""


_UPRIGHT: Final = {"standing", "sitting"}

_MOVES: Final = np.array([not (".pin." in name or name.endswith(("leg.free", "balance"))) for name in INDEX])
"""(C,); True for channels that an amplitude scales. Weights and places of hands are not movements."""


@dataclass(frozen=True, kw_only=True)
class Performance:
    """Channels of a motion over T frames, which of them count, and labels by name."""

    channels: Floats
    """(T, C)."""
    owned_mask: NDArray[np.bool_]
    """(C,); True for channels that the motion defines. The others are free."""
    actions: tuple[str, ...]
    """Class of each repetition."""
    repetition: NDArray[np.int64]
    """(T,); place of the repetition in `actions`, from 1; 0 in background."""
    phase: Floats
    """(T,); progress of the repetition, NaN in background."""
    near: str = ""
    """Class that the whole motion nearly is; "" for none."""
    bout: bool = False
    """Whether all repetitions are one action."""
    posture: str = "standing"
    """Posture at the end."""

    def __len__(self) -> int:
        return len(self.channels)


@dataclass
class _Timeline:
    """Keys of a performance while it is composed."""

    times: list[float] = field(default_factory=lambda: [0.0])
    keys: list[Floats] = field(default_factory=list)
    spans: list[tuple[Phase, float, float, str, float]] = field(default_factory=list)
    """Phase, start, end, leading side and height of a flight."""
    repetitions: list[tuple[float, float, str]] = field(default_factory=list)
    """Start, end and class."""
    number: int = 0
    """Number of the repetition that is composed."""
    labelled_number: int = -1
    """Number of the repetition that the last of `repetitions` belongs to."""

    def hold(self, seconds: float) -> None:
        self.add(seconds, self.keys[-1])

    def add(self, seconds: float, key: Floats) -> None:
        self.times.append(self.times[-1] + max(seconds, _SHORTEST_S))
        self.keys.append(key)


class Performer:
    """Performs one program on one body: values are drawn once, and vary a little with each repetition."""

    def __init__(
        self,
        program: Program,
        body: BodyProportions,
        rng: np.random.Generator,
        *,
        seat: Floats | None = None,
        manner: Manner | None = None,
    ) -> None:
        """Prepare a performance.

        seat: (C,), the pose of a sitting body, whose chair and feet stay where they are; manner: where None, it is
        drawn.
        """
        self._program, self._body, self._rng, self._seat = program, body, rng, seat
        self._draws: dict[object, float] = {}
        self._manner = manner or Manner.draw(
            rng, free_arms=not program.names_arms, upright={program.posture, program.final_posture} <= _UPRIGHT
        )

    def perform(self, *, near_miss: NearMiss | None = None, most_s: float = 40.0) -> Performance:
        """Perform a series of repetitions. most_s: no repetition begins later."""
        program, rng = self._program, self._rng
        tempo = float(np.exp(rng.uniform(*np.log(program.tempo)))) * self._manner.tempo
        lead = SIDES[rng.integers(2)]
        alternates = rng.random() < program.alternates
        count = _count(program.repetitions, rng)
        line = _Timeline()
        start = first = self._start(lead)
        line.keys.append(start)
        rest_s = self._draw("rest", program.rest_s) / tempo
        leads = set()
        for number in range(count):
            if line.times[-1] > most_s:
                break
            leads.add(lead)
            line.number = number
            advance = float(start[FOOT_Z].mean() - first[FOOT_Z].mean())
            self._repeat(line, start, advance, lead, tempo, near_miss)
            if rest_s > _SHORTEST_S and number + 1 < count:
                line.hold(rest_s * float(np.exp(rng.normal(0, 0.2))))
            start = self._advanced(start, line.keys[-1])
            if alternates:
                lead = SIDES[1 - SIDES.index(lead)]
        line.hold(0.1)
        return self._finish(line, leads, near_miss)

    def _draw(self, key: object, value: Range, spread: float = 0.0) -> float:
        """Draw a value once for the performance; spread: how far it varies each time, as a share of its range."""
        if isinstance(value, (int, float)):
            return float(value)
        low, high = value
        if key not in self._draws:
            self._draws[key] = float(self._rng.uniform(low, high))
        return self._draws[key] + (float(self._rng.normal(0, spread * (high - low))) if spread else 0.0)

    def _start(self, lead: str) -> Floats:
        start = STANDING.copy()
        for key, value in self._program.start.items():
            self._set(start, key, value, lead, "start")
        start += self._manner.at_start()
        if self._seat is not None:
            start[_SEAT] = self._seat[_SEAT]
        return start

    def _set(self, key_values: Floats, key: str, value: Target, lead: str, where: str) -> None:
        """Set what one line of a program names, in place."""
        if isinstance(value, str):
            for channel in resolve(key, lead):
                self._set_hand(key_values, channel.split(".")[0], value, where)
            return
        for channel in resolve(key, lead):
            wider = value if isinstance(value, (int, float)) else self._manner.widened(*value)
            drawn = self._draw((where, key), wider, _VALUE_SPREAD)
            if key.startswith("both.") and not isinstance(value, (int, float)):
                drawn += float(self._rng.normal(0, _SIDE_SPREAD * (value[1] - value[0])))
            key_values[INDEX[channel]] = drawn

    def _set_hand(self, key_values: Floats, side: str, name: str, where: str) -> None:
        for frame in PIN_FRAMES:
            key_values[INDEX[f"{side}.pin.{frame}"]] = 0.0
        if name == "free":
            return
        place = places()[name]
        key_values[INDEX[f"{side}.pin.{place.frame}"]] = 1.0
        for axis in "xyz":
            drawn = self._draw((where, side, name, axis), getattr(place, axis), _VALUE_SPREAD / 2)
            key_values[INDEX[f"{side}.pin.{place.frame}.{axis}"]] = drawn

    def _repeat(
        self, line: _Timeline, start: Floats, advance: float, lead: str, tempo: float, near_miss: NearMiss | None
    ) -> None:
        """Add one repetition to the timeline. advance: how far ahead of the first one it begins."""
        rng = self._rng
        amplitude = float(np.clip(rng.normal(1, _AMPLITUDE_SPREAD), *_AMPLITUDE_LIMITS))
        if near_miss:
            amplitude *= self._draw("amplitude", near_miss.amplitude, _VALUE_SPREAD)
        phases = [
            phase
            for phase in self._program.phases
            if not (near_miss and near_miss.only) or phase.name in near_miss.only or phase.to_start
        ]
        frozen = {c for key in (near_miss.without if near_miss else ()) for c in resolve(key, lead)}
        key, habit = line.keys[-1], np.zeros_like(start)
        for number, phase in enumerate(phases):
            key = self._target(phase, key, start, advance, lead, amplitude, f"phase {number}")
            for channel in frozen:
                key[INDEX[channel]] = start[INDEX[channel]]
            flight = self._draw((number, "jump"), phase.jump, _VALUE_SPREAD) * min(amplitude, 1.0)
            seconds = (
                self._draw((number, "seconds"), phase.seconds) / tempo * float(np.exp(rng.normal(0, _TIME_SPREAD)))
            )
            if flight > 0:
                seconds = 2 * float(np.sqrt(2 * flight * self._body.leg_m / _GRAVITY))
            if seconds < _SHORTEST_S and not flight:
                continue
            if phase.to_start or number + 1 == len(phases):
                # The next repetition begins from there.
                habit = np.zeros_like(key)
            elif phase.to:
                habit = self._manner.in_phase(phase.name, lead) * min(amplitude, 1.0)
            line.add(seconds, key + habit)
            line.spans.append((phase, line.times[-2], line.times[-1], lead, flight))
            self._label(line, phase, lead)

    def _label(self, line: _Timeline, phase: Phase, lead: str) -> None:
        """Label the last phase of the timeline, as a repetition of its own or as more of the one before."""
        if not phase.labelled:
            return
        name = self._program.class_name(lead) if not phase.action else phase.action
        began, ended = line.times[-2:]
        if line.repetitions and line.number == line.labelled_number and line.repetitions[-1][1:] == (began, name):
            line.repetitions[-1] = (line.repetitions[-1][0], ended, name)
        else:
            line.repetitions.append((began, ended, name))
            line.labelled_number = line.number

    def _target(
        self, phase: Phase, before: Floats, start: Floats, advance: float, lead: str, amplitude: float, where: str
    ) -> Floats:
        """Return the values at the end of a phase, (C,)."""
        key = start.copy() if phase.to_start else before.copy()
        wanted = key.copy()
        for name, value in phase.to.items():
            self._set(wanted, name, value, lead, where)
            side, _, rest = name.partition(".")
            if rest.startswith(("hip.", "knee")) and rest != "knee.out" and f"{side}.leg.free" not in phase.to:
                for channel in resolve(f"{side}.leg.free", lead):
                    wanted[INDEX[channel]] = 1.0
        # In a program, feet and pelvis are relative to where the repetition began.
        for name in phase.to:
            for channel in resolve(name, lead):
                if channel.endswith(".hand"):
                    channel = channel.replace(".hand", ".pin.floor.z")
                if channel in ADVANCING or channel == "pelvis.z":
                    wanted[INDEX[channel]] += advance
        changed = wanted != key
        scaled = start + amplitude * (wanted - start)
        return np.where(changed & _MOVES, scaled, wanted).astype(np.float32)

    def _advanced(self, start: Floats, last: Floats) -> Floats:
        """Return the start of the next repetition, where the feet have come to."""
        advance = float(last[FOOT_Z].mean() - start[FOOT_Z].mean())
        if abs(advance) < 0.05:
            return start
        moved = start.copy()
        moved[[*(INDEX[name] for name in ADVANCING), _PELVIS_Z]] += advance
        return moved

    def _finish(self, line: _Timeline, leads: set[str], near_miss: NearMiss | None) -> Performance:
        times = np.array(line.times, np.float32)
        frames = max(2, int(times[-1] * RATE_HZ))
        at = np.arange(frames, dtype=np.float32) / RATE_HZ
        channels = self._curves(times, _with_pins(np.stack(line.keys)), at)
        self._oscillate(channels, line, at)
        channels = smooth(channels, _SMOOTHING_S)
        for _, began, ended, _, flight in line.spans:
            if flight > 0:
                u = np.clip((at - began) / (ended - began), 0, 1)
                channels[:, INDEX["lift"]] += (4 * flight * u * (1 - u)).astype(np.float32)
        lift_moving_feet(channels, self._body.leg_m)
        move_place(channels, self._body.leg_m)
        program = self._program
        missed = near_miss is not None
        if program.bout:
            # Rests within a bout belong to it.
            ends = [began for began, _, _ in line.repetitions[1:]] + [ended for _, ended, _ in line.repetitions[-1:]]
            line.repetitions = [
                (began, end, name) for (began, _, name), end in zip(line.repetitions, ends, strict=True)
            ]
        repetition, phase = label_repetitions([] if missed else line.repetitions, at)
        near = program.class_name(next(iter(leads))) if missed else program.near
        return Performance(
            channels=channels,
            owned_mask=self._owned(leads),
            actions=tuple(name for _, _, name in line.repetitions),
            repetition=repetition,
            phase=phase,
            near=near,
            bout=program.bout,
            posture=program.final_posture,
        )

    def _curves(self, times: Floats, keys: Floats, at: Floats) -> Floats:
        """Interpolate the keys, each part of the body a little ahead of or behind the others."""
        channels = np.empty((len(at), keys.shape[1]), np.float32)
        for part, columns_of in PARTS.items():
            lag = float(np.clip(self._rng.normal(0, _LAG_S[part]), -0.1, 0.1)) if part in _LAG_S else 0.0
            lag *= 0.0 if any(phase.jump for phase in self._program.phases) else 1.0
            channels[:, columns_of] = through_keys(times, keys[:, columns_of], np.clip(at - lag, 0, times[-1]))
        return channels

    def _oscillate(self, channels: Floats, line: _Timeline, at: Floats) -> None:
        for phase, began, ended, lead, _ in line.spans:
            inside = (at >= began) & (at < ended)
            if not phase.oscillate or not inside.any():
                continue
            time = at[inside] - began
            edge = np.clip(np.minimum(time, ended - began - time) / 0.2, 0, 1)
            for name, one in phase.oscillate.items():
                hz = self._draw((phase.name, one.hz), one.hz)
                size = self._draw((phase.name, name), one.amplitude, _VALUE_SPREAD)
                wave = size * edge * np.sin(2 * np.pi * hz * time + np.radians(one.phase_deg))
                for channel in resolve(name, lead):
                    channels[inside, INDEX[channel]] += wave.astype(np.float32)

    def _owned(self, leads: set[str]) -> NDArray[np.bool_]:
        """Return which channels the program defines: those that it names, and all of the parts that it lists."""
        program = self._program
        owned = np.zeros(len(STANDING), bool)
        owned[[INDEX[name] for name in ("root.x", "root.z", "root.heading", "lift")]] = True
        owned[self._manner.owned()] = True
        names = [*program.start]
        for phase in program.phases:
            names += [*phase.to, *phase.oscillate]
        for lead in leads:
            for name in names:
                _side, _, rest = name.partition(".")
                for channel in resolve(name, lead):
                    if rest == "hand":
                        owned[columns(channel.split(".")[0], ARMS)] = True
                    else:
                        owned[INDEX[channel]] = True
                    if rest.startswith(("hip.", "knee", "foot.")):
                        owned[columns(channel.split(".")[0], LEGS)] = True
            for part in program.defines:
                owned[_part_columns(part, lead)] = True
        return owned


def label_repetitions(repetitions: list[tuple[float, float, str]], at: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Index the frames of repetitions, given as start, end and class, in seconds.

    Returns (T,), 0 in background and else the place in the list from 1, and the progress of each (T,).
    """
    number = np.zeros(len(at), np.int64)
    phase = np.full(len(at), np.nan, np.float32)
    for index, (began, ended, _) in enumerate(repetitions, start=1):
        inside = (at >= began) & (at < ended)
        number[inside] = index
        phase[inside] = (at[inside] - began) / (ended - began)
    return number, phase


def _count(limits: tuple[int, int], rng: np.random.Generator) -> int:
    """Draw a number of repetitions; few are more frequent than many."""
    low, high = limits
    return low + int((high - low + 1) * rng.random() ** 1.7)


def _with_pins(keys: Floats) -> Floats:
    """Give the hands' places to the keys before and after, so that a hand goes there straight. keys: (K, C)."""
    filled = keys.copy()
    for side in SIDES:
        for frame in PIN_FRAMES:
            held = np.flatnonzero(keys[:, INDEX[f"{side}.pin.{frame}"]] > 0)
            if not len(held):
                continue
            nearest = held[np.argmin(np.abs(np.arange(len(keys))[:, None] - held - 0.1), axis=1)]
            at = [INDEX[f"{side}.pin.{frame}.{axis}"] for axis in "xyz"]
            filled[:, at] = keys[nearest][:, at]
    return filled


def _part_columns(part: str, lead: str) -> list[int]:
    other = SIDES[1 - SIDES.index(lead)]
    match part:
        case "arms":
            return PARTS["arms"]
        case "lead_arm":
            return columns(lead, ARMS)
        case "other_arm":
            return columns(other, ARMS)
        case "legs":
            return PARTS["legs"]
        case "trunk":
            return [*PARTS["trunk"], INDEX["pelvis.pitch"], INDEX["pelvis.roll"], INDEX["pelvis.turn"]]
        case _:
            return PARTS["head"]
