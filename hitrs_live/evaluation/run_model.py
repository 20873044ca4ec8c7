"""Run the model over streams once, as it runs live, and keep what it says."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.data.array_format import LabelledSequence
from hitrs_live.evaluation.kept_streams import HORIZONS, KeptStream
from hitrs_live.evaluation.step_rows import chunks, step_rows
from hitrs_live.inference.base import Engine
from hitrs_live.streaming.hitrs_stream import HitrsStream
from hitrs_live.streaming.predictor import Predictor


@dataclass(kw_only=True)
class _Row:
    """A stream, and what the model said of it so far."""

    sequence: LabelledSequence
    confidence: NDArray[np.float32] | None
    ends: list[int] = field(default_factory=list)
    logits: list[NDArray[np.float32]] = field(default_factory=list)
    motion: list[NDArray[np.float32]] = field(default_factory=list)

    def keep(self, classes: int) -> KeptStream:
        """Give it as arrays."""
        ends = np.array(self.ends, np.int64)
        motion = np.array(self.motion, np.float32).reshape(-1, 2, len(HORIZONS))
        return KeptStream(
            sequence=self.sequence,
            ends=ends,
            logits=np.array(self.logits, np.float32).reshape(-1, classes),
            confidence=None if self.confidence is None else self.confidence[ends],
            motion_error_mm=motion[:, 0],
            held_error_mm=motion[:, 1],
        )


def run_model(
    checkpoint: Checkpoint,
    sequences: list[LabelledSequence],
    *,
    confidence: list[NDArray[np.float32]] | None = None,
    step_frames: int | None = None,
    mirror: bool = True,
    engine: Engine | None = None,
) -> list[KeptStream]:
    """Step the live predictor over every sequence from its first frame to its last, many at once, one a row.

    confidence: (T, 25) for each sequence; None where all joints count as seen. step_frames: frames from one judgement
    to the next, by default the clip stride. mirror: whether everybody is judged mirrored too. engine: what computes the
    model, by default the reference. Returns the streams longest first, so that a batch stays full.
    """
    seen: list[NDArray[np.float32] | None] = [None] * len(sequences) if confidence is None else [*confidence]
    rows = [_Row(sequence=sequence, confidence=own) for sequence, own in zip(sequences, seen, strict=True)]
    rows.sort(key=lambda row: -len(row.sequence.labels))
    for together in (rows[part] for part in chunks(len(rows))):
        stream = HitrsStream(checkpoint, engine=engine, step_frames=step_frames)
        predictor = Predictor(stream, rows=len(together), mirror=mirror)
        recordings, own = [row.sequence for row in together], [row.confidence for row in together]
        for frame, number, prediction in step_rows(
            predictor, recordings, own, rate_hz=checkpoint.info.normaliser.rate_hz
        ):
            row = together[number]
            row.ends.append(frame)
            row.logits.append(prediction.logits[number].copy())
            row.motion.append(motion_errors_mm(row.sequence, frame, prediction.future_joints_m[number]))
    return [row.keep(len(checkpoint.info.labels)) for row in rows]


def motion_errors_mm(
    sequence: LabelledSequence, frame: int, future_joints_m: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Score one prediction, and the held pose, against what came. Returns (2, H) millimetres, NaN past the end.

    future_joints_m: (F, 25, 3), frames 1 ... F after `frame`; past F there is nothing to score. Joints that the set
    does not have are left out.
    """
    errors = np.full((2, len(HORIZONS)), np.nan, np.float32)
    real = sequence.valid_mask
    for column, ahead in enumerate(HORIZONS):
        if ahead <= len(future_joints_m) and frame + ahead < len(sequence.labels):
            truth = sequence.joints_m[frame + ahead][real]
            for row, guess in enumerate((future_joints_m[ahead - 1], sequence.joints_m[frame])):
                errors[row, column] = 1000 * np.linalg.norm(guess[real] - truth, axis=-1).mean()
    return errors
