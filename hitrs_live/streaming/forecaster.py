"""Publish where the joints will be, and hold each prediction against what then came true."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import Array, MotionPrediction, Prediction, Tick

_MEMORY = 0.97
"""Of the running error, a frame: it speaks of about the last second."""


class Forecaster:
    """Send predictions at some of the frames ahead and score all of them as their frames come.

    The errors are mean distances over joints, in millimetres, camera space, and so are those of the same pose
    simply held still: what a prediction has to beat.
    """

    def __init__(self, *, source_id: str, rows: int, rate_hz: float, horizon: int, hop: int, sent: int = 10) -> None:
        """Take the predictions' shape: `horizon` frames ahead, made every `hop` frames, `sent` of them published."""
        self._source_id = source_id
        self._chosen = np.round(np.linspace(horizon / sent, horizon, sent)).astype(int) - 1
        self._horizons_ms = tuple(round(float(f + 1) * 1000 / rate_hz, 3) for f in self._chosen)
        # A place is taken again only once its last frame has come: no prediction is lost before it is scored whole.
        waiting = -(-horizon // hop)
        self._ahead_m = np.zeros((rows, waiting, horizon, 25, 3), np.float32)
        self._held_m = np.zeros((rows, waiting, 25, 3), np.float32)
        self._age = np.full((rows, waiting), horizon, np.int64)
        """(R, P); frames since each prediction was made; `horizon` where the place is free."""
        self._horizon = horizon
        self._slot = np.zeros(rows, np.int64)
        self.error_mm = np.full(rows, np.nan, np.float32)
        """(R,); running error of each row's predictions; NaN before the first came due."""
        self.held_error_mm = np.full(rows, np.nan, np.float32)

    def observe(self, tick: Tick) -> None:
        """Compare what was predicted for this tick with what came."""
        if tick.reset.any():
            self._age[tick.reset] = self._horizon
            self.error_mm[tick.reset] = np.nan
            self.held_error_mm[tick.reset] = np.nan
        waiting = (self._age < self._horizon) & tick.active[:, None]
        rows, places = waiting.nonzero()
        truth = tick.joints_m[rows]
        missed = _distance_mm(self._ahead_m[rows, places, self._age[rows, places]], truth)
        held = _distance_mm(self._held_m[rows, places], truth)
        self._age[waiting] += 1
        self._update(self.error_mm, rows, missed)
        self._update(self.held_error_mm, rows, held)

    def step(self, prediction: Prediction) -> Sequence[MotionPrediction]:
        """Keep the new predictions for scoring and return them as messages."""
        rows = np.flatnonzero(prediction.completed)
        places = self._slot[rows] % self._age.shape[1]
        self._ahead_m[rows, places] = prediction.future_joints_m[rows]
        self._held_m[rows, places] = prediction.tick.joints_m[rows]
        self._age[rows, places] = 0
        self._slot[rows] += 1
        return [self._message(prediction, int(row)) for row in rows]

    def _message(self, prediction: Prediction, row: int) -> MotionPrediction:
        return MotionPrediction(
            source_id=self._source_id,
            capture_time_ns=int(prediction.tick.time_ns[row]),
            track_id=int(prediction.tick.track_ids[row]),
            horizons_ms=self._horizons_ms,
            joints_m=Array.of(prediction.future_joints_m[row, self._chosen]),
            error_mm=_told(self.error_mm[row]),
            held_error_mm=_told(self.held_error_mm[row]),
        )

    def _update(self, running: NDArray[np.float32], rows: NDArray[np.intp], errors: NDArray[np.float32]) -> None:
        count = np.bincount(rows, minlength=len(running))
        some = count > 0
        mean = np.bincount(rows, errors, minlength=len(running))[some] / count[some]
        before = running[some]
        running[some] = np.where(np.isnan(before), mean, _MEMORY * before + (1 - _MEMORY) * mean)


def _told(value: np.float32) -> float | None:
    return None if np.isnan(value) else round(float(value), 1)


def _distance_mm(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    distance: NDArray[np.float32] = np.linalg.norm(first - second, axis=-1).mean(-1) * 1000.0
    return distance
