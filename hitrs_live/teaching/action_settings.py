"""Settings of one taught action: the optional file `action.toml` in its folder."""

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from hitrs_live.errors import ConfigError
from hitrs_live.files.text_file import TextUnreadable
from hitrs_live.files.toml_file import read_toml

Kind = Literal["gesture", "exercise", "pose"]
"""gesture: done once, an event each.
exercise: repeated, one event with a count.
pose: kept up, an event while it lasts.
"""
FILE: Final = "action.toml"


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
    if not path.exists():
        return ActionSettings()
    try:
        return msgspec.convert(read_toml(path), ActionSettings)
    except TextUnreadable as error:
        raise ConfigError(f"{path}: {error}") from None
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"{path}: {error}; it may have kind, both_sides and false_alarms_per_hour, as docs/TEACH.md has them"
        ) from None
