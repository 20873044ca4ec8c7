"""Keep examples of a user's own actions as files: one repetition each, with the joints before and after it.

    FOLDER/NAME/*.safetensors            examples of the action NAME
    FOLDER/NAME/not_this/*.safetensors   corrections: what was reported as NAME and is not
    FOLDER/NAME/action.toml              settings (`action_settings`), optional
    FOLDER/quiet/*.safetensors           recordings of what is none of the actions

A file has joints and no picture. Its name is its time and a digest of its content: what is saved twice is there once.
"""

import datetime
import hashlib
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from hitrs_live.errors import DataError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.files.output_files import create_private
from hitrs_live.joint_checks import MOST_METRES
from hitrs_live.skeleton import NTU25

FOLDER: Final = Path("actions")
"""The default teaching folder."""
RATE_HZ: Final = 30.0
"""Frames per second of the joints."""
LEAST_FRAMES: Final = 6
"""Of a repetition: 0.2 s."""
MOST_EXAMPLE_FRAMES: Final = round(180 * RATE_HZ)
MOST_QUIET_FRAMES: Final = round(1800 * RATE_HZ)
"""Of one file; longer recordings are saved in pieces."""
MOST_FILES: Final = 1000
"""In one folder."""

_KEY: Final = "hitrs_live_example"
_QUIET: Final = "quiet"
_NOT_THIS: Final = "not_this"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_JOINTS: Final = len(NTU25)
_MOST_BYTES: Final = MOST_QUIET_FRAMES * _JOINTS * 16 + 2**16
_NEW_EXAMPLE: Final = "delete it and record the example again"

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Quiet:
    """A recording of one person who does none of the taught actions."""

    joints_m: Floats
    """(T, 25, 3), metres in the camera's axes, at `RATE_HZ`: the resampled joint stream."""
    confidence: Floats
    """(T, 25), 0 to 1."""
    person: str
    """Name of the person; "" if unknown."""
    origin: str
    """Where it comes from: a camera, the name of a file."""
    created_utc: str
    """When it was saved, ISO 8601 in UTC, such as 2026-11-30T16:35:21Z."""

    def __post_init__(self) -> None:
        """Raise ValueError where a field is out of range."""
        _check_joints(self.joints_m, self.confidence, MOST_QUIET_FRAMES)
        _check_texts(self.person, self.origin, self.created_utc)


@dataclass(frozen=True, kw_only=True)
class Example:
    """One repetition of an action by one person, with the joints before and after it."""

    action: str
    """Name of the action: letters, digits, _ and -, at most 64 of them."""
    joints_m: Floats
    """(T, 25, 3), metres in the camera's axes, at `RATE_HZ`: the resampled joint stream."""
    confidence: Floats
    """(T, 25), 0 to 1."""
    start: int
    """First frame of the repetition."""
    end: int
    """The frame after its last."""
    person: str
    origin: str
    created_utc: str
    """These three as in `Quiet`."""

    def __post_init__(self) -> None:
        """Raise ValueError where a field is out of range."""
        check_name(self.action)
        _check_joints(self.joints_m, self.confidence, MOST_EXAMPLE_FRAMES)
        _check_texts(self.person, self.origin, self.created_utc)
        frames = len(self.joints_m)
        if not 0 <= self.start <= self.end - LEAST_FRAMES or self.end > frames:
            raise ValueError(
                f"a repetition from frame {self.start} to {self.end} of {frames}, expected at least {LEAST_FRAMES} "
                "frames within them; give an interval of 0.2 s or more inside the recording"
            )


def check_name(name: str) -> str:
    """Return the name of an action. Raises ValueError where it cannot be one."""
    if not _NAME.fullmatch(name) or name in (_QUIET, _NOT_THIS):
        raise ValueError(
            f"action name {name[:80]!r}: expected 1 to 64 letters, digits, _ or -, the first a letter or digit, and "
            f"neither {_QUIET} nor {_NOT_THIS}"
        )
    return name


def utc_now() -> str:
    """Return the time as `created_utc` has it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def save_example(folder: Path, example: Example) -> Path:
    """Save an example privately to the user, all or nothing; return its file. Raises DataError if that fails."""
    return _save(folder / example.action, example)


def save_correction(folder: Path, example: Example) -> Path:
    """Save what is not the action, though it was reported as it; return its file. Raises DataError if that fails."""
    return _save(folder / example.action / _NOT_THIS, example)


def save_quiet(folder: Path, quiet: Quiet) -> Path:
    """Save a recording of none of the actions; return its file. Raises DataError if that fails."""
    return _save(folder / _QUIET, quiet)


def read_examples(folder: Path, name: str) -> Sequence[Example]:
    """Read the examples of an action, in the order of their files' names; empty where there is none.

    Raises DataError, naming the file, where one cannot be used, and ValueError for a name that none can have.
    """
    return [_read(path, Example, action=check_name(name)) for path in _files(folder / name)]


def read_corrections(folder: Path, name: str) -> Sequence[Example]:
    """Read what is not an action, though it was reported as it. Raises as `read_examples` does."""
    return [_read(path, Example, action=check_name(name)) for path in _files(folder / name / _NOT_THIS)]


def read_quiet(folder: Path) -> Sequence[Quiet]:
    """Read the recordings of none of the actions. Raises DataError, naming the file, where one cannot be used."""
    return [_read(path, Quiet) for path in _files(folder / _QUIET)]


def taught_names(folder: Path) -> Sequence[str]:
    """List the actions that have an example, in order. Raises DataError where the folder cannot be read."""
    try:
        folders = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    except OSError as error:
        raise _unusable(folder, f"cannot be read ({error.strerror})", "give a folder that can be read") from None
    named = [path for path in folders if _NAME.fullmatch(path.name) and path.name not in (_QUIET, _NOT_THIS)]
    return [path.name for path in named if _files(path)]


class _ExampleAbout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a file says of its example beside the joints."""

    format: Annotated[int, Meta(ge=1, le=1)] = 1
    action: Annotated[str, Meta(max_length=64)]
    start: Annotated[int, Meta(ge=0)]
    end: Annotated[int, Meta(ge=0)]
    person: str
    origin: str
    created_utc: str


