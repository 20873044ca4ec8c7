"""Parse tables of numbers in text files, and resample frames at uneven times: the needs of small data sets."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.interpolation import interpolate
from hitrs_live.errors import DataError
from hitrs_live.files.text_file import TextUnreadable, read_text, with_plain_nan

MOST_FRAMES: Final = 500_000
_MOST_BYTES = 256 * 2**20


def read_lines(path: Path, expected: str) -> list[str]:
    """Read a text file's non-empty lines. expected: its contents in words. Raises DataError where it cannot be read."""
    if path.exists() and not path.is_file():
        # A named pipe would be waited for.
        raise DataError(f"{path}: it is no file, expected {expected}")
    try:
        text = read_text(path, most_bytes=_MOST_BYTES)
    except (OSError, TextUnreadable) as error:
        raise DataError(f"{path}: cannot be read ({error}), expected {expected}") from None
    return [line for line in with_plain_nan(text).split("\n") if line.strip()]


def parse_table(path: Path, lines: list[str], columns: int, *, first_line: int = 1) -> NDArray[np.float64]:
    """Parse lines of numbers separated by blanks, commas or semicolons. Returns (rows, columns); `nan` is NaN.

    first_line: number of the first line in the file, for messages. Raises DataError, naming the line, where one has
    anything else, and where there is no line or too many.
    """
    if not 1 <= len(lines) <= MOST_FRAMES:
        raise DataError(f"{path}: {len(lines)} lines of numbers, expected 1 to {MOST_FRAMES}")
    table = np.empty((len(lines), columns))
    for row, line in enumerate(lines):
        words = line.replace(",", " ").replace(";", " ").split()
        if len(words) != columns:
            raise DataError(f"{path}, line {row + first_line}: {len(words)} numbers, expected {columns}")
        try:
            table[row] = [float(word.replace("_", "?")) for word in words]
        except ValueError as error:
            raise DataError(f"{path}, line {row + first_line}: {str(error)[:80]}, expected {columns} numbers") from None
    return table


def rising(path: Path, times: NDArray[np.float64]) -> NDArray[np.int64]:
    """Select the rows whose time is later than all before; the others repeat a time or go back. Returns row numbers.

    Raises DataError where a time is no number, or half or more of the rows are dropped.
    """
    if not np.isfinite(times).all():
        raise DataError(f"{path}: a time that is no number, expected one in every line")
    latest = np.maximum.accumulate(times)
    kept = np.flatnonzero(np.concatenate([[True], latest[1:] > latest[:-1]]))
    if len(kept) * 2 <= len(times) and len(times) > 1:
        raise DataError(
            f"{path}: the times of {len(times) - len(kept)} of {len(times)} lines do not rise, expected rising times"
        )
    return kept


def at_rate(
    path: Path, joints: NDArray[np.float32], times: NDArray[np.float64], step: float
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Interpolate frames at rising times onto a regular grid from the first time, in steps of `step`.

    joints: (T, 25, 3); times: (T,); step: in the unit of times. Returns (S, 25, 3), and (S,): the fractional frame,
    0 to T - 1, of each instant of the grid. Raises DataError where the grid has too many frames.
    """
    span = (times[-1] - times[0]) / step
    if not span < MOST_FRAMES:
        raise DataError(f"{path}: {span:.3g} frames between first and last time, expected at most {MOST_FRAMES}")
    grid = times[0] + np.arange(int(span + 1e-6) + 1) * step
    places = np.interp(grid, times, np.arange(len(times)))
    return interpolate(joints, places), places
