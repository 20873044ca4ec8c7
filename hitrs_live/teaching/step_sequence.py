"""Sequences: actions of one person that follow each other within limits of time and count as one action."""

import difflib
from collections.abc import Collection, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from hitrs_live.errors import ConfigError
from hitrs_live.teaching.running_model import RunningModel

LEAST_STEPS: Final = 2
MOST_STEPS: Final = 10
MOST_SEQUENCES: Final = 100
MOST_WITHIN_S: Final = 600.0

_Step = Annotated[str, Meta(min_length=1, max_length=200)]
_Seconds = Annotated[float, Meta(gt=0, le=MOST_WITHIN_S)]


class StepSequence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One sequence: its steps in order, each of them a taught action, a class of the model or another sequence."""

    name: Annotated[str, Meta(min_length=1, max_length=64, pattern="^[A-Za-z0-9][A-Za-z0-9_-]*$")]
    steps: Annotated[tuple[_Step, ...], Meta(min_length=LEAST_STEPS, max_length=MOST_STEPS)]
    within_s: tuple[_Seconds, ...]
    """Seconds from the end of a step to the beginning of the next, at most; one for each step but the first."""

    def __post_init__(self) -> None:
        """Raise ValueError where steps and times do not fit together."""
        if len(self.within_s) != len(self.steps) - 1:
            raise ValueError(
                f"{len(self.within_s)} times in within_s for {len(self.steps)} steps, expected one for each step but "
                "the first"
            )

    def text(self) -> str:
        """Describe the steps, such as "sit_to_stand, then wave within 4 s"."""
        later = zip(self.steps[1:], self.within_s, strict=True)
        return ", ".join((self.steps[0], *(f"then {step} within {within_s:g} s" for step, within_s in later)))


def make_sequence(name: str, steps: Sequence[str], within_s: Sequence[float]) -> StepSequence:
    """Make a sequence. within_s: one time for each step but the first, or one for all.

    Raises ConfigError where steps and times do not fit together or are out of range.
    """
    remedy = (
        f"give {LEAST_STEPS} to {MOST_STEPS} steps such as --steps bow,wave, and times of up to {MOST_WITHIN_S:g} s "
        "such as --within 4"
    )
    if not LEAST_STEPS <= len(steps) <= MOST_STEPS:
        raise ConfigError(f"sequence {name}: got {len(steps)} steps, expected {LEAST_STEPS} or more; {remedy}")
    times_s = list(within_s) * (len(steps) - 1) if len(within_s) == 1 else list(within_s)
    try:
        return msgspec.convert({"name": name, "steps": list(steps), "within_s": times_s}, StepSequence)
    except msgspec.ValidationError as error:
        raise ConfigError(f"sequence {name}: {error}; {remedy}") from None


def check_sequences(sequences: Sequence[StepSequence], actions: Collection[str], model: RunningModel) -> None:
    """Check that every step of every sequence is known. actions: the taught ones.

    Raises ConfigError, in one line, for a name that is used twice, a step that is not known or takes two people, and
    steps that lead back to their own sequence.
    """
    names = [one.name for one in sequences]
    for one in sequences:
        if names.count(one.name) > 1 or one.name in actions:
            raise ConfigError(f"sequence {one.name}: another action has this name; use another name")
        if one.name in model.labels:
            raise ConfigError(f"sequence {one.name}: it is a class of {model.name} too; use another name")
        for step in one.steps:
            _check_step(one, step, known={*names, *actions, *model.labels - {model.background}}, model=model)
    in_order(sequences)


def unreported_steps(sequences: Sequence[StepSequence], model: RunningModel) -> list[str]:
    """Describe each step that is a class which is not reported, one line each; its sequence is never complete."""
    return [
        f"sequence {one.name}: step {step} is a class of {model.name} that is not reported, so the sequence is never "
        "complete; name the class in action.classes (--classes), or use another step"
        for one in sequences
        for step in dict.fromkeys(one.steps)
        if step in model.unreported
    ]


def in_order(sequences: Sequence[StepSequence]) -> list[StepSequence]:
    """Sort sequences: those that are a step of others first.

    Raises ConfigError where the steps of one lead back to it.
    """
    by_name = {one.name: one for one in sequences}
    ordered: dict[str, StepSequence] = {}

    def add(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            way = ", ".join((*above[above.index(name) :], name))
            raise ConfigError(f"sequence {name}: its steps lead back to it ({way}); use another step")
        for step in by_name[name].steps:
            if step in by_name and step not in ordered:
                add(step, (*above, name))
        ordered[name] = by_name[name]

    for name in by_name:
        if name not in ordered:
            add(name, ())
    return list(ordered.values())


def _check_step(one: StepSequence, step: str, *, known: set[str], model: RunningModel) -> None:
    if step not in known:
        near = difflib.get_close_matches(step, sorted(known), n=1)
        hint = (
            f"the nearest is {near[0]!r}" if near else "teach list and hitrs-live models --classes list those there are"
        )
        raise ConfigError(
            f"sequence {one.name}: step {step[:60]!r} is no taught action and no class of {model.name}; {hint}"
        )
    if step in model.pair_labels:
        raise ConfigError(f"sequence {one.name}: step {step} takes two people; use actions of one person")
