"""Running errors of motion predictions, by person and frame ahead, beside those of the zero-velocity baseline."""

import numpy as np
from numpy.typing import NDArray

_UNRELIABLE_ABOVE, _RELIABLE_BELOW = 1.05, 0.95
"""Shares of the baseline's error at which predictions stop and start being reliable."""


class MotionErrors:
    """Keep running means of the errors of predictions and of the zero-velocity baseline, R rows by F frames ahead.

    Millimetres. The baseline repeats the pose at which the prediction was made (Martinez et al., On human motion
    prediction using recurrent neural networks, CVPR 2017). A mean is plain over the first scores and exponential from
    then on, so that neither the first score nor old ones dominate. A row is scored once all frames of one prediction
    have come. Its predictions are reliable if their error, averaged over all frames ahead, is at most the baseline's;
    from then on that changes only when the two differ by 5 % of the baseline's error, so that it does not flicker.
    """

    def __init__(self, *, rows: int, horizon: int, memory: float) -> None:
        """Take the number of rows, of frames ahead, and of scores per frame ahead that a mean covers."""
        self.predicted_mm = np.full((rows, horizon), np.nan, np.float32)
        """(R, F), of predictions; NaN where no predicted frame has come yet."""
        self.zero_velocity_mm = np.full((rows, horizon), np.nan, np.float32)
        """(R, F), of the baseline."""
        self.scored = np.zeros(rows, np.bool_)
        """(R,); True once all frames of a prediction have come."""
        self.reliable = np.zeros(rows, np.bool_)
        """(R,); False where not scored, too."""
        self._count = np.zeros((rows, horizon), np.float32)
        self._least_weight = 1.0 - np.exp(-1.0 / memory)

    def reset(self, rows: NDArray[np.bool_]) -> None:
        """Forget some rows. rows: (R,)."""
        for errors in (self.predicted_mm, self.zero_velocity_mm):
            errors[rows] = np.nan
        for state in (self._count, self.scored, self.reliable):
            state[rows] = 0

    def add(
        self,
        rows: NDArray[np.intp],
        ahead: NDArray[np.int64],
        predicted_mm: NDArray[np.float32],
        zero_velocity_mm: NDArray[np.float32],
    ) -> None:
        """Add M scores of rows at indices of frames ahead, all (M,); each pair of row and index at most once."""
        if not len(rows):
            return
        count = self._count[rows, ahead]
        weight = np.maximum(1.0 / (count + 1.0), self._least_weight).astype(np.float32)
        self._count[rows, ahead] = count + 1.0
        for errors, scores in ((self.predicted_mm, predicted_mm), (self.zero_velocity_mm, zero_velocity_mm)):
            before = np.where(count > 0, errors[rows, ahead], np.float32(0))
            errors[rows, ahead] = before + weight * (scores - before)
        self._update_reliable()

    def over_horizons(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Average each row over the frames ahead with a score: predictions, baseline; (R,), NaN where there is none."""
        return mean_known(self.predicted_mm, axis=1), mean_known(self.zero_velocity_mm, axis=1)

    def over_people(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Average each frame ahead over the rows with a score: predictions, baseline; (F,), NaN where there is none."""
        return mean_known(self.predicted_mm, axis=0), mean_known(self.zero_velocity_mm, axis=0)

    def _update_reliable(self) -> None:
        predicted, baseline = self.over_horizons()
        with np.errstate(invalid="ignore"):
            first = predicted <= baseline
            kept = np.where(
                self.reliable, predicted <= _UNRELIABLE_ABOVE * baseline, predicted < _RELIABLE_BELOW * baseline
            )
        whole = self._count[:, -1] > 0
        self.reliable = np.where(self.scored, kept, first) & whole
        self.scored = whole


def mean_known(values: NDArray[np.float32], *, axis: int) -> NDArray[np.float32]:
    """Average along an axis, leaving out NaN; NaN where there is nothing else."""
    known = ~np.isnan(values)
    count = known.sum(axis, dtype=np.float32)
    total = np.where(known, values, np.float32(0)).sum(axis)
    mean: NDArray[np.float32] = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return mean
