"""Synthesise what a person does who shows an action to a camera: walk up, get ready, repeat it, walk off."""

import zlib
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from hitrs_live.data.labelled_motion import RATE_HZ, LabelledMotion
from hitrs_live.synthesis.anthropometry import BodyProportions, draw_body
from hitrs_live.synthesis.compose import StreamPart, background_segment, held_segment, idle_segment, join
from hitrs_live.synthesis.program import BACKGROUND_NAME, Program
from hitrs_live.synthesis.stream import MotionSynthesiser, finish_stream, pick_program

_WALK_S: Final = (1.5, 4.0)
_READY_S: Final = (0.6, 1.5)
"""Standing still between getting ready and the first repetition, and after the last."""


@dataclass(frozen=True, kw_only=True)
class ShownActionSettings:
    """How an action is shown."""

    repetitions: int = 5
    rest_s: tuple[float, float] = (0.8, 2.5)
    """Pause between repetitions; (0, 0) for back to back."""
    distractions: int = 2
    """The most other movements, such as a hand through the hair, before the first repetition and after the last."""
    walks: bool = True
    """Whether the person walks up and off."""


class ShownActions(MotionSynthesiser):
    """Draws such streams. Stream i of a class and a seed is always the same."""

    def show(self, name: str, index: int, settings: ShownActionSettings | None = None) -> LabelledMotion:
        """Draw one person who shows one class. Every repetition is labelled whole, on the same side."""
        settings = settings or ShownActionSettings()
        rng = np.random.default_rng((self._seed, index, zlib.crc32(name.encode())))
        body = draw_body(rng)
        program = _repeated(pick_program(self._by_class[name], rng), settings)
        segments = [*self._others(body, rng, settings, first=True), _ready(rng)]
        for step in self._route("standing", program.posture, rng):
            segments.append(_unlabelled(self._perform(step, body, rng, after=segments[-1])))
        stands = program.posture == program.final_posture == "standing"
        if not stands and len(segments) > 1:
            segments.append(held_segment(segments[-1], int(rng.uniform(*_READY_S) * RATE_HZ), arms_free=False))
        segments.append(self._perform(program, body, rng, seconds=600.0, after=segments[-1]))
        if stands:
            segments += [_ready(rng), *self._others(body, rng, settings, first=False)]
        return finish_stream(
            join(segments, rng, leg_m=body.leg_m), body, rng, name=f"shown_{name}_{self._seed}_{index:06d}"
        )

    def _others(
        self, body: BodyProportions, rng: np.random.Generator, settings: ShownActionSettings, *, first: bool
    ) -> list[StreamPart]:
        """Draw the movements before (first) or after the repetitions."""
        moves: list[StreamPart] = []
        everyday = [one for one in self._programs if _is_everyday(one)]
        for _ in range(int(rng.integers(settings.distractions + 1))):
            moves += [_unlabelled(self._perform(pick_program(everyday, rng), body, rng)), _ready(rng)]
        if not settings.walks:
            return moves
        walk = _unlabelled(self._walk(float(rng.uniform(*_WALK_S)), body, rng))
        return [walk, _ready(rng), *moves] if first else [*moves, walk]


def _repeated(program: Program, settings: ShownActionSettings) -> Program:
    """Return a program that is repeated as the settings say, each repetition labelled from its first phase on."""
    phases = tuple(msgspec.structs.replace(one, labelled=True) for one in program.phases)
    return msgspec.structs.replace(
        program, phases=phases, repetitions=(settings.repetitions,) * 2, rest_s=settings.rest_s, alternates=0.0,
        bout=False,
    )  # fmt: skip


def _is_everyday(program: Program) -> bool:
    stands = program.posture == program.final_posture == "standing"
    return program.action == BACKGROUND_NAME and not program.near and stands and program.gait is None


def _ready(rng: np.random.Generator) -> StreamPart:
    return idle_segment(int(rng.uniform(*_READY_S) * RATE_HZ))


def _unlabelled(part: StreamPart) -> StreamPart:
    return background_segment(part.channels, part.owned)
