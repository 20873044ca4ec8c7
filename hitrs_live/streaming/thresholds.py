"""Detection thresholds per class: a TOML file for one checkpoint, merged with the settings into `ThresholdArrays`."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from hitrs_live.config import ActionConfig
from hitrs_live.errors import ConfigError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.files.checkpoint_file import checkpoint_path
from hitrs_live.files.text_file import TextUnreadable
from hitrs_live.files.toml_file import read_toml
from hitrs_live.settings_check import find_fault
from hitrs_live.streaming.scores import known_scores, share_with_unknown

if TYPE_CHECKING:
    from hitrs_live.checkpoint import Checkpoint
    from hitrs_live.streaming.stream_model import StreamDescription

FOLDER = Path("calibration")
"""The folder, under the working directory, where thresholds are looked for first."""
NONE = "none"
"""The setting for no thresholds file: only the checkpoint's own values and the settings count."""
EVERY_CLASS = "all"
"""The setting for all classes of a model, also the experimental ones."""
_REMEDY = "make a new one with hitrs-live tune-thresholds"
_LONGEST_NAME: Final = 60
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class ClassThresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The thresholds of one class; None means the checkpoint's value, else the setting of that name."""

    temperature: Annotated[float, Meta(gt=0, le=100)] | None = None
    """The class's logit is divided by this before the softmax or sigmoid."""
    on: Annotated[float, Meta(gt=0, lt=1)] | None = None
    """Onset threshold, a score."""
    off: Annotated[float, Meta(gt=0, lt=1)] | None = None
    """Offset threshold, a score."""
    min_duration_s: Annotated[float, Meta(ge=0, le=3600)] | None = None
    max_duration_s: Annotated[float, Meta(ge=0, le=86400)] | None = None
    """0 for none."""
    least_energy: Annotated[float, Meta(ge=-1e6, le=1e6)] | None = None
    """Energy threshold: an input whose best class is this one and whose energy is just this is as likely unknown as
    not; see `scores.share_with_unknown`."""
    merge_gap_s: Annotated[float, Meta(ge=0, le=60)] | None = None


class Thresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of a thresholds file: the thresholds of one checkpoint."""

    checkpoint: str
    """The checkpoint's name."""
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", extra={"expected": "64 hexadecimal digits"})]
    """The SHA-256 of the checkpoint's file."""
    least_energy: Annotated[float, Meta(ge=-1e6, le=1e6)] | None = None
    """Energy threshold of the classes without their own; None to take every input that resembles them as known."""
    experimental: tuple[str, ...] = ()
    """Classes that are not reported unless the setting `action.classes` names them."""
    provenance: dict[str, str] = {}
    """How they were tuned: data, target false alarms per hour, remaining recall, also by class under `recall_key`."""
    classes: dict[str, ClassThresholds] = {}


