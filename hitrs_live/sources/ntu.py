"""Play NTU RGB+D skeleton files as a source of joints."""

import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from hitrs_live.errors import DataError, SourceUnavailable
from hitrs_live.messages import Pose, PoseFrame, SourceChange
from hitrs_live.sources.base import SourceItem
from hitrs_live.sources.naming import name_source
from hitrs_live.sources.ntu_format import FRAME_RATE_HZ, NtuBody, NtuSequence, parse_skeleton
from hitrs_live.sources.pacing import MonotonicClock, Pacer, Speed

GAP_BETWEEN_FILES_S = 2.0
"""Longer than a track is kept unseen, so that one file's people end before the next file's begin."""

_Content = str | tuple[Pose, ...]
"""What happens at a time of the replay: the detail of a change, or the people of a frame."""


class NtuReplaySource:
    """Play one `.skeleton` file, or a folder's `*.skeleton` files in the order of their names, at 30 Hz.

    Between two files GAP_BETWEEN_FILES_S pass without a frame. Each file is announced by a SourceChange "up"
    whose detail names it; in a folder a file that breaks the format is announced likewise, with its fault, and passed
    over. `body_id` counts the file's own ids from 0 in the order in which they first appear
    in the replay; where a frame gives one id to two bodies, the second one's is None.
    """

    has_pictures = False
    live = False

    def __init__(
        self,
        path: str | Path,
        speed: Speed = "real",
        *,
        source_id: str = "",
        clock: MonotonicClock = time.monotonic_ns,
    ) -> None:
        """Take a file's or a folder's name. Raise ValueError for an unknown speed or a bad source name."""
        self._path = Path(path)
        self.source_id = name_source(source_id, self._path.stem)
        self._clock = clock
        self._pacer = Pacer(speed, clock)
        self._script: Iterator[tuple[int, _Content]] | None = None
        self._pending: tuple[int, _Content] | None = None
        self._body_ids: dict[str, int] = {}
        self._index = 0
        self._files_played = 0
        self._last_ns = 0
        self._begun = False
        self._over = False

    def open(self) -> None:
        """Find the files. Raise SourceUnavailable where there are none, or where the only one is broken."""
        if not self._path.is_dir():
            try:
                sequence = parse_skeleton(self._path)
            except DataError as error:
                raise SourceUnavailable(f"replay {error}; give another --replay FILE, or try --demo") from error
            if not sequence.frames:
                raise self._unavailable("holds no frames")
            self._script = self._play([self._path], {self._path: sequence})
            return
        try:
            files = sorted(path for path in self._path.iterdir() if path.suffix.lower() == ".skeleton")
        except OSError as error:
            raise self._unavailable(f"cannot be read ({error.strerror})") from None
        if not files:
            raise self._unavailable("is a folder without any .skeleton file")
        self._script = self._play(files, {})

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        """Return one item, or () where the next is not due within timeout_s or all is over."""
        if self._over:
            return ()
        if self._script is None:
            raise ValueError(f"replay {self._path}: read before open; call open() first")
        if not self._begun:
            self._begun = True
            self._pacer.start()
        if self._pending is None:
            self._pending = next(self._script, None)
        if self._pending is None:
            self._over = True
            detail = f"{self._path.name}: {self._index} frames of {self._files_played} files"
            return (SourceChange(state="ended", time_ns=self._last_ns, detail=detail),)
        file_time_ns, content = self._pending
        if not self._pacer.wait(file_time_ns, timeout_s):
            return ()
        self._pending = None
        self._last_ns = self._pacer.capture_time_ns(file_time_ns)
        if isinstance(content, str):
            return (SourceChange(state="up", time_ns=self._last_ns, detail=content),)
        self._index += 1
        return (
            PoseFrame(index=self._index - 1, capture_time_ns=self._last_ns, received_ns=self._clock(), poses=content),
        )

    def drops(self) -> dict[str, int]:
        """Return {}: a file loses nothing."""
        return {}

    def close(self) -> None:
        """End the replay."""
        self._over = True
        self._pacer.cancel()

    def _play(self, files: list[Path], parsed: dict[Path, NtuSequence]) -> Iterator[tuple[int, _Content]]:
        begin_ns = 0
        for position, path in enumerate(files, start=1):
            name = f"{path.name} ({position} of {len(files)})"
            try:
                sequence = parsed.pop(path, None) or parse_skeleton(path)
            except DataError as error:
                yield begin_ns, f"passed over {name}: {error}"
                continue
            self._files_played += 1
            bad = f", {sequence.bad_joints} joints without a position" if sequence.bad_joints else ""
            yield begin_ns, f"{name}: {len(sequence.frames)} frames{bad}"
            for index, bodies in enumerate(sequence.frames):
                yield begin_ns + _frame_time_ns(index), _poses(bodies, self._body_ids)
            # A file without frames had no people, so the next needs no gap after it.
            if sequence.frames:
                begin_ns += _frame_time_ns(len(sequence.frames) - 1) + math.ceil(GAP_BETWEEN_FILES_S * 1e9)

    def _unavailable(self, found: str) -> SourceUnavailable:
        return SourceUnavailable(
            f"replay {self._path}: {found}; give a .skeleton file or a folder of them to --replay, or try --demo"
        )


def pose_frames(sequence: NtuSequence) -> Iterator[PoseFrame]:
    """Yield the frames of one file as a replay of it alone gives them, from time 0 on."""
    body_ids: dict[str, int] = {}
    for index, bodies in enumerate(sequence.frames):
        time_ns = _frame_time_ns(index)
        yield PoseFrame(index=index, capture_time_ns=time_ns, received_ns=time_ns, poses=_poses(bodies, body_ids))


def _poses(bodies: tuple[NtuBody, ...], body_ids: dict[str, int]) -> tuple[Pose, ...]:
    """Make poses of a frame's bodies. body_ids: the numbers of the files' own ids, to which new ones are added."""
    poses = []
    taken: set[str] = set()
    for body in bodies:
        body_id = body_ids.setdefault(body.body_id, len(body_ids))
        poses.append(
            Pose(
                joints_m=body.joints_m,
                confidence=body.confidence,
                body_id=None if body.body_id in taken else body_id,
            )
        )
        taken.add(body.body_id)
    return tuple(poses)


def _frame_time_ns(index: int) -> int:
    return round(index * 1e9 / FRAME_RATE_HZ)
