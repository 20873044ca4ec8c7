"""Build a bank part by part: draw motions of every source, give them live errors, encode them, write them."""

import shutil
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

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
from hitrs_live.negative_bank.encoded_part import write_part
from hitrs_live.negative_bank.encoder import BankEncoder, open_bank_encoder
from hitrs_live.negative_bank.live_view import open_live_view
from hitrs_live.negative_bank.parts import BuiltPart, DrawSettings, PlannedPart, draw_part, open_source


@dataclass(frozen=True, kw_only=True)
class BuildSettings(DrawSettings):
    """What decides the content of a bank."""

    checkpoint: Path | None
    """The encoder; None for the shipped one."""
    step_frames: int
    views: int


def begin_build(folder: Path, settings: BuildSettings) -> list[PlannedPart]:
    """Begin a bank, or go on with one. Returns the parts that are still to be made.

    Raises ConfigError where the folder has a bank built with other settings, or anything else; DataError where its
    description is damaged.
    """
    encoder = open_bank_encoder(settings.checkpoint)
    info = BankInfo(
        encoder=encoder.description, step_frames=settings.step_frames, views=settings.views, recipe=settings.recipe
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
    try:
        streams = write_part(
            folder, part_name(BUILT, planned.number), drawn, encoder, read_bank_info(folder), source=planned.source,
            classes=source.classes, licence=source.licence,
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
