"""Publish predicted joints, and score each prediction when the frames it predicted come."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import Array, JointFrame, MotionPrediction, Prediction
from hitrs_live.model.motion_head import RANGES
from hitrs_live.streaming.motion_errors import MotionErrors, mean_known

_MEMORY_S = 3.0
"""Time constant of the running errors."""


class MotionScorer:
    """Make messages of predictions at some of the frames ahead, and score all frames ahead as they come.

    Errors are mean distances over joints (MPJPE), in millimetres, in the camera's axes. Beside them are the errors of
    the zero-velocity baseline, which repeats the pose at which the prediction was made.
    """

    def __init__(
        self, *, source_id: str, rows: int, rate_hz: float, horizon: int, step_frames: int, sent: int = 10
    ) -> None:
        """Take the predictions' shape.

        horizon: frames ahead; with 0 nothing is published. step_frames: frames between predictions. sent: how many of
        the frames ahead are published, evenly spaced.
        """
        self._source_id = source_id
        # With a horizon shorter than `sent`, each frame once.
        sent = min(sent, horizon)
        self._chosen = np.round(np.linspace(horizon / max(sent, 1), horizon, sent)).astype(int) - 1
        self.horizons_ms = tuple(round(float(f + 1) * 1000 / rate_hz, 3) for f in self._chosen)
        """Of the published frames: milliseconds after the frame that the prediction was made at."""
        # A slot is reused only after its last frame has come, so every prediction is scored at all frames ahead.
        slots = -(-horizon // step_frames)
        self._ahead_m = np.zeros((rows, slots, horizon, 25, 3), np.float32)
        self._start_pose_m = np.zeros((rows, slots, 25, 3), np.float32)
        self._age = np.full((rows, slots), horizon, np.int64)
        """(R, P); frames since the prediction in each slot was made; `horizon` where the slot is free."""
        self._horizon = horizon
        self._slot = np.zeros(rows, np.int64)
        # Each frame ahead is scored once a step.
        self.errors = MotionErrors(rows=rows, horizon=horizon, memory=_MEMORY_S * rate_hz / step_frames)

    def observe(self, joint_frame: JointFrame) -> None:
        """Score what was predicted for this joint frame."""
        if joint_frame.reset.any():
            self._age[joint_frame.reset] = self._horizon
            self.errors.reset(joint_frame.reset)
        waiting = (self._age < self._horizon) & joint_frame.active[:, None]
        rows, slots = waiting.nonzero()
        ahead, truth = self._age[rows, slots], joint_frame.joints_m[rows]
        predicted_mm = _distance_mm(self._ahead_m[rows, slots, ahead], truth)
        zero_velocity_mm = _distance_mm(self._start_pose_m[rows, slots], truth)
        self._age[waiting] += 1
        self.errors.add(rows, ahead, predicted_mm, zero_velocity_mm)

    def step(self, prediction: Prediction) -> Sequence[MotionPrediction]:
        """Keep the new predictions for scoring and return them as messages."""
        if not self._horizon:
            return ()
        rows = np.flatnonzero(prediction.has_output)
        slots = self._slot[rows] % self._age.shape[1]
        self._ahead_m[rows, slots] = prediction.future_joints_m[rows]
        self._start_pose_m[rows, slots] = prediction.joint_frame.joints_m[rows]
        self._age[rows, slots] = 0
        self._slot[rows] += 1
        errors = self.errors
        half_within_m = np.float32(RANGES[50]) * prediction.scales_m[rows[:, None], self._chosen]
        over_horizon_mm = zip(*(_rounded(mean[rows]) for mean in errors.over_horizons()), strict=True)
        return [
            MotionPrediction(
                source_id=self._source_id,
                capture_time_ns=int(prediction.joint_frame.time_ns[row]),
                track_id=int(prediction.joint_frame.track_ids[row]),
                horizons_ms=self.horizons_ms,
                joints_m=Array.of(prediction.future_joints_m[row, self._chosen]),
                error_mm=error_mm,
                held_error_mm=baseline_mm,
                errors_mm=_rounded(errors.predicted_mm[row, self._chosen]),
                held_errors_mm=_rounded(errors.zero_velocity_mm[row, self._chosen]),
                reliable=bool(errors.reliable[row]) if errors.scored[row] else None,
                half_within_m=Array.of(within_m),
            )
            for row, within_m, (error_mm, baseline_mm) in zip(rows, half_within_m, over_horizon_mm, strict=True)
        ]

    def over_people(self) -> tuple[tuple[float | None, ...], tuple[float | None, ...]]:
        """Average the errors over people by `horizons_ms`, in mm: predictions, baseline; None where unknown."""
        predicted, baseline = (_rounded(mean[self._chosen]) for mean in self.errors.over_people())
        return predicted, baseline

    def over_all(self) -> tuple[float | None, float | None]:
        """Average the errors over people and horizons, in mm: predictions, baseline; None where unknown."""
        (predicted,), (baseline,) = (
            _rounded(mean_known(mean[:, None], axis=0)) for mean in self.errors.over_horizons()
        )
        return predicted, baseline


def _rounded(errors_mm: NDArray[np.float32]) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(mm) else mm for mm in np.round(errors_mm.astype(np.float64), 1).tolist())


def _distance_mm(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    distance: NDArray[np.float32] = np.linalg.norm(first - second, axis=-1).mean(-1) * 1000.0
    return distance
