"""Describe where a thread is."""

import sys
import traceback
from typing import Final

_FRAMES: Final = 12


def place_of(ident: int) -> str:
    """Return the newest frames of a thread in one line, the innermost first. ident: as of `threading.get_ident`."""
    frame = sys._current_frames().get(ident)
    frames = [] if frame is None else traceback.extract_stack(frame)[-_FRAMES:]
    places = ((each.name, each.filename.rpartition("hitrs_live/")[2], each.lineno) for each in reversed(frames))
    return " < ".join(f"{name} ({file}:{line})" for name, file, line in places)
