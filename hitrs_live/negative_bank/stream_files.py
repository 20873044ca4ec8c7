"""Write training streams: motion of every source as the live path sees it, joints and labels, in array files.

A bank keeps what one encoder makes of such streams; these files keep the joints, to train an encoder on.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from hitrs_live.data.array_format import load_archive
from hitrs_live.data.labelled_motion import RATE_HZ, write_motions
from hitrs_live.errors import ConfigError, DataError
from hitrs_live.negative_bank.live_view import open_live_view
from hitrs_live.negative_bank.parts import BuiltPart, DrawSettings, PlannedPart, draw_part, open_source

_MADE_BY: Final = "hitrs-live bank streams"


def begin_streams(folder: Path, settings: DrawSettings) -> list[PlannedPart]:
    """Return the parts that are not written yet. Raises ConfigError where a file has streams of other settings."""
    planned = settings.plan()
    expected = {_file(folder, one): one for one in planned}
    for path in stream_files(folder):
        found = _recipe_of(path)
        if path not in expected or found != settings.recipe:
            raise ConfigError(
                f"--out {folder}: {path.name} has streams of other settings ({_text(found)}), expected "
                f"{_text(settings.recipe)}; repeat its own settings to go on, or give another folder"
            )
    return [one for path, one in expected.items() if not path.exists()]


def write_stream_file(folder: Path, settings: DrawSettings, planned: PlannedPart) -> BuiltPart:
    """Draw the motions of one part and write them. Raises DataError where data is missing or it cannot be written."""
    began_s = time.process_time()
    source = open_source(planned.source, settings.data, settings.seed)
    drawn = draw_part(source, planned, settings.seed, open_live_view(settings.live_view), RATE_HZ)
    motions = [one.motion for one in drawn]
    meta = {
        "made by": _MADE_BY, "source": planned.source, "licence": source.licence, "recipe": settings.recipe,
    }  # fmt: skip
    try:
        write_motions(_file(folder, planned), motions, source.classes, meta)
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be written ({error.strerror or error}); fix that and run the same command again"
        ) from None
    hours = sum(map(len, motions)) / RATE_HZ / 3600
    return BuiltPart(planned=planned, hours=hours, seconds=time.process_time() - began_s)


def stream_files(folder: Path) -> list[Path]:
    """List the finished files of a folder by name."""
    return sorted(folder.glob("*.npz"))


def source_of(path: Path) -> str:
    """Return the source of a file's streams. Raises DataError where `bank streams` did not write it."""
    return str(_meta_of(path)["source"])


def licence_of(path: Path) -> str:
    """Return the licence of a file's streams. Raises DataError where `bank streams` did not write it."""
    return str(_meta_of(path)["licence"])


def _file(folder: Path, planned: PlannedPart) -> Path:
    return folder / f"{planned.source}-{planned.offset + 1:03d}.npz"


def _recipe_of(path: Path) -> dict[str, str]:
    recipe: dict[str, str] = _meta_of(path)["recipe"]
    return recipe


def _meta_of(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            meta: dict[str, Any] = json.loads(str(arrays["meta"]))
        if meta.get("made by") == _MADE_BY and isinstance(meta["recipe"], dict):
            return meta
    except (OSError, ValueError, KeyError, AttributeError):
        load_archive(path)  # Says what is wrong with it.
    raise DataError(f"{path}: no streams of `{_MADE_BY}`; remove it, or give another folder")


def _text(recipe: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in recipe.items())
