"""Cut templates out of examples, and measure examples against templates."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from hitrs_live.errors import DataError
from hitrs_live.skeleton import NTU25
from hitrs_live.teaching.action_settings import Kind
from hitrs_live.teaching.examples import Example, Quiet
from hitrs_live.teaching.taught_set import TaughtSet
from hitrs_live.teaching.template_alignment import align_all
from hitrs_live.teaching.templates import LEAST_TICKS, Templates
from hitrs_live.teaching.tokens import TICK_FRAMES, RecordedTokens, TokenEncoder, TokenSpace
from hitrs_live.transforms import mirror

Floats = NDArray[np.float32]
_AFTER_TICKS: Final = 5
"""Ticks after a repetition's end in which its match may end."""
_POSE_FRAMES: Final = (12, 30)
"""How much of a pose is its template, at least and at most: half a second is recognised within a second."""


@dataclass(frozen=True, kw_only=True)
class ShownExamples:
    """Examples, their tokens and their templates: one of each, and one of its mirror image where both sides count."""

    examples: tuple[Example, ...]
    tokens: tuple[RecordedTokens, ...]
    """Of each example."""
    templates: Templates
    numbers: NDArray[np.int64]
    """(N,), the example that each template is of."""


def show_examples(taught_set: TaughtSet, encoder: TokenEncoder, space: TokenSpace) -> ShownExamples:
    """Cut the templates out of the examples. Raises DataError where one is too short."""
    examples, settings, names = taught_set.examples, taught_set.settings, taught_set.names
    tokens = encoder.tokens_of([pair(one) for one in examples])
    both = [number for number, one in enumerate(examples) if settings[one.action].both_sides]
    images = encoder.tokens_of([_mirrored(examples[number]) for number in both])
    numbers = [*range(len(examples)), *both]
    sequences = [
        _cut(seen, examples[number], space, settings[examples[number].action].kind)
        for number, seen in zip(numbers, [*tokens, *images], strict=True)
    ]
    templates = Templates.of(sequences, [names.index(examples[number].action) for number in numbers])
    return ShownExamples(
        examples=examples, tokens=tuple(tokens), templates=templates, numbers=np.array(numbers, np.int64)
    )


def measure_examples(shown: ShownExamples, templates: Templates, space: TokenSpace, actions: int) -> Floats:
    """Measure how far each example is from each action: from its own without itself and its person, if others did it.

    templates: those of `shown`, with their scales. Returns (E, A); infinite where nothing is left to measure with.
    """
    people: dict[str, set[str]] = {}
    for one in shown.examples:
        people.setdefault(one.action, set()).add(one.person)
    persons = np.array([shown.examples[number].person for number in shown.numbers.tolist()])
    distances = align_all(templates, [one.join(space) for one in shown.tokens])
    found = np.full((len(shown.examples), actions), np.inf, np.float32)
    for number, one in enumerate(shown.examples):
        usable = shown.numbers != number
        if len(people[one.action]) > 1:
            usable &= persons != one.person
        own = templates.actions == templates.actions[number]
        nearest = nearest_matches(distances[number], shown.tokens[number], one)
        for action in range(actions):
            chosen = (templates.actions == action) & (usable | ~own)
            if chosen.any():
                found[number, action] = nearest[chosen].min()
    return found


def pair(one: Example | Quiet) -> tuple[Floats, Floats]:
    """Return the joints and their confidence."""
    return one.joints_m, one.confidence


def _mirrored(example: Example) -> tuple[Floats, Floats]:
    return mirror(torch.from_numpy(example.joints_m)).numpy(), example.confidence[:, list(NTU25.mirror)]


def _cut(tokens: RecordedTokens, example: Example, space: TokenSpace, kind: Kind) -> Floats:
    """Cut the repetition out of the tokens of an example. Raises DataError where too few are left."""
    start, end = _pose_frames(example) if kind == "pose" else (example.start, example.end)
    inside = (tokens.frames >= start) & (tokens.frames < end)
    if inside.sum() < LEAST_TICKS:
        raise DataError(
            f"an example of {example.action} ({example.origin}, frames {example.start} to {example.end}): too short or "
            "without half a second before it; give an interval that begins later in the recording, of 0.3 s or more"
        )
    return tokens.join(space)[inside]


def _pose_frames(example: Example) -> tuple[int, int]:
    """Return the frames in which a pose is kept up: the middle of the repetition, without the way into it and out."""
    frames = example.end - example.start
    least, most = _POSE_FRAMES
    length = min(max(frames // 2, least), most, frames)
    start = example.start + (frames - length) // 2
    return start, start + length


def nearest_matches(distances: Floats, tokens: RecordedTokens, example: Example) -> Floats:
    """Return the least distance of each template to a repetition, not to what is before and after it.

    distances: (T, N), of its example. Returns (N,).
    """
    middle = (example.start + example.end) / 2
    ending = (tokens.frames >= middle) & (tokens.frames < example.end + _AFTER_TICKS * TICK_FRAMES)
    nearest: Floats = distances[ending].min(axis=0, initial=np.inf)
    return nearest
