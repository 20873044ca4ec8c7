"""Read a whole teaching folder: examples, corrections, quiet recordings, settings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from hitrs_live.errors import DataError
from hitrs_live.teaching.action_settings import ActionSettings, read_settings
from hitrs_live.teaching.examples import Example, Quiet, read_corrections, read_examples, read_quiet, taught_names


@dataclass(frozen=True, kw_only=True)
class TaughtSet:
    """What was read from a teaching folder."""

    examples: tuple[Example, ...]
    corrections: tuple[Example, ...]
    quiet: tuple[Quiet, ...]
    settings: dict[str, ActionSettings]
    """By action, in the order in which actions are numbered."""

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


def read_taught(folder: Path, names: Sequence[str] = ()) -> TaughtSet:
    """Read a teaching folder. names: the actions; all of the folder's by default.

    Raises DataError where there is no example, or one cannot be used; ConfigError for settings that cannot be.
    """
    chosen = list(dict.fromkeys(names)) or list(taught_names(folder))
    if not chosen:
        raise DataError(f"{folder}: no action was taught, expected examples; add some with hitrs-live teach add")
    examples = {name: read_examples(folder, name) for name in chosen}
    if without := [name for name, found in examples.items() if not found]:
        known = ", ".join(taught_names(folder)) or "none"
        raise DataError(f"{folder}: no example of {without[0]}, expected one of: {known}; add some with teach add")
    return TaughtSet(
        examples=tuple(one for found in examples.values() for one in found),
        corrections=tuple(one for name in chosen for one in read_corrections(folder, name)),
        quiet=tuple(read_quiet(folder)),
        settings={name: read_settings(folder, name) for name in chosen},
    )
