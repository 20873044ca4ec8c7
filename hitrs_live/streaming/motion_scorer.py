"""Publish where the joints will be, and hold each prediction against what then came true."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import Array, JointFrame, MotionPrediction, Prediction
from hitrs_live.model.motion_head import RANGES
from hitrs_live.streaming.motion_errors import MotionErrors, mean_known

_MEMORY_S = 3.0
"""What the running errors speak of: about the last so many seconds."""


class MotionScorer:
    """Send predictions at some of the frames ahead and score all of them as their frames come.

    The errors are mean distances over joints, in millimetres, camera space, and so are those of the same pose
    simply held still: what a prediction has to beat.
    """

    def __init__(
        self, *, source_id: str, rows: int, rate_hz: float, horizon: int, step_frames: int, sent: int = 10
    ) -> None:
        """Take the predictions' shape: `horizon` frames ahead, made every `step_frames` frames, `sent` of them
        published."""
        self._source_id = source_id
        # Of a horizon shorter than `sent`, each frame once; of none, nothing is published and nothing scored.
        sent = min(sent, horizon)
        self._chosen = np.round(np.linspace(horizon / max(sent, 1), horizon, sent)).astype(int) - 1
        self.horizons_ms = tuple(round(float(f + 1) * 1000 / rate_hz, 3) for f in self._chosen)
        """Of what is sent: milliseconds after the frame that a prediction was made at."""
        # A place is taken again only once its last frame has come: no prediction is lost before it is scored whole.
        waiting = -(-horizon // step_frames)
        self._ahead_m = np.zeros((rows, waiting, horizon, 25, 3), np.float32)
        self._held_m = np.zeros((rows, waiting, 25, 3), np.float32)
        self._age = np.full((rows, waiting), horizon, np.int64)
        """(R, P); frames since each prediction was made; `horizon` where the place is free."""
        self._horizon = horizon
        self._slot = np.zeros(rows, np.int64)
        # Each frame ahead is scored once a hop.
        self.errors = MotionErrors(rows=rows, horizon=horizon, memory=_MEMORY_S * rate_hz / step_frames)

    def observe(self, joint_frame: JointFrame) -> None:
        """Compare what was predicted for this tick with what came."""
        if joint_frame.reset.any():
            self._age[joint_frame.reset] = self._horizon
            self.errors.reset(joint_frame.reset)
        waiting = (self._age < self._horizon) & joint_frame.active[:, None]
        rows, places = waiting.nonzero()
        ahead, truth = self._age[rows, places], joint_frame.joints_m[rows]
        missed_mm = _distance_mm(self._ahead_m[rows, places, ahead], truth)
        held_mm = _distance_mm(self._held_m[rows, places], truth)
        self._age[waiting] += 1
        self.errors.add(rows, ahead, missed_mm, held_mm)

    def step(self, prediction: Prediction) -> Sequence[MotionPrediction]:
        """Keep the new predictions for scoring and return them as messages."""
        if not self._horizon:
            return ()
        rows = np.flatnonzero(prediction.completed)
        places = self._slot[rows] % self._age.shape[1]
        self._ahead_m[rows, places] = prediction.future_joints_m[rows]
        self._held_m[rows, places] = prediction.joint_frame.joints_m[rows]
        self._age[rows, places] = 0
        self._slot[rows] += 1
        errors = self.errors
        half_within_m = np.float32(RANGES[50]) * prediction.scales_m[rows[:, None], self._chosen]
        whole_mm = zip(*(_told(mean[rows]) for mean in errors.over_horizons()), strict=True)
        return [
            MotionPrediction(
                source_id=self._source_id,
                capture_time_ns=int(prediction.joint_frame.time_ns[row]),
                track_id=int(prediction.joint_frame.track_ids[row]),
                horizons_ms=self.horizons_ms,
                joints_m=Array.of(prediction.future_joints_m[row, self._chosen]),
                error_mm=error_mm,
                held_error_mm=held_error_mm,
                errors_mm=_told(errors.predicted_mm[row, self._chosen]),
                held_errors_mm=_told(errors.held_mm[row, self._chosen]),
                reliable=bool(errors.reliable[row]) if errors.judged[row] else None,
                half_within_m=Array.of(within_m),
            )
            for row, within_m, (error_mm, held_error_mm) in zip(rows, half_within_m, whole_mm, strict=True)
        ]

    def over_people(self) -> tuple[tuple[float | None, ...], tuple[float | None, ...]]:
        """Average the errors over people by `horizons_ms`, in mm: predictions, held pose; None where unknown."""
        predicted, held = (_told(mean[self._chosen]) for mean in self.errors.over_people())
        return predicted, held

    def over_all(self) -> tuple[float | None, float | None]:
        """Average the errors over people and horizons, in mm: predictions, held pose; None where unknown."""
        (predicted,), (held,) = (_told(mean_known(mean[:, None], axis=0)) for mean in self.errors.over_horizons())
        return predicted, held


def _told(errors_mm: NDArray[np.float32]) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(mm) else mm for mm in np.round(errors_mm.astype(np.float64), 1).tolist())


def _distance_mm(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    distance: NDArray[np.float32] = np.linalg.norm(first - second, axis=-1).mean(-1) * 1000.0
    return distance
