"""How far off predictions turned out to be, by person and by how far ahead, and whether they beat standing still."""

import numpy as np
from numpy.typing import NDArray

_LOST, _WON = 1.05, 0.95
"""Share of the held pose's error above which predictions lose what trust they have, and under which they win it."""


class MotionErrors:
    """Keep running means of the error of predictions and of the pose held still, R rows by F frames ahead.

    Millimetres. A mean is plain over the first scores and forgets old ones from then on, so that it neither hangs
    on its first score nor on what was long ago. A row is judged once a prediction of it has come true to its last
    frame: its predictions are reliable if their error, averaged over all frames ahead, is no larger than the held
    pose's. That changes only when one of the two is ahead by 5 % of the held pose's error: who moves as badly
    predicted as not at all does not blink.
    """

    def __init__(self, *, rows: int, horizon: int, memory: float) -> None:
        """Take the number of rows, of frames ahead, and how many scores of one frame ahead a mean speaks of."""
        self.predicted_mm = np.full((rows, horizon), np.nan, np.float32)
        """(R, F); NaN where nothing came due yet."""
        self.held_mm = np.full((rows, horizon), np.nan, np.float32)
        self.judged = np.zeros(rows, np.bool_)
        """(R,); False until a prediction has come true to its end."""
        self.reliable = np.zeros(rows, np.bool_)
        """(R,); False where not judged too."""
        self._count = np.zeros((rows, horizon), np.float32)
        self._least_weight = 1.0 - np.exp(-1.0 / memory)

    def reset(self, rows: NDArray[np.bool_]) -> None:
        """Forget some rows. rows: (R,)."""
        for errors in (self.predicted_mm, self.held_mm):
            errors[rows] = np.nan
        for state in (self._count, self.judged, self.reliable):
            state[rows] = 0

    def add(
        self,
        rows: NDArray[np.intp],
        ahead: NDArray[np.int64],
        predicted_mm: NDArray[np.float32],
        held_mm: NDArray[np.float32],
    ) -> None:
        """Take in M scores of rows at indices of frames ahead, all (M,), no pair of the two twice."""
        if not len(rows):
            return
        count = self._count[rows, ahead]
        weight = np.maximum(1.0 / (count + 1.0), self._least_weight).astype(np.float32)
        self._count[rows, ahead] = count + 1.0
        for errors, scores in ((self.predicted_mm, predicted_mm), (self.held_mm, held_mm)):
            before = np.where(count > 0, errors[rows, ahead], np.float32(0))
            errors[rows, ahead] = before + weight * (scores - before)
        self._settle()

    def over_horizons(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Average each row over the frames ahead that came due: predictions, held pose; (R,), NaN where none did."""
        return mean_known(self.predicted_mm, axis=1), mean_known(self.held_mm, axis=1)

    def over_people(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Average each frame ahead over the rows that know it: predictions, held pose; (F,), NaN where none does."""
        return mean_known(self.predicted_mm, axis=0), mean_known(self.held_mm, axis=0)

    def _settle(self) -> None:
        predicted, held = self.over_horizons()
        with np.errstate(invalid="ignore"):
            first = predicted <= held
            kept = np.where(self.reliable, predicted <= _LOST * held, predicted < _WON * held)
        whole = self._count[:, -1] > 0
        self.reliable = np.where(self.judged, kept, first) & whole
        self.judged = whole


def mean_known(values: NDArray[np.float32], *, axis: int) -> NDArray[np.float32]:
    """Average along an axis what is not NaN; NaN where nothing is known."""
    known = ~np.isnan(values)
    count = known.sum(axis, dtype=np.float32)
    total = np.where(known, values, np.float32(0)).sum(axis)
    mean: NDArray[np.float32] = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return mean