class _QuietAbout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a file says of its quiet recording beside the joints."""

    format: Annotated[int, Meta(ge=1, le=1)] = 1
    person: str
    origin: str
    created_utc: str


def _save(folder: Path, one: Example | Quiet) -> Path:
    fields = asdict(one)
    tensors = {name: np.ascontiguousarray(fields.pop(name), np.float32) for name in ("joints_m", "confidence")}
    about = _ExampleAbout(**fields) if isinstance(one, Example) else _QuietAbout(**fields)
    raw = save(tensors, metadata={_KEY: msgspec.json.encode(about).decode()})
    stamp = re.sub(r"\D", "", one.created_utc)[:14]
    path = folder / f"{stamp}-{hashlib.sha256(raw).hexdigest()[:12]}.safetensors"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with whole_file(path) as unfinished, create_private(unfinished, overwrite=True) as file:
            file.write(raw)
    except OSError as error:
        raise _unusable(
            path, f"cannot be written ({error.strerror or error})", "give a folder with room that can be written"
        ) from None
    return path


def _files(folder: Path) -> Sequence[Path]:
    """List the example files in a folder, in order of their names."""
    try:
        found = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    except OSError as error:
        raise _unusable(folder, f"cannot be read ({error.strerror})", "give a folder that can be read") from None
    if len(found) > MOST_FILES:
        raise _unusable(folder, f"{len(found)} files, expected at most {MOST_FILES}", "move some elsewhere")
    return found


def _read(path: Path, kind: type[Any], **expected: str) -> Any:
    """Read an Example or a Quiet. expected: fields that have to have these values."""
    about_type: type[_ExampleAbout] | type[_QuietAbout] = _ExampleAbout if kind is Example else _QuietAbout
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            raise ValueError(f"it has more than {_MOST_BYTES} bytes")
        about = msgspec.json.decode(_metadata(raw), type=about_type)
        tensors = load(raw)
        fields = msgspec.structs.asdict(about)
        del fields["format"]
        if wrong := [name for name, value in expected.items() if fields[name] != value]:
            raise ValueError(f"{wrong[0]} {fields[wrong[0]]!r}, expected {expected[wrong[0]]!r}, its folder")
        return kind(joints_m=tensors["joints_m"], confidence=tensors["confidence"], **fields)
    except OSError as error:
        raise _unusable(path, f"cannot be read ({error.strerror})", _NEW_EXAMPLE) from None
    except KeyError as error:
        raise _unusable(path, f"it has no {error}", _NEW_EXAMPLE) from None
    except (ValueError, SafetensorError, msgspec.DecodeError, RecursionError) as error:
        raise _unusable(path, f"no example of ours ({' '.join(str(error).split())[:200]})", _NEW_EXAMPLE) from None


def _metadata(raw: bytes) -> str:
    """Return the description in the bytes of a safetensors file. Raises ValueError or DecodeError without one."""
    size = int.from_bytes(raw[:8], "little")
    if not 2 <= size <= 2**16 or len(raw) < 8 + size:
        raise ValueError("its header is damaged")
    header = msgspec.json.decode(raw[8 : 8 + size])
    about = header.get("__metadata__", {}).get(_KEY) if isinstance(header, dict) else None
    if not isinstance(about, str):
        raise ValueError(f"it has no {_KEY} description")
    return about


def _unusable(path: Path, found: str, remedy: str) -> DataError:
    return DataError(f"example {path}: {found}; {remedy}")


def _check_joints(joints_m: Floats, confidence: Floats, most: int) -> None:
    frames = len(joints_m) if joints_m.ndim else 0
    if joints_m.shape != (frames, _JOINTS, 3) or confidence.shape != (frames, _JOINTS):
        raise ValueError(
            f"joints of shape {joints_m.shape} with confidence of shape {confidence.shape}, expected (T, {_JOINTS}, 3) "
            f"and (T, {_JOINTS})"
        )
    if joints_m.dtype != np.float32 or confidence.dtype != np.float32:
        raise ValueError(f"joints of {joints_m.dtype} with confidence of {confidence.dtype}, expected float32")
    if not LEAST_FRAMES <= frames <= most:
        raise ValueError(f"{frames} frames, expected {LEAST_FRAMES} to {most} at {RATE_HZ:g} a second")
    # Comparisons with not-a-number are false.
    if not (np.abs(joints_m) <= MOST_METRES).all() or not ((confidence >= 0) & (confidence <= 1)).all():
        raise ValueError(f"joints beyond {MOST_METRES:g} m, a confidence outside 0 to 1, or not a number")


def _check_texts(person: str, origin: str, created_utc: str) -> None:
    for name, text in (("person", person), ("origin", origin)):
        if len(text) > 200 or not text.isprintable():
            raise ValueError(f"{name} {text[:60]!r}: expected at most 200 printable characters")
    try:
        zone = datetime.datetime.fromisoformat(created_utc).utcoffset()
    except ValueError:
        zone = None
    if zone != datetime.timedelta(0):
        raise ValueError(f"created_utc {created_utc[:60]!r}: expected a time such as 2026-11-30T16:35:21Z")
