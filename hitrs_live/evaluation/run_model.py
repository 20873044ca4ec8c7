"""Run the model over recordings once, as it runs live, and keep its outputs: logits, or predicted motion."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.data.array_format import LabelledSequence
from hitrs_live.evaluation.kept_streams import HORIZONS, KeptStream
from hitrs_live.evaluation.run_predictor import run_predictor
from hitrs_live.inference.base import Engine
from hitrs_live.messages import Prediction


@dataclass(frozen=True, kw_only=True)
class Forecasts:
    """Predicted motion of one recording: N predictions, each of the next F frames."""

    seen: LabelledSequence
    """As the predictor received it."""
    true_m: NDArray[np.float32]
    """(T, 25, 3) metres; the true joints."""
    ends: NDArray[np.int64]
    """(N,); the frame after which each prediction was made. All of its F frames were recorded."""
    future_m: NDArray[np.float32]
    """(N, F, 25, 3) metres."""
    scale_m: NDArray[np.float32]
    """(N, F, 25) metres; the predicted scale of the error."""


def run_model(
    checkpoint: Checkpoint,
    sequences: list[LabelledSequence],
    *,
    confidence: list[NDArray[np.float32]] | None = None,
    step_frames: int | None = None,
    mirror: bool = True,
    engine: Engine | None = None,
) -> list[KeptStream]:
    """Run every sequence and keep logits and motion errors. Returns the streams, longest first.

    confidence, step_frames, mirror, engine: as `run_predictor` takes them.
    """

    def record(
        index: int, frame: int, prediction: Prediction, row: int
    ) -> tuple[int, NDArray[np.float32], NDArray[np.float32]]:
        errors_mm = motion_errors_mm(sequences[index], frame, prediction.future_joints_m[row])
        return frame, prediction.logits[row].copy(), errors_mm

    streams = []
    for index, recorded in run_predictor(
        checkpoint, sequences, record, confidence=confidence, step_frames=step_frames, mirror=mirror, engine=engine
    ):
        ends = np.array([frame for frame, _, _ in recorded], np.int64)
        logits = np.array([row for _, row, _ in recorded], np.float32)
        motion = np.array([row for _, _, row in recorded], np.float32).reshape(-1, 2, len(HORIZONS))
        streams.append(
            KeptStream(
                sequence=sequences[index],
                ends=ends,
                logits=logits.reshape(-1, len(checkpoint.info.labels)),
                confidence=None if confidence is None else confidence[index][ends],
                motion_error_mm=motion[:, 0],
                zero_velocity_error_mm=motion[:, 1],
            )
        )
    return streams


def forecast(
    checkpoint: Checkpoint,
    recordings: list[tuple[LabelledSequence, LabelledSequence]],
    *,
    step_frames: int | None = None,
) -> Iterator[Forecasts]:
    """Run recordings and keep the predicted motion, longest first; one without a complete prediction is left out.

    recordings: pairs of the joints that the model sees and the true joints; step_frames: as `run_predictor` takes it.
    Only predictions whose whole horizon was recorded are kept.
    """
    horizon = checkpoint.model.config.horizon

    def record(
        index: int, frame: int, prediction: Prediction, row: int
    ) -> tuple[int, NDArray[np.float32], NDArray[np.float32]] | None:
        if frame + horizon >= len(recordings[index][0].labels):
            return None
        return frame, prediction.future_joints_m[row].copy(), prediction.scales_m[row].copy()

    seen = [one for one, _ in recordings]
    for index, recorded in run_predictor(checkpoint, seen, record, step_frames=step_frames, mirror=False):
        if complete := [one for one in recorded if one is not None]:
            ends, future_m, scale_m = zip(*complete, strict=True)
            yield Forecasts(
                seen=seen[index], true_m=recordings[index][1].joints_m, ends=np.array(ends),
                future_m=np.stack(future_m), scale_m=np.stack(scale_m),
            )  # fmt: skip


def motion_errors_mm(
    sequence: LabelledSequence, frame: int, future_joints_m: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Compute the error of one prediction, and of zero velocity, against the recorded joints.

    future_joints_m: (F, 25, 3) metres, frames 1 ... F after `frame`. Joints that the data set does not have are left
    out. Returns (2, H) mean joint errors in millimetres at HORIZONS, the prediction's first; NaN past the end of the
    stream and past F.
    """
    errors = np.full((2, len(HORIZONS)), np.nan, np.float32)
    real = sequence.valid_mask
    for column, ahead in enumerate(HORIZONS):
        if ahead <= len(future_joints_m) and frame + ahead < len(sequence.labels):
            truth = sequence.joints_m[frame + ahead][real]
            for row, guess in enumerate((future_joints_m[ahead - 1], sequence.joints_m[frame])):
                errors[row, column] = 1000 * np.linalg.norm(guess[real] - truth, axis=-1).mean()
    return errors
