"""Save what is none of the actions, in pieces as it goes, so that memory is bounded and little is lost."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.teaching.examples import RATE_HZ, Quiet, save_quiet, utc_now
from hitrs_live.teaching.joint_stream import StreamStep

Floats = NDArray[np.float32]
PIECE_S: Final = 120.0
_LEAST_S: Final = 2.0
"""Shorter pieces are left out: the model needs more to recognise anything."""


class QuietRecording:
    """Take the steps of a stream, and save each person's joints in pieces of two minutes."""

    def __init__(self, folder: Path, *, person: str, origin: str, piece_s: float = PIECE_S) -> None:
        """Begin without joints. folder: the teaching folder."""
        self._folder, self._person, self._origin = folder, person, origin
        self._piece = round(piece_s * RATE_HZ)
        self._rows: dict[int, list[tuple[Floats, Floats]]] = {}
        self.saved_s = 0.0
        self.files = 0

    @property
    def people_s(self) -> float:
        """Seconds of joints so far, of all people together, saved or not yet."""
        return self.saved_s + sum(map(len, self._rows.values())) / RATE_HZ

    def observe(self, step: StreamStep) -> None:
        """Take in one step. Raises DataError where a piece cannot be saved."""
        for frame in step.joint_frames:
            for row in np.flatnonzero(frame.reset).tolist():
                self._save(row)
            for row in np.flatnonzero(frame.active).tolist():
                frames = self._rows.setdefault(row, [])
                frames.append((frame.joints_m[row].copy(), frame.confidence[row].copy()))
                if len(frames) >= self._piece:
                    self._save(row)

    def close(self) -> None:
        """Save what is left. Raises DataError where that fails."""
        for row in list(self._rows):
            self._save(row)

    def _save(self, row: int) -> None:
        frames = self._rows.pop(row, [])
        if len(frames) < _LEAST_S * RATE_HZ:
            return
        save_quiet(
            self._folder,
            Quiet(
                joints_m=np.stack([one for one, _ in frames]), confidence=np.stack([one for _, one in frames]),
                person=self._person, origin=self._origin, created_utc=utc_now(),
            ),
        )  # fmt: skip
        self.saved_s += len(frames) / RATE_HZ
        self.files += 1
