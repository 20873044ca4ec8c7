"""What decides for each class of one checkpoint when an action is told, in a TOML file that a person may edit."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from hitrs_live.config import ActionConfig
from hitrs_live.errors import ConfigError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.files.text_file import TextUnreadable, read_text
from hitrs_live.settings_check import find_fault

if TYPE_CHECKING:
    from hitrs_live.checkpoint import Checkpoint
    from hitrs_live.streaming.stream_model import StreamDescription

FOLDER = Path("calibration")
"""Where thresholds are looked for first, under the working directory."""
NONE = "none"
"""The setting by which only the checkpoint's own and the settings count."""
_MEND = "make it anew with hitrs-live tune-thresholds"
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class ClassThresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One class's own; what is None is the checkpoint's, else the setting's of that name."""

    temperature: Annotated[float, Meta(gt=0, le=100)] | None = None
    """The class's logit is divided by this before the softmax."""
    on: Annotated[float, Meta(gt=0, lt=1)] | None = None
    off: Annotated[float, Meta(gt=0, lt=1)] | None = None
    min_duration_s: Annotated[float, Meta(ge=0, le=3600)] | None = None
    max_duration_s: Annotated[float, Meta(ge=0, le=86400)] | None = None
    """0 for none."""
    least_energy: Annotated[float, Meta(ge=-1e6, le=1e6)] | None = None
    """A clip that looks most like this class and has just this energy is as likely of nothing known; see
    `class_scores`."""
    merge_gap_s: Annotated[float, Meta(ge=0, le=60)] | None = None


class Thresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds that belong to one checkpoint."""

    checkpoint: str
    """Its name."""
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", extra={"wanted": "64 hexadecimal digits"})]
    """Of its file."""
    least_energy: Annotated[float, Meta(ge=-1e6, le=1e6)] | None = None
    """That of the classes that have none of their own; None to take all that looks like them for known."""
    provenance: dict[str, str] = {}
    """How they were tuned: data, false alarms an hour that were asked for, recall that was left."""
    classes: dict[str, ClassThresholds] = {}


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What decides in the end, by class. K classes, background first."""

    temperature: NDArray[np.float32]
    """(K,)."""
    on: NDArray[np.float32]
    """(K,); infinite for the background, which is never told."""
    off: NDArray[np.float32]
    min_duration_ns: NDArray[np.float64]
    max_duration_ns: NDArray[np.float64]
    """(K,); infinite where there is no limit."""
    merge_gap_ns: NDArray[np.float64]
    energy_threshold: NDArray[np.float32]
    """(K,); minus infinite where all is taken for known. The background's is not looked at."""


@dataclass(frozen=True, kw_only=True)
class LoadedThresholds:
    """What a search for thresholds came to."""

    thresholds: Thresholds | None = None
    notice: str = ""
    """What was found and not used, in one line; empty where there was no such thing."""


def make_rules(model: "StreamDescription", config: ActionConfig, thresholds: Thresholds | None = None) -> Rules:
    """Merge the thresholds per class: a thresholds file first, then the model's own, then the settings."""
    own = {} if thresholds is None else thresholds.classes
    fallback: dict[str, Mapping[str, float]] = {"on": model.on, "off": model.off}
    common = None if thresholds is None else thresholds.least_energy
    settings = {
        "temperature": model.temperature,
        "least_energy": -np.inf if common is None else common,
        **msgspec.structs.asdict(config),
    }

    def column(field: str) -> NDArray[np.float64]:
        values = []
        for label in model.labels:
            value = getattr(own.get(label), field, None)
            values.append(fallback.get(field, {}).get(label, settings[field]) if value is None else value)
        return np.array(values, np.float64)

    on, longest_s = column("on").astype(np.float32), column("max_duration_s")
    off = np.minimum(column("off").astype(np.float32), on)
    on[0] = np.inf
    return Rules(
        temperature=column("temperature").astype(np.float32),
        on=on,
        off=off,
        min_duration_ns=1e9 * column("min_duration_s"),
        max_duration_ns=1e9 * np.where(longest_s > 0, longest_s, np.inf),
        merge_gap_ns=1e9 * column("merge_gap_s"),
        energy_threshold=column("least_energy").astype(np.float32),
    )


def find_thresholds(setting: str, checkpoint: "Checkpoint", path: Path) -> LoadedThresholds:
    """Read the thresholds that the setting names, else those that lie where the checkpoint's own would.

    setting: a path, empty, or "none" for none at all. path: the checkpoint's file. Without a setting
    `calibration/NAME.toml` is looked for, NAME being the checkpoint's, then STEM.thresholds.toml beside it; what
    belongs to another checkpoint is passed by.

    Raises ConfigError as `load_thresholds` does.
    """
    if setting == NONE:
        return LoadedThresholds()
    if setting:
        return LoadedThresholds(thresholds=load_thresholds(Path(setting), checkpoint))
    notice = ""
    for place in (FOLDER / f"{Path(checkpoint.info.name).name}.toml", path.with_suffix(".thresholds.toml")):
        if not place.is_file():
            continue
        thresholds = _read(place)
        if thresholds.sha256 == checkpoint.fingerprint:
            _check_classes(place, thresholds, checkpoint.info.labels)
            return LoadedThresholds(thresholds=thresholds, notice=notice)
        notice = notice or f"{_stranger(place, thresholds, checkpoint)}; not used"
    return LoadedThresholds(notice=notice)


