"""Settings of one taught action: the optional file `action.toml` in its folder. A sequence is such a file alone."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from hitrs_live.errors import ConfigError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.files.text_file import TextUnreadable
from hitrs_live.files.toml_file import read_toml
from hitrs_live.teaching.step_sequence import StepSequence

Kind = Literal["gesture", "exercise", "pose"]
"""gesture: done once, an event each.
exercise: repeated, one event with a count.
pose: kept up, an event while it lasts.
"""
FILE: Final = "action.toml"
_SEQUENCE: Final = "sequence"


class ActionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an action is found."""

    kind: Kind = "gesture"
    both_sides: bool = False
    """Whether its mirror image is the same action."""
    false_alarms_per_hour: Annotated[float, Meta(gt=0, le=1000)] = 5.0
    """Accepted rate of false alarms of this action."""


def read_settings(folder: Path, name: str) -> ActionSettings:
    """Read the settings of an action; the defaults where it has no file. Raises ConfigError, naming the file."""
    path = folder / name / FILE
    tree = _read(path)
    if tree.get("kind") == _SEQUENCE:
        raise ConfigError(f"{path}: a sequence, and {path.parent} has examples too; move one of them to another folder")
    try:
        return msgspec.convert(tree, ActionSettings)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"{path}: {error}; it may have kind, both_sides and false_alarms_per_hour, as docs/TEACH.md has them"
        ) from None


def read_sequence(folder: Path, name: str) -> StepSequence | None:
    """Read a sequence; None where there is none of this name. Raises ConfigError, naming the file."""
    path = folder / name / FILE
    tree = _read(path)
    if tree.pop("kind", None) != _SEQUENCE:
        return None
    try:
        return msgspec.convert({**tree, "name": name}, StepSequence)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}; make it again with hitrs-live teach sequence {name}") from None


def save_sequence(folder: Path, sequence: StepSequence) -> Path:
    """Write a sequence's file, all or nothing; return it. Raises ConfigError if that fails."""
    path = folder / sequence.name / FILE
    steps, within_s = (msgspec.json.encode(one).decode() for one in (sequence.steps, sequence.within_s))
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with whole_file(path) as unfinished:
            unfinished.write_text(f'kind = "{_SEQUENCE}"\nsteps = {steps}\nwithin_s = {within_s}\n', encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written ({error.strerror or error}); give --folder one that can be written"
        ) from None
    return path


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return read_toml(path)
    except TextUnreadable as error:
        raise ConfigError(f"{path}: {error}") from None
