"""Run the live predictor over whole recordings, many side by side as the rows of one batch."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.data.array_format import LabelledSequence
from hitrs_live.inference.base import Engine
from hitrs_live.messages import JointFrame, Prediction
from hitrs_live.streaming.hitrs_stream import HitrsStream
from hitrs_live.streaming.predictor import Predictor

_ROWS = 32

T = TypeVar("T")
Record = Callable[[int, int, Prediction, int], T]
"""What to keep of a prediction: index of the recording, frame, prediction, its row -> any value."""


def run_predictor(
    checkpoint: Checkpoint,
    recordings: Sequence[LabelledSequence],
    record: Record[T],
    *,
    confidence: Sequence[NDArray[np.float32] | None] | None = None,
    step_frames: int | None = None,
    mirror: bool = True,
    engine: Engine | None = None,
) -> Iterator[tuple[int, list[T]]]:
    """Step the live predictor over every recording from its first frame to its last, the longest first.

    record: called with every prediction that a recording gets; confidence: (T, 25) for each recording, None where all
    joints count as seen; step_frames: frames from one prediction to the next, by default the clip stride; mirror:
    whether the mirror image is predicted too and both are averaged; engine: what computes the model, by default the
    reference. Yields the index of each recording and what `record` returned, in order of time.
    """
    confidence = [None] * len(recordings) if confidence is None else confidence
    # The longest first, so that a batch stays full.
    order = sorted(range(len(recordings)), key=lambda index: -len(recordings[index].labels))
    for first in range(0, len(order), _ROWS):
        batch = order[first : first + _ROWS]
        stream = HitrsStream(checkpoint, engine=engine, step_frames=step_frames)
        predictor = Predictor(stream, rows=len(batch), mirror=mirror)
        recorded: list[list[T]] = [[] for _ in batch]
        frames = _joint_frames(
            [recordings[index] for index in batch], [confidence[index] for index in batch],
            rate_hz=checkpoint.info.normaliser.rate_hz,
        )  # fmt: skip
        for frame, joint_frame in enumerate(frames):
            for prediction in predictor.step(joint_frame):
                for row in np.flatnonzero(prediction.has_output).tolist():
                    recorded[row].append(record(batch[row], frame, prediction, row))
        yield from zip(batch, recorded, strict=True)


def _joint_frames(
    recordings: Sequence[LabelledSequence], confidence: Sequence[NDArray[np.float32] | None], *, rate_hz: float
) -> Iterator[JointFrame]:
    """Put recordings into rows, from the first frame of all to the last of the longest; one that has ended is inactive.

    confidence: (T, 25) for each, None where all joints count as seen.
    """
    seen = [
        np.ones(one.joints_m.shape[:2], np.float32) if own is None else own
        for one, own in zip(recordings, confidence, strict=True)
    ]
    lengths = np.array([len(one.labels) for one in recordings])
    for frame in range(int(lengths.max(initial=0))):
        now = np.minimum(frame, lengths - 1).tolist()
        yield JointFrame.of(
            np.stack([one.joints_m[at] for one, at in zip(recordings, now, strict=True)]),
            np.stack([own[at] for own, at in zip(seen, now, strict=True)]),
            time_ns=round(frame / rate_hz * 1e9),
            active=frame < lengths,
            reset=frame == 0,
        )