def check_thresholds_file(setting: str) -> None:
    """Raise ConfigError where the file that the setting names is none of thresholds, whatever it belongs to."""
    if setting and setting != NONE:
        _read(Path(setting))


def load_thresholds(path: Path, checkpoint: "Checkpoint") -> Thresholds:
    """Read a file of thresholds for this checkpoint.

    Raises ConfigError, naming the file, where it is none, belongs to another checkpoint, names a class that the
    checkpoint does not have, or a value is out of range.
    """
    thresholds = _read(path)
    if thresholds.sha256 != checkpoint.fingerprint:
        raise ConfigError(
            f"{_stranger(path, thresholds, checkpoint)}; give that checkpoint with --checkpoint, or {_MEND}"
        )
    _check_classes(path, thresholds, checkpoint.info.labels)
    return thresholds


def save_thresholds(path: Path, thresholds: Thresholds) -> None:
    """Write a file that `load_thresholds` reads, whole or not at all. Raises ConfigError where that cannot be done."""
    try:
        with whole_file(path) as unfinished:
            unfinished.write_text(render_thresholds(thresholds), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"thresholds {path}: cannot be written ({error}); name another file with --out") from None


def render_thresholds(thresholds: Thresholds) -> str:
    """Write thresholds as TOML, a line a class."""
    lines = [
        "# When an action is told, for one checkpoint. What a class leaves out is as the settings have it.",
        f"checkpoint = {_text(thresholds.checkpoint)}",
        f"sha256 = {_text(thresholds.sha256)}",
    ]
    if thresholds.least_energy is not None:
        lines.append(f"least_energy = {thresholds.least_energy!r}  # of the classes without their own")
    lines += ["", "[provenance]"]
    lines += [f"{_key(name)} = {_text(value)}" for name, value in thresholds.provenance.items()]
    lines += ["", "# Durations and gaps in seconds; max_duration_s = 0 for no limit.", "[classes]"]
    for name, own in thresholds.classes.items():
        values = [f"{key} = {value!r}" for key, value in msgspec.structs.asdict(own).items() if value is not None]
        lines.append(f"{_key(name)} = {{ {', '.join(values)} }}")
    return "\n".join(lines) + "\n"


def _read(path: Path) -> Thresholds:
    """Read a file, whosever it is."""
    try:
        tree = msgspec.toml.decode(read_text(path))
    except (OSError, TextUnreadable) as error:
        raise ConfigError(f"thresholds {path}: cannot be read ({_line(error)}), wanted a TOML file; {_MEND}") from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ConfigError(f"thresholds {path}: not TOML ({_line(error)}); {_MEND}") from None
    if fault := find_fault(tree, Thresholds):
        raise ConfigError(f"thresholds {path}: {fault.text()}; correct it, or {_MEND}")
    thresholds = msgspec.convert(tree, Thresholds)
    for name, own in thresholds.classes.items():
        if reason := _contradiction(own):
            raise ConfigError(f"thresholds {path}: class {name!r}{reason}; correct it, or {_MEND}")
    return thresholds


def _contradiction(own: ClassThresholds) -> str:
    """Say which values of a class cannot stand side by side; empty where all can."""
    if (own.on is None) != (own.off is None):
        return " has one of on and off, wanted both or neither"
    if own.on is not None and own.off is not None and own.off > own.on:
        return f": off {own.off} is above on {own.on}, wanted it at most that"
    if 0 < (own.max_duration_s or 0) < (own.min_duration_s or 0):
        return (
            f": min_duration_s {own.min_duration_s} is above max_duration_s {own.max_duration_s}, "
            "so it could never be reported"
        )
    return ""


def _check_classes(path: Path, thresholds: Thresholds, labels: tuple[str, ...]) -> None:
    for name in thresholds.classes:
        if name not in labels:
            near = difflib.get_close_matches(name, labels, n=1)
            hint = f"the nearest is {near[0]!r}" if near else f"it has {', '.join(labels)}"
            raise ConfigError(
                f"thresholds {path}: class {name!r} is none of checkpoint {thresholds.checkpoint!r}; {hint}"
            )


def _stranger(path: Path, thresholds: Thresholds, checkpoint: "Checkpoint") -> str:
    return (
        f"thresholds {path}: belong to checkpoint {thresholds.checkpoint!r} of SHA-256 {thresholds.sha256}, "
        f"this one is {checkpoint.info.name!r} of {checkpoint.fingerprint or 'no file'}"
    )


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _text(name)


def _text(value: str) -> str:
    # TOML's strings are JSON's, but for this one character.
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
