"""Read and write the text format of NTU RGB+D `.skeleton` files.

A file is a frame count, and for each frame a body count, and for each body a line that begins with its id
(followed by 9 numbers that are not used here), the joint count 25, and 25 lines of 12 numbers:
x y z depth_x depth_y colour_x colour_y and the orientation w x y z, then the tracking state 0, 1 or 2.
x, y, z are metres in the camera's frame with the axes of `messages`: left is the left of the person who is seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from hitrs_live.errors import DataError
from hitrs_live.files.text_file import TextUnreadable, with_plain_nan, without_mark
from hitrs_live.joint_checks import MOST_BAD, MOST_METRES
from hitrs_live.skeleton import NTU25

FRAME_RATE_HZ = 30.0
CONFIDENCE_OF_STATE = {"2": 1.0, "1": 0.5, "0": 0.0}
"""Tracked, inferred, not tracked."""

_INFO_NUMBERS = 9
_JOINT_NUMBERS = 12
_MAX_FRAMES = 100_000
_MAX_BODIES = 16
"""A Kinect tracks six."""
_MAX_LINE_BYTES = 1024


@dataclass(frozen=True, kw_only=True)
class NtuBody:
    """Describe one body in one frame."""

    body_id: str
    """As the file has it: up to 20 digits."""
    joints_m: NDArray[np.float32]
    """(25, 3) float32, metres, camera frame; not-a-number where the file has no usable position."""
    confidence: NDArray[np.float32]
    """(25,) float32: 1 tracked, 0.5 inferred, 0 not tracked."""


@dataclass(frozen=True, kw_only=True)
class NtuSequence:
    """List the frames of a file, 30 a second, each with its bodies in the order of the file."""

    frames: tuple[tuple[NtuBody, ...], ...]
    bad_joints: int = 0
    """Number of positions that are not finite or out of range."""


def parse_skeleton(path: str | Path) -> NtuSequence:
    """Read a `.skeleton` file.

    A joint whose position is not finite, or beyond 100 metres, counts as not tracked in its frame. Pixel coordinates
    and orientations, which are not kept, need only be numbers, since a Kinect writes infinities there for points
    outside its pictures.

    Raises DataError, which names file, line, what was found and what was expected, for anything that breaks the format,
    and where half of the file's joints or more have no usable position.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: {'is no file' if path.exists() else 'there is no such file'}, expected NTU joints")
    try:
        with path.open("rb") as file:
            lines = _Lines(path, file)
            count = lines.count("the number of frames", _MAX_FRAMES)
            frames = tuple(_parse_frame(lines) for _ in range(count))
            lines.expect_end(count)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}), expected NTU joints") from None
    except TextUnreadable as error:
        raise DataError(f"{path}, line 1: got {error}, expected NTU joints") from None
    bodies = [body for bodies in frames for body in bodies]
    bad = sum(int(np.isnan(body.joints_m[:, 0]).sum()) for body in bodies)
    if bad >= MOST_BAD * len(NTU25) * max(len(bodies), 1):
        raise DataError(
            f"{path}, line {lines.number}: got {bad} of {len(NTU25) * len(bodies)} joints without a position, "
            f"expected metres up to {MOST_METRES:g} in most of them"
        )
    return NtuSequence(frames=frames, bad_joints=bad)


def write_skeleton(path: str | Path, frames: Sequence[Sequence[NtuBody]]) -> None:
    """Write bodies as a `.skeleton` file, with zeros for all that `NtuBody` does not have.

    Confidences are rounded to the nearest of the three tracking states. Positions keep their float32 value.
    frames: the bodies of each frame.
    """
    lines = [str(len(frames))]
    for bodies in frames:
        lines.append(str(len(bodies)))
        for body in bodies:
            lines += [f"{body.body_id} 0 1 1 1 1 0 0 0 2", str(len(NTU25))]
            for (x, y, z), confidence in zip(body.joints_m, body.confidence, strict=True):
                lines.append(f"{x!s} {y!s} {z!s} 0 0 0 0 0 0 0 0 {round(2 * float(confidence))}")
    Path(path).write_text("\n".join(lines) + "\n", encoding="ascii")


