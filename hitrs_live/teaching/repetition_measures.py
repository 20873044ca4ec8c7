"""Measure the repetitions of an exercise: how long the newest takes, and how far it goes beside the examples.

The range of a joint is the diagonal of the box that its path fills, of joints normalised as for the model: as seen from
the body, in body sizes. Of a pair the side that moves more counts. The part that moves most in the examples of an
action is compared.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.teaching.actions_file import TaughtActions
from hitrs_live.teaching.tokens import COMPARED_JOINTS, joints_in

Floats = NDArray[np.float32]
_PARTS: Final = tuple(dict.fromkeys(name.removeprefix("left_").removeprefix("right_") for name in COMPARED_JOINTS))
_OF_PART: Final = [
    [at for at, name in enumerate(COMPARED_JOINTS) if name in (part, f"left_{part}", f"right_{part}")]
    for part in _PARTS
]  # fmt: skip


class RepetitionMeasures:
    """Follow the newest repetition of the running exercise of each row. R rows."""

    def __init__(self, taught: TaughtActions, *, rows: int, kept: int) -> None:
        """Measure the examples. kept: ticks of each row that are kept."""
        self._space = taught.space
        self._joints = np.zeros((rows, kept, len(COMPARED_JOINTS), 3), np.float32)
        """(R, kept, D, 3), the newest joints, the oldest overwritten next."""
        self._low = np.zeros((rows, len(COMPARED_JOINTS), 3), np.float32)
        self._high = np.zeros_like(self._low)
        self._ticks = np.zeros((rows, 2), np.int64)
        """(R, 2), first and last tick of the newest repetition."""
        self._best = np.zeros(rows, np.float32)
        """(R,), how well it matched at its last tick, log odds."""
        self._examples = [_median_ranges(taught, action) for action in range(len(taught.actions))]

    def observe(self, rows: NDArray[np.int64], ticks: NDArray[np.int64], tokens: Floats) -> None:
        """Keep the joints of new tokens. rows, ticks: (M,); tokens: (M, C)."""
        self._joints[rows, ticks % self._joints.shape[1]] = joints_in(tokens, self._space)

    def begin(self, row: int, start: int, now: int, logit: float) -> None:
        """Begin a repetition that matched from tick to tick."""
        first = max(start, now - self._joints.shape[1] + 1)
        self._ticks[row], self._best[row] = (start, now), logit
        path = self._path(row, first, now)
        self._low[row], self._high[row] = path.min(axis=0), path.max(axis=0)

    def go_on(self, row: int, now: int, logit: float) -> None:
        """Extend the repetition to a later tick, if it matches better there: it was not complete before."""
        if logit <= self._best[row]:
            return
        path = self._path(row, max(int(self._ticks[row, 1]), now - self._joints.shape[1] + 1), now)
        self._low[row] = np.minimum(self._low[row], path.min(axis=0))
        self._high[row] = np.maximum(self._high[row], path.max(axis=0))
        self._ticks[row, 1], self._best[row] = now, logit

    def ticks(self, row: int) -> tuple[int, int]:
        """Return the first and the last tick of the newest repetition."""
        return int(self._ticks[row, 0]), int(self._ticks[row, 1])

    @property
    def newest(self) -> NDArray[np.int64]:
        """The last ticks of the newest repetitions, (R,)."""
        return self._ticks[:, 1]

    def range_ratio(self, row: int, action: int) -> float | None:
        """Compare its range with the median of the examples of an action; None where tokens have no joints."""
        examples = self._examples[action]
        part = int(examples.argmax())
        if examples[part] <= 0:
            return None
        return float(_ranges(self._low[row], self._high[row])[part] / examples[part])

    def take_over(self, before: "RepetitionMeasures") -> None:
        """Go on from where the measures of other actions are."""
        for name in ("_joints", "_low", "_high", "_ticks", "_best"):
            getattr(self, name)[:] = getattr(before, name)

    def _path(self, row: int, first: int, last: int) -> Floats:
        path: Floats = self._joints[row, np.arange(first, last + 1) % self._joints.shape[1]]
        return path


def _median_ranges(taught: TaughtActions, action: int) -> Floats:
    """Return the median range of each part over the examples of an action, (P,)."""
    templates = taught.templates
    paths = [
        joints_in(templates.points[number, : templates.lengths[number]], taught.space)
        for number in templates.of_action(action).tolist()
    ]
    return np.median([_ranges(path.min(axis=0), path.max(axis=0)) for path in paths], axis=0).astype(np.float32)


def _ranges(low: Floats, high: Floats) -> Floats:
    """Return the range of each part. low, high: (D, 3), the corners of the joints' boxes. Returns (P,)."""
    diagonals = np.linalg.norm(high - low, axis=1)
    return np.array([diagonals[own].max() for own in _OF_PART], np.float32)
