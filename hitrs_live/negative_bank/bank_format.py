"""The format of a negative bank: a folder with a description and parts, each written whole or not at all.

    bank.json             BankInfo: the encoder, the clip grid, how it was built
    part-00001/           one part of a build; added-00001/ one of `bank add`
        tokens.f16        clip embeddings, (N, V, C) float16 little-endian, read memory-mapped
        rows.npy          (N,) of ROW: what is known of each
        part.json         PartInfo: its streams, sources and classes

A part is written to a folder whose name ends in `.unfinished`, which is renamed at the end. So adding never rewrites
what is there, and a part cut short by a crash is recognised and ignored. Labels are numbers of the part's own classes;
`Bank` gives them the numbers of all parts together.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Self, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BROKEN
from hitrs_live.errors import DataError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.transforms import NormaliserConfig

FORMAT: Final = 1
BANK_FILE: Final = "bank.json"
PART_FILE: Final = "part.json"
TOKENS_FILE: Final = "tokens.f16"
ROWS_FILE: Final = "rows.npy"
UNFINISHED: Final = ".unfinished"
BUILT: Final = "part"
ADDED: Final = "added"
TOKEN: Final = np.dtype("<f2")
ROW: Final = np.dtype(
    [("stream", "<i4"), ("frame", "<i4"), ("label", "<i2"), ("near_miss", "<i2"), ("since_onset", "<i2")]
)
"""stream: its number in the part; frame: of the stream, after which the clip was complete; label, near_miss: class of
the frame that the clip describes, IGNORE where unknown; since_onset: frames since the onset of that action, -1 in
background."""
_LARGEST_JSON: Final = 256 * 2**20
_MOST_ROWS: Final = 2**31
_LONGEST_REASON: Final = 200
_Struct = TypeVar("_Struct", bound=msgspec.Struct)


_Count = Annotated[int, msgspec.Meta(ge=0, le=_MOST_ROWS)]
_Frames = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
_Clips = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
_Lag = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e12)]


class EncoderDescription(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The encoder of a bank's tokens."""

    name: str
    fingerprint: str
    """As `encoder_fingerprint` computes it."""
    width: int
    """Channels of a clip embedding, C."""
    span_frames: _Frames
    stride_frames: _Frames
    window_clips: _Clips
    """Clips that the detector's head reads; of an encoder alone, the most that it has positions for."""
    label_lag_frames: _Lag
    """A clip describes the instant this many frames before its last."""
    normaliser: NormaliserConfig
    modality: str = "joint"


class BankInfo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The description of a bank."""

    format: int = FORMAT
    encoder: EncoderDescription
    step_frames: int
    """Frames from one row of a stream to the next."""
    views: int
    """V: 1 for people as seen, 2 for their mirror images as well."""
    recipe: dict[str, str] = {}
    """How it was built: hours, seed, sources; another recipe is not built into the same bank."""


class StreamInfo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stream of one person."""

    source: str
    name: str
    subject: str
    frames: _Count
    lost: _Share = 0.0
    """Share of the frames in which the person was not found, whose joints were filled in."""


class PartInfo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The description of a part."""

    rows: _Count
    classes: tuple[str, ...]
    """Names by the number of a label, background first."""
    licences: dict[str, str]
    """By source."""
    streams: tuple[StreamInfo, ...]
    seconds: _Seconds = 0.0
    """What making and encoding took, on one core."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part, opened."""

    path: Path
    info: PartInfo
    rows: NDArray[np.void]
    """(N,) of ROW."""
    tokens: NDArray[np.float16]
    """(N, V, C), memory-mapped."""


def write_bank_info(folder: Path, info: BankInfo) -> None:
    """Write the description of a bank, whole or not at all."""
    with whole_file(folder / BANK_FILE) as unfinished:
        unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(info), indent=2))


def read_bank_info(folder: Path) -> BankInfo:
    """Read the description of a bank. Raises DataError where there is none or it is damaged."""
    if not (folder / BANK_FILE).is_file():
        raise DataError(f"{folder}: no {BANK_FILE} in it, expected a bank; make one with hitrs-live bank build")
    info = _read_json(folder / BANK_FILE, BankInfo)
    if info.format != FORMAT or info.views not in (1, 2) or not 0 < info.encoder.width < 2**16:
        raise DataError(
            f"{folder}: a bank of format {info.format}, {info.views} views and width {info.encoder.width}, expected "
            f"format {FORMAT} and 1 or 2 views; build it again"
        )
    if info.step_frames < 1 or info.encoder.stride_frames % info.step_frames:
        raise DataError(
            f"{folder}: a row every {info.step_frames} frames, expected a divisor of the clip stride, "
            f"{info.encoder.stride_frames}; build it again"
        )
    return info


def part_name(kind: str, number: int) -> str:
    """Return the name of a part's folder. kind: BUILT or ADDED; number: from 1."""
    return f"{kind}-{number:05d}"


def part_folders(folder: Path) -> list[Path]:
    """List the finished parts of a bank by name."""
    return sorted(
        one
        for one in folder.iterdir()
        if one.is_dir() and one.name.startswith((f"{BUILT}-", f"{ADDED}-")) and not one.name.endswith(UNFINISHED)
    )