def _parse_frame(lines: "_Lines") -> tuple[NtuBody, ...]:
    return tuple(_parse_body(lines) for _ in range(lines.count("the number of bodies", _MAX_BODIES)))


def _parse_body(lines: "_Lines") -> NtuBody:
    body_id, *info = lines.words(1 + _INFO_NUMBERS, "a body's id and 9 numbers")
    if not (body_id.isdecimal() and len(body_id) <= 20):
        lines.fail(body_id, "a body's id of up to 20 digits")
    for word in info:
        lines.parse(word)
    if lines.count("the number of joints", len(NTU25)) != len(NTU25):
        lines.fail_line(f"{len(NTU25)} joints")
    rows = [_parse_joint(lines) for _ in NTU25.joints]
    return NtuBody(
        body_id=body_id,
        joints_m=np.array([position for position, _ in rows], np.float32),
        confidence=np.array([confidence for _, confidence in rows], np.float32),
    )


def _parse_joint(lines: "_Lines") -> tuple[list[float], float]:
    *words, state = lines.words(_JOINT_NUMBERS, "a joint's 12 numbers")
    position = [lines.parse(word) for word in words][:3]
    if state not in CONFIDENCE_OF_STATE:
        lines.fail(state, "a tracking state of 0, 1 or 2")
    # Written so that not-a-number fails the test too; the bound also keeps float32 finite.
    if not all(abs(number) <= MOST_METRES for number in position):
        return [nan] * 3, 0.0
    return position, CONFIDENCE_OF_STATE[state]


class _Lines:
    """Read a file's lines one at a time, so that a count in it never allocates more than lines follow."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self.number = 0
        """Of the line read last, counted from 1."""
        self._line = ""

    def words(self, expected_count: int, expected: str) -> list[str]:
        """Return the next line's words."""
        raw = self._next_raw()
        if not raw:
            self.fail("the end of the file", expected, quoted=False)
        self._line = raw.decode("ascii", errors="backslashreplace").strip()
        if len(raw) > _MAX_LINE_BYTES:
            self.fail_line(f"{expected} in a line of text")
        words = self._line.split()
        if len(words) != expected_count:
            self.fail_line(expected)
        return words

    def count(self, expected: str, largest: int) -> int:
        """Return the next line as a count from 0 to the largest plausible one."""
        (word,) = self.words(1, expected)
        if not (word.isdecimal() and len(word) <= 9 and int(word) <= largest):
            self.fail(word, f"{expected}, 0 to {largest}")
        return int(word)

    def parse(self, word: str) -> float:
        """Return a word as a number, which may be infinite or none."""
        try:
            # Python would take 1_000 for a number; the format does not.
            return float(word.replace("_", "?"))
        except ValueError:
            if with_plain_nan(word) == "nan":
                return nan
            self.fail(word, "a number")

    def expect_end(self, frames: int) -> None:
        """Fail where anything but blank lines follows."""
        while raw := self._next_raw():
            if raw.strip():
                self._line = raw.decode("ascii", errors="backslashreplace").strip()
                self.fail_line(f"the end of the file after {frames} frames")

    def fail_line(self, expected: str) -> NoReturn:
        """Raise DataError about the whole current line."""
        self.fail(self._line, expected)

    def fail(self, got: str, expected: str, *, quoted: bool = True) -> NoReturn:
        """Raise DataError about a word of the current line."""
        shown = got if len(got) <= 48 else got[:48] + "..."
        raise DataError(
            f"{self._path}, line {self.number}: got {repr(shown) if quoted else shown}, expected {expected}"
        )

    def _next_raw(self) -> bytes:
        self.number += 1
        raw = self._file.readline(_MAX_LINE_BYTES + 1)
        return without_mark(raw) if self.number == 1 else raw
