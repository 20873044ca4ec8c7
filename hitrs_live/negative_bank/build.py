"""Build a bank part by part: draw motions of every source, give them live errors, encode them, write them.

The drawn motions may be those of `bank streams`, which are encoded as they are.
"""

import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from hitrs_live.data.array_format import load_archive
from hitrs_live.data.labelled_motion import RATE_HZ, read_motions
from hitrs_live.errors import ConfigError, DataError
from hitrs_live.negative_bank.bank_format import (
    BANK_FILE,
    BUILT,
    BankInfo,
    part_name,
    read_bank_info,
    read_part,
    write_bank_info,
)
from hitrs_live.negative_bank.encoded_part import LiveMotion, write_part
from hitrs_live.negative_bank.encoder import BankEncoder, open_bank_encoder
from hitrs_live.negative_bank.live_view import open_live_view
from hitrs_live.negative_bank.parts import BuiltPart, DrawSettings, PlannedPart, draw_part, open_source
from hitrs_live.negative_bank.stream_files import licence_of, source_of, stream_files


class BankSettings(Protocol):
    """What decides the content of a bank, however its motions are come by."""

    @property
    def checkpoint(self) -> Path | None:
        """The encoder; None for the shipped one."""

    @property
    def step_frames(self) -> int:
        """Frames from one row to the next."""

    @property
    def views(self) -> int:
        """1, or 2 with mirror images."""

    @property
    def recipe(self) -> Mapping[str, str]:
        """The settings as they are kept beside the bank."""

    def plan(self) -> list[PlannedPart]:
        """Plan the parts."""


@dataclass(frozen=True, kw_only=True)
class BuildSettings(DrawSettings):
    """A bank whose motions are drawn."""

    checkpoint: Path | None
    """The encoder; None for the shipped one."""
    step_frames: int
    views: int


@dataclass(frozen=True, kw_only=True)
class EncodeSettings:
    """A bank of streams that `bank streams` wrote, a part for each file."""

    streams: Sequence[Path]
    """Folders."""
    checkpoint: Path | None
    step_frames: int
    views: int

    @property
    def recipe(self) -> dict[str, str]:
        """The settings as they are kept beside the bank."""
        return {"streams": ",".join(str(folder) for folder in self.streams)}

    @property
    def files(self) -> list[Path]:
        """All files of the folders. Raises ConfigError where a folder has none."""
        for folder in self.streams:
            if not stream_files(folder):
                raise ConfigError(f"--streams {folder}: no streams; write some with: hitrs-live bank streams")
        return [path for folder in self.streams for path in stream_files(folder)]

    def plan(self) -> list[PlannedPart]:
        """Plan the parts. Raises DataError where a file is damaged."""
        return [
            PlannedPart(
                number=number, source=source_of(path), offset=0, stride=1,
                hours=float(load_archive(path).lengths.sum()) / RATE_HZ / 3600,
            )
            for number, path in enumerate(self.files, start=1)
        ]  # fmt: skip


def begin_build(folder: Path, settings: BankSettings) -> list[PlannedPart]:
    """Begin a bank, or go on with one. Returns the parts that are still to be made.

    Raises ConfigError where the folder has a bank built with other settings, or anything else; DataError where its
    description is damaged.
    """
    encoder = open_bank_encoder(settings.checkpoint)
    info = BankInfo(
        encoder=encoder.description,
        step_frames=settings.step_frames,
        views=settings.views,
        recipe=dict(settings.recipe),
    )
    if (folder / BANK_FILE).exists():
        _check_same(folder, read_bank_info(folder), info)
    elif folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"--out {folder}: not empty and no bank; give a new folder, or remove it")
    else:
        write_bank_info(folder, info)
    return [one for one in settings.plan() if not _is_done(folder, one, info)]


def build_part(folder: Path, settings: BuildSettings, planned: PlannedPart) -> BuiltPart:
    """Make one part and write it. Raises DataError where data is missing or the part cannot be written."""
    began_s = time.process_time()
    encoder = _encoder(settings.checkpoint)
    source = open_source(planned.source, settings.data, settings.seed)
    drawn = draw_part(
        source, planned, settings.seed, open_live_view(settings.live_view), encoder.description.normaliser.rate_hz
    )
    return _write(folder, planned, encoder, drawn, source.classes, source.licence, began_s)


def encode_part(folder: Path, settings: EncodeSettings, planned: PlannedPart) -> BuiltPart:
    """Encode one file of streams. Raises DataError where it is damaged or the part cannot be written."""
    began_s, path = time.process_time(), settings.files[planned.number - 1]
    motions, classes = read_motions(path)
    seen = (LiveMotion(motion=one, lost=0.0) for one in motions)
    return _write(folder, planned, _encoder(settings.checkpoint), seen, classes, licence_of(path), began_s)


def _write(
    folder: Path, planned: PlannedPart, encoder: BankEncoder, motions: Iterable[LiveMotion], classes: tuple[str, ...],
    licence: str, began_s: float,
) -> BuiltPart:  # fmt: skip
    """Encode and write the motions of a part. began_s: processor time at which its motions began to be drawn."""
    try:
        streams = write_part(
            folder, part_name(BUILT, planned.number), motions, encoder, read_bank_info(folder), source=planned.source,
            classes=classes, licence=licence,
        )  # fmt: skip
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be written ({error.strerror or error}); fix that and run the same command again"
        ) from None
    hours = sum(one.frames for one in streams) / encoder.description.normaliser.rate_hz / 3600
    return BuiltPart(planned=planned, hours=hours, seconds=time.process_time() - began_s)


def _check_same(folder: Path, found: BankInfo, expected: BankInfo) -> None:
    """Raise ConfigError, naming what differs, where a bank was not built with the same settings."""
    if found.encoder.fingerprint != expected.encoder.fingerprint:
        raise ConfigError(
            f"--out {folder}: a bank of the encoder {found.encoder.name} {found.encoder.fingerprint[:12]}, expected "
            f"{expected.encoder.name} {expected.encoder.fingerprint[:12]}; give another folder"
        )
    facts = [{**one.recipe, "step": f"{one.step_frames} frames", "views": str(one.views)} for one in (found, expected)]
    for name, value in facts[1].items():
        if facts[0].get(name) != value:
            raise ConfigError(
                f"--out {folder}: a bank with {name} {facts[0].get(name, 'not stated')}, expected {value}; repeat its "
                "own settings to go on with it, or give another folder"
            )


def _is_done(folder: Path, planned: PlannedPart, info: BankInfo) -> bool:
    """Check whether a part is there and whole; one that is damaged is removed, to be made again."""
    path = folder / part_name(BUILT, planned.number)
    if not path.exists():
        return False
    try:
        read_part(path, info)
    except DataError:
        shutil.rmtree(path)
        return False
    return True


@cache
def _encoder(checkpoint: Path | None) -> BankEncoder:
    return open_bank_encoder(checkpoint)