def unfinished_parts(folder: Path) -> list[Path]:
    """List what interrupted runs left."""
    return sorted(one for one in folder.iterdir() if one.is_dir() and one.name.endswith(UNFINISHED))


class PartWriter:
    """Write one part; a part that is not finished leaves only its unfinished folder."""

    def __init__(self, folder: Path, name: str) -> None:
        """Begin a part of the bank in `folder`, in place of an unfinished one of that name."""
        self._path = folder / name
        self._unfinished = folder / f"{name}{UNFINISHED}"
        shutil.rmtree(self._unfinished, ignore_errors=True)
        self._unfinished.mkdir(parents=True)
        self._file = (self._unfinished / TOKENS_FILE).open("wb")
        self._rows: list[NDArray[np.void]] = []

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file of tokens, whether the part is finished or not."""
        self._file.close()

    def append(self, tokens: NDArray[np.float32], rows: NDArray[np.void]) -> None:
        """Append the rows of one stream. tokens: (N, V, C); rows: (N,) of ROW."""
        tokens.astype(TOKEN).tofile(self._file)
        self._rows.append(rows)

    def finish(
        self, *, classes: tuple[str, ...], licences: dict[str, str], streams: Sequence[StreamInfo], seconds: float
    ) -> Path:
        """Write the description and rename the folder. Returns its path."""
        self._file.close()
        rows = np.concatenate([np.zeros(0, ROW), *self._rows])
        np.save(self._unfinished / ROWS_FILE, rows, allow_pickle=False)
        info = PartInfo(
            rows=len(rows), classes=classes, licences=licences, streams=tuple(streams), seconds=round(seconds, 2)
        )
        (self._unfinished / PART_FILE).write_bytes(msgspec.json.encode(info))
        self._unfinished.rename(self._path)
        return self._path


def read_part(path: Path, bank: BankInfo) -> Part:
    """Open a part and check it: sizes of files, numbers of streams and classes, order of rows.

    Raises DataError, naming the file, where it is cut short or damaged.
    """
    info = _read_json(path / PART_FILE, PartInfo)
    if not 0 <= info.rows < _MOST_ROWS:
        raise DataError(f"{path}: {info.rows} rows, expected 0 to {_MOST_ROWS}; remove the folder and build it again")
    shape = (info.rows, bank.views, bank.encoder.width)
    if missing := [name for name in (TOKENS_FILE, ROWS_FILE) if not (path / name).is_file()]:
        raise DataError(f"{path}: no file {missing[0]} in it; remove the folder and build it again")
    try:
        size = (path / TOKENS_FILE).stat().st_size
        if size != (expected := int(np.prod(shape, dtype=np.int64)) * TOKEN.itemsize):
            raise DataError(f"{path / TOKENS_FILE}: {size} bytes, expected {expected} for {info.rows} rows")
        rows = np.load(path / ROWS_FILE, mmap_mode="r", allow_pickle=False) if info.rows else np.zeros(0, ROW)
        if rows.dtype != ROW or rows.shape != (info.rows,):
            raise DataError(f"{path / ROWS_FILE}: {rows.shape} of {rows.dtype}, expected ({info.rows},) of {ROW}")
        tokens: Any = (
            np.memmap(path / TOKENS_FILE, TOKEN, "r", shape=shape) if info.rows else np.zeros(shape, np.float16)
        )
    except BROKEN as error:
        raise DataError(f"{path}: cannot be read ({_in_short(error)}); remove the folder and build it again") from None
    _check_rows(path, np.asarray(rows), info)
    return Part(path=path, info=info, rows=np.asarray(rows), tokens=tokens)


def read_parts(folder: Path, bank: BankInfo) -> Iterator[Part | str]:
    """Open all finished parts by name. Yields a line instead of one that is damaged, and of one left unfinished."""
    for path in part_folders(folder):
        try:
            yield read_part(path, bank)
        except DataError as error:
            yield f"a damaged part is ignored: {error}"
    for path in unfinished_parts(folder):
        yield f"{path}: an unfinished part is ignored; the command that was interrupted makes it again"


def _check_rows(path: Path, rows: NDArray[np.void], info: PartInfo) -> None:
    within = (
        len(info.classes) > 0
        and _inside(rows["stream"], 0, len(info.streams))
        and _inside(rows["label"], -1, len(info.classes))
        and _inside(rows["near_miss"], -1, len(info.classes))
        and bool((np.diff(rows["stream"]) >= 0).all())
    )
    if not within:
        raise DataError(
            f"{path / ROWS_FILE}: rows of other streams or classes than {PART_FILE} lists; remove the folder and build "
            "it again"
        )


def _inside(values: NDArray[np.integer], least: int, end: int) -> bool:
    return not len(values) or (int(values.min()) >= least and int(values.max()) < end)


def _read_json(path: Path, kind: type[_Struct]) -> _Struct:
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_JSON:
            raise DataError(f"{path}: no file of at most {_LARGEST_JSON} bytes, expected the description of a bank")
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: not the description of a bank ({_in_short(error)}); build it again") from None


def _in_short(error: Exception) -> str:
    """Return an error's text in one short line: it may quote a file."""
    return " ".join(str(error).split())[:_LONGEST_REASON]
