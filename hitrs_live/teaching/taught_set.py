"""Read a whole teaching folder: examples, corrections, quiet recordings, settings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from hitrs_live.errors import ConfigError, DataError
from hitrs_live.teaching.action_settings import FILE, ActionSettings, read_sequence, read_settings
from hitrs_live.teaching.examples import Example, Quiet, read_corrections, read_examples, read_quiet, taught_names
from hitrs_live.teaching.running_model import RunningModel
from hitrs_live.teaching.step_sequence import StepSequence, check_sequences


@dataclass(frozen=True, kw_only=True)
class TaughtSet:
    """What was read from a teaching folder."""

    examples: tuple[Example, ...]
    corrections: tuple[Example, ...]
    quiet: tuple[Quiet, ...]
    settings: dict[str, ActionSettings]
    """By action, in the order in which actions are numbered."""
    sequences: tuple[StepSequence, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The actions."""
        return tuple(self.settings)

    def allowing(self, false_alarms_per_hour: float | None) -> "TaughtSet":
        """Return the same with another rate of false alarms for every action; None for no change."""
        if false_alarms_per_hour is None:
            return self
        changed = {
            name: msgspec.structs.replace(one, false_alarms_per_hour=false_alarms_per_hour)
            for name, one in self.settings.items()
        }
        return replace(self, settings=changed)


def sequence_names(folder: Path) -> Sequence[str]:
    """List the sequences of a teaching folder, in order. Raises ConfigError for settings that cannot be used."""
    named = sorted(path.parent.name for path in folder.glob(f"*/{FILE}"))
    taught = set(taught_names(folder))
    return [name for name in named if name not in taught and read_sequence(folder, name) is not None]


def check_with_folder(folder: Path, sequence: StepSequence, model: RunningModel) -> None:
    """Check a new sequence together with the actions and the other sequences of a folder.

    Raises ConfigError, in one line, where it cannot be put beside them or a step is not known.
    """
    actions = taught_names(folder)
    if (folder / sequence.name / FILE).exists() and read_sequence(folder, sequence.name) is None:
        raise ConfigError(f"{folder / sequence.name / FILE}: settings of an action; give the sequence another name")
    others = [read_sequence(folder, name) for name in sequence_names(folder) if name != sequence.name]
    check_sequences([*(one for one in others if one is not None), sequence], actions, model)


def read_taught(folder: Path, names: Sequence[str] = ()) -> TaughtSet:
    """Read a teaching folder. names: the actions and sequences; all of the folder's by default. Steps go with theirs.

    Raises DataError where there is no example, or one cannot be used; ConfigError for settings that cannot be.
    """
    taught, of_sequences = taught_names(folder), sequence_names(folder)
    wanted = list(dict.fromkeys(names)) or [*taught, *of_sequences]
    sequences: list[StepSequence] = []
    # It grows by the steps of the sequences that are in it.
    for name in wanted:
        sequence = read_sequence(folder, name) if name in of_sequences else None
        if sequence is not None:
            sequences.append(sequence)
            wanted += [step for step in dict.fromkeys(sequence.steps) if step in {*taught, *of_sequences} - {*wanted}]
    chosen = [name for name in wanted if name not in of_sequences]
    if not wanted:
        raise DataError(f"{folder}: no action was taught, expected examples; add some with hitrs-live teach add")
    examples = {name: read_examples(folder, name) for name in chosen}
    if without := [name for name, found in examples.items() if not found]:
        known = ", ".join([*taught, *of_sequences]) or "none"
        raise DataError(f"{folder}: no example of {without[0]}, expected one of: {known}; add some with teach add")
    return TaughtSet(
        examples=tuple(one for found in examples.values() for one in found),
        corrections=tuple(one for name in chosen for one in read_corrections(folder, name)),
        quiet=tuple(read_quiet(folder)),
        settings={name: read_settings(folder, name) for name in chosen},
        sequences=tuple(sequences),
    )