@dataclass(frozen=True, kw_only=True)
class ThresholdArrays:
    """The thresholds in force, by class. K classes, background first."""

    temperature: NDArray[np.float32]
    """(K,)."""
    onset_threshold: NDArray[np.float32]
    """(K,); the score at which an action may start; infinite for the background."""
    offset_threshold: NDArray[np.float32]
    """(K,); the score below which an action is no longer confirmed; at most the onset threshold."""
    min_duration_ns: NDArray[np.float64]
    """(K,); how long a candidate must last before it starts, unless its score is high."""
    max_duration_ns: NDArray[np.float64]
    """(K,); infinite where there is no limit."""
    merge_gap_ns: NDArray[np.float64]
    """(K,); a gap up to this long does not end an action."""
    energy_threshold: NDArray[np.float32]
    """(K,); minus infinity where every input is taken as known. The background's is not used."""
    reported: NDArray[np.bool_]
    """(K,); whether a class is reported. The scores of the others are left to the background, whose own is True."""
    independent: bool
    """Whether each class has a sigmoid of its own."""

    def scores_if_known(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn logits (..., K) into scores (..., K), as if every input were of the known classes."""
        return known_scores(logits, self.temperature, self.reported, independent=self.independent)

    def scores(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn logits (..., K) into the scores that decisions are made on, (..., K)."""
        return share_with_unknown(self.scores_if_known(logits), logits, self.energy_threshold)


@dataclass(frozen=True, kw_only=True)
class LoadedThresholds:
    """The result of a search for thresholds."""

    thresholds: Thresholds | None = None
    notice: str = ""
    """A file that was found and not used, in one line; empty where there was none."""


def make_threshold_arrays(
    model: "StreamDescription", config: ActionConfig, thresholds: Thresholds | None = None
) -> ThresholdArrays:
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

    reported = np.isin(model.labels, reported_classes(model.labels, config, thresholds))
    onset, longest_s = column("on").astype(np.float32), column("max_duration_s")
    onset[~reported] = onset[0] = np.inf
    reported[0] = True
    return ThresholdArrays(
        temperature=column("temperature").astype(np.float32),
        onset_threshold=onset,
        offset_threshold=np.minimum(column("off").astype(np.float32), onset),
        min_duration_ns=1e9 * column("min_duration_s"),
        max_duration_ns=1e9 * np.where(longest_s > 0, longest_s, np.inf),
        merge_gap_ns=1e9 * column("merge_gap_s"),
        energy_threshold=column("least_energy").astype(np.float32),
        reported=reported,
        independent=model.independent,
    )


def recall_key(label: str) -> str:
    """Return the key of `Thresholds.provenance` under which a class's recall stands, such as "57 of 60"."""
    return f"recall_of_{label}"


def reported_classes(
    labels: Sequence[str], config: ActionConfig, thresholds: Thresholds | None = None
) -> tuple[str, ...]:
    """Return the actions that are reported, of a model's labels, background first, in their order.

    Raises ConfigError where the setting names a class that the model does not have.
    """
    names = [name.strip() for name in config.classes.split(",") if name.strip()]
    if names == [EVERY_CLASS]:
        return tuple(labels[1:])
    if not names:
        experimental = () if thresholds is None else thresholds.experimental
        return tuple(name for name in labels[1:] if name not in experimental)
    if unknown := [name for name in names if name not in labels[1:]]:
        near = difflib.get_close_matches(unknown[0], labels[1:], n=1)
        hint = f"the nearest is {near[0]!r}" if near else f"it has {', '.join(labels[1:])}"
        raise ConfigError(f"action.classes {unknown[0]!r}: the model has no such class; {hint}")
    return tuple(name for name in labels[1:] if name in names)


def find_thresholds(setting: str, checkpoint: "Checkpoint", path: str | Path | None) -> LoadedThresholds:
    """Read the thresholds file that the setting names, else one at the default places.

    setting: a path, empty, or "none" for none at all. path: the checkpoint, as `load_checkpoint` takes it. Without a
    setting `calibration/NAME.toml` is looked for, NAME being the checkpoint's, then STEM.thresholds.toml beside the
    checkpoint; a file for another checkpoint is skipped, with a notice.

    Raises ConfigError as `load_thresholds` does.
    """
    if setting == NONE:
        return LoadedThresholds()
    if setting:
        return LoadedThresholds(thresholds=load_thresholds(Path(setting), checkpoint))
    notice = ""
    for file in (
        FOLDER / f"{Path(checkpoint.info.name).name}.toml",
        checkpoint_path(path).with_suffix(".thresholds.toml"),
    ):
        if not file.is_file():
            continue
        thresholds = _read(file)
        if thresholds.sha256 == checkpoint.fingerprint:
            _check_classes(file, thresholds, checkpoint.info.labels)
            return LoadedThresholds(thresholds=thresholds, notice=notice)
        notice = notice or f"{_mismatch(file, thresholds, checkpoint)}; not used"
    return LoadedThresholds(notice=notice)


def check_thresholds_file(setting: str) -> None:
    """Raise ConfigError where the setting names a file that is not a valid thresholds file, of any checkpoint."""
    if setting and setting != NONE:
        _read(Path(setting))


def load_thresholds(path: Path, checkpoint: "Checkpoint") -> Thresholds:
    """Read a file of thresholds for this checkpoint.

    Raises ConfigError, naming the file, where it is not valid, belongs to another checkpoint, names a class that the
    checkpoint does not have, or has a value out of range.
    """
    thresholds = _read(path)
    if thresholds.sha256 != checkpoint.fingerprint:
        raise ConfigError(
            f"{_mismatch(path, thresholds, checkpoint)}; give that checkpoint with --checkpoint, or {_REMEDY}"
        )
    _check_classes(path, thresholds, checkpoint.info.labels)
    return thresholds


def save_thresholds(path: Path, thresholds: Thresholds) -> None:
    """Write a file for `load_thresholds`, whole or not at all. Raises ConfigError where it cannot be written."""
    try:
        with whole_file(path) as unfinished:
            unfinished.write_text(render_thresholds(thresholds), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"thresholds {path}: cannot be written ({error}); name another file with --out") from None


def render_thresholds(thresholds: Thresholds) -> str:
    """Return thresholds as TOML, one line per class."""
    lines = [
        "# Detection thresholds of one checkpoint. What a class leaves out is taken from the settings.",
        f"checkpoint = {_text(thresholds.checkpoint)}",
        f"sha256 = {_text(thresholds.sha256)}",
    ]
    if thresholds.least_energy is not None:
        lines.append(f"least_energy = {thresholds.least_energy!r}  # of the classes without their own")
    if thresholds.experimental:
        lines.append(f"experimental = [{', '.join(map(_text, thresholds.experimental))}]")
    lines += ["", "[provenance]"]
    lines += [f"{_key(name)} = {_text(value)}" for name, value in thresholds.provenance.items()]
    lines += ["", "# Durations and gaps in seconds; max_duration_s = 0 for no limit.", "[classes]"]
    for name, own in thresholds.classes.items():
        values = [f"{key} = {value!r}" for key, value in msgspec.structs.asdict(own).items() if value is not None]
        lines.append(f"{_key(name)} = {{ {', '.join(values)} }}")
    return "\n".join(lines) + "\n"


def _read(path: Path) -> Thresholds:
    """Read a thresholds file of any checkpoint. Raises ConfigError."""
    try:
        tree = read_toml(path)
    except TextUnreadable as error:
        raise ConfigError(f"thresholds {path}: {error}, expected a TOML file; {_REMEDY}") from None
    if fault := find_fault(tree, Thresholds):
        raise ConfigError(f"thresholds {path}: {fault.text()}; correct it, or {_REMEDY}")
    thresholds = msgspec.convert(tree, Thresholds)
    for name, own in thresholds.classes.items():
        if reason := _contradiction(own):
            raise ConfigError(f"thresholds {path}: class {_quoted(name)}{reason}; correct it, or {_REMEDY}")
    return thresholds


def _contradiction(own: ClassThresholds) -> str:
    """Describe which values of a class contradict each other; empty where none do."""
    if (own.on is None) != (own.off is None):
        return " has one of on and off, expected both or neither"
    if own.on is not None and own.off is not None and own.off > own.on:
        return f": off {own.off} is above on {own.on}, expected at most that"
    if 0 < (own.max_duration_s or 0) < (own.min_duration_s or 0):
        return (
            f": min_duration_s {own.min_duration_s} is above max_duration_s {own.max_duration_s}, "
            "so it could never be reported"
        )
    return ""


def _check_classes(path: Path, thresholds: Thresholds, labels: tuple[str, ...]) -> None:
    for name in (*thresholds.classes, *thresholds.experimental):
        if name not in labels:
            near = difflib.get_close_matches(name, labels, n=1)
            hint = f"the nearest is {near[0]!r}" if near else f"it has {', '.join(labels)}"
            raise ConfigError(
                f"thresholds {path}: class {_quoted(name)} is not in checkpoint {_quoted(thresholds.checkpoint)}; "
                f"{hint}"
            )


def _mismatch(path: Path, thresholds: Thresholds, checkpoint: "Checkpoint") -> str:
    return (
        f"thresholds {path}: belong to checkpoint {_quoted(thresholds.checkpoint)} of SHA-256 {thresholds.sha256}, "
        f"this one is {checkpoint.info.name!r} of {checkpoint.fingerprint or 'no file'}"
    )


def _quoted(name: str) -> str:
    """Quote a name of a file for a message, on one line, cut after 60 characters."""
    return repr(name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]} ...")


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _text(name)


def _text(value: str) -> str:
    # TOML's strings are JSON's, but for this one character.
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
